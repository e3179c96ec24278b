//! What each supervised thread is doing, and until when that must be over. A call into a client
//! library may never come back, whatever time-out it was given, so somebody else has to look.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A step that names no limit of its own is over within this time.
pub const STEP_WITHIN: Duration = Duration::from_secs(30);
/// What a call may take beyond the time-out that it was given.
const GRACE: Duration = Duration::from_secs(5);

thread_local! {
    static CURRENT: RefCell<Option<Arc<Activity>>> = const { RefCell::new(None) };
}

struct Step {
    what: String,
    since: Instant,
    limit: Duration,
    /// A call that names its own limit.
    call: bool,
}

/// The step that a thread is at. It is written by that thread and read by its watchdog.
pub struct Activity {
    step: Mutex<Step>,
    given_up: AtomicBool,
}

impl Default for Activity {
    fn default() -> Self {
        let (what, since) = ("start".to_owned(), Instant::now());
        Self {
            step: Mutex::new(Step { what, since, limit: STEP_WITHIN, call: false }),
            given_up: AtomicBool::new(false),
        }
    }
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another thread does this one's work from now on.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::SeqCst);
    }

    /// Whether another thread does this one's work.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Time in which the whole process stood still does not count.
    pub fn forgive(&self) {
        self.lock().since = Instant::now();
    }

    /// Whether it is within a call that names its own limit.
    pub fn in_call(&self) -> bool {
        self.lock().call
    }

    /// From now on this thread says here what it is doing.
    pub fn attach(self: &Arc<Self>) {
        CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(self)));
    }

    /// A new step of the thread's own loop.
    pub fn step(&self, what: &str) {
        let mut step = self.lock();
        if step.what != what {
            what.clone_into(&mut step.what);
        }
        (step.since, step.limit, step.call) = (Instant::now(), STEP_WITHIN, false);
    }

    /// What the thread has been doing for longer than it may, and for how long.
    pub fn overdue(&self) -> Option<(String, Duration)> {
        let step = self.lock();
        let elapsed = step.since.elapsed();
        (elapsed > step.limit).then(|| (step.what.clone(), elapsed))
    }

    fn enter(&self, what: String, limit: Duration) -> Step {
        let step = Step { what, since: Instant::now(), limit, call: true };
        std::mem::replace(&mut *self.lock(), step)
    }

    fn leave(&self, outer: Step) {
        // The outer step goes on with all its time: what bounds it is that each call is bounded.
        *self.lock() = Step { since: Instant::now(), ..outer };
    }
}

/// Whether this thread was given up while it was away: it must touch nothing that its successor has.
pub fn given_up() -> bool {
    CURRENT.with(|current| current.borrow().as_ref().is_some_and(|it| it.is_given_up()))
}

/// Makes a call that is given `timeout`. When it takes clearly longer, the thread's watchdog gives
/// the thread up under this name.
pub fn call<T>(what: impl FnOnce() -> String, timeout: Duration, call: impl FnOnce() -> T) -> T {
    let current = CURRENT.with(|current| current.borrow().clone());
    let Some(activity) = current else { return call() };
    let outer = activity.enter(what(), timeout + GRACE);
    let result = call();
    activity.leave(outer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_time_it_was_given_and_no_more() {
        let activity = Arc::new(Activity::default());
        activity.attach();
        activity.step("turn");
        let age = |by: Duration| activity.lock().since -= by;
        age(STEP_WITHIN / 2);
        assert!(activity.overdue().is_none());
        call(
            || "commit".to_owned(),
            Duration::from_secs(60),
            || {
                age(Duration::from_secs(64));
                assert!(activity.overdue().is_none(), "within its own limit");
                age(Duration::from_secs(2));
                assert_eq!(activity.overdue().unwrap().0, "commit");
            },
        );
        assert!(activity.overdue().is_none(), "it came back");
        age(STEP_WITHIN + GRACE);
        assert_eq!(activity.overdue().unwrap().0, "turn");
    }

    #[test]
    fn an_unwatched_thread_calls_all_the_same() {
        let got = std::thread::spawn(|| call(String::new, Duration::ZERO, || 7)).join().unwrap();
        assert_eq!(got, 7);
    }
}
