//! A task's position as older versions had the group keep it: an offset, and what its metadata say.

use rdkafka::Offset;

use super::super::{LogError, Position};

/// How the metadata begin.
const REPLAY_FROM: &str = "replay_from=";
const LOGIC: &str = " logic=";

/// What was committed: an offset with its metadata.
pub(super) fn of(
    topic: &str,
    partition: i32,
    offset: Offset,
    metadata: &str,
) -> Result<Option<Position>, LogError> {
    let Offset::Offset(next) = offset else { return Ok(None) };
    let parsed = metadata.strip_prefix(REPLAY_FROM).and_then(|rest| {
        let (replay_from, logic) = rest.split_once(LOGIC)?;
        Some((replay_from.parse().ok()?, logic.parse().ok()?))
    });
    match parsed {
        Some((replay_from, logic)) => Ok(Some(Position { partition, next, replay_from, logic })),
        None => Err(LogError::Fatal {
            what: format!("position {next} of {topic}[{partition}]"),
            error: format!(
                "it was committed by another program ({metadata:?} does not say \
                 {REPLAY_FROM}N{LOGIC}N): delete the group's offset to begin anew"
            ),
        }),
    }
}
