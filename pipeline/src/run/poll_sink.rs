//! The way of polls to the log: what was measured is given up by nobody but the poller, which keeps
//! it for a while and then says what it left out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use connectors::{Full, PollSink};
use schemas::{DeviceId, Poll};

use crate::families;
use crate::log::{EventLog, LogError, NewRecord, Producer};
use crate::topology::POLL;

/// The log is taken for away when it has confirmed nothing for so long although records wait. From
/// then on the poller keeps the polls, and knows how old they are.
const AWAY_AFTER: Duration = Duration::from_secs(5);

/// Records that the log has not confirmed yet.
struct Unconfirmed {
    count: usize,
    /// When there were none, or one was confirmed, last.
    since: Instant,
}

impl Unconfirmed {
    fn lock(shared: &Mutex<Self>) -> MutexGuard<'_, Self> {
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes one more, unless the log is away.
    fn add(shared: &Mutex<Self>, now: Instant) -> bool {
        let mut known = Self::lock(shared);
        if known.count == 0 {
            known.since = now;
        }
        let away = now.saturating_duration_since(known.since) >= AWAY_AFTER;
        known.count += usize::from(!away);
        !away
    }

    /// One less: it was confirmed, has failed, or was not taken.
    fn done(shared: &Mutex<Self>, confirmed: bool) {
        let mut known = Self::lock(shared);
        known.count = known.count.saturating_sub(1);
        if confirmed {
            known.since = Instant::now();
        }
    }
}

/// Pause before what came back is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Records that the log's client gave back unwritten, by when they were polled. It does so without
/// trying, for example, while it does not know a new topic's partitions yet. Until all of them are
/// written nothing newer is taken, so there are no more of them than the client's queue holds.
struct Returned {
    records: BTreeMap<u64, (DeviceId, NewRecord)>,
    /// When one came back last.
    since: Instant,
    /// Whether one came back and not all are known to be written since.
    behind: bool,
}

/// Sends polls to the log; the poller keeps what does not fit, and all while the log is away.
pub struct LogPollSink {
    producer: Arc<dyn Producer>,
    unconfirmed: Arc<Mutex<Unconfirmed>>,
    returned: Arc<Mutex<Returned>>,
    next: AtomicU64,
}

impl LogPollSink {
    /// Over a producer of its own.
    ///
    /// # Errors
    /// [`LogError::Fatal`].
    pub fn new(log: &dyn EventLog) -> Result<Self, LogError> {
        Ok(Self::over(log.patient_producer("polls")?))
    }

    fn over(producer: Arc<dyn Producer>) -> Self {
        let now = Instant::now();
        let unconfirmed = Arc::new(Mutex::new(Unconfirmed { count: 0, since: now }));
        let returned =
            Arc::new(Mutex::new(Returned { records: BTreeMap::new(), since: now, behind: false }));
        Self { producer, unconfirmed, returned, next: AtomicU64::new(0) }
    }

    /// Waits until everything polled is durable.
    ///
    /// # Errors
    /// [`LogError::Retry`] when the time runs out first.
    pub fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        let until = Instant::now() + timeout;
        loop {
            self.producer.flush(until.saturating_duration_since(Instant::now()))?;
            let sent = self.send_returned();
            if sent {
                return Ok(());
            }
            if Instant::now() > until {
                let error = "the log does not take them".to_owned();
                return Err(LogError::Retry { what: "write the last polls".to_owned(), error });
            }
            std::thread::sleep(AGAIN_AFTER / 4);
        }
    }

    /// Sends what came back. False: not all of it is written yet.
    fn send_returned(&self) -> bool {
        loop {
            let mut returned = lock(&self.returned);
            if !returned.behind {
                return true;
            }
            if returned.since.elapsed() < AGAIN_AFTER {
                return false;
            }
            let Some((number, (device, record))) = returned.records.pop_first() else {
                returned.behind = Unconfirmed::lock(&self.unconfirmed).count > 0;
                return !returned.behind;
            };
            drop(returned);
            if self.send(number, device, record.clone()).is_err() {
                lock(&self.returned).records.insert(number, (device, record));
                return false;
            }
        }
    }

    /// Fails when the log takes nothing now.
    fn send(&self, number: u64, device: DeviceId, record: NewRecord) -> Result<(), LogError> {
        if !Unconfirmed::add(&self.unconfirmed, Instant::now()) {
            let error = "it confirms nothing".to_owned();
            return Err(LogError::Retry { what: "write polls".to_owned(), error });
        }
        let (unconfirmed, returned) = (Arc::clone(&self.unconfirmed), Arc::clone(&self.returned));
        let again = record.clone();
        let done = Box::new(move |result: Result<(i32, i64), LogError>| {
            let written = result.is_ok();
            if let Err(error) = result {
                give_back(&returned, number, (device, again), &error);
            }
            // Last: what is unconfirmed or came back is never seen as neither.
            Unconfirmed::done(&unconfirmed, written);
        });
        let sent = self.producer.send(record, Some(done));
        if sent.is_err() {
            Unconfirmed::done(&self.unconfirmed, false);
        }
        match sent {
            // It never will be taken.
            Err(LogError::TooLarge { topic, bytes }) => {
                tracing::error!(%device, topic, bytes, "poll exceeds the log's record limit");
                families::POLLS_LOST.add(["too_large"], 1);
                Ok(())
            }
            other => other,
        }
    }
}

