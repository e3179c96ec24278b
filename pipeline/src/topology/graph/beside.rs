//! Components beside the pipeline: what every process of a role reads, and who answers questions.

use std::sync::Arc;

use schemas::{ProbeOutcome, ProbeRequest};

use super::{Component, Context, Kind, Role, Threads, Topology};
use crate::log::{Record, Start};
use crate::run::follow::Follower;
use crate::run::probe::ProbeRunner;
use crate::run::schema_topic::SchemaTopic;
use crate::run::supervise::Runner;
use crate::run::wiring::member;
use crate::topic::Topic;

impl Topology {
    /// Adds the prober: devices are tried once, and what came of it is answered.
    #[must_use]
    pub fn prober(
        mut self,
        requests: &'static Topic<String, ProbeRequest>,
        outcomes: &'static Topic<String, ProbeOutcome>,
    ) -> Self {
        const NAME: &str = "prober";
        let build = move |context: &Context, slot: &str| {
            let Some(probing) = context.probing.clone() else {
                return Err(Context::broken(NAME, "vault"));
            };
            let spec = member(NAME, requests.name, slot);
            let schemas = SchemaTopic::new(Arc::clone(&context.log), context.schemas.clone());
            let runner = ProbeRunner::join(&context.log, &spec, outcomes, probing, schemas)?;
            Ok(Box::new(runner) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name: NAME,
            role: Role::Connect,
            kind: Kind::Collector,
            // It has one, but the system does not stand still without it: only devices are not tried.
            group: None,
            reads: vec![requests],
            writes: vec![outcomes],
            state: None,
            threads: Threads::One,
            build: Some(Arc::new(build)),
        });
        self
    }

    /// Adds what every process of a role reads from its start, beside all groups.
    #[must_use]
    pub fn follower<K: 'static, T: 'static>(
        mut self,
        name: &'static str,
        role: Role,
        topic: &'static Topic<K, T>,
        take: fn(&Context, &Record),
    ) -> Self {
        let build = move |context: &Context, _slot: &str| {
            let context = context.clone();
            let log = Arc::clone(&context.log);
            let take = Box::new(move |record: &Record| take(&context, record));
            let follower = Follower::new(log.as_ref(), name, topic.name, Start::Earliest, take)?;
            Ok(Box::new(follower) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name,
            role,
            kind: Kind::Service,
            group: None,
            reads: vec![topic],
            writes: Vec::new(),
            state: None,
            threads: Threads::One,
            build: Some(Arc::new(build)),
        });
        self
    }
}
