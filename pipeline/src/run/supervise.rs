//! Threads that run runners: started, built again when the log says so, stopped in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lag::{Lag, Reading, Teller};
use super::wiring::RunError;
use crate::log::LogError;

/// Longest that one turn waits for something to do.
const TURN: Duration = Duration::from_millis(100);
/// Longest wait for a group's threads to end. A last commit may wait longer for brokers that are
/// away, and a client of the log that lost its seat shortly before for an answer that never comes.
const ENDS_WITHIN: Duration = Duration::from_secs(40);
/// First and longest pause before a runner is built again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// What a supervised thread runs.
pub trait Runner {
    /// One round.
    ///
    /// # Errors
    /// [`RunError`]; the runner is then dropped and built again.
    fn turn(&mut self, wait: Duration) -> Result<(), RunError>;

    /// Up to where it is done with what it reads; none: it reads nothing that can lag.
    fn reading(&self) -> Option<Reading>;

    /// What it waits for, in words, although it runs.
    fn waits_for(&self) -> Option<&str> {
        None
    }

    /// Ends cleanly.
    ///
    /// # Errors
    /// [`RunError`] of the last commit.
    fn stop(self: Box<Self>) -> Result<(), RunError>;
}

/// How a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// At work.
    Running,
    /// Waiting to be built again, and why.
    Waiting(String),
    /// Ended for good, and why.
    Failed(String),
}

/// The state of every component of the process.
#[derive(Clone, Default)]
pub struct Health {
    states: Arc<Mutex<BTreeMap<String, State>>>,
}

impl Health {
    /// All components by name.
    pub fn all(&self) -> BTreeMap<String, State> {
        self.states.lock().map(|states| states.clone()).unwrap_or_default()
    }

    /// Notes a component's state.
    pub fn set(&self, component: &str, state: State) {
        if let Ok(mut states) = self.states.lock() {
            states.insert(component.to_owned(), state);
        }
    }

    /// The first component that failed for good.
    pub fn failure(&self) -> Option<(String, String)> {
        self.all().into_iter().find_map(|(component, state)| match state {
            State::Failed(error) => Some((component, error)),
            State::Running | State::Waiting(_) => None,
        })
    }
}

/// Threads that stop together.
pub struct Group {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    ends_within: Duration,
    health: Health,
    lag: Lag,
}

impl Group {
    /// None yet.
    pub fn new(health: Health, lag: Lag) -> Self {
        Self { stop: Arc::default(), threads: Vec::new(), ends_within: ENDS_WITHIN, health, lag }
    }

    /// Starts a thread that builds a runner and turns it until the group stops.
    ///
    /// # Errors
    /// The operating system's when there is no thread to be had.
    pub fn spawn(
        &mut self,
        name: &str,
        mut build: impl FnMut() -> Result<Box<dyn Runner>, RunError> + Send + 'static,
    ) -> std::io::Result<()> {
        let (stop, health, component) =
            (Arc::clone(&self.stop), self.health.clone(), name.to_owned());
        let mut teller = self.lag.teller(name);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut pause = PAUSE.0;
            while !stop.load(Ordering::Relaxed) {
                let result = build().and_then(|runner| {
                    health.set(&component, State::Running);
                    let built = Instant::now();
                    let tell = |state| health.set(&component, state);
                    let result = run(runner, &stop, &mut teller, tell);
                    if built.elapsed() > PAUSE.1 {
                        pause = PAUSE.0;
                    }
                    result
                });
                let Err(error) = result else { break };
                if is_final(&error) {
                    tracing::error!(component, %error, "ended");
                    health.set(&component, State::Failed(error.to_string()));
                    return;
                }
                tracing::warn!(component, %error, ?pause, "built again after a pause");
                metrics::counter!("opsc_component_restarts_total", "component" => component.clone())
                    .increment(1);
                health.set(&component, State::Waiting(error.to_string()));
                sleep(pause, &stop);
                pause = (pause * 2).min(PAUSE.1);
            }
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Stops all and waits for them; one that does not end is left to the end of the process, which
    /// is as good as a crash: nothing is lost by it.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + self.ends_within;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !thread.is_finished() {
                let component = thread.thread().name().unwrap_or_default();
                tracing::warn!(component, "does not end and is left; nothing is lost by it");
            } else if thread.join().is_err() {
                tracing::error!("a component's thread panicked");
            }
        }
    }
}

fn run(
    mut runner: Box<dyn Runner>,
    stop: &AtomicBool,
    teller: &mut Teller,
    tell: impl Fn(State),
) -> Result<(), RunError> {
    let mut told = None;
    while !stop.load(Ordering::Relaxed) {
        runner.turn(TURN)?;
        teller.tell(|| runner.reading());
        if runner.waits_for() != told.as_deref() {
            told = runner.waits_for().map(str::to_owned);
            tell(told.clone().map_or(State::Running, State::Waiting));
        }
    }
    runner.stop()
}

fn is_final(error: &RunError) -> bool {
    match error {
        RunError::Broken { .. } => true,
        RunError::Log(error) => match error {
            LogError::Retry { .. } | LogError::Fenced { .. } | LogError::Full { .. } => false,
            LogError::OutOfRange { .. }
            | LogError::TooLarge { .. }
            | LogError::Mismatch { .. }
            | LogError::Fatal { .. } => true,
        },
    }
}

fn sleep(pause: Duration, stop: &AtomicBool) {
    let until = Instant::now() + pause;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    struct Hangs(Receiver<()>);

    impl Runner for Hangs {
        fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
            std::thread::sleep(wait);
            Ok(())
        }

        fn reading(&self) -> Option<Reading> {
            None
        }

        fn stop(self: Box<Self>) -> Result<(), RunError> {
            // Until the test is over.
            let _ = self.0.recv();
            Ok(())
        }
    }

    #[test]
    fn a_thread_that_does_not_end_does_not_hold_the_others_up() {
        let (over, mut runners) = (channel(), Vec::new());
        runners.push(Hangs(over.1));
        let mut group = Group::new(Health::default(), Lag::default());
        group.ends_within = Duration::from_millis(200);
        let build = move || {
            let runner = runners.pop().ok_or_else(|| unreachable!());
            runner.map(|runner| Box::new(runner) as Box<dyn Runner>)
        };
        group.spawn("hangs", build).unwrap();
        group.stop();
        drop(over.0);
    }
}