fn give_back(
    returned: &Mutex<Returned>,
    number: u64,
    record: (DeviceId, NewRecord),
    error: &LogError,
) {
    families::POLLS_RETURNED.add([], 1);
    let mut returned = lock(returned);
    if !returned.behind {
        tracing::warn!(%error, "polls came back unwritten and are sent again; newer ones wait");
    }
    returned.records.insert(number, record);
    (returned.since, returned.behind) = (Instant::now(), true);
}

fn lock(returned: &Mutex<Returned>) -> MutexGuard<'_, Returned> {
    returned.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PollSink for LogPollSink {
    fn offer(&self, poll: Poll) -> Result<(), Full> {
        let record = match POLL.record(&poll.device, &poll) {
            Ok(record) => record,
            Err(error) => {
                // The types make this impossible short of a broken schema; the poll is counted.
                tracing::error!(device = %poll.device, %error, "poll cannot be encoded");
                families::POLLS_LOST.add(["encode"], 1);
                return Ok(());
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if !self.send_returned() || self.send(number, poll.device, record).is_err() {
            return Err(Full(Box::new(poll)));
        }
        let samples: usize = poll.columns.iter().map(|column| column.instances.len()).sum();
        families::POLLS.add([], 1);
        families::SAMPLES_POLLED.add([], samples as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Done;

    /// Gives back the first records that it is sent, and takes the others.
    struct Unready {
        refuses: Mutex<usize>,
        written: Mutex<Vec<Option<bytes::Bytes>>>,
    }

    impl Producer for Unready {
        fn send(&self, record: NewRecord, done: Option<Done>) -> Result<(), LogError> {
            let done = done.unwrap();
            let mut left = self.refuses.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                let what = "write to poll".to_owned();
                done(Err(LogError::Retry { what, error: "unknown partition".to_owned() }));
            } else {
                self.written.lock().unwrap().push(record.key);
                done(Ok((0, 0)));
            }
            Ok(())
        }

        fn flush(&self, _: Duration) -> Result<(), LogError> {
            Ok(())
        }
    }

    #[test]
    fn what_comes_back_is_sent_again_before_anything_newer() {
        let unready = Unready { refuses: Mutex::new(3), written: Mutex::default() };
        let producer = Arc::new(unready);
        let sink = LogPollSink::over(Arc::clone(&producer) as Arc<dyn Producer>);
        let record = |n: u8| NewRecord {
            topic: "poll".into(),
            partition: None,
            key: Some(vec![n].into()),
            value: None,
            headers: Vec::new(),
        };
        let device = DeviceId::from_source("test", "one");
        sink.send(1, device, record(1)).unwrap();
        sink.send(2, device, record(2)).unwrap();
        assert!(!sink.send_returned(), "at once");
        sink.flush(Duration::from_secs(30)).unwrap();
        sink.send(3, device, record(3)).unwrap();
        let keys = [1, 2, 3].map(|n: u8| Some(bytes::Bytes::from(vec![n])));
        // The first came back twice.
        assert_eq!(*producer.written.lock().unwrap(), keys);
        assert_eq!(Unconfirmed::lock(&sink.unconfirmed).count, 0);
    }

    #[test]
    fn nothing_newer_is_taken_until_all_that_came_back_is_written() {
        let unready = Unready { refuses: Mutex::new(usize::MAX), written: Mutex::default() };
        let sink = LogPollSink::over(Arc::new(unready));
        let record = NewRecord {
            topic: "poll".into(),
            partition: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        sink.send(1, DeviceId::from_source("test", "one"), record).unwrap();
        for _ in 0..3 {
            assert!(!sink.send_returned());
            std::thread::sleep(AGAIN_AFTER);
        }
        assert_eq!(lock(&sink.returned).records.len(), 1);
        let error = sink.flush(Duration::from_millis(1)).unwrap_err();
        assert!(error.to_string().contains("the log does not take them"), "{error}");
    }

    #[test]
    fn a_log_that_confirms_nothing_is_given_no_more() {
        let began = Instant::now();
        let shared = Mutex::new(Unconfirmed { count: 0, since: began });
        let after = |seconds| began + Duration::from_secs(seconds);
        // However long there was nothing to confirm.
        assert!(Unconfirmed::add(&shared, after(100)));
        assert!(Unconfirmed::add(&shared, after(104)));
        assert!(!Unconfirmed::add(&shared, after(106)));
        // A failure is no confirmation.
        Unconfirmed::done(&shared, false);
        assert!(!Unconfirmed::add(&shared, after(106)));
        Unconfirmed::done(&shared, true);
        assert_eq!(Unconfirmed::lock(&shared).count, 0);
        assert!(Unconfirmed::add(&shared, after(200)));
    }
}
