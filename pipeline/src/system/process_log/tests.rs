use tracing_subscriber::layer::SubscriberExt as _;

use super::capture::{Capture, Places, exempt_this_thread};
use super::*;
use crate::log::{Done, NewRecord};

/// What waits after the code has said what it says.
fn said(code: impl FnOnce()) -> (Vec<ProcessLog>, Arc<Queue>) {
    let queue = Arc::new(Queue::new());
    let subscriber = tracing_subscriber::registry().with(Capture::into(Arc::clone(&queue)));
    tracing::subscriber::with_default(subscriber, code);
    let lines = queue.receiver.lock().unwrap().as_ref().unwrap().try_iter().collect();
    (lines, queue)
}

fn on_a_thread(name: &str, code: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let run = move || tracing::dispatcher::with_default(&dispatch, code);
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}

#[test]
fn warnings_and_errors_are_taken_with_what_they_are_about() {
    let (lines, _) = said(|| {
        tracing::info!("not this");
        tracing::warn!(component = "sink metric", error = "it is away", tries = 3, "holding");
        on_a_thread("process device 0", || tracing::error!("poll[{}] stands still", 7));
        on_a_thread("tokio-rt-worker", || tracing::warn!(target: "api::serve", "slow"));
    });
    let short: Vec<_> = lines
        .iter()
        .map(|it| (it.level.as_str(), it.component.as_str(), it.message.as_str()))
        .collect();
    let expected = [
        ("warn", "sink metric", "holding"),
        ("error", "process device 0", "poll[7] stands still"),
        ("warn", "api", "slow"),
    ];
    assert_eq!(short, expected);
    let fields: Vec<_> =
        lines[0].fields.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
    assert_eq!(fields, [("error", "it is away"), ("tries", "3")]);
    assert!(lines[0].target.starts_with("pipeline::system::process_log"), "{}", lines[0].target);
    assert!(lines[0].at > 1_700_000_000_000);
}

#[test]
fn what_the_writer_itself_says_is_not_taken() {
    let (lines, _) = said(|| {
        tracing::warn!(client = PRODUCER, "broker down");
        on_a_thread("writer", || {
            exempt_this_thread();
            tracing::error!("cannot write");
        });
        tracing::warn!(client = "polls", "broker down");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_place_that_says_much_is_cut_short_and_says_so() {
    let (lines, queue) = said(|| {
        for n in 0..100 {
            tracing::warn!("line {n}");
        }
        tracing::warn!("another place");
    });
    assert_eq!(lines.len(), MAX_OF_A_PLACE as usize + 1);
    assert_eq!(lines.last().unwrap().message, "another place");
    assert_eq!(queue.suppressed.load(Ordering::Relaxed), 80);
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn after_a_minute_a_place_is_logged_again_with_what_it_left_out() {
    let places = Places::default();
    let began = Instant::now();
    let after = |seconds| began + Duration::from_secs(seconds);
    for _ in 0..MAX_OF_A_PLACE {
        assert_eq!(places.admit("a", after(1)), Some(0));
    }
    assert_eq!((places.admit("a", after(2)), places.admit("a", after(60))), (None, None));
    assert_eq!(places.admit("b", after(60)), Some(0));
    assert_eq!((places.admit("a", after(61)), places.admit("a", after(62))), (Some(2), Some(0)));
}

#[test]
fn texts_have_a_length_and_are_on_one_line() {
    let long = "x".repeat(1 << 20);
    let (lines, _) = said(|| {
        tracing::warn!(value = long, "a\nb\0c {long}");
    });
    let line = &lines[0];
    assert!(line.message.starts_with("a b c xxx") && line.message.ends_with('…'));
    assert_eq!(line.message.chars().count(), 2_001);
    assert_eq!(line.fields[0].value.chars().count(), 501);
    assert!(schemas::encode(line).unwrap().len() < 16 * 1024);
}

/// Nobody writes: the queue fills up, what is more is counted, and nobody waits.
#[test]
fn the_queue_has_a_maximum_and_what_is_more_is_counted() {
    let queue = Queue::new();
    let began = Instant::now();
    for _ in 0..MAX_WAITING + 250 {
        queue.push(line());
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 250);
    let waiting = queue.receiver.lock().unwrap().as_ref().unwrap().try_iter().count();
    assert_eq!(waiting, MAX_WAITING);
}

fn line() -> ProcessLog {
    ProcessLog {
        instance: String::new(),
        at: 1,
        level: "warn".to_owned(),
        component: String::new(),
        target: String::new(),
        message: "said".to_owned(),
        fields: Vec::new(),
        suppressed: 0,
    }
}

/// Takes nothing at first.
struct Away {
    refuses: Mutex<usize>,
    written: Mutex<Vec<NewRecord>>,
}

impl Producer for Away {
    fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
        let mut left = self.refuses.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            let what = "write to process-log".to_owned();
            return Err(LogError::Retry { what, error: "no broker".to_owned() });
        }
        self.written.lock().unwrap().push(record);
        done.unwrap()(Ok((0, 0)));
        Ok(())
    }

    fn flush(&self, _: Duration) -> Result<(), LogError> {
        Ok(())
    }
}

#[test]
fn lines_wait_for_a_log_that_is_away_and_go_out_at_the_end() {
    let producer = Arc::new(Away { refuses: Mutex::new(2), written: Mutex::default() });
    let (queue, stop) = (Arc::new(Queue::new()), Arc::new(AtomicBool::new(false)));
    let ship = Ship {
        producer: Arc::clone(&producer) as Arc<dyn Producer>,
        instance: "sink@a".to_owned(),
        queue: Arc::clone(&queue),
        stop: Arc::clone(&stop),
    };
    (0..10).for_each(|_| queue.push(line()));
    let thread = std::thread::spawn(move || ship.run());
    let began = Instant::now();
    while producer.written.lock().unwrap().len() < 10 {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    queue.push(line());
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    let store = schemas::SchemaStore::new();
    let written = producer.written.lock().unwrap();
    let read = |record: &NewRecord| {
        let value = record.value.as_deref().unwrap();
        <ProcessLog as schemas::AvroRecord>::decode(&store, value).unwrap().instance
    };
    assert_eq!(written.iter().map(read).collect::<Vec<_>>(), vec!["sink@a"; 11]);
    assert_eq!(queue.written.load(Ordering::Relaxed), 11);
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 0);
}
