//! Threads that run runners: started, built again when the log says so or nothing gets on, given up
//! when they do not come back, stopped in order.
//!
//! A call into a client library may hang whatever time-out it was given. Each group has a watchdog
//! that looks at what its threads are doing ([`crate::activity`]): one that is at the same step for
//! longer than the step may take is given up, counted and named, and a new thread takes its place.
//! Its runner joins in the same slot, which fences the old one; should that one ever come back, it
//! finds that it was given up, and ends without another word to the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lag::{Lag, Reading, Reporter};
use super::wiring::RunError;
use crate::activity::Activity;
use crate::clock::wall_ms;
use crate::families;
use crate::log::LogError;

/// Longest that one turn waits for something to do.
const TURN: Duration = Duration::from_millis(100);
/// Longest wait for a group's threads to end: a last commit may wait for brokers that are away.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// First and longest pause before a runner is built again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));
/// Between two looks at what the threads are doing.
const LOOK: Duration = Duration::from_millis(250);
/// After a longer pause between two looks the whole process stood still, and its threads with it.
const STOOD_STILL: Duration = Duration::from_secs(2);
/// Each thread that is given up keeps a client and its memory until it comes back: with more than
/// so many the process must end.
const MAX_GIVEN_UP: usize = 16;

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

/// Makes a runner, as often as one is needed.
type Build = dyn Fn() -> Result<Box<dyn Runner>, RunError> + Send + Sync;

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
    /// With the time since when it is so, ms since the epoch.
    states: Arc<Mutex<BTreeMap<String, (State, i64)>>>,
    given_up: Arc<AtomicUsize>,
}

impl Health {
    /// All components by name.
    pub fn all(&self) -> BTreeMap<String, State> {
        let of = |(name, (state, _)): (&String, &(State, i64))| (name.clone(), state.clone());
        self.lock().iter().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (State, i64)>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when a component is not running, ms since the epoch.
    pub fn since_ms(&self, component: &str) -> Option<i64> {
        self.lock().get(component).map(|(_, since)| *since)
    }

    /// Notes a component's state.
    pub fn set(&self, component: &str, state: State) {
        let mut states = self.lock();
        // What is not well goes on not being well, whatever it says of it.
        let since = states
            .get(component)
            .filter(|(before, _)| (*before == State::Running) == (state == State::Running));
        let since = since.map_or_else(wall_ms, |(_, since)| *since);
        states.insert(component.to_owned(), (state, since));
    }

    /// The first component that failed for good.
    pub fn failure(&self) -> Option<(String, String)> {
        self.all().into_iter().find_map(|(component, state)| match state {
            State::Failed(error) => Some((component, error)),
            State::Running | State::Waiting(_) => None,
        })
    }
}

/// A component, and the thread that runs it now.
struct Component {
    name: String,
    build: Arc<Build>,
    life: Life,
}

/// One thread of a component.
struct Life {
    thread: JoinHandle<()>,
    watched: Arc<Watched>,
}

/// What a thread and its watchdog share.
#[derive(Default)]
struct Watched {
    activity: Arc<Activity>,
    /// It has ended as it should; a thread that ends otherwise has panicked.
    ended: AtomicBool,
}

/// What all threads of a group share.
#[derive(Clone)]
struct Common {
    stop: Arc<AtomicBool>,
    health: Health,
    lag: Lag,
}

type Components = Arc<Mutex<Vec<Component>>>;

/// Threads that stop together.
pub struct Group {
    common: Common,
    components: Components,
    watchdog: Option<JoinHandle<()>>,
    ends_within: Duration,
}

impl Group {
    /// None yet.
    pub fn new(health: Health, lag: Lag) -> Self {
        Self {
            common: Common { stop: Arc::default(), health, lag },
            components: Arc::default(),
            watchdog: None,
            ends_within: ENDS_WITHIN,
        }
    }

    /// Starts a thread that builds a runner and turns it until the group stops.
    ///
    /// # Errors
    /// The operating system's when there is no thread to be had.
    pub fn spawn(
        &mut self,
        name: &str,
        build: impl Fn() -> Result<Box<dyn Runner>, RunError> + Send + Sync + 'static,
    ) -> std::io::Result<()> {
        if self.watchdog.is_none() {
            let (common, components) = (self.common.clone(), Arc::clone(&self.components));
            let watchdog = std::thread::Builder::new().name("watchdog".to_owned());
            self.watchdog = Some(watchdog.spawn(move || watch(&common, &components))?);
        }
        let build: Arc<Build> = Arc::new(build);
        let life = start(&self.common, name, &build)?;
        lock(&self.components).push(Component { name: name.to_owned(), build, life });
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
        self.common.stop.store(true, Ordering::Relaxed);
        if let Some(watchdog) = self.watchdog.take() {
            let _ = watchdog.join();
        }
        let until = Instant::now() + self.ends_within;
        for Component { name, life, .. } in lock(&self.components).drain(..) {
            // What is at one step for longer than that may take does not end either.
            let hopeless = || Instant::now() > until || life.watched.activity.overdue().is_some();
            while !life.thread.is_finished() && !hopeless() {
                std::thread::sleep(Duration::from_millis(5));
            }
            if !life.thread.is_finished() {
                life.watched.activity.give_up();
                tracing::warn!(component = name, "does not end and is left; nothing is lost by it");
            } else if life.thread.join().is_err() {
                tracing::error!(component = name, "its thread panicked");
            }
        }
    }
}

fn lock(components: &Components) -> MutexGuard<'_, Vec<Component>> {
    components.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(common: &Common, name: &str, build: &Arc<Build>) -> std::io::Result<Life> {
    let watched = Arc::<Watched>::default();
    let work = Work {
        common: common.clone(),
        component: name.to_owned(),
        build: Arc::clone(build),
        reporter: common.lag.reporter(name),
        watched: Arc::clone(&watched),
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work.run())?;
    Ok(Life { thread, watched })
}

/// Gives up threads that do not come back, and starts others in their places and in those of threads
/// that have panicked.
fn watch(common: &Common, components: &Components) {
    let mut looked = Instant::now();
    while !common.stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        let stood_still = looked.elapsed() > LOOK + STOOD_STILL;
        looked = Instant::now();
        for component in lock(components).iter_mut() {
            let watched = &component.life.watched;
            if stood_still {
                watched.activity.forgive();
                continue;
            }
            if watched.ended.load(Ordering::Acquire) {
                continue;
            }
            let why = if component.life.thread.is_finished() {
                Some("its thread panicked".to_owned())
            } else {
                overdue(common, component)
            };
            if let Some(why) = why {
                replace(common, component, &why);
            }
        }
    }
}

