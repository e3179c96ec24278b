//! The pure half of a source: what is to be followed, and how far it was.
//!
//! What follows the outside system hands over batches: what to publish, and the cursor after it.
//! Both are one step, so a cursor is never ahead of or behind what was published for it.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use schemas::{AvroRecord, SchemaStore, Source, SourceKey};

use crate::input::fnv;
use crate::{
    Input, KeyOf, LoadError, Next, Nothing, Out, Processor, Raw, Refusal, Sections, StateKey,
    Unreadable,
};

/// What a kind of source is, apart from how it is followed.
pub trait SourceKind: Send + Sync + 'static {
    /// What it publishes.
    type Output: Clone + Debug + Send + 'static;
    /// Names the consumer group.
    const NAME: &'static str;
    /// As definitions name the kind.
    const KIND: &'static str;

    /// What is published when a source is removed: it takes back what the source maintained.
    fn withdraw(&self, cursor: &[u8]) -> Vec<Self::Output>;
}

/// A kind of source as a processor over the definitions.
#[derive(Debug)]
pub struct Following<S>(pub Arc<S>);

/// One source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// What to follow.
    pub definition: Option<Source>,
    /// How far it was followed; empty at first. Only the kind knows what it means.
    pub cursor: Vec<u8>,
    moved: bool,
}

/// What was found outside.
#[derive(Clone, Debug)]
pub struct Batch<O> {
    /// By which source.
    pub key: SourceKey,
    /// `updated_at` of the definition that was followed.
    pub definition: i64,
    /// What to publish.
    pub outputs: Vec<O>,
    /// How far it is followed then.
    pub cursor: Vec<u8>,
}

/// What a source's state changes by.
#[derive(Clone, Debug)]
pub enum SourceInput<S: SourceKind> {
    /// A definition came, changed, or was removed.
    Definition(SourceKey, Option<Source>),
    /// Something was found outside. Never a record of the topic.
    Batch(Batch<S::Output>, PhantomData<fn() -> S>),
}

impl<S: SourceKind> From<Batch<S::Output>> for SourceInput<S> {
    fn from(batch: Batch<S::Output>) -> Self {
        Self::Batch(batch, PhantomData)
    }
}

impl StateKey for SourceKey {
    const WORDS: usize = 2;

    fn bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn spread(&self) -> u64 {
        fnv(&self.bytes())
    }
}

impl<S: SourceKind> Input for SourceInput<S> {
    type Record = Source;
    type Key = SourceKey;
    type Spare = ();

    fn read(store: &SchemaStore, raw: &Raw<'_>, (): &mut ()) -> Result<Self, Unreadable> {
        if let Some(value) = raw.value {
            let definition = Source::decode(store, value)?;
            return Ok(Self::Definition(definition.key(), Some(definition)));
        }
        let text = String::from_utf8_lossy(raw.key.unwrap_or_default());
        let key = SourceKey::parse(&text).ok_or_else(|| {
            Unreadable::Refused(Refusal {
                reason: "malformed",
                error: format!("tombstone for {text:?}, which is no source: tenant/id"),
            })
        })?;
        Ok(Self::Definition(key, None))
    }

    fn key(&self) -> Option<SourceKey> {
        match self {
            Self::Definition(key, _) => Some(key.clone()),
            Self::Batch(batch, _) => Some(batch.key.clone()),
        }
    }
}

/// The definition and the rest that is small.
const DEFINITION: u16 = 0;
/// The cursor, in a section of its own: it may be large.
const CURSOR: u16 = 1;

impl<S: SourceKind> Processor for Following<S> {
    type Input = SourceInput<S>;
    type Output = S::Output;
    type Recall = Nothing<KeyOf<Self>>;
    type State = SourceState;
    const NAME: &'static str = S::NAME;
    const LOGIC_VERSION: u32 = 1;

    fn step(
        &self,
        state: &mut SourceState,
        input: &SourceInput<S>,
        out: &mut dyn Out<S::Output>,
    ) -> Next {
        match input {
            SourceInput::Definition(_, new) => {
                let new = new.as_ref().filter(|new| new.kind == S::KIND);
                let Some(new) = new else {
                    // Removed, or of another kind, whose runner begins anew.
                    for output in self.0.withdraw(&state.cursor) {
                        out.emit(output);
                    }
                    return Next::Forget;
                };
                state.definition = Some(new.clone());
                Next::Keep
            }
            SourceInput::Batch(batch, _) => match &state.definition {
                None => Next::Forget,
                // Found by a definition that has changed meanwhile: it is followed anew.
                Some(now) if now.updated_at != batch.definition => Next::Keep,
                Some(_) => {
                    for output in &batch.outputs {
                        out.emit(output.clone());
                    }
                    state.moved |= state.cursor != batch.cursor;
                    state.cursor.clone_from(&batch.cursor);
                    Next::Keep
                }
            },
        }
    }

    fn wake_at(&self, _: &SourceState) -> Option<i64> {
        None
    }

    fn save(&self, state: &mut SourceState, write: &mut dyn FnMut(u16, &[u8])) {
        // JSON, which needs no schema to be known before it is read.
        write(DEFINITION, &serde_json::to_vec(&state.definition).unwrap_or_default());
        if std::mem::take(&mut state.moved) {
            write(CURSOR, &state.cursor);
        }
    }

    fn load(&self, version: u32, sections: &Sections) -> Result<SourceState, LoadError> {
        if version != Self::LOGIC_VERSION {
            return Err(LoadError::Version { found: version, known: Self::LOGIC_VERSION });
        }
        let bytes = sections.get(&DEFINITION).ok_or(LoadError::Missing { section: DEFINITION })?;
        let malformed = |_| LoadError::Malformed { section: DEFINITION, at: 0, what: "definition" };
        let definition = serde_json::from_slice(bytes).map_err(malformed)?;
        let cursor = sections.get(&CURSOR).cloned().unwrap_or_default();
        Ok(SourceState { definition, cursor, moved: false })
    }

    fn reconcile(&self, _: &mut SourceState, _: &[Self::Recall], _: &mut dyn Out<S::Output>) {}
}
