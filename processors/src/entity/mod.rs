//! Decides on changes of what is configured: one processor a tenant. So two who
//! change the same at once cannot overwrite each other, names and references are checked against
//! what is decided and not against a projection that is behind, and every version is kept with who
//! made it.
//!
//! The key is the tenant, not the entity: a device names a credential, a group its devices, and
//! both sides of that are to be looked at in one step.
//!
//! # How it can fail
//! - *The same request twice* (its sender did not see the answer, or the log took it twice): the
//!   answer is remembered and given again.
//! - *Two with the same expected revision*: the log has them in an order; the second is a conflict.
//! - *Clocks that differ*: a revision is the time at which the log took the command, or one more
//!   than the last; no clock of a sender counts.
//! - *Others that write a kind's topic*: sources, and processes of a release before commands. A
//!   relay hands over all that the topic gets, our own records among it, in the topic's order. What
//!   we wrote is expected back ([`state::Echo`]). A record of another that comes before ours has
//!   been replaced by ours in the topic, and does not count; one that comes after ours is what the
//!   topic has now. The topic's order decides, no clock.
//! - *A removal and what was on its way*: the same; what is known of a removed entity stays until
//!   the removal has come back, among the last [`MAX_REMOVED`]. Removals are all alike, so another's
//!   may be taken for ours, and ours for another's: the history has a version too many then, and
//!   what there is at the end is right.
//! - *A record of ours that compaction took before the relay came*: after [`ECHO_LOST_MS`] nothing
//!   of ours is waited for.
//! - *A removal of what others name*: it is refused, or those keep a name of what is gone, which
//!   counts for nothing, until their next version leaves it out. A source may remove thousands of
//!   devices at once: to write every group that lists one again would be as many times its size.
//! - *A body with fields that are not known here* (the sender is newer): it is refused, for they
//!   would be lost.

mod decide;
mod kinds;
mod relays;
mod state;
#[cfg(test)]
mod tests;

use schemas::{
    CredentialChange, Device, DeviceId, Entity, EntityAnswer, EntityInput, EntityKey, SchemaStore,
};

pub use self::relays::{CredentialEntity, CredentialRecord, DeviceEntity};
pub use self::state::EntityState;
use crate::input::is_keyed;
use crate::{Input, LoadError, Next, Nothing, Out, Processor, Raw, Refusal, Sections, Unreadable};

/// Entities of one tenant.
pub const MAX_ENTITIES: usize = 200_000;
/// Bytes of a body: those of a group that lists as many devices as it may, and half as much again.
pub const MAX_BODY_BYTES: usize = 600 * 1024;
/// Bytes of all bodies that are kept in the state of one tenant.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// Bytes of an id.
const MAX_ID_BYTES: usize = 256;
/// Answers that are remembered.
const MAX_ANSWERS: usize = 1_000;
/// Removed entities that are remembered.
const MAX_REMOVED: usize = 1_000;
/// Records of one entity that are waited for; of more the last ones.
const MAX_ECHOES: usize = 32;
/// What of ours has not come back by then never will.
const ECHO_LOST_MS: i64 = 3_600_000;

/// What a decision gives; each goes to the topic of its type.
#[derive(Clone, Debug, PartialEq)]
pub enum EntityOutput {
    /// What became of a command.
    Answer(EntityAnswer),
    /// An entity as it is now.
    Entity(Entity),
    /// It is gone from the topic that has the last version of each.
    Gone(EntityKey),
    /// A version, removals among them.
    Version(Entity),
    /// What to poll.
    Device(Box<Device>),
    /// It is not to be polled any more.
    DeviceGone(DeviceId),
    /// A credential was made, changed or removed.
    Credential(CredentialChange),
    /// It is gone from its topic.
    CredentialGone(CredentialChange),
}

/// What the decisions follow from, and when the log took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRecord {
    /// A command, an observation or a tick.
    pub input: EntityInput,
    /// ms since the epoch.
    pub at: i64,
}

impl Input for EntityRecord {
    type Record = EntityInput;
    type Key = String;
    type Spare = ();

    fn read(store: &SchemaStore, raw: &Raw<'_>, (): &mut ()) -> Result<Self, Unreadable> {
        let value = raw.value.ok_or_else(|| {
            let error = "a command cannot be taken back by a tombstone".to_owned();
            Unreadable::Refused(Refusal { reason: "malformed", error })
        })?;
        Ok(Self { input: EntityInput::decode(store, value)?, at: raw.appended_ms })
    }

    fn key(&self) -> Option<String> {
        match &self.input {
            EntityInput::Command(command) => Some(command.tenant.clone()),
            EntityInput::Observed(observed) => Some(observed.tenant.clone()),
            EntityInput::Tick(_) => None,
        }
    }

    fn tick_at(&mut self) -> Option<&mut i64> {
        match &mut self.input {
            EntityInput::Tick(tick) => Some(&mut tick.at),
            EntityInput::Command(_) | EntityInput::Observed(_) => None,
        }
    }

    fn check(&self, raw: &Raw<'_>) -> Result<(), Refusal> {
        is_keyed(self, raw)?;
        let words = match &self.input {
            EntityInput::Command(it) => {
                [("tenant", &it.tenant), ("request", &it.request), ("id", &it.id)]
            }
            EntityInput::Observed(it) => {
                [("tenant", &it.tenant), ("kind", &it.kind), ("id", &it.id)]
            }
            EntityInput::Tick(_) => return Ok(()),
        };
        let fits = |text: &str| (1..=MAX_ID_BYTES).contains(&text.len()) && !text.contains('\0');
        let refuse = |error: String| Err(Refusal { reason: "malformed", error });
        for (field, text) in words {
            if !fits(text) {
                let length = text.len();
                return refuse(format!("{field} has {length} bytes, it takes 1 to {MAX_ID_BYTES}"));
            }
        }
        // The state topic's keys are the tenant and numbers, with slashes between.
        match words[0].1.contains('/') {
            true => refuse(format!("the tenant {:?} has a slash", words[0].1)),
            false => Ok(()),
        }
    }
}

/// Decides on commands, and learns what others wrote.
#[derive(Debug, Default)]
pub struct Entities;

impl Processor for Entities {
    type Input = EntityRecord;
    type Output = EntityOutput;
    type Recall = Nothing<String>;
    type State = EntityState;
    const NAME: &'static str = "entities";
    const LOGIC_VERSION: u32 = 1;

    fn step(
        &self,
        state: &mut EntityState,
        record: &EntityRecord,
        out: &mut dyn Out<EntityOutput>,
    ) -> Next {
        match &record.input {
            EntityInput::Command(command) => decide::command(state, command, record.at, out),
            EntityInput::Observed(observed) => decide::observed(state, observed, record.at, out),
            // Its passing has what changed saved; nothing else follows from time.
            EntityInput::Tick(_) => {}
        }
        Next::Keep
    }

    fn wake_at(&self, _: &EntityState) -> Option<i64> {
        None
    }

    fn save(&self, state: &mut EntityState, write: &mut dyn FnMut(u16, &[u8])) {
        state.save(write);
    }

    fn load(&self, version: u32, sections: &Sections) -> Result<EntityState, LoadError> {
        if version != Self::LOGIC_VERSION {
            return Err(LoadError::Version { found: version, known: Self::LOGIC_VERSION });
        }
        EntityState::load(sections)
    }

    fn reconcile(&self, _: &mut EntityState, _: &[Self::Recall], _: &mut dyn Out<EntityOutput>) {}
}
