//! Records that must be on the log before anything else happens.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::log::{LogError, NewRecord, Producer};

/// Writes the records and returns when each of them is durable.
///
/// # Errors
/// That of the first record that was not written; [`LogError::Retry`] when the time runs out:
/// some may then still be written.
pub fn write(
    producer: &dyn Producer,
    records: impl IntoIterator<Item = NewRecord>,
    within: Duration,
) -> Result<(), LogError> {
    let deadline = Instant::now() + within;
    let (done, results) = mpsc::channel();
    let mut topic = None;
    for record in records {
        topic.get_or_insert_with(|| record.topic.clone());
        let done = done.clone();
        let report = move |result: Result<(i32, i64), LogError>| {
            let _ = done.send(result);
        };
        producer.send(record, Some(Box::new(report)))?;
    }
    // The channel ends when the last record has been reported.
    drop(done);
    loop {
        match results.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => {
                result?;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(LogError::Retry {
                    what: format!("write to {}", topic.as_deref().unwrap_or_default()),
                    error: format!("it is not durable after {within:?}"),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::log::Done;

    type Answer = Option<Result<(i32, i64), LogError>>;

    /// Answers each record so, one after the other; what is left unanswered is kept.
    struct Answers(Mutex<Vec<Answer>>, Mutex<Vec<Done>>);

    impl Producer for Answers {
        fn send(&self, _: NewRecord, done: Option<Done>) -> Result<(), LogError> {
            match (self.0.lock().unwrap().remove(0), done) {
                (Some(answer), Some(done)) => done(answer),
                (None, Some(done)) => self.1.lock().unwrap().push(done),
                (_, None) => panic!("nobody would learn it"),
            }
            Ok(())
        }

        fn flush(&self, _: Duration) -> Result<(), LogError> {
            Ok(())
        }
    }

    fn check(answers: Vec<Answer>, expected: &str) {
        let record = NewRecord {
            topic: "t".into(),
            partition: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        let records = vec![record; answers.len()];
        let producer = Answers(Mutex::new(answers), Mutex::default());
        let result = write(&producer, records, Duration::from_millis(50));
        assert_eq!(result.map_or_else(|error| error.to_string(), |()| "ok".to_owned()), expected);
    }

    #[test]
    fn only_what_was_written_counts() {
        let refused = || LogError::Fatal { what: "write to t".into(), error: "no right".into() };
        check(vec![], "ok");
        check(vec![Some(Ok((0, 1))), Some(Ok((0, 2)))], "ok");
        check(vec![Some(Ok((0, 1))), Some(Err(refused()))], "write to t: no right");
        check(vec![Some(Ok((0, 1))), None], "write to t: it is not durable after 50ms");
    }
}
