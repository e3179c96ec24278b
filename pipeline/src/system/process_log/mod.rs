//! Warnings and errors of this process on their way to the topic `process-log`.
//!
//! [`layer`] takes them where they are said. It never waits and never speaks itself: a line goes into a
//! queue of [`MAX_WAITING`], or is dropped and counted. Of one place in the program at most
//! [`MAX_OF_A_PLACE`] lines a minute are taken; how many were left out stands in the next. The
//! [`Shipper`] writes what waits to the log; what its own thread and its producer's client say is not
//! taken, or a log that is away would fill itself.

mod capture;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use schemas::ProcessLog;

use super::{Shared, StartError};
use crate::log::{LogError, Producer};
use crate::topology::PROCESS_LOG;

pub(super) use capture::layer;

/// Lines that wait to be written.
const MAX_WAITING: usize = 1_000;
/// Lines of one place in the program a minute.
const MAX_OF_A_PLACE: u32 = 20;
/// The producer's name, also that of its client in the log.
const PRODUCER: &str = "process-log";
/// Pause before a line is offered again that the producer did not take.
const AGAIN: Duration = Duration::from_millis(200);
/// Longest wait for the last lines to be durable.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Lines that wait, and the counts of those that were left out.
struct Queue {
    sender: SyncSender<ProcessLog>,
    receiver: Mutex<Option<Receiver<ProcessLog>>>,
    written: AtomicU64,
    suppressed: AtomicU64,
    dropped: AtomicU64,
}

impl Queue {
    fn new() -> Self {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let receiver = Mutex::new(Some(receiver));
        let [written, suppressed, dropped] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { sender, receiver, written, suppressed, dropped }
    }

    /// Never waits.
    fn push(&self, line: ProcessLog) {
        match self.sender.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => count(&self.dropped),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Of the process: lines are taken from the moment on at which its log lines are set up.
static QUEUE: LazyLock<Arc<Queue>> = LazyLock::new(|| Arc::new(Queue::new()));

/// How many lines were written, were left out because their place says too much, and were dropped
/// because the log took none, by name.
pub(super) fn counts() -> impl Iterator<Item = (&'static str, u64)> {
    let all = [
        ("written", &QUEUE.written),
        ("suppressed", &QUEUE.suppressed),
        ("dropped", &QUEUE.dropped),
    ];
    all.into_iter().map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
}

/// Writes lines to the log.
pub(super) struct Shipper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Shipper {
    pub(super) fn start(shared: &Shared) -> Result<Self, StartError> {
        let producer = shared.log.producer(PRODUCER)?;
        let stop = Arc::new(AtomicBool::new(false));
        let ship = Ship {
            producer,
            instance: shared.instance.clone(),
            queue: Arc::clone(&QUEUE),
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new().name(PRODUCER.to_owned());
        let thread = thread.spawn(move || ship.run());
        let thread = thread.map_err(|error| StartError::machine("starting a thread", error))?;
        Ok(Self { stop, thread })
    }

    /// Writes what waits; what is not written in time stands on standard error alone.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + 2 * LAST_LINES;
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Ship {
    producer: Arc<dyn Producer>,
    instance: String,
    queue: Arc<Queue>,
    stop: Arc<AtomicBool>,
}

impl Ship {
    fn run(self) {
        capture::exempt_this_thread();
        let lines = self.queue.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Another of this process has it.
        let Some(lines) = lines else { return };
        loop {
            match lines.recv_timeout(AGAIN) {
                Ok(line) => self.write(line, None),
                Err(RecvTimeoutError::Timeout) if !self.stopping() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
            if self.stopping() {
                break;
            }
        }
        let until = Instant::now() + LAST_LINES;
        lines.try_iter().for_each(|line| self.write(line, Some(until)));
        let _ = self.producer.flush(until.saturating_duration_since(Instant::now()));
        *self.queue.receiver.lock().unwrap_or_else(PoisonError::into_inner) = Some(lines);
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Offers a line until it is taken: meanwhile others wait in the queue. From the stop on it is
    /// dropped instead, or after `until`.
    fn write(&self, line: ProcessLog, until: Option<Instant>) {
        let line = ProcessLog { instance: self.instance.clone(), ..line };
        let Ok(record) = PROCESS_LOG.record(&self.instance, &line) else {
            return count(&self.queue.dropped);
        };
        loop {
            let queue = Arc::clone(&self.queue);
            let done = Box::new(move |result: Result<(i32, i64), LogError>| match result {
                Ok(_) => count(&queue.written),
                Err(_) => count(&queue.dropped),
            });
            match self.producer.send(record.clone(), Some(done)) {
                Ok(()) => return,
                Err(LogError::Full { .. } | LogError::Retry { .. }) if self.may_wait(until) => {
                    std::thread::sleep(AGAIN);
                }
                Err(_) => return count(&self.queue.dropped),
            }
        }
    }

    fn may_wait(&self, until: Option<Instant>) -> bool {
        until.map_or(!self.stopping(), |until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests;
