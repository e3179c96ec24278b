//! What every connector writes into a poll record.

use schemas::{Device, Outcome, Poll};
use xxhash_rust::xxh3::Xxh3;

use crate::clock::Slots;

/// The poll under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub(crate) cycle: i64,
    pub(crate) wall: i64,
    pub(crate) mono: u64,
}

/// A record without content.
pub(crate) fn blank(
    device: &Device,
    connector: &str,
    slots: Slots,
    poller: &str,
    at: Started,
) -> Poll {
    Poll {
        tenant: device.tenant.clone(),
        device: device.id,
        connector: connector.to_owned(),
        cycle: at.cycle,
        part: 0,
        parts: 1,
        interval_ms: slots.interval_ms,
        started_at: at.wall,
        mono_ms: at.mono as i64,
        poller: poller.to_owned(),
        duration_ms: 0,
        outcome: Outcome::Failed,
        error: None,
        uptime_cs: None,
        instances: Vec::new(),
        columns: Vec::new(),
        facts: Vec::new(),
        identities: Vec::new(),
        target: target(device),
    }
}

/// Distinguishes one agent from another. Never 0, which says nothing.
fn target(device: &Device) -> i64 {
    let mut hash = Xxh3::new();
    hash.update(device.address.as_bytes());
    hash.update(&device.port.to_le_bytes());
    (hash.digest() | 1) as i64
}

/// The record that says that cycles were left out; it stands in the last of them.
pub(crate) fn skipped(mut blank: Poll, cycles: u64) -> Poll {
    blank.outcome = Outcome::Skipped;
    blank.error = Some(format!("{cycles} cycles left out: the log took no records"));
    blank
}
