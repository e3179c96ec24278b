//! Has what is configured changed: a command on the log, and the answer of the processor that
//! decides ([`processors::Entities`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::{EntityReply, EntityRequest, PortError, PortFuture};
use schemas::{DEFAULT_TENANT, EntityAnswer, EntityCommand, EntityOutcome};
use uuid::Uuid;

use super::answers::Answers;
use super::commands::Commands;
use super::{Shared, StartError};
use crate::clock::wall_ms;
use crate::run::supervise::Group;
use crate::topology::{ENTITY_ANSWER, ENTITY_COMMAND};

/// Longest wait for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// At most so many requests wait at once.
const MAX_WAITING: usize = 256;

const UNANSWERED: &str = "the command is on the log and not answered yet: no process of role \
                          process computes; look before you send it again";
const UNCONFIRMED: &str = "the event log has not confirmed the command in time, and may have taken \
                           it all the same: look before you send it again";

/// Writes commands and waits for their answers.
pub(super) struct Entities {
    commands: Arc<Commands>,
    answers: Answers<EntityAnswer>,
}

impl Entities {
    /// Starts a thread that reads answers.
    pub(super) fn start(
        group: &mut Group,
        shared: &Arc<Shared>,
        commands: Arc<Commands>,
    ) -> Result<Self, StartError> {
        let answers = Answers::start(group, shared, &ENTITY_ANSWER, MAX_WAITING)?;
        Ok(Self { commands, answers })
    }

    async fn decided(&self, request: EntityRequest) -> Result<EntityReply, PortError> {
        let command = command(request);
        let written = AtomicBool::new(false);
        let ask = async {
            self.commands.publish(&ENTITY_COMMAND, &command).await?;
            written.store(true, Ordering::Relaxed);
            Ok(())
        };
        let answer = self.answers.ask(&command.request, ANSWERED_WITHIN, ask).await?;
        answer.map(reply).ok_or_else(|| {
            let on_the_log = written.load(Ordering::Relaxed);
            PortError::Unavailable(if on_the_log { UNANSWERED } else { UNCONFIRMED }.to_owned())
        })
    }
}

/// A request as the log has it, with an id of its own.
pub(super) fn command(request: EntityRequest) -> EntityCommand {
    EntityCommand {
        tenant: DEFAULT_TENANT.to_owned(),
        request: Uuid::new_v4().to_string(),
        kind: request.kind.to_owned(),
        id: request.id,
        expected: request.expected,
        body: request.body,
        by: request.by,
        at: wall_ms(),
    }
}

fn reply(answer: EntityAnswer) -> EntityReply {
    let revision = answer.revision;
    match answer.outcome {
        EntityOutcome::Applied => EntityReply::Applied { revision },
        EntityOutcome::Conflict => EntityReply::Conflict { revision },
        EntityOutcome::NotFound => EntityReply::NotFound,
        EntityOutcome::Refused => EntityReply::Refused(answer.problems),
    }
}

impl api::Entities for Entities {
    fn apply(&self, request: EntityRequest) -> PortFuture<'_, Result<EntityReply, PortError>> {
        Box::pin(self.decided(request))
    }
}

#[cfg(test)]
mod tests;
