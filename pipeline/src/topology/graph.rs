//! The topology as a value: components, what each reads and writes, and how each is built. What is
//! spawned in which role, the topics to create, the map, lag and health by component follow from it.
//!
//! A component on a topic of another record type does not compile:
//!
//! ```compile_fail
//! use pipeline::topology::{DEVICE, Topology};
//! Topology::default().sink::<sinks::Samples, _>(&DEVICE);
//! ```
//!
//! ```
//! use pipeline::topology::{METRIC, Topology};
//! Topology::default().sink::<sinks::Samples, _>(&METRIC);
//! ```
//!
//! Neither does a processor with another's state, or a relay into a topic that does not carry what
//! it gives:
//!
//! ```compile_fail
//! use pipeline::topology::{DEVICE, POLL, STATE_DEVICE, Topology};
//! use processors::DeviceControl;
//! Topology::default().relay(DeviceControl, &DEVICE, &STATE_DEVICE, &POLL);
//! ```
//!
//! ```compile_fail
//! use pipeline::topology::{DEVICE, METRIC, STATE_ROUTE, Topology};
//! use processors::DeviceControl;
//! Topology::default().relay(DeviceControl, &DEVICE, &STATE_ROUTE, &METRIC);
//! ```
//!
//! ```
//! use pipeline::topology::{DEVICE, POLL, STATE_ROUTE, Topology};
//! use processors::DeviceControl;
//! Topology::default().relay(DeviceControl, &DEVICE, &STATE_ROUTE, &POLL);
//! ```

mod beside;

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::Poller;
use processors::{Input, KeyOf, Processor, Relay, Stateless};
use schemas::{CodecError, SchemaStore};
use sinks::{SqlSink, Table};
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;

use super::DEAD_LETTER;
use crate::clock::Clock;
use crate::log::{EventLog, NewRecord, TopicSpec};
use crate::run::poll::PollRunner;
use crate::run::probe::Probing;
use crate::run::processor::ProcessorRunner;
use crate::run::schema_topic::SchemaTopic;
use crate::run::sink::SinkRunner;
use crate::run::supervise::Runner;
use crate::run::wiring::{Pace, Route, RunError, Wiring, member};
use crate::topic::{Carries, Key, Keyed, Named, StateOf, Topic};

/// Which processes run a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Polls devices.
    Connect,
    /// Computes.
    Process,
    /// Fills the database.
    Sink,
    /// Serves the API and the web interface.
    Api,
}

impl Role {
    /// All of them, in the order they start.
    pub const ALL: [Self; 4] = [Self::Process, Self::Sink, Self::Connect, Self::Api];

    /// As the command line names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Process => "process",
            Self::Sink => "sink",
            Self::Api => "api",
        }
    }
}

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks devices.
    Collector,
    /// Folds records into state.
    Processor,
    /// Gives records another key or topic.
    Relay,
    /// Writes rows.
    Sink,
    /// Serves people.
    Service,
}

/// What components are built from.
#[derive(Clone)]
pub struct Context {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Time.
    pub clock: Clock,
    /// Known schemas.
    pub schemas: SchemaStore,
    /// How often processors commit, save and tick.
    pub pace: Pace,
    /// This process among all, for slots.
    pub instance: String,
    /// Of sinks.
    pub database: Option<Database>,
    /// Of collectors.
    pub poller: Option<Arc<Poller>>,
    /// Of the prober.
    pub probing: Option<Probing>,
}

/// Where sinks write.
#[derive(Clone)]
pub struct Database {
    /// How to connect.
    pub options: PgConnectOptions,
    /// Whose positions are kept there.
    pub log_id: String,
    /// Runs the queries.
    pub runtime: Handle,
}

impl Context {
    fn broken(component: &str, what: &str) -> RunError {
        RunError::Broken { component: component.to_owned(), error: format!("there is no {what}") }
    }
}

/// Builds a component's runner in a slot.
pub type Build = Arc<dyn Fn(&Context, &str) -> Result<Box<dyn Runner>, RunError> + Send + Sync>;

/// How many threads of a process run a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One.
    One,
    /// `processor.threads` of the configuration.
    Configured,
}

