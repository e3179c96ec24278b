use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::activity;

/// Turns until it is asked to hang, in a turn or in its stop, until the test is over.
struct Hangs {
    in_turn: bool,
    over: Arc<Mutex<Receiver<()>>>,
    turns: Arc<AtomicUsize>,
}

impl Hangs {
    fn hang(&self) {
        let _ = self.over.lock().map(|over| over.recv());
    }
}

impl Runner for Hangs {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        if self.in_turn {
            activity::call(|| "commit of 0".to_owned(), Duration::ZERO, || self.hang());
        }
        self.turns.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(wait);
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        self.hang();
        Ok(())
    }
}

/// The first runner hangs, in a turn or in its stop; those after it do in neither.
fn spawn(group: &mut Group, in_turn: bool) -> (Sender<()>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (sender, receiver) = channel();
    let (over, built) = (Arc::new(Mutex::new(receiver)), Arc::<AtomicUsize>::default());
    let turns = Arc::<AtomicUsize>::default();
    let (count, counted) = (Arc::clone(&built), Arc::clone(&turns));
    let build = move || {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let turns = Arc::clone(&counted);
        Ok(Box::new(Hangs { in_turn: in_turn && first, over: Arc::clone(&over), turns }) as _)
    };
    group.spawn("hangs", build).unwrap();
    (sender, built, turns)
}

#[test]
fn a_thread_that_does_not_end_does_not_hold_the_others_up() {
    let mut group = Group::new(Health::default(), Lag::default());
    group.ends_within = Duration::from_millis(200);
    let (over, _, _) = spawn(&mut group, false);
    group.stop();
    drop(over);
}

#[test]
fn a_call_that_does_not_come_back_is_given_up_and_another_takes_its_place() {
    let health = Health::default();
    let mut group = Group::new(health.clone(), Lag::default());
    group.ends_within = Duration::from_millis(200);
    let (over, built, turns) = spawn(&mut group, true);
    let began = Instant::now();
    let mut said = String::new();
    while turns.load(Ordering::Relaxed) < 3 {
        if let Some(State::Waiting(words)) = health.all().remove("hangs") {
            said = words;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it stands still for good");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(health.all()["hangs"], State::Running, "the new one speaks");
    assert!(said.is_empty() || said.contains("\"commit of 0\" did not come back"), "{said}");
    assert_eq!(health.given_up.load(Ordering::Relaxed), 1);
    // It comes back: it turns no more, is not built again, and stops nothing.
    over.send(()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((built.load(Ordering::Relaxed), &health.all()["hangs"]), (2, &State::Running));
    assert_eq!(health.given_up.load(Ordering::Relaxed), 0, "its client is gone");
    drop(over);
    group.stop();
}

struct Panics(bool);

impl Runner for Panics {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        assert!(!self.0, "for the test");
        std::thread::sleep(wait);
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}

#[test]
fn a_thread_that_panics_is_replaced() {
    let health = Health::default();
    let mut group = Group::new(health.clone(), Lag::default());
    let built = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&built);
    group
        .spawn("panics", move || {
            Ok(Box::new(Panics(count.fetch_add(1, Ordering::SeqCst) == 0)) as _)
        })
        .unwrap();
    let began = Instant::now();
    while built.load(Ordering::SeqCst) < 2 || health.all()["panics"] != State::Running {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", health.all());
        std::thread::sleep(Duration::from_millis(10));
    }
    group.stop();
}
