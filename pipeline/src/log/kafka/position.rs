//! A task's position as the group keeps it: an offset, and what its metadata say.

use rdkafka::Offset;

use super::super::{LogError, Position};

/// How the metadata begin.
const REPLAY_FROM: &str = "replay_from=";
const LOGIC: &str = " logic=";

/// What goes beside the offset.
pub(super) fn metadata(position: &Position) -> String {
    let Position { replay_from, logic, .. } = position;
    format!("{REPLAY_FROM}{replay_from}{LOGIC}{logic}")
}

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
