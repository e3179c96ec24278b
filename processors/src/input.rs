//! What the device chain reads, and which of its outputs it reads back.

use schemas::{
    Anomaly, AvroRecord, CodecError, DeviceId, DeviceInput, Poll, SchemaStore, SeriesId,
};

use crate::{Input, Raw, Recall, Refusal, StateKey, Unreadable};

/// Samples may be this far ahead of the log's append time; more is a broken clock.
const MAX_AHEAD_MS: i64 = 60_000;

impl StateKey for DeviceId {
    fn bytes(&self) -> Vec<u8> {
        self.key()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn spread(&self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl StateKey for String {
    fn bytes(&self) -> Vec<u8> {
        self.clone().into_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('/')).then(|| text.to_owned())
    }

    fn spread(&self) -> u64 {
        fnv(self.as_bytes())
    }
}

/// FNV-1a: even enough, and the same on every machine.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// Whether a record's key is what it is about.
pub(crate) fn is_keyed<I: Input>(input: &I, raw: &Raw<'_>) -> Result<(), Refusal> {
    match input.key() {
        Some(key) if raw.key != Some(&key.bytes()[..]) => Err(Refusal {
            reason: "malformed",
            error: format!("the record's key is not {key}, which it is about"),
        }),
        Some(_) | None => Ok(()),
    }
}

impl Input for DeviceInput {
    type Record = Self;
    type Key = DeviceId;
    type Spare = Option<Box<Poll>>;

    fn read(
        store: &SchemaStore,
        raw: &Raw<'_>,
        spare: &mut Self::Spare,
    ) -> Result<Self, Unreadable> {
        Ok(Self::decode(store, raw.value.unwrap_or_default(), spare)?)
    }

    fn recycle(self, spare: &mut Self::Spare) {
        if let Self::Poll(poll) = self {
            *spare = Some(poll);
        }
    }

    fn key(&self) -> Option<DeviceId> {
        match self {
            Self::Poll(poll) => Some(poll.device),
            Self::Control(control) => Some(control.device),
            Self::Tick(_) => None,
        }
    }

    fn tick_at(&mut self) -> Option<&mut i64> {
        match self {
            Self::Tick(tick) => Some(&mut tick.at),
            Self::Poll(_) | Self::Control(_) => None,
        }
    }

    fn check(&self, raw: &Raw<'_>) -> Result<(), Refusal> {
        is_keyed(self, raw)?;
        let Self::Poll(poll) = self else { return Ok(()) };
        let appended_ms = raw.appended_ms;
        let offsets = poll.columns.iter().flat_map(|column| &column.at_ms);
        let last = offsets.max().copied().unwrap_or(0).max(0);
        let newest = poll.started_at.saturating_add(i64::from(last));
        if poll.started_at < 0 || newest > appended_ms.saturating_add(MAX_AHEAD_MS) {
            return Err(Refusal {
                reason: "future",
                error: format!(
                    "samples of {} are stamped {newest} ms, the log's clock says {appended_ms}: \
                     set the clock of poller {} (NTP)",
                    poll.device, poll.poller
                ),
            });
        }
        Ok(())
    }
}

impl Recall for Anomaly {
    type Key = DeviceId;
    type Subject = SeriesId;

    fn decode(store: &SchemaStore, bytes: &[u8]) -> Result<Self, CodecError> {
        <Self as AvroRecord>::decode(store, bytes)
    }

    fn key(&self) -> DeviceId {
        self.device
    }

    fn subject(&self) -> SeriesId {
        self.series
    }
}
