//! The pure half of a worker: which requests wait, and which one is being attempted.
//!
//! A request that is first in its key's queue is claimed: it is attempted only once that is
//! committed. Its outcome is committed together with the end of the claim. So a claim without an
//! outcome, found by whoever takes over, means that nobody knows what came of the attempt.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

use schemas::{AvroRecord, SchemaStore};

use crate::{
    Input, KeyOf, LoadError, Next, Nothing, Out, Processor, Raw, Refusal, Sections, StateKey,
    Unreadable,
};

/// Requests that wait for one key; more are refused at once, with an outcome that says so.
pub const MAX_QUEUED: usize = 100;

/// What a kind of worker is, apart from what it does outside.
pub trait WorkerKind: Send + Sync + 'static {
    /// What is asked for.
    type Request: AvroRecord + Clone + Debug + Send;
    /// What came of it.
    type Outcome: Clone + Debug + Send + 'static;
    /// Requests of one key are attempted in order, one at a time.
    type Key: StateKey;
    /// Names the consumer group.
    const NAME: &'static str;

    /// The key of a request's record.
    fn key(request: &Self::Request) -> Self::Key;

    /// What identifies a request, also to the outside world: the idempotency key.
    fn id(request: &Self::Request) -> &str;

    /// The outcome of a request that is not attempted.
    fn refuse(&self, request: &Self::Request, why: &str) -> Self::Outcome;
}

/// A kind of worker as a processor over its requests.
#[derive(Debug)]
pub struct Working<W>(pub Arc<W>);

/// The requests of one key; the first is claimed.
#[derive(Clone, Debug)]
pub struct WorkerState<R> {
    /// In the order in which they came.
    pub queue: VecDeque<R>,
}

impl<R> Default for WorkerState<R> {
    fn default() -> Self {
        Self { queue: VecDeque::new() }
    }
}

/// What a worker's state changes by.
#[derive(Debug)]
pub enum WorkerInput<W: WorkerKind> {
    /// Something is asked for.
    Request(W::Request),
    /// What came of an attempt. Never a record of the topic.
    Outcome {
        /// Of the request.
        key: W::Key,
        /// The request.
        id: String,
        /// What came of it.
        outcome: W::Outcome,
    },
}

impl<W: WorkerKind> Input for WorkerInput<W> {
    type Record = W::Request;
    type Key = W::Key;
    type Spare = ();

    fn read(store: &SchemaStore, raw: &Raw<'_>, (): &mut ()) -> Result<Self, Unreadable> {
        let value = raw.value.ok_or_else(|| {
            Unreadable::Refused(Refusal {
                reason: "malformed",
                error: "a request cannot be taken back by a tombstone".to_owned(),
            })
        })?;
        Ok(Self::Request(W::Request::decode(store, value)?))
    }

    fn key(&self) -> Option<W::Key> {
        Some(match self {
            Self::Request(request) => W::key(request),
            Self::Outcome { key, .. } => key.clone(),
        })
    }
}

impl<W: WorkerKind> Processor for Working<W> {
    type Input = WorkerInput<W>;
    type Output = W::Outcome;
    type Recall = Nothing<KeyOf<Self>>;
    type State = WorkerState<W::Request>;
    const NAME: &'static str = W::NAME;
    const LOGIC_VERSION: u32 = 1;

    fn step(
        &self,
        state: &mut Self::State,
        input: &WorkerInput<W>,
        out: &mut dyn Out<W::Outcome>,
    ) -> Next {
        match input {
            WorkerInput::Request(request) => {
                let id = W::id(request);
                if state.queue.iter().all(|waits| W::id(waits) != id) {
                    if state.queue.len() < MAX_QUEUED {
                        state.queue.push_back(request.clone());
                    } else {
                        let why = format!("{MAX_QUEUED} requests wait before it");
                        out.emit(self.0.refuse(request, &why));
                    }
                }
            }
            WorkerInput::Outcome { id, outcome, .. } => {
                // Of an earlier claim: its end is committed already.
                if state.queue.front().is_some_and(|first| W::id(first) == id) {
                    state.queue.pop_front();
                    out.emit(outcome.clone());
                }
            }
        }
        if state.queue.is_empty() { Next::Forget } else { Next::Keep }
    }

    fn wake_at(&self, _: &Self::State) -> Option<i64> {
        None
    }

    fn save(&self, state: &mut Self::State, write: &mut dyn FnMut(u16, &[u8])) {
        // JSON, which needs no schema to be known before it is read.
        write(0, &serde_json::to_vec(&state.queue).unwrap_or_default());
    }

    fn load(&self, version: u32, sections: &Sections) -> Result<Self::State, LoadError> {
        if version != Self::LOGIC_VERSION {
            return Err(LoadError::Version { found: version, known: Self::LOGIC_VERSION });
        }
        let bytes = sections.get(&0).ok_or(LoadError::Missing { section: 0 })?;
        let malformed = |_| LoadError::Malformed { section: 0, at: 0, what: "requests" };
        Ok(WorkerState { queue: serde_json::from_slice(bytes).map_err(malformed)? })
    }

    fn reconcile(&self, _: &mut Self::State, _: &[Self::Recall], _: &mut dyn Out<W::Outcome>) {}
}
