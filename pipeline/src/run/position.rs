//! Where a task goes on, as a record beside its state: written in the transaction of the outputs
//! that it counts for, and read with the state. So a restore depends on nothing but what the task
//! itself committed, and state and position cannot part: who loses the one loses the other.

use std::time::Duration;

use bytes::Bytes;

use super::durable;
use crate::log::{EventLog, LogError, NewRecord, Position, Task};

/// The key of a partition's position in the state topic. No state has such a key.
pub(super) const KEY: &[u8] = b"position";
/// Layout of the value; what it holds follows, big endian: next (i64), replay from (i64), logic
/// (u32).
const LAYOUT: u8 = 1;
/// In place of an offset: begin at the oldest record.
const OLDEST: i64 = -1;
/// Longest time for a position to be durable.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// What a state topic says of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    /// Nothing: an older version may have had the log keep a position.
    #[default]
    Nothing,
    /// To begin at the oldest record, whatever was before.
    Oldest,
    /// To go on here.
    At(Position),
}

impl Kept {
    /// Where to go on, with what an older version left as the last resort.
    pub(super) fn resolve(
        self,
        partition: i32,
        task: &mut dyn Task,
    ) -> Result<Option<Position>, LogError> {
        match self {
            Self::At(position) => Ok(Some(position)),
            Self::Oldest => Ok(None),
            Self::Nothing => Ok(task.inherited(&[partition])?.first().copied().flatten()),
        }
    }
}

/// The value for a position; none: to begin at the oldest record.
pub(super) fn value(position: Option<&Position>) -> Bytes {
    let (next, replay_from, logic) =
        position.map_or((OLDEST, OLDEST, 0), |it| (it.next, it.replay_from, it.logic));
    let mut value = Vec::with_capacity(21);
    value.push(LAYOUT);
    value.extend_from_slice(&next.to_be_bytes());
    value.extend_from_slice(&replay_from.to_be_bytes());
    value.extend_from_slice(&logic.to_be_bytes());
    value.into()
}

/// Reads a position's value; a tombstone says nothing.
///
/// # Errors
/// The words for the operator.
pub(super) fn parse(partition: i32, value: Option<&[u8]>) -> Result<Kept, String> {
    let Some(value) = value else { return Ok(Kept::Nothing) };
    let numbers = value.split_first().filter(|(layout, _)| **layout == LAYOUT);
    let numbers = numbers.and_then(|(_, rest)| {
        let (next, rest) = rest.split_first_chunk()?;
        let (replay_from, rest) = rest.split_first_chunk()?;
        let (logic, rest) = rest.split_first_chunk()?;
        rest.is_empty().then_some((next, replay_from, logic))
    });
    let Some((next, replay_from, logic)) = numbers else {
        return Err(format!(
            "the position of partition {partition} is none of this version: a newer one wrote it, \
             which must go on here"
        ));
    };
    let position = Position {
        partition,
        next: i64::from_be_bytes(*next),
        replay_from: i64::from_be_bytes(*replay_from),
        logic: u32::from_be_bytes(*logic),
    };
    Ok(if position.next == OLDEST { Kept::Oldest } else { Kept::At(position) })
}

/// The record of a position in a component's state topic.
pub(super) fn record(state_topic: &str, partition: i32, position: Option<&Position>) -> NewRecord {
    NewRecord {
        topic: state_topic.into(),
        partition: Some(partition),
        key: Some(Bytes::from_static(KEY)),
        value: Some(value(position)),
        headers: Vec::new(),
    }
}

/// The refusal of a position that the log no longer has, with the line that goes on without those
/// records.
pub(super) fn explained(error: LogError, state_topic: &str) -> LogError {
    let LogError::OutOfRange { topic, partition, wanted, earliest, end, remedy } = error else {
        return error;
    };
    let remedy = format!(
        "{remedy}; to go on without them: opsconductor topics begin-at-oldest {state_topic} \
         {partition}"
    );
    LogError::OutOfRange { topic, partition, wanted, earliest, end, remedy }
}

/// Has the owner of a partition begin at the oldest record of its input, at its next start.
///
/// # Errors
/// [`LogError`].
pub fn begin_at_oldest(
    log: &dyn EventLog,
    state_topic: &str,
    partition: i32,
) -> Result<(), LogError> {
    let producer = log.producer("positions")?;
    durable::write(producer.as_ref(), [record(state_topic, partition, None)], WRITTEN_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_as_it_was() {
        let position = Position { partition: 3, next: 1 << 40, replay_from: 7, logic: 9 };
        assert_eq!(parse(3, Some(&value(Some(&position)))), Ok(Kept::At(position)));
        assert_eq!(parse(3, Some(&value(None))), Ok(Kept::Oldest));
        assert_eq!(parse(3, None), Ok(Kept::Nothing));
    }

    #[test]
    fn another_layout_is_refused_and_never_guessed() {
        let good = value(Some(&Position { partition: 0, next: 5, replay_from: 5, logic: 1 }));
        let mut newer = good.to_vec();
        newer[0] = 2;
        for strange in [&newer[..], &good[..20], &[good.as_ref(), b"x"].concat(), b""] {
            assert!(parse(0, Some(strange)).unwrap_err().contains("partition 0"));
        }
    }
}
