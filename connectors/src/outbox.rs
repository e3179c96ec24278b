//! Polls on their way to the sink: split where too large, kept for a while when it is full.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::{Column, Poll};

use crate::seams::{Full, PollSink};

/// A record never exceeds this, so that the log's own limit (1 MiB by default) is far.
pub const MAX_POLL_BYTES: usize = 512 * 1024;
/// How long to leave a full sink alone.
const RETRY_MS: u64 = 50;
/// Octets kept, by estimate.
const MAX_BUFFERED_BYTES: usize = 256 << 20;

/// Polls of one thread.
pub(crate) struct Outbox {
    sink: Arc<dyn PollSink>,
    waiting: VecDeque<(u64, usize, Poll)>,
    bytes: usize,
    retry_at: u64,
    max_age_ms: u64,
    max_polls: usize,
}

impl Outbox {
    pub(crate) fn new(sink: Arc<dyn PollSink>, max_age_ms: u64, max_polls: usize) -> Self {
        Self { sink, waiting: VecDeque::new(), bytes: 0, retry_at: 0, max_age_ms, max_polls }
    }

    /// Offers a poll, or keeps it. Returns whether it has to wait.
    pub(crate) fn push(&mut self, poll: Poll, now: u64) -> bool {
        for part in split(poll) {
            if self.waiting.is_empty() {
                match self.sink.offer(part) {
                    Ok(()) => {}
                    Err(Full(part)) => self.keep(*part, now),
                }
            } else {
                self.keep(part, now);
            }
        }
        !self.waiting.is_empty()
    }

    fn keep(&mut self, poll: Poll, now: u64) {
        let bytes = most_bytes(&poll);
        self.bytes += bytes;
        self.waiting.push_back((now, bytes, poll));
        self.retry_at = now + RETRY_MS;
    }

    /// Offers what waits, in order.
    pub(crate) fn flush(&mut self, now: u64) {
        if now >= self.retry_at && !self.offer() {
            self.retry_at = now + RETRY_MS;
        }
    }

    /// Whether all that waits was taken.
    fn offer(&mut self) -> bool {
        while let Some((since, bytes, poll)) = self.waiting.pop_front() {
            match self.sink.offer(poll) {
                Ok(()) => self.bytes -= bytes,
                Err(Full(poll)) => {
                    self.waiting.push_front((since, bytes, *poll));
                    return false;
                }
            }
        }
        true
    }

