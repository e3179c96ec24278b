//! A worker's attempts: one for each claim, so many at once, each within its deadline.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use processors::{KeyOf, WorkerInput, WorkerKind, WorkerState, Working};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::{DRAIN, Outside};
use crate::families;

/// Keys with a claim at once in one thread; no more input is taken then.
const MAX_CLAIMS: usize = 1_000;

/// What a worker does outside.
pub trait Work: WorkerKind {
    /// Attempts at once in one thread.
    const AT_ONCE: usize;

    /// Whether a request may be attempted again when it is not known what came of it.
    const REPEATABLE: bool;

    /// How long an attempt may take.
    fn deadline(&self, request: &Self::Request) -> Duration;

    /// Makes one attempt. Dropped at the deadline.
    fn attempt(&self, request: Self::Request) -> impl Future<Output = Self::Outcome> + Send;

    /// The outcome of an attempt of which nothing is known: its process ended meanwhile, it
    /// panicked or exceeded its deadline.
    fn unknown(&self, request: &Self::Request, why: &str) -> Self::Outcome;
}

struct Attempt<W: WorkerKind> {
    partition: i32,
    id: String,
    /// None: nothing is under way, its outcome is known from the start.
    task: Option<AbortHandle>,
    /// Kept until the end of the claim is committed.
    outcome: Option<W::Outcome>,
}

impl<W: WorkerKind> Drop for Attempt<W> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Done<W: WorkerKind> {
    key: W::Key,
    id: String,
    outcome: W::Outcome,
}

/// The attempts of one thread.
pub struct Attempts<W: Work> {
    work: Arc<W>,
    runtime: Handle,
    permits: Arc<Semaphore>,
    running: HashMap<W::Key, Attempt<W>>,
    /// Outcomes to be taken in, by key.
    ready: Vec<W::Key>,
    sender: Sender<Done<W>>,
    done: Receiver<Done<W>>,
}

impl<W: Work> Attempts<W> {
    /// None yet.
    pub fn new(work: Arc<W>, runtime: Handle) -> Self {
        // Bounded by the claims: each sends once.
        let (sender, done) = channel();
        let permits = Arc::new(Semaphore::new(W::AT_ONCE));
        Self { work, runtime, permits, running: HashMap::new(), ready: Vec::new(), sender, done }
    }

    fn start(&mut self, partition: i32, key: &W::Key, request: &W::Request) {
        let (work, permits, sender) =
            (Arc::clone(&self.work), Arc::clone(&self.permits), self.sender.clone());
        let (key, request) = (key.clone(), request.clone());
        let id = W::id(&request).to_owned();
        let task = {
            let (key, id) = (key.clone(), id.clone());
            self.runtime.spawn(async move {
                // Closed never: the semaphore lives as long as this does.
                let _permit = permits.acquire().await;
                let limit = work.deadline(&request);
                let attempt = std::panic::AssertUnwindSafe(work.attempt(request.clone()));
                let ended = tokio::time::timeout(limit, attempt.catch_unwind()).await;
                let known = if matches!(ended, Ok(Ok(_))) { "known" } else { "unknown" };
                families::ATTEMPTS.add([W::NAME, known], 1);
                let outcome = match ended {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(_)) => work.unknown(&request, "the attempt panicked"),
                    Err(_) => {
                        let why = format!("the attempt did not end within {limit:.0?}");
                        work.unknown(&request, &why)
                    }
                };
                let _ = sender.send(Done { key, id, outcome });
            })
        };
        let task = Some(task.abort_handle());
        self.running.insert(key, Attempt { partition, id, task, outcome: None });
    }

    /// Keeps an outcome until the end of its claim is committed.
    fn keep(&mut self, done: Done<W>) {
        let Done { key, id, outcome } = done;
        if let Some(attempt) = self.running.get_mut(&key).filter(|it| it.id == id) {
            attempt.outcome = Some(outcome);
            self.ready.push(key);
        }
    }

    fn collect(&mut self) {
        while let Ok(done) = self.done.try_recv() {
            self.keep(done);
        }
    }

    fn is_under_way(&self, partitions: &[i32]) -> bool {
        let of = |it: &Attempt<W>| partitions.contains(&it.partition) && it.outcome.is_none();
        self.running.values().any(of)
    }
}

impl<W: Work> Outside<Working<W>> for Attempts<W> {
    const ACTIVE: bool = true;

    fn settle(
        &mut self,
        partition: i32,
        key: &KeyOf<Working<W>>,
        state: Option<&WorkerState<W::Request>>,
    ) {
        let Some(first) = state.and_then(|state| state.queue.front()) else {
            self.running.remove(key);
            return;
        };
        if self.running.get(key).is_none_or(|attempt| attempt.id != W::id(first)) {
            self.start(partition, key, first);
        }
    }

    fn restore(&mut self, partition: i32, keys: &[(&W::Key, &WorkerState<W::Request>)]) {
        let claims: HashMap<&W::Key, &W::Request> =
            keys.iter().filter_map(|(key, state)| Some((*key, state.queue.front()?))).collect();
        self.running.retain(|key, attempt| {
            attempt.partition != partition
                || claims.get(key).is_some_and(|request| W::id(request) == attempt.id)
        });
        for (key, request) in claims {
            match self.running.get(key) {
                // The commit with its outcome failed.
                Some(attempt) if attempt.outcome.is_some() => self.ready.push(key.clone()),
                Some(_) => {}
                None if W::REPEATABLE => self.start(partition, key, request),
                None => {
                    let why = "the process that attempted it ended before its outcome was known";
                    let outcome = self.work.unknown(request, why);
                    let id = W::id(request).to_owned();
                    let attempt = Attempt { partition, id, task: None, outcome: Some(outcome) };
                    self.running.insert(key.clone(), attempt);
                    self.ready.push(key.clone());
                }
            }
        }
    }

    fn drain(&mut self, partitions: &[i32]) {
        let until = Instant::now() + DRAIN;
        self.collect();
        while self.is_under_way(partitions) {
            let left = until.saturating_duration_since(Instant::now());
            match self.done.recv_timeout(left) {
                Ok(done) => self.keep(done),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn release(&mut self, partition: i32) {
        self.running.retain(|_, attempt| attempt.partition != partition);
    }

    fn next(&mut self) -> Option<(i32, WorkerInput<W>)> {
        self.collect();
        loop {
            let key = self.ready.pop()?;
            let Some(attempt) = self.running.get(&key) else { continue };
            let Some(outcome) = attempt.outcome.clone() else { continue };
            let (partition, id) = (attempt.partition, attempt.id.clone());
            return Some((partition, WorkerInput::Outcome { key, id, outcome }));
        }
    }

    fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    fn is_full(&self) -> Option<&'static str> {
        (self.running.len() >= MAX_CLAIMS).then_some("attempts under way")
    }
}
