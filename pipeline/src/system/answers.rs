//! Answers to what this process has asked for on the log. A caller writes a request with an id of
//! its own and waits for the record that has it.
//!
//! An answer that comes too late, or that another process asked for, has no waiter here and is
//! dropped.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::PortError;
use schemas::{AvroRecord, SchemaStore};
use tokio::sync::oneshot;

use super::{Shared, StartError};
use crate::log::{EventLog, Record, Start};
use crate::run::follow::Follower;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::{Group, Runner};
use crate::run::wiring::RunError;
use crate::topic::Topic;

/// Stands for a group among the readers whose lag is shown.
const GROUP: &str = "api";

/// Who waits for which answer.
type Waiting<R> = Arc<Mutex<HashMap<String, oneshot::Sender<R>>>>;

/// Answers of one topic, keyed by the request's id. Clones are the same.
pub(super) struct Answers<R> {
    waiting: Waiting<R>,
    /// At most so many wait at once.
    most: usize,
}

impl<R> Clone for Answers<R> {
    fn clone(&self) -> Self {
        Self { waiting: Arc::clone(&self.waiting), most: self.most }
    }
}

impl<R: AvroRecord + Send> Answers<R> {
    /// Starts a thread that reads answers.
    pub(super) fn start(
        group: &mut Group,
        shared: &Arc<Shared>,
        topic: &'static Topic<String, R>,
        most: usize,
    ) -> Result<Self, StartError> {
        let (answers, shared) = (Self::new(most), Arc::clone(shared));
        let known = answers.clone();
        group
            .spawn(&format!("{GROUP} {}", topic.name), move || {
                let follower = known.follower(&shared.log, shared.schemas.clone(), topic)?;
                Ok(Box::new(follower) as Box<dyn Runner>)
            })
            .map_err(|error| StartError::machine("starting a thread", error))?;
        Ok(answers)
    }

    pub(super) fn new(most: usize) -> Self {
        Self { waiting: Waiting::default(), most }
    }

    /// What reads answers from now on.
    pub(super) fn follower(
        &self,
        log: &Arc<dyn EventLog>,
        schemas: SchemaStore,
        topic: &'static Topic<String, R>,
    ) -> Result<Follower, RunError> {
        let mut schemas = SchemaTopic::new(Arc::clone(log), schemas);
        let waiting = Arc::clone(&self.waiting);
        let take = Box::new(move |record: &Record| take(&waiting, topic, &mut schemas, record));
        Follower::new(log.as_ref(), GROUP, topic.name, Start::Latest, take)
    }

    /// Asks, and waits for the answer to `id`; none when there is none in time.
    ///
    /// # Errors
    /// [`PortError`]: of the asking, or too many wait already.
    pub(super) async fn ask(
        &self,
        id: &str,
        within: Duration,
        ask: impl Future<Output = Result<(), PortError>>,
    ) -> Result<Option<R>, PortError> {
        let (sender, answer) = oneshot::channel();
        let _place = self.wait(id, sender)?;
        let answered = async {
            ask.await?;
            answer.await.map_err(|_| PortError::Unavailable("this process ends".to_owned()))
        };
        tokio::time::timeout(within, answered).await.ok().transpose()
    }

    fn wait(&self, id: &str, sender: oneshot::Sender<R>) -> Result<Place<'_, R>, PortError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.most {
            let words = format!("{} such requests wait already; try again shortly", self.most);
            return Err(PortError::Unavailable(words));
        }
        waiting.insert(id.to_owned(), sender);
        Ok(Place { waiting: &self.waiting, id: id.to_owned() })
    }
}

/// The place of who waits, given up however that ends.
struct Place<'a, R> {
    waiting: &'a Waiting<R>,
    id: String,
}

impl<R> Drop for Place<'_, R> {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