    /// Offers what waits until nothing does or the time is up; then says what is lost.
    pub(crate) fn empty(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while !self.offer() {
            if Instant::now() >= until {
                let polls = self.waiting.len();
                tracing::error!(polls, "the log did not take the last polls; they are lost");
                return;
            }
            std::thread::sleep(Duration::from_millis(RETRY_MS));
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether so much waits that new cycles are left out.
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        let age = self.waiting.front().map_or(0, |(since, _, _)| now.saturating_sub(*since));
        age >= self.max_age_ms
            || self.waiting.len() >= self.max_polls
            || self.bytes >= MAX_BUFFERED_BYTES
    }
}

/// The most octets a poll takes as Avro: numbers at their longest, lengths in front of texts.
pub(crate) fn most_bytes(poll: &Poll) -> usize {
    let text = |text: &str| text.len() + 5;
    let head = 256 + text(&poll.poller) + poll.error.as_deref().map_or(0, text);
    let instances: usize = poll.instances.iter().map(|it| text(it)).sum();
    let columns: usize = poll.columns.iter().map(column_bytes).sum();
    let facts = poll.facts.iter();
    let facts: usize = facts.map(|it| text(&it.instance) + text(&it.name) + text(&it.value)).sum();
    head + instances + columns + facts + poll.identities.len() * 10
}

fn column_bytes(column: &Column) -> usize {
    let texts = column.metric.len() + column.unit.len();
    let ceiling = column.ceiling.as_ref().map_or(0, String::len);
    96 + texts + ceiling + column.instances.len() * 20
}

/// Splits a poll that might be too large by instances, so that all metrics of an instance stay
/// together; facts fill up further parts.
pub(crate) fn split(poll: Poll) -> Vec<Poll> {
    if most_bytes(&poll) <= MAX_POLL_BYTES {
        return vec![poll];
    }
    let budget = MAX_POLL_BYTES / 2;
    let mut weights = vec![0; poll.instances.len()];
    for (weight, name) in weights.iter_mut().zip(&poll.instances) {
        *weight = name.len() + 5 + 10;
    }
    for column in &poll.columns {
        for instance in &column.instances {
            if let Some(weight) = weights.get_mut(*instance as usize) {
                *weight += 20;
            }
        }
    }
    let fixed: usize = poll.columns.iter().map(column_bytes).sum::<usize>()
        - poll.columns.iter().map(|column| column.instances.len() * 20).sum::<usize>();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let (mut start, mut bytes) = (0, fixed);
    for (position, weight) in weights.iter().enumerate() {
        if bytes + weight > budget && position > start {
            ranges.push((start, position));
            (start, bytes) = (position, fixed);
        }
        bytes += weight;
    }
    ranges.push((start, poll.instances.len()));
    let mut parts: Vec<Poll> = ranges.iter().map(|range| part(&poll, *range)).collect();
    let mut room = 0;
    for fact in &poll.facts {
        let bytes = fact.instance.len() + fact.name.len() + fact.value.len() + 15;
        if room < bytes {
            parts.push(Poll {
                instances: vec![],
                columns: vec![],
                facts: vec![],
                identities: vec![],
                ..poll.clone()
            });
            room = budget;
        }
        room -= bytes.min(room);
        if let Some(last) = parts.last_mut() {
            last.facts.push(fact.clone());
        }
    }
    let count = parts.len() as i32;
    for (position, part) in parts.iter_mut().enumerate() {
        (part.part, part.parts) = (position as i32, count);
    }
    parts
}

fn part(poll: &Poll, (start, end): (usize, usize)) -> Poll {
    let inside = |instance: i32| (start..end).contains(&(instance as usize));
    let columns = poll.columns.iter().filter_map(|column| {
        let all = column.instances.iter().enumerate();
        let kept: Vec<usize> = all.filter(|(_, it)| inside(**it)).map(|(at, _)| at).collect();
        if kept.is_empty() {
            return None;
        }
        Some(Column {
            instances: (kept.iter().filter_map(|&at| column.instances.get(at)))
                .map(|it| it - start as i32)
                .collect(),
            at_ms: kept.iter().filter_map(|&at| column.at_ms.get(at).copied()).collect(),
            counts: kept.iter().filter_map(|&at| column.counts.get(at).copied()).collect(),
            gauges: kept.iter().filter_map(|&at| column.gauges.get(at).copied()).collect(),
            metric: column.metric.clone(),
            unit: column.unit.clone(),
            ceiling: column.ceiling.clone(),
            ..*column
        })
    });
    Poll {
        tenant: poll.tenant.clone(),
        connector: poll.connector.clone(),
        poller: poll.poller.clone(),
        error: poll.error.clone(),
        instances: poll.instances.get(start..end).unwrap_or_default().to_vec(),
        identities: poll.identities.get(start..end).unwrap_or_default().to_vec(),
        columns: columns.collect(),
        facts: Vec::new(),
        ..*poll
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use schemas::{DeviceId, Fact, Kind, Outcome};

    use super::*;

    fn large(instances: usize, metrics: usize, facts: usize) -> Poll {
        let column = |n: usize| Column {
            metric: format!("metric_{n}"),
            unit: "1".into(),
            kind: Kind::Counter64,
            scale: 1.0,
            ceiling: None,
            detect: true,
            quantum: 0.0,
            instances: (0..instances as i32).collect(),
            at_ms: vec![30_000; instances],
            counts: (0..instances as i64).map(|at| at - i64::MAX / 2).collect(),
            gauges: vec![],
        };
        let fact = |n: usize| Fact {
            instance: format!("port {n}"),
            name: "if_alias".into(),
            value: "x".repeat(200),
        };
        Poll {
            tenant: "default".into(),
            device: DeviceId::from_source("test", "large"),
            connector: "snmp".into(),
            cycle: 1,
            part: 0,
            parts: 1,
            interval_ms: 60_000,
            started_at: 1,
            mono_ms: 1,
            poller: "test".into(),
            duration_ms: 1,
            outcome: Outcome::Ok,
            error: None,
            uptime_cs: Some(1),
            instances: (0..instances).map(|n| format!("port {n}")).collect(),
            columns: (0..metrics).map(column).collect(),
            facts: (0..facts).map(fact).collect(),
            identities: Vec::new(),
            target: 0,
        }
    }

    fn check(instances: usize, metrics: usize, facts: usize, several: bool) {
        let poll = large(instances, metrics, facts);
        let parts = split(poll.clone());
        assert_eq!(parts.len() > 1, several);
        let mut values = std::collections::BTreeMap::new();
        let mut all_facts = Vec::new();
        for (position, part) in parts.iter().enumerate() {
            assert_eq!((part.part, part.parts), (position as i32, parts.len() as i32));
            let bytes = schemas::encode(part).unwrap().len();
            assert!(bytes <= MAX_POLL_BYTES && bytes <= most_bytes(part), "{bytes}");
            for column in &part.columns {
                for (at, instance) in column.instances.iter().enumerate() {
                    let name = part.instances[*instance as usize].clone();
                    assert!(
                        values.insert((column.metric.clone(), name), column.counts[at]).is_none()
                    );
                }
            }
            all_facts.extend(part.facts.clone());
        }
        assert_eq!(values.len(), instances * metrics);
        for column in &poll.columns {
            for (at, instance) in poll.instances.iter().enumerate() {
                assert_eq!(values[&(column.metric.clone(), instance.clone())], column.counts[at]);
            }
        }
        assert_eq!(all_facts, poll.facts);
    }

    /// Takes what it is offered from the third time on.
    struct Slow(AtomicUsize);

    impl PollSink for Slow {
        fn offer(&self, poll: Poll) -> Result<(), Full> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Err(Full(Box::new(poll))),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn the_last_polls_wait_for_a_sink_that_is_full() {
        let sink = Arc::new(Slow(AtomicUsize::new(0)));
        let mut outbox = Outbox::new(sink.clone(), 1_000, 10);
        assert!(outbox.push(large(1, 1, 0), 0), "it is full");
        outbox.empty(Duration::from_secs(10));
        assert!(!outbox.is_waiting());
        assert_eq!(sink.0.load(Ordering::SeqCst), 3);
        sink.0.store(0, Ordering::SeqCst);
        assert!(outbox.push(large(1, 1, 0), 0));
        outbox.empty(Duration::ZERO);
        assert!(outbox.is_waiting(), "the time is up");
    }

    #[test]
    fn large_polls_are_split_and_nothing_is_lost() {
        check(24, 14, 100, false);
        check(16_384, 14, 0, true);
        check(4_000, 14, 16_000, true);
        check(8_000, 1, 0, false);
        check(1, 1, 5_000, true);
    }
}