/// One component.
#[derive(Clone)]
pub struct Component {
    /// Its name; also that of its thread, with its role before it.
    pub name: &'static str,
    /// Who runs it.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// The group whose members it is; none: it reads as it likes, or not at all.
    pub group: Option<String>,
    /// Topics that it reads.
    pub reads: Vec<&'static dyn Named>,
    /// Topics that it writes.
    pub writes: Vec<&'static dyn Named>,
    /// Where its positions and snapshots are, if they are in the log.
    pub state: Option<&'static dyn Named>,
    /// How many threads.
    pub threads: Threads,
    build: Option<Build>,
}

impl Component {
    /// Builds its runner, if it is one of threads.
    #[must_use]
    pub fn builder(&self) -> Option<Build> {
        self.build.clone()
    }
}

/// Where the outputs of a processor go.
pub struct Outputs<O> {
    topics: Vec<&'static dyn Named>,
    route: Route<O>,
}

impl<O: Keyed + schemas::AvroRecord> Outputs<O> {
    /// All of one type to one topic.
    pub fn to<T: Carries<O>>(topic: &'static Topic<O::Key, T>) -> Self {
        Self { topics: vec![topic], route: Arc::new(move |output| topic.publish(output)) }
    }
}

impl<O: 'static> Outputs<O> {
    /// Each variant to its topic.
    pub fn of(
        topics: Vec<&'static dyn Named>,
        route: fn(&O) -> Result<NewRecord, CodecError>,
    ) -> Self {
        Self { topics, route: Arc::new(route) }
    }

    /// Their names.
    pub fn topics(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.topics.iter().map(|topic| topic.name())
    }

    /// Gives an output its topic and key.
    pub fn route(&self) -> Route<O> {
        Arc::clone(&self.route)
    }
}

/// All components.
#[derive(Clone, Default)]
pub struct Topology {
    /// In the order of the map.
    pub components: Vec<Component>,
}

impl Topology {
    /// Adds a processor over its input topic, with a state topic of its own.
    #[must_use]
    pub fn processor<P: Processor>(
        self,
        processor: P,
        input: &'static Topic<KeyOf<P>, <P::Input as Input>::Record>,
        state: &'static Topic<KeyOf<P>, StateOf<P>>,
        outputs: Outputs<P::Output>,
    ) -> Self {
        self.task(Kind::Processor, Threads::Configured, processor, input, state, outputs, None)
    }

    /// The same, with the topic of the outputs that it reads back after an upgrade.
    #[must_use]
    pub fn processor_that_recalls<P: Processor>(
        self,
        processor: P,
        input: &'static Topic<KeyOf<P>, <P::Input as Input>::Record>,
        state: &'static Topic<KeyOf<P>, StateOf<P>>,
        outputs: Outputs<P::Output>,
        recall: &'static Topic<KeyOf<P>, P::Recall>,
    ) -> Self {
        let recall = Some(recall.name);
        self.task(Kind::Processor, Threads::Configured, processor, input, state, outputs, recall)
    }

    /// Adds a relay.
    #[must_use]
    pub fn relay<R: Relay, T: Carries<R::Output>>(
        self,
        relay: R,
        input: &'static Topic<KeyOf<Stateless<R>>, <R::Input as Input>::Record>,
        state: &'static Topic<KeyOf<Stateless<R>>, StateOf<Stateless<R>>>,
        output: &'static Topic<<R::Output as Keyed>::Key, T>,
    ) -> Self
    where
        R::Output: Keyed + schemas::AvroRecord,
    {
        let outputs = Outputs::to(output);
        self.task(Kind::Relay, Threads::One, Stateless(relay), input, state, outputs, None)
    }

