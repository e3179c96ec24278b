//! One "process": all runners over one handle of the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::clock::Clock;
use pipeline::log::EventLog;
use pipeline::run::processor::ProcessorRunner;
use pipeline::run::route::RouteRunner;
use pipeline::run::schema_topic::SchemaTopic;
use pipeline::run::sink::SinkRunner;
use pipeline::run::wiring::{Pace, RunError, Wiring, member};
use pipeline::topic::shared;
use pipeline::topology::{ANOMALY, DEVICE, POLL, STATE_DEVICE, route, sunk};
use processors::{DeviceChain, Processor};
use schemas::SchemaStore;

use crate::table::{ModelSink, Tables};

pub struct Process {
    pub chains: Vec<ProcessorRunner<DeviceChain>>,
    route: RouteRunner,
    sinks: Vec<SinkRunner<ModelSink>>,
}

/// Joins a device chain task.
pub fn chain(
    log: &Arc<dyn EventLog>,
    slot: &str,
    pace: Pace,
    clock: &Clock,
    schemas: &SchemaStore,
) -> Result<ProcessorRunner<DeviceChain>, RunError> {
    let wiring = Wiring {
        member: member(DeviceChain::NAME, POLL.name, slot),
        state_topic: shared(STATE_DEVICE.name),
        told_topic: shared(ANOMALY.name),
        route,
    };
    let chain = Arc::new(DeviceChain::default());
    ProcessorRunner::join(log, chain, wiring, pace, clock.clone(), schemas.clone())
}

impl Process {
    pub fn start(
        log: &Arc<dyn EventLog>,
        pace: Pace,
        clock: &Clock,
        schemas: &SchemaStore,
        tables: &Arc<Mutex<Tables>>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, RunError> {
        let sinks = sunk().into_iter().map(|topic| {
            SinkRunner::join(
                log,
                member(&format!("sink-{topic}"), topic, "one"),
                ModelSink::new(topic, Arc::clone(tables)),
                runtime.clone(),
                SchemaTopic::new(Arc::clone(log), schemas.clone()),
                clock.clone(),
            )
        });
        Ok(Self {
            chains: ["one", "two"]
                .iter()
                .map(|slot| chain(log, slot, pace, clock, schemas))
                .collect::<Result<_, _>>()?,
            route: RouteRunner::join(
                log,
                &member("route", DEVICE.name, "one"),
                clock.clone(),
                schemas.clone(),
            )?,
            sinks: sinks.collect::<Result<_, _>>()?,
        })
    }

    /// One round of every runner.
    pub fn turn(&mut self) -> Result<(), RunError> {
        self.route.turn(Duration::ZERO)?;
        for chain in &mut self.chains {
            chain.turn(Duration::ZERO)?;
        }
        for sink in &mut self.sinks {
            sink.turn(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Ends cleanly, sources first.
    pub fn stop(mut self) -> Result<(), RunError> {
        self.route.stop()?;
        for chain in self.chains.drain(..) {
            chain.stop()?;
        }
        for sink in &mut self.sinks {
            // What the chains sent last.
            for _ in 0..4 {
                sink.turn(Duration::ZERO)?;
            }
        }
        self.sinks.into_iter().try_for_each(SinkRunner::stop)
    }
}
