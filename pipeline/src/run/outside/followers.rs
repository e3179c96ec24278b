//! A source's followers: one task for each definition that is ours, restarted after a pause when
//! it ends, always from the cursor that was committed last.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use processors::{Batch, Following, SourceInput, SourceKind, SourceState};
use schemas::{Source, SourceKey};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::Outside;
use crate::families;

/// First and longest pause before a source is followed again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Batches that wait for the runner; each source waits for its last one to be committed.
const MAX_WAITING: usize = 16;

/// Why a source cannot be followed for now: what, where, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

impl SourceError {
    /// From any error.
    pub fn new(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

/// The source is another's by now, or its definition changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source is no longer followed here")]
pub struct Closed;

impl From<Closed> for SourceError {
    fn from(closed: Closed) -> Self {
        Self::new(closed)
    }
}

/// How a kind of source is followed.
pub trait Follow: SourceKind {
    /// Follows until it is dropped; whatever it returns, it is called again after a pause. What it
    /// finds goes to `out`.
    fn follow(
        &self,
        definition: &Source,
        out: &mut Batches<Self::Output>,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;
}

/// Takes what a source finds.
pub struct Batches<O> {
    cursor: Vec<u8>,
    key: SourceKey,
    definition: i64,
    follower: u64,
    sender: mpsc::Sender<Arrived<O>>,
}

impl<O> Batches<O> {
    /// How far the source was followed; empty at first.
    pub fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    /// Publishes and moves the cursor, both or neither; returns when that is durable.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn commit(&mut self, outputs: Vec<O>, cursor: Vec<u8>) -> Result<(), Closed> {
        let (committed, wait) = oneshot::channel();
        let batch = Batch {
            key: self.key.clone(),
            definition: self.definition,
            outputs,
            cursor: cursor.clone(),
        };
        let arrived = Arrived { follower: self.follower, batch, committed };
        self.sender.send(arrived).await.map_err(|_| Closed)?;
        wait.await.map_err(|_| Closed)?;
        self.cursor = cursor;
        Ok(())
    }
}

struct Arrived<O> {
    follower: u64,
    batch: Batch<O>,
    committed: oneshot::Sender<()>,
}

struct Follower {
    number: u64,
    partition: i32,
    definition: i64,
    /// Of the batch that is part of the next commit.
    committed: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The followers of one thread.
pub struct Followers<S: Follow> {
    source: Arc<S>,
    runtime: Handle,
    running: HashMap<SourceKey, Follower>,
    started: u64,
    sender: mpsc::Sender<Arrived<S::Output>>,
    arrived: mpsc::Receiver<Arrived<S::Output>>,
    waiting: VecDeque<Arrived<S::Output>>,
}

impl<S: Follow> Followers<S> {
    /// None yet.
    pub fn new(source: Arc<S>, runtime: Handle) -> Self {
        let (sender, arrived) = mpsc::channel(MAX_WAITING);
        let (running, waiting) = (HashMap::new(), VecDeque::new());
        Self { source, runtime, running, started: 0, sender, arrived, waiting }
    }

    fn start(&mut self, partition: i32, key: &SourceKey, state: &SourceState) {
        let definition = state.definition.clone().filter(|definition| definition.enabled);
        let Some(definition) = definition else {
            self.running.remove(key);
            return;
        };
        self.started += 1;
        let out = Batches {
            cursor: state.cursor.clone(),
            key: key.clone(),
            definition: definition.updated_at,
            follower: self.started,
            sender: self.sender.clone(),
        };
        let follower = Follower {
            number: self.started,
            partition,
            definition: definition.updated_at,
            committed: None,
            task: self.runtime.spawn(follow(Arc::clone(&self.source), definition, out)),
        };
        self.running.insert(key.clone(), follower);
    }
}

/// Shows whether a source fails, for as long as this process follows it.
struct Failing(String);

impl Failing {
    fn set(&self, fails: bool) {
        families::SOURCE_FAILING.set([&self.0], f64::from(u8::from(fails)));
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// Follows one source for as long as it is ours.
async fn follow<S: Follow>(source: Arc<S>, definition: Source, mut out: Batches<S::Output>) {
    let mut pause = PAUSE.0;
    let failing = Failing(definition.key().to_string());
    loop {
        let began = Instant::now();
        failing.set(false);
        let run = std::panic::AssertUnwindSafe(source.follow(&definition, &mut out));
        let error = match run.catch_unwind().await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(SourceError("its follower panicked".to_owned())),
        };
        if began.elapsed() > PAUSE.1 {
            pause = PAUSE.0;
        }
        if let Some(error) = error {
            failing.set(true);
            tracing::error!(
                source = failing.0, kind = S::KIND, %error, ?pause,
                "a source cannot be followed; what it maintains stays as it was; tried again after \
                 the pause"
            );
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

impl<S: Follow> Outside<Following<S>> for Followers<S> {
    const ACTIVE: bool = true;

    fn settle(&mut self, partition: i32, key: &SourceKey, state: Option<&SourceState>) {
        let Some(state) = state else {
            self.running.remove(key);
            return;
        };
        let version = state.definition.as_ref().map(|definition| definition.updated_at);
        if let Some(follower) = self.running.get_mut(key)
            && Some(follower.definition) == version
        {
            if let Some(committed) = follower.committed.take() {
                let _ = committed.send(());
            }
            return;
        }
        self.start(partition, key, state);
    }

    fn restore(&mut self, partition: i32, keys: &[(&SourceKey, &SourceState)]) {
        self.release(partition);
        for (key, state) in keys {
            self.start(partition, key, state);
        }
    }

    fn drain(&mut self, _: &[i32]) {
        // What is not committed is found again from the cursor.
    }

    fn release(&mut self, partition: i32) {
        self.running.retain(|_, follower| follower.partition != partition);
    }

    fn next(&mut self) -> Option<(i32, SourceInput<S>)> {
        while let Ok(arrived) = self.arrived.try_recv() {
            self.waiting.push_back(arrived);
        }
        loop {
            let Arrived { follower, batch, committed } = self.waiting.pop_front()?;
            let running = self.running.get_mut(&batch.key);
            let Some(running) = running.filter(|it| it.number == follower) else { continue };
            running.committed = Some(committed);
            return Some((running.partition, batch.into()));
        }
    }

    fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    fn is_full(&self) -> Option<&'static str> {
        None
    }
}
