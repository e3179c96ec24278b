//! What this process does now: what it publishes, and what it shows of itself.

use std::collections::BTreeMap;

use schemas::{CodecError, ComponentStatus, Figure, ProcessStatus, ReadStatus};

use super::processes::{ENDED, FAILED, RUNNING, STOPPING};
use super::{Shared, process_log};
use crate::log::NewRecord;
use crate::run::lag::{Lagging, Reading};
use crate::run::supervise::State;
use crate::topology::PROCESS_STATUS;

/// Longest text of a component or a warning, in characters.
const MAX_DETAIL: usize = 1_000;
/// Most components of a process.
const MAX_COMPONENTS: usize = 600;
/// Most partitions that a process holds, of all groups together.
const MAX_READS: usize = 16_384;
/// No record is larger: the texts, and some 40 bytes for each partition that is held.
const MAX_STATUS_BYTES: usize = 900_000;
/// A large record is written less often: at most so many bytes a second.
const MAX_RATE: usize = 64 * 1024;
/// Between two records: at least, and at most, so that nobody takes the process for gone.
const PACE_MS: (i64, i64) = (2_000, 10_000);

/// The time until the next record, by how large the last one was.
pub(super) fn pace_ms(bytes: usize) -> i64 {
    let ms = i64::try_from(bytes * 1_000 / MAX_RATE).unwrap_or(i64::MAX);
    ms.clamp(PACE_MS.0, PACE_MS.1)
}

/// At most so many characters of a text.
fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(MAX_DETAIL) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// What this process does now.
pub(super) fn status(shared: &Shared) -> ProcessStatus {
    let state = if shared.stop.requested() { STOPPING } else { RUNNING };
    let mut components = components(shared);
    components.truncate(MAX_COMPONENTS);
    let mut reads: Vec<ReadStatus> = shared.lag.readings().into_iter().flat_map(reads).collect();
    reads.truncate(MAX_READS);
    ProcessStatus { components, reads, state: state.to_owned(), ..bare(shared) }
}

/// A record of a status, and its bytes. One that is too large goes without its texts.
pub(super) fn record(mut status: ProcessStatus) -> Result<(NewRecord, usize), CodecError> {
    let record = PROCESS_STATUS.record(&status.instance, &status)?;
    let bytes = |record: &NewRecord| record.value.as_ref().map_or(0, bytes::Bytes::len);
    if bytes(&record) <= MAX_STATUS_BYTES {
        let bytes = bytes(&record);
        return Ok((record, bytes));
    }
    status.components.iter_mut().for_each(|it| it.detail.clear());
    status.warnings.clear();
    let record = PROCESS_STATUS.record(&status.instance, &status)?;
    let bytes = bytes(&record);
    Ok((record, bytes))
}

/// The last word of a process: that it ends in order, or which component made it end.
pub(super) fn ended(shared: &Shared) -> ProcessStatus {
    let mut failed = components(shared);
    failed.retain(|it| it.state == FAILED);
    let state = if failed.is_empty() { ENDED } else { FAILED };
    ProcessStatus { components: failed, state: state.to_owned(), ..bare(shared) }
}

fn bare(shared: &Shared) -> ProcessStatus {
    ProcessStatus {
        instance: shared.instance.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: shared.started_at,
        at: shared.clock.now_ms(),
        components: Vec::new(),
        reads: Vec::new(),
        state: String::new(),
        roles: shared.roles.iter().map(|role| role.name().to_owned()).collect(),
        host: crate::config::host(),
        warnings: warnings(shared),
        figures: figures(shared),
    }
}

fn components(shared: &Shared) -> Vec<ComponentStatus> {
    let (now, steady) = (shared.clock.now_ms(), shared.clock.steady_ms());
    let mut lagging: BTreeMap<String, Lagging> =
        shared.lag.all().into_iter().map(|it| (it.component.clone(), it)).collect();
    let component = |(name, state): (String, State)| {
        let (state, detail) = match state {
            State::Running => ("running", String::new()),
            State::Waiting(detail) => ("waiting", detail),
            State::Failed(detail) => (FAILED, detail),
        };
        let since = shared.health.since_ms(&name).unwrap_or_default();
        let bare = ComponentStatus { since, state: state.to_owned(), ..ComponentStatus::default() };
        let Some(lagging) = lagging.remove(&name) else {
            return ComponentStatus { name, detail: cut(detail), ..bare };
        };
        let total = lagging.total();
        ComponentStatus {
            name,
            detail: cut(detail),
            group: lagging.group,
            topic: lagging.topic.to_string(),
            partitions: lagging.held.into_iter().collect(),
            lag: total.map(|behind| behind.records),
            lag_ms: total.and_then(|behind| behind.ms),
            ..bare
        }
    };
    let mut all: Vec<ComponentStatus> = shared.health.all().into_iter().map(component).collect();
    all.extend(shared.lag.stalled(steady).into_iter().map(|stall| ComponentStatus {
        state: "stalled".to_owned(),
        detail: cut(stall.to_string()),
        since: now - stall.ms,
        topic: stall.topic.to_string(),
        partitions: vec![stall.partition],
        name: stall.component,
        ..ComponentStatus::default()
    }));
    all
}

