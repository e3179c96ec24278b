//! One "process": all components of the topology over one handle of the log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::clock::Clock;
use pipeline::config::Config;
use pipeline::log::EventLog;
use pipeline::run::schema_topic::SchemaTopic;
use pipeline::run::sink::SinkRunner;
use pipeline::run::supervise::Runner;
use pipeline::run::wiring::{Pace, RunError, member};
use pipeline::topology::{Context, Kind, Threads, topology};
use schemas::SchemaStore;

use crate::table::{ModelSink, Tables};

pub struct Process {
    /// Relays first, then processors, each in its slots.
    pub tasks: Vec<Task>,
    sinks: Vec<SinkRunner<ModelSink>>,
}

/// A relay or a processor in a slot.
pub struct Task {
    pub component: &'static str,
    pub slot: &'static str,
    runner: Box<dyn Runner>,
}

impl Task {
    /// Joins a component's group.
    pub fn join(
        context: &Context,
        component: &'static str,
        slot: &'static str,
    ) -> Result<Self, RunError> {
        let topology = topology();
        let found = topology.components.iter().find(|it| it.name == component);
        let build = found.and_then(|it| it.builder()).unwrap();
        Ok(Self { component, slot, runner: build(context, slot)? })
    }

    pub fn turn(&mut self) -> Result<(), RunError> {
        self.runner.turn(Duration::ZERO)
    }

    pub fn stop(self) -> Result<(), RunError> {
        self.runner.stop()
    }
}

/// What the components are built from.
pub fn context(
    log: &Arc<dyn EventLog>,
    pace: Pace,
    clock: &Clock,
    schemas: &SchemaStore,
    runtime: &tokio::runtime::Handle,
) -> Context {
    Context {
        log: Arc::clone(log),
        clock: clock.clone(),
        schemas: schemas.clone(),
        pace,
        instance: "one".to_owned(),
        runtime: runtime.clone(),
        config: Arc::new(Config::load(None, []).unwrap()),
        declared: BTreeSet::new(),
        database: None,
        poller: None,
        credentials: None,
    }
}

impl Process {
    pub fn start(context: &Context, tables: &Arc<Mutex<Tables>>) -> Result<Self, RunError> {
        let topology = topology();
        let mut tasks = Vec::new();
        for kind in [Kind::Relay, Kind::Processor] {
            for component in topology.kind(kind) {
                let slots: &[&str] = match component.threads {
                    Threads::One => &["one"],
                    Threads::Configured => &["one", "two"],
                };
                for slot in slots {
                    tasks.push(Task::join(context, component.name, slot)?);
                }
            }
        }
        let sinks = topology.kind(Kind::Sink).map(|sink| {
            let topic = sink.reads[0].name();
            SinkRunner::join(
                &context.log,
                member(&format!("sink-{topic}"), topic, "one"),
                ModelSink::new(topic, Arc::clone(tables)),
                context.runtime.clone(),
                SchemaTopic::new(Arc::clone(&context.log), context.schemas.clone()),
                context.clock.clone(),
            )
        });
        Ok(Self { tasks, sinks: sinks.collect::<Result<_, _>>()? })
    }

    /// One round of every runner.
    pub fn turn(&mut self) -> Result<(), RunError> {
        self.tasks.iter_mut().try_for_each(Task::turn)?;
        self.sinks.iter_mut().try_for_each(|sink| sink.turn(Duration::ZERO))
    }

    /// Ends cleanly, in the order of the records' way.
    pub fn stop(mut self) -> Result<(), RunError> {
        self.tasks.drain(..).try_for_each(Task::stop)?;
        for sink in &mut self.sinks {
            // What the processors sent last.
            for _ in 0..4 {
                sink.turn(Duration::ZERO)?;
            }
        }
        self.sinks.into_iter().try_for_each(SinkRunner::stop)
    }
}