/// Why a thread must be given up, if it must.
fn overdue(common: &Common, component: &Component) -> Option<String> {
    let activity = &component.life.watched.activity;
    if let Some((step, elapsed)) = activity.overdue() {
        return Some(format!("\"{step}\" did not come back within {elapsed:.0?}"));
    }
    // It makes one call after the other, and never looks up.
    let ignored = common.lag.ignored(&component.name).filter(|_| !activity.in_call())?;
    Some(format!("it did not end within {ignored:.0?}, although a partition of it is stalled"))
}

/// Another thread in place of one that hangs or has panicked.
fn replace(common: &Common, component: &mut Component, why: &str) {
    let name = component.name.as_str();
    component.life.watched.activity.give_up();
    let count = common.health.given_up.fetch_add(1, Ordering::Relaxed) + 1;
    families::THREADS_GIVEN_UP.add([name], 1);
    if count > MAX_GIVEN_UP {
        let error = format!("{why}; with {count} such threads the process must start again");
        tracing::error!(component = name, error, "ended");
        common.health.set(name, State::Failed(error));
        component.life.watched.ended.store(true, Ordering::Release);
        return;
    }
    tracing::error!(component = name, why, "given up; a new client takes its place");
    common.health.set(name, State::Waiting(why.to_owned()));
    match start(common, name, &component.build) {
        Ok(life) => component.life = life,
        Err(error) => {
            let error = format!("no thread in place of one that hangs: {error}");
            common.health.set(name, State::Failed(error));
        }
    }
}

/// What one thread of a component does.
struct Work {
    common: Common,
    component: String,
    build: Arc<Build>,
    reporter: Reporter,
    watched: Arc<Watched>,
}

impl Work {
    fn run(mut self) {
        self.watched.activity.attach();
        let mut pause = PAUSE.0;
        while !self.is_over() {
            self.watched.activity.step("build");
            let built = Instant::now();
            let result = (self.build)().and_then(|runner| {
                self.set(State::Running);
                self.turns(runner)
            });
            if built.elapsed() > PAUSE.1 {
                pause = PAUSE.0;
            }
            let Err(error) = result else { break };
            if self.is_given_up() {
                break;
            }
            // What it held has no holder until the next runner reports one.
            self.reporter.clear();
            let component = self.component.as_str();
            if is_final(&error) {
                tracing::error!(component, %error, "ended");
                self.set(State::Failed(error.to_string()));
                break;
            }
            tracing::warn!(component, %error, ?pause, "built again after a pause");
            families::COMPONENT_RESTARTS.add([component], 1);
            self.set(State::Waiting(error.to_string()));
            self.sleep(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
        if self.is_given_up() {
            // It came back after all: its client is gone.
            self.common.health.given_up.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.reporter.end();
        }
        self.watched.ended.store(true, Ordering::Release);
    }

    fn turns(&mut self, mut runner: Box<dyn Runner>) -> Result<(), RunError> {
        let mut reported = None;
        while !self.is_over() {
            self.watched.activity.step("turn");
            runner.turn(TURN)?;
            if self.is_given_up() {
                break;
            }
            self.reporter.report(|| runner.reading(), runner.waits_for().is_some());
            if let Some(error) = self.reporter.stalled() {
                let what = self.component.clone();
                return Err(LogError::Retry { what, error }.into());
            }
            if runner.waits_for() != reported.as_deref() {
                reported = runner.waits_for().map(str::to_owned);
                self.set(reported.clone().map_or(State::Running, State::Waiting));
            }
        }
        self.watched.activity.step("stop");
        if self.is_given_up() {
            return Ok(());
        }
        runner.stop()
    }

    fn is_over(&self) -> bool {
        self.common.stop.load(Ordering::Relaxed) || self.is_given_up()
    }

    fn is_given_up(&self) -> bool {
        self.watched.activity.is_given_up()
    }

    /// Unless another thread speaks for this component now.
    fn set(&self, state: State) {
        if !self.is_given_up() {
            self.common.health.set(&self.component, state);
        }
    }

    fn sleep(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.is_over() {
            self.watched.activity.step("pause");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
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

#[cfg(test)]
mod tests;