fn reads(reading: Reading) -> Vec<ReadStatus> {
    let of = |partition| {
        let place = reading.places.get(&partition);
        ReadStatus {
            group: reading.group.clone(),
            topic: reading.topic.to_string(),
            partition,
            next: place.map(|place| place.next),
            newest_at: place.and_then(|place| place.newest_ms),
        }
    };
    reading.held().into_iter().map(of).collect()
}

/// What a person should do something about on this machine, each with the remedy.
fn warnings(shared: &Shared) -> Vec<String> {
    let polls = shared.poller().is_some();
    let icmp = polls.then(connectors::icmp_permission).and_then(Result::err);
    icmp.map(|error| cut(format!("ICMP: {error}"))).into_iter().collect()
}

fn figures(shared: &Shared) -> Vec<Figure> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut figures: Vec<(String, i64)> = Vec::new();
    if let Some(poller) = shared.poller() {
        let devices = i64::try_from(poller.device_count()).unwrap_or(i64::MAX);
        figures.push(("poller_devices".to_owned(), devices));
        let counters = connectors::FAMILIES.iter().zip(poller.counters().list());
        let name = |family: &str| {
            let name = family.strip_prefix("opsc_").unwrap_or(family);
            name.strip_suffix("_total").unwrap_or(name).to_owned()
        };
        figures.extend(counters.map(|(family, value)| (name(family.name), signed(value))));
    }
    let counts = process_log::counts();
    figures.extend(counts.map(|(name, value)| (format!("log_lines_{name}"), signed(value))));
    figures.into_iter().map(|(name, value)| Figure { name, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process with every thread and every partition that can be configured, all in trouble.
    #[test]
    fn the_largest_status_fits_and_is_written_seldom() {
        let detail = cut("\u{f6}".repeat(100_000));
        assert_eq!(detail.chars().count(), MAX_DETAIL + 1);
        let component = |n: usize| ComponentStatus {
            name: format!("process device {n}"),
            state: "waiting".to_owned(),
            detail: detail.clone(),
            since: 1_700_000_000_000,
            group: "device".to_owned(),
            topic: "poll".to_owned(),
            partitions: (0..4).collect(),
            lag: Some(1_000_000),
            lag_ms: Some(1_000_000),
        };
        let read = || ReadStatus {
            group: "sink-process-log".to_owned(),
            topic: "process-log".to_owned(),
            partition: 1_000,
            next: Some(100_000_000_000),
            newest_at: Some(1_700_000_000_000),
        };
        let status = |components, partitions| ProcessStatus {
            instance: "run@host".to_owned(),
            version: String::new(),
            started_at: 1,
            at: 1,
            components: (0..components).map(component).collect(),
            reads: (0..partitions).map(|_| read()).collect(),
            state: RUNNING.to_owned(),
            roles: Vec::new(),
            host: String::new(),
            warnings: vec!["w".repeat(MAX_DETAIL)],
            figures: Vec::new(),
        };
        let bytes = |components, partitions| record(status(components, partitions)).unwrap().1;
        let whole = schemas::encode(&status(MAX_COMPONENTS, MAX_READS)).unwrap().len();
        assert!(whole > MAX_STATUS_BYTES, "{whole}");
        let largest = bytes(MAX_COMPONENTS, MAX_READS);
        println!("the largest status has {largest} bytes");
        assert!(largest <= MAX_STATUS_BYTES, "{largest}");
        let usual = bytes(0, 12 * 8);
        println!("a status of 8 partitions of all groups has {usual} bytes and the components");
        assert!(usual < 8 * 1024, "{usual}");
        assert_eq!((pace_ms(usual), pace_ms(500 * 1024)), (2_000, 7_812));
        assert_eq!(pace_ms(usize::MAX / 1_000), 10_000);
    }
}
