//! Asks the log for its ends on a timer, measures how far the readers are behind, and tells the log
//! what those still need that keep their positions elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::clock::Clock;
use crate::log::{EventLog, LogError};
use crate::run::lag::{Lag, Reading};
use crate::run::supervise::{Health, Runner, State};
use crate::run::wiring::RunError;

/// Time between two questions for the ends: one to each broker for each topic.
const EVERY_MS: i64 = 2_000;
/// After this a runner at work has said where it is.
const SETTLE_MS: i64 = 300;

/// The log as the status names it.
const COMPONENT: &str = "event log";
/// What to do about a log that does not answer.
const MEND: &str = "see that its brokers run, can be reached and have room on their disks; \
                    polling and processing go on when it answers, nothing written is lost";

/// The watch over the lag of this process's readers.
pub(super) struct Watch {
    log: Arc<dyn EventLog>,
    lag: Lag,
    clock: Clock,
    /// When the ends are asked for next (steady), and when they were (steady, and since the
    /// epoch) if that is still to be measured.
    next: i64,
    asked: Option<(i64, i64)>,
    health: Health,
    /// The log does not answer, and that was said.
    silent: bool,
}

impl Watch {
    pub(super) fn new(shared: &Shared) -> Self {
        let (log, lag) = (Arc::clone(&shared.log), shared.lag.clone());
        let (clock, health) = (shared.clock.clone(), shared.health.clone());
        health.set(COMPONENT, State::Running);
        Self { log, lag, clock, next: 0, asked: None, health, silent: false }
    }

    fn ask(&mut self) -> Result<(), RunError> {
        let mut ends = BTreeMap::new();
        for topic in self.lag.topics() {
            match self.log.ends(&topic) {
                Ok(found) => {
                    ends.insert(topic, found);
                    if std::mem::replace(&mut self.silent, false) {
                        tracing::info!("the event log answers again");
                        self.health.set(COMPONENT, State::Running);
                    }
                }
                // The lag stays as it was last known.
                Err(LogError::Retry { what, error }) => {
                    metrics::counter!("opsc_log_silent_total").increment(1);
                    if !std::mem::replace(&mut self.silent, true) {
                        tracing::warn!(what, error, "the event log does not answer: {MEND}");
                        let error = format!("{what}: {error}: {MEND}");
                        self.health.set(COMPONENT, State::Waiting(error));
                    }
                    break;
                }
                Err(other) => return Err(other.into()),
            }
        }
        self.lag.ends(&ends);
        Ok(())
    }
}

impl Runner for Watch {
    fn turn(&mut self, wait: Duration) -> Result<(), RunError> {
        let now = self.clock.steady_ms();
        match self.asked {
            Some((at, wall)) if now - at >= SETTLE_MS => {
                self.lag.measure(wall, self.clock.now_ms());
                self.asked = None;
                for reading in self.lag.elsewhere() {
                    let next = reading.places.iter().map(|(number, place)| (*number, place.next));
                    self.log.done(&reading.group, &reading.topic, &next.collect());
                }
            }
            None if now >= self.next => {
                self.next = now + EVERY_MS;
                let wall = self.clock.now_ms();
                self.ask()?;
                self.asked = Some((self.clock.steady_ms(), wall));
            }
            Some(_) | None => std::thread::sleep(wait),
        }
        Ok(())
    }

    fn reading(&self) -> Option<Reading> {
        None
    }

    fn stop(self: Box<Self>) -> Result<(), RunError> {
        Ok(())
    }
}