    #[expect(clippy::too_many_arguments, reason = "the two above have them in types")]
    fn task<P: Processor>(
        mut self,
        kind: Kind,
        threads: Threads,
        processor: P,
        input: &'static Topic<KeyOf<P>, <P::Input as Input>::Record>,
        state: &'static Topic<KeyOf<P>, StateOf<P>>,
        outputs: Outputs<P::Output>,
        recall: Option<&'static str>,
    ) -> Self {
        let processor = Arc::new(processor);
        let Outputs { mut topics, route } = outputs;
        let ticks = kind != Kind::Relay;
        topics.extend([state as &dyn Named, &DEAD_LETTER]);
        let build = move |context: &Context, slot: &str| {
            let wiring = Wiring {
                member: member(P::NAME, input.name, slot),
                state_topic: crate::topic::shared(state.name),
                recall_topic: recall.map(crate::topic::shared),
                route: Arc::clone(&route),
            };
            let runner = ProcessorRunner::join(
                &context.log,
                Arc::clone(&processor),
                wiring,
                // A relay has no state that time could change.
                Pace { tick_ms: if ticks { context.pace.tick_ms } else { 0 }, ..context.pace },
                context.clock.clone(),
                context.schemas.clone(),
            )?;
            Ok(Box::new(runner) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name: P::NAME,
            role: Role::Process,
            kind,
            group: Some(P::NAME.to_owned()),
            reads: vec![input],
            writes: topics,
            state: Some(state),
            threads,
            build: Some(Arc::new(build)),
        });
        self
    }

    /// Adds a sink: a table's rows from a topic of its record type.
    #[must_use]
    pub fn sink<T: Table, K: Key>(mut self, topic: &'static Topic<K, T::Record>) -> Self {
        let group = format!("sink-{}", T::NAME);
        let spec = group.clone();
        let build = move |context: &Context, slot: &str| {
            let Some(database) = context.database.clone() else {
                return Err(Context::broken(&spec, "database"));
            };
            let schemas = context.schemas.clone();
            let Database { options, log_id, runtime } = database;
            let sink = SqlSink::<T>::new(options, log_id, topic.name, schemas.clone());
            let runner = SinkRunner::join(
                &context.log,
                member(&spec, topic.name, slot),
                sink,
                runtime,
                SchemaTopic::new(Arc::clone(&context.log), schemas),
                context.clock.clone(),
            )?;
            Ok(Box::new(runner) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name: T::NAME,
            role: Role::Sink,
            kind: Kind::Sink,
            group: Some(group),
            reads: vec![topic],
            writes: vec![&DEAD_LETTER],
            state: None,
            threads: Threads::One,
            build: Some(Arc::new(build)),
        });
        self
    }

    /// Adds the collectors of devices: what the poller is fed with, and where its polls go.
    #[must_use]
    pub fn collector(
        mut self,
        name: &'static str,
        devices: &'static Topic<schemas::DeviceId, schemas::Device>,
        polls: &'static dyn Named,
    ) -> Self {
        let build = move |context: &Context, slot: &str| {
            let Some(poller) = context.poller.clone() else {
                return Err(Context::broken(name, "poller"));
            };
            let spec = member(name, devices.name, slot);
            let runner = PollRunner::join(&context.log, &spec, poller, context.schemas.clone())?;
            Ok(Box::new(runner) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name,
            role: Role::Connect,
            kind: Kind::Collector,
            group: Some(name.to_owned()),
            reads: vec![devices],
            writes: vec![polls],
            state: None,
            threads: Threads::One,
            build: Some(Arc::new(build)),
        });
        self
    }

    /// Adds what reads and writes topics beside all groups: the API.
    #[must_use]
    pub fn service(
        mut self,
        name: &'static str,
        role: Role,
        reads: Vec<&'static dyn Named>,
        writes: Vec<&'static dyn Named>,
    ) -> Self {
        self.components.push(Component {
            name,
            role,
            kind: Kind::Service,
            group: None,
            reads,
            writes,
            state: None,
            threads: Threads::One,
            build: None,
        });
        self
    }

    /// Components of a role that are threads.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |it| it.role == role && it.build.is_some())
    }

    /// Components of a kind.
    pub fn kind(&self, kind: Kind) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |it| it.kind == kind)
    }

    /// Every topic that a component reads or writes, in the order of the components: input, state,
    /// outputs.
    pub fn topics(&self) -> Vec<&'static dyn Named> {
        let mut known = BTreeSet::new();
        let all = self.components.iter().flat_map(|it| it.reads.iter().chain(&it.writes));
        all.copied().filter(|topic| known.insert(topic.name())).collect()
    }

    /// The settings of each topic.
    pub fn specs(&self, partitions: i32) -> Vec<TopicSpec> {
        self.topics().into_iter().map(|topic| topic.spec(partitions)).collect()
    }
}
