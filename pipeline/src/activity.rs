//! What each supervised thread is doing, and until when that must be over. A call into a client
//! library may never come back, whatever time-out it was given, so somebody else has to look.

use std::cell::RefCell;
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
}

/// The step that a thread is at. It is written by that thread and read by its watchdog.
pub struct Activity(Mutex<Step>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Step {
            what: "start".to_owned(),
            since: Instant::now(),
            limit: STEP_WITHIN,
        }))
    }
}

impl Activity {
    fn lock(&self) -> MutexGuard<'_, Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        (step.since, step.limit) = (Instant::now(), STEP_WITHIN);
    }

    /// What the thread has been doing for longer than it may, and for how long.
    pub fn overdue(&self) -> Option<(String, Duration)> {
        let step = self.lock();
        let elapsed = step.since.elapsed();
        (elapsed > step.limit).then(|| (step.what.clone(), elapsed))
    }

    fn enter(&self, what: String, limit: Duration) -> Step {
        let step = Step { what, since: Instant::now(), limit };
        std::mem::replace(&mut *self.lock(), step)
    }

    fn leave(&self, outer: Step) {
        // The outer step goes on with all its time: what bounds it is that each call is bounded.
        *self.lock() = Step { since: Instant::now(), ..outer };
    }
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
