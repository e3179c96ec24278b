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

use processors::{
    Following, Input, KeyOf, Processor, Relay, SourceInput, Stateless, WorkerInput, Working,
};
use schemas::{AvroRecord, Source, SourceKey};
use sinks::{SqlSink, Table};

use super::DEAD_LETTER;
use super::component::{Component, Context, Database, Kind, Outputs, Role, Threads};
use crate::log::TopicSpec;
use crate::run::outside::{Attempts, Follow, Followers, Outside, Within, Work};
use crate::run::poll::PollRunner;
use crate::run::processor::ProcessorRunner;
use crate::run::schema_topic::SchemaTopic;
use crate::run::sink::SinkRunner;
use crate::run::supervise::Runner;
use crate::run::wiring::{Pace, RunError, Wiring, member};
use crate::topic::{Carries, Key, Keyed, Named, StateOf, Topic};

/// What is found or done outside, or answered, is committed this soon: somebody waits for it.
const SHORT_COMMIT_MS: i64 = 20;
/// Between two ticks where nothing follows from time but that what changed is saved.
const SLOW_TICK_MS: i64 = 60_000;

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
        self.task(Task::PROCESSOR, within(processor), input, state, outputs)
    }

    /// The same, for outputs that somebody waits for: they are committed at once.
    #[must_use]
    pub fn processor_that_answers<P: Processor>(
        self,
        processor: P,
        input: &'static Topic<KeyOf<P>, <P::Input as Input>::Record>,
        state: &'static Topic<KeyOf<P>, StateOf<P>>,
        outputs: Outputs<P::Output>,
    ) -> Self {
        self.task(Task::ANSWERING, within(processor), input, state, outputs)
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
        let task = Task { recall: Some(recall.name), ..Task::PROCESSOR };
        self.task(task, within(processor), input, state, outputs)
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
        R::Output: Keyed + AvroRecord,
    {
        let task = Task { kind: Kind::Relay, threads: Threads::One, ..Task::PROCESSOR };
        self.task(task, within(Stateless(relay)), input, state, Outputs::to(output))
    }

    /// Adds a kind of source that lies where a process runs: a file, a port. Those processes share
    /// it whose configuration names it.
    #[must_use]
    pub fn local_source<S: Follow>(
        self,
        make: impl Fn(&Context) -> S + Send + Sync + 'static,
        definitions: &'static Topic<SourceKey, Source>,
        state: &'static Topic<SourceKey, StateOf<Following<S>>>,
        outputs: Outputs<S::Output>,
    ) -> Self
    where
        SourceInput<S>: Input<Record = Source, Key = SourceKey>,
    {
        let make = move |context: &Context| {
            let source = Arc::new(make(context));
            let followers = Followers::new(Arc::clone(&source), context.runtime.clone());
            Ok((Arc::new(Following(source)), followers))
        };
        let task = Task { local: Some(S::KIND), ..Task::outside(Kind::Source, Role::Connect) };
        self.task(task, make, definitions, state, outputs)
    }

    /// Adds a worker, which makes an attempt for each request.
    #[must_use]
    pub fn worker<W: Work>(
        self,
        role: Role,
        make: impl Fn(&Context) -> Result<W, RunError> + Send + Sync + 'static,
        requests: &'static Topic<W::Key, W::Request>,
        state: &'static Topic<W::Key, StateOf<Working<W>>>,
        outputs: Outputs<W::Outcome>,
    ) -> Self
    where
        WorkerInput<W>: Input<Record = W::Request, Key = W::Key>,
    {
        let make = move |context: &Context| {
            let work = Arc::new(make(context)?);
            let attempts = Attempts::new(Arc::clone(&work), context.runtime.clone());
            Ok((Arc::new(Working(work)), attempts))
        };
        self.task(Task::outside(Kind::Worker, role), make, requests, state, outputs)
    }

    fn task<P: Processor, O: Outside<P> + 'static>(
        mut self,
        task: Task,
        make: impl Fn(&Context) -> Result<(Arc<P>, O), RunError> + Send + Sync + 'static,
        input: &'static Topic<KeyOf<P>, <P::Input as Input>::Record>,
        state: &'static Topic<KeyOf<P>, StateOf<P>>,
        outputs: Outputs<P::Output>,
    ) -> Self {
        let Task { kind, role, threads, local, recall, commit_ms, tick_ms } = task;
        let Outputs { mut topics, route } = outputs;
        topics.extend([state as &dyn Named, &DEAD_LETTER]);
        let build = move |context: &Context, slot: &str| {
            let wiring = Wiring {
                member: member(P::NAME, input.name, slot),
                state_topic: crate::topic::shared(state.name),
                recall_topic: recall.map(crate::topic::shared),
                route: Arc::clone(&route),
            };
            let pace = Pace {
                // Only a processor has state that time could change.
                tick_ms: match context.pace.tick_ms {
                    usual if kind == Kind::Processor && usual > 0 => tick_ms.unwrap_or(usual),
                    _ => 0,
                },
                commit_ms: commit_ms.unwrap_or(context.pace.commit_ms),
                ..context.pace
            };
            let (processor, outside) = make(context)?;
            let (clock, schemas) = (context.clock.clone(), context.schemas.clone());
            let log = &context.log;
            let runner =
                ProcessorRunner::join(log, processor, outside, wiring, pace, clock, schemas)?;
            Ok(Box::new(runner) as Box<dyn Runner>)
        };
        self.components.push(Component {
            name: P::NAME,
            role,
            kind,
            group: Some(P::NAME.to_owned()),
            reads: vec![input],
            writes: topics,
            state: Some(state),
            threads,
            local,
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
            let Database { servers, log_id } = database;
            let sink = SqlSink::<T>::new(servers, log_id, topic.name, schemas.clone());
            let runner = SinkRunner::join(
                &context.log,
                member(&spec, topic.name, slot),
                sink,
                context.runtime.clone(),
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
            local: None,
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
            local: None,
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
            local: None,
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

/// What a component that writes in transactions is, apart from what it does.
struct Task {
    kind: Kind,
    role: Role,
    threads: Threads,
    /// Only where a source of this kind is declared.
    local: Option<&'static str>,
    /// The topic of the outputs that are read back after an upgrade.
    recall: Option<&'static str>,
    /// Instead of the configured time.
    commit_ms: Option<i64>,
    /// Instead of the usual time.
    tick_ms: Option<i64>,
}

impl Task {
    const PROCESSOR: Self = Self {
        kind: Kind::Processor,
        role: Role::Process,
        threads: Threads::Configured,
        local: None,
        recall: None,
        commit_ms: None,
        tick_ms: None,
    };
    const ANSWERING: Self = Self {
        threads: Threads::One,
        commit_ms: Some(SHORT_COMMIT_MS),
        tick_ms: Some(SLOW_TICK_MS),
        ..Self::PROCESSOR
    };

    const fn outside(kind: Kind, role: Role) -> Self {
        let commit_ms = Some(SHORT_COMMIT_MS);
        Self { kind, role, threads: Threads::One, commit_ms, ..Self::PROCESSOR }
    }
}

/// A processor that does nothing outside.
fn within<P: Processor>(
    processor: P,
) -> impl Fn(&Context) -> Result<(Arc<P>, Within), RunError> + Send + Sync + 'static {
    let processor = Arc::new(processor);
    move |_| Ok((Arc::clone(&processor), Within))
}
