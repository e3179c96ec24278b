//! The two threads of the durable log: one writes, one keeps house.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::LogError;
use super::core::Core;
use super::writer::{Fault, finish};

/// How often silence and the store's health are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long closing waits for the threads of a log that failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs until the log is closed; what was queued by then is still written.
pub(super) struct Threads {
    core: Arc<Core>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn start(core: &Arc<Core>) -> Result<Self, LogError> {
        let mut threads = Self { core: core.clone(), handles: Vec::new() };
        threads.spawn("log-writer", write_loop)?;
        threads.spawn("log-keeper", keep_loop)?;
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, body: fn(&Core)) -> Result<(), LogError> {
        let core = self.core.clone();
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _guard = Panicked(&core);
                body(&core);
            })
            .map_err(|error| LogError::Fatal {
                what: format!("start the thread {name}"),
                error: error.to_string(),
            })?;
        self.handles.push(handle);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.core.queue().closed = true;
        self.core.closing.notify_all();
        self.core.work.notify_all();
        for handle in self.handles.drain(..) {
            // After a failure a thread may wait inside the store for ever.
            let mut failed: Option<Instant> = None;
            while !handle.is_finished() && failed.is_none_or(|at| at.elapsed() < PATIENCE) {
                std::thread::sleep(Duration::from_millis(1));
                if failed.is_none() && self.core.state().failed.is_some() {
                    failed = Some(Instant::now());
                }
            }
            if handle.is_finished() && handle.join().is_err() {
                tracing::error!("a thread of the event log panicked");
            }
        }
        self.core.fail(LogError::Fatal {
            what: format!("use the event log in {}", self.core.place),
            error: "it was closed".to_owned(),
        });
        // Whoever still waits learns that it will not happen.
        let units = std::mem::take(&mut self.core.queue().units);
        finish(self.core.write(units.into(), Fault::None));
    }
}

/// A thread that panics stops the log: nobody shall wait for what it will never do.
struct Panicked<'a>(&'a Core);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(LogError::Fatal {
                what: format!("write the event log in {}", self.0.place),
                error: "one of its threads panicked: start again, and report it".to_owned(),
            });
        }
    }
}

fn write_loop(core: &Core) {
    let gather = Duration::from_millis(core.options.group_commit_ms);
    let mut begun: Option<Instant> = None;
    loop {
        let mut queue = core.queue();
        while (queue.units.is_empty() || queue.paused) && !queue.closed {
            queue = core.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.units.is_empty() || queue.paused {
            return;
        }
        // At most one sync per interval; the first after a pause goes at once.
        let wait = begun.map_or(Duration::ZERO, |b| gather.saturating_sub(b.elapsed()));
        if !wait.is_zero() && !queue.closed {
            drop(queue);
            std::thread::sleep(wait);
            queue = core.queue();
        }
        begun = Some(Instant::now());
        let units = core.next_units(&mut queue);
        drop(queue);
        finish(core.write(units, Fault::None));
    }
}

fn keep_loop(core: &Core) {
    let every = Duration::from_millis(core.options.housekeep_ms);
    let mut kept = Instant::now();
    loop {
        let queue = core.queue();
        if queue.closed {
            return;
        }
        let waited = core.closing.wait_timeout(queue, TICK);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        core.expire(&mut core.state());
        if let Err(error) = core.store.healthy() {
            core.fail(core.store_failed(&error));
            return;
        }
        if !every.is_zero() && kept.elapsed() >= every {
            kept = Instant::now();
            if let Err(error) = core.housekeep(core.clock.now_ms()) {
                tracing::error!(%error, "housekeeping of the event log");
                core.fail(error);
                return;
            }
        }
    }
}