fn take<R: AvroRecord>(
    waiting: &Waiting<R>,
    topic: &'static Topic<String, R>,
    schemas: &mut SchemaTopic,
    record: &Record,
) {
    let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let Some(key) = key else { return };
    let Some(sender) = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(key) else {
        return;
    };
    match schemas.decode(|store| topic.read(store, record)) {
        Ok(Some(answer)) => drop(sender.send(answer)),
        Ok(None) => {}
        Err(error) => tracing::warn!(topic = topic.name, %error, "an unreadable answer"),
    }
}

#[cfg(test)]
mod tests {
    use schemas::{EntityAnswer, EntityOutcome};

    use super::*;
    use crate::log::Producer;
    use crate::log::embedded::{Clock, Memory};
    use crate::topology::{ENTITY_ANSWER, topics};

    const SOON: Duration = Duration::from_secs(5);

    struct World {
        answers: Arc<Answers<EntityAnswer>>,
        producer: Arc<dyn Producer>,
        log: Arc<dyn EventLog>,
    }

    fn world(most: usize) -> World {
        let log: Arc<dyn EventLog> = Arc::new(Memory::new(Clock::system()));
        log.ensure_topics(&topics(2)).unwrap();
        let answers = Arc::new(Answers::new(most));
        World { answers, producer: log.producer("test").unwrap(), log }
    }

    impl World {
        fn answer(&self, request: &str, revision: i64) {
            let answer = EntityAnswer {
                tenant: "default".to_owned(),
                request: request.to_owned(),
                outcome: EntityOutcome::Applied,
                revision,
                problems: Vec::new(),
                at: 1,
            };
            self.producer.send(ENTITY_ANSWER.publish(&answer).unwrap(), None).unwrap();
        }

        /// Reads what is there as the thread does.
        fn read(&self) {
            let mut schemas = SchemaTopic::new(Arc::clone(&self.log), SchemaStore::new());
            let mut reader = self.log.reader(ENTITY_ANSWER.name, &[], Start::Earliest).unwrap();
            loop {
                let records = reader.poll(Duration::from_millis(200)).unwrap();
                if records.is_empty() {
                    return;
                }
                for record in records {
                    take(&self.answers.waiting, &ENTITY_ANSWER, &mut schemas, &record);
                }
            }
        }

        fn waits(&self) -> usize {
            self.answers.waiting.lock().unwrap().len()
        }
    }

    #[tokio::test]
    async fn each_gets_its_own_and_what_nobody_waits_for_is_dropped() {
        let world = world(8);
        let asked = async {
            // Written while it is asked: the waiter is registered before.
            for (request, revision) in [("other", 1), ("b", 2), ("a", 3), ("a", 4)] {
                world.answer(request, revision);
            }
            world.read();
            Ok(())
        };
        let (a, b) =
            (world.answers.ask("a", SOON, asked), world.answers.ask("b", SOON, async { Ok(()) }));
        let (b, a) = tokio::join!(b, a);
        let revision =
            |answer: Result<Option<EntityAnswer>, PortError>| answer.unwrap().unwrap().revision;
        assert_eq!((revision(a), revision(b)), (3, 2));
        assert_eq!(world.waits(), 0);
    }

    #[tokio::test]
    async fn a_place_is_given_up_however_it_ends() {
        let world = world(1);
        let none = world.answers.ask("a", Duration::from_millis(5), async { Ok(()) }).await;
        assert!(none.unwrap().is_none());
        let away = async { Err(PortError::Unavailable("away".to_owned())) };
        let failed = world.answers.ask("a", SOON, away).await.unwrap_err();
        assert_eq!(failed.to_string(), "away");
        assert_eq!(world.waits(), 0);
        let full = async {
            let other = world.answers.ask("b", SOON, async { Ok(()) }).await.unwrap_err();
            assert!(other.to_string().contains("1 such requests wait already"), "{other}");
            world.answer("a", 1);
            world.read();
            Ok(())
        };
        assert!(world.answers.ask("a", SOON, full).await.unwrap().is_some());
    }
}
