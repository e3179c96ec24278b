//! The source and the worker, and the outside world that records what they do to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::log::embedded::Memory;
use pipeline::run::outside::{Batches, Follow, SourceError, Work};
use pipeline::topic::{StateOf, Topic};
use pipeline::topology::{Outputs, Role, SOURCE, Topology};
use processors::{Following, SourceKind, WorkerKind, Working};
use schemas::{Probe, ProbeReport, Source, SourceKey};

use crate::world::read;

/// What the source finds.
pub const ITEMS: usize = 17;

pub const ERRAND: Topic<String, Probe> = Topic::kept("errand", 1, "requests");
pub const ERRAND_DONE: Topic<String, ProbeReport> = Topic::kept("errand-done", 1, "outcomes");
pub const STATE_ERRAND: Topic<String, StateOf<Working<Errand>>> =
    Topic::compacted("state-errand", "claims");
pub const ITEM: Topic<String, ProbeReport> = Topic::kept("item", 1, "what the source found");
pub const STATE_SPRING: Topic<SourceKey, StateOf<Following<Spring>>> =
    Topic::compacted("state-spring", "cursors");

/// What was done to the outside world.
#[derive(Default)]
pub struct Beyond {
    pub attempts: Mutex<Vec<String>>,
    /// Attempts whose claim was not on the log.
    pub unclaimed: Mutex<Vec<String>>,
    pub log: Mutex<Option<Memory>>,
}

impl Beyond {
    fn attempt(&self, request: &Probe) {
        self.attempts.lock().unwrap().push(request.id.clone());
        let memory = self.log.lock().unwrap().clone().unwrap();
        let mut claims = BTreeMap::new();
        for record in read(&memory, STATE_ERRAND.name).unwrap_or_default() {
            claims.insert(record.key, record.value);
        }
        let id = format!("\"id\":\"{}\"", request.id);
        let claimed = claims.values().flatten().any(|state| {
            String::from_utf8_lossy(state)
                .split_once("\"id\":")
                .is_some_and(|(_, first)| format!("\"id\":{first}").starts_with(&id))
        });
        if !claimed && !memory.crashed() {
            self.unclaimed.lock().unwrap().push(request.id.clone());
        }
    }
}

/// Requests of one address are in order.
pub struct Errand(pub Arc<Beyond>);

impl WorkerKind for Errand {
    type Request = Probe;
    type Outcome = ProbeReport;
    type Key = String;
    const NAME: &'static str = "errand";

    fn key(request: &Probe) -> String {
        request.address.clone()
    }

    fn id(request: &Probe) -> &str {
        &request.id
    }

    fn refuse(&self, request: &Probe, why: &str) -> ProbeReport {
        outcome(request, Some(why))
    }
}

impl Work for Errand {
    const AT_ONCE: usize = 2;
    const REPEATABLE: bool = false;

    fn deadline(&self, _: &Probe) -> Duration {
        Duration::from_secs(60)
    }

    async fn attempt(&self, request: Probe) -> ProbeReport {
        self.0.attempt(&request);
        // Some rounds pass before it ends.
        for _ in 0..request.port {
            tokio::task::yield_now().await;
        }
        outcome(&request, None)
    }

    fn unknown(&self, request: &Probe, why: &str) -> ProbeReport {
        outcome(request, Some(why))
    }
}

/// Counts up; the cursor is how far.
pub struct Spring;

impl SourceKind for Spring {
    type Output = ProbeReport;
    const NAME: &'static str = "spring";
    const KIND: &'static str = "spring";

    fn withdraw(&self, cursor: &[u8]) -> Vec<ProbeReport> {
        vec![report(&format!("withdrawn at {}", String::from_utf8_lossy(cursor)), None)]
    }
}

impl Follow for Spring {
    async fn follow(
        &self,
        definition: &Source,
        out: &mut Batches<ProbeReport>,
    ) -> Result<(), SourceError> {
        let step: usize = definition.settings["step"].parse().unwrap();
        loop {
            let from = String::from_utf8_lossy(out.cursor()).parse().unwrap_or(0);
            let to = (from + step).min(ITEMS);
            if from == to {
                return std::future::pending().await;
            }
            let items = (from..to).map(|item| report(&item.to_string(), None)).collect();
            out.commit(items, to.to_string().into_bytes()).await?;
        }
    }
}

fn outcome(request: &Probe, failure: Option<&str>) -> ProbeReport {
    ProbeReport { sys_name: Some(request.address.clone()), ..report(&request.id, failure) }
}

fn report(id: &str, failure: Option<&str>) -> ProbeReport {
    ProbeReport {
        tenant: "default".to_owned(),
        id: id.to_owned(),
        at: 0,
        failure: failure.map(str::to_owned),
        steps: Vec::new(),
        sys_name: None,
        sys_descr: None,
        profile: None,
        interfaces: None,
    }
}

pub fn network(beyond: &Arc<Beyond>) -> Topology {
    let beyond = Arc::clone(beyond);
    let items = Outputs::of(vec![&ITEM], |item: &ProbeReport| ITEM.record(&"i".to_owned(), item));
    Topology::default()
        .worker(
            Role::Connect,
            move |_| Ok(Errand(Arc::clone(&beyond))),
            &ERRAND,
            &STATE_ERRAND,
            // In the order of their key.
            Outputs::of(vec![&ERRAND_DONE], |done: &ProbeReport| {
                ERRAND_DONE.record(&done.sys_name.clone().unwrap_or_default(), done)
            }),
        )
        .local_source(|_| Spring, &SOURCE, &STATE_SPRING, items)
}
