//! Carries out the script and keeps the state file; the first worker runs it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use crate::config::LabConfig;
use crate::fault::{ScriptError, ScriptEvent};
use crate::noise::join;
use crate::stats::count;

use super::keeping;
use super::{LabError, Shared};

/// The state file is written at most so often.
const KEEP_EVERY_MS: u64 = 1_000;
/// Occurrences that one pass may catch up with after a stall.
const MAX_CATCH_UP: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Schedule {
    events: Vec<ScriptEvent>,
    /// Due time, event, occurrence.
    due: BinaryHeap<Reverse<(u64, usize, u64)>>,
    state_path: Option<PathBuf>,
    keep_next_ms: u64,
}

impl Schedule {
    /// Refuses events whose device does not exist.
    pub(crate) fn new(config: &LabConfig, shared: &Shared) -> Result<Self, LabError> {
        let events = config.script.clone();
        for (place, event) in events.iter().enumerate() {
            let problem = shared.select(&event.device, 0);
            let wrong = |problem| ScriptError::Event { event: place + 1, problem };
            problem.map_err(wrong)?;
        }
        let start = shared.started_ms();
        let due = events.iter().enumerate();
        let due = due.map(|(place, event)| Reverse((start.saturating_add(event.at_ms), place, 0)));
        let keep_next_ms = start + KEEP_EVERY_MS;
        let state_path = config.state_path.clone();
        if let Some(path) = &state_path {
            keeping::keep(shared, path).map_err(|error| LabError::State {
                path: path.clone(),
                problem: error.to_string(),
            })?;
        }
        Ok(Self { due: due.collect(), events, state_path, keep_next_ms })
    }

    /// When something is to be done next.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        let event = self.due.peek().map(|Reverse((due_ms, _, _))| *due_ms);
        let keep = self.state_path.as_ref().map(|_| self.keep_next_ms);
        event.into_iter().chain(keep).min()
    }

    /// Does what is due.
    pub(crate) fn run(&mut self, shared: &Shared) {
        let now_ms = shared.now_ms();
        for _ in 0..MAX_CATCH_UP {
            let Some(Reverse((due_ms, place, occurrence))) = self.due.peek().copied() else {
                break;
            };
            if due_ms > now_ms {
                break;
            }
            self.due.pop();
            let Some(event) = self.events.get(place) else { continue };
            let roll = join(place as u64, occurrence);
            let done = shared.inject(&event.device, &event.fault, event.for_ms, due_ms, roll);
            if done.is_err() {
                count(&shared.counters.script_failures);
            }
            if let Some(every_ms) = event.every_ms {
                self.due.push(Reverse((due_ms.saturating_add(every_ms), place, occurrence + 1)));
            }
        }
        if now_ms >= self.keep_next_ms {
            self.keep_next_ms = now_ms + KEEP_EVERY_MS;
            self.keep_state(shared);
        }
    }

    /// Writes the state file where something changed.
    pub(crate) fn keep_state(&mut self, shared: &Shared) {
        let Some(path) = &self.state_path else { return };
        let now_ms = shared.now_ms();
        let mut dirty = false;
        for device in &shared.devices {
            let mut state = device.lock();
            state.settle(device, now_ms);
            dirty |= std::mem::take(&mut state.dirty);
        }
        if dirty && keeping::keep(shared, path).is_err() {
            shared.counters.state_failures.fetch_add(1, Relaxed);
        }
    }
}
