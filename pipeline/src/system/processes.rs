//! The processes of the system, as they publish themselves to the topic `process-status`.
//!
//! Time is the log's append time, as in [`super::parts`].

use std::collections::BTreeMap;

use schemas::ProcessStatus;

/// Who has written nothing for so long is gone.
pub(super) const GONE_MS: i64 = 30_000;
/// A process that ended in order is shown for so long.
const ENDED_MS: i64 = 600_000;
/// Most processes that are remembered: those that wrote last.
const MAX_PROCESSES: usize = 1_024;

/// [`ProcessStatus::state`] of a process that runs, that was asked to end, that has ended in order,
/// and that has ended because a component failed.
pub(super) const RUNNING: &str = "running";
pub(super) const STOPPING: &str = "stopping";
pub(super) const ENDED: &str = "ended";
pub(super) const FAILED: &str = "failed";

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It writes, and was not asked to end.
    Running,
    /// It writes, and was asked to end.
    Stopping,
    /// It said that it ended in order.
    Ended,
    /// It said that a component made it end.
    Failed,
    /// It writes no more, and has not said why.
    Gone,
}

impl Life {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Running => RUNNING,
            Self::Stopping => STOPPING,
            Self::Ended => ENDED,
            Self::Failed => FAILED,
            Self::Gone => "gone",
        }
    }

    /// Whether what it says of itself is so now.
    pub(super) const fn lives(self) -> bool {
        matches!(self, Self::Running | Self::Stopping)
    }
}

/// A process as it was seen last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) status: ProcessStatus,
    /// When it wrote last, ms since the epoch by the log's clock.
    pub(super) seen_ms: i64,
    pub(super) life: Life,
}

/// All processes by instance.
#[derive(Default)]
pub(super) struct Processes {
    known: BTreeMap<String, (ProcessStatus, i64)>,
    /// For how long a process that is gone, or has failed, is shown.
    keep_gone_ms: i64,
}

impl Processes {
    pub(super) fn new(keep_gone_ms: i64) -> Self {
        Self { known: BTreeMap::new(), keep_gone_ms }
    }

    /// What a process wrote, appended at `at_ms`.
    pub(super) fn put(&mut self, status: ProcessStatus, at_ms: i64) {
        self.known.insert(status.instance.clone(), (status, at_ms));
        if self.known.len() > MAX_PROCESSES {
            let oldest = self.known.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.known.remove(&oldest);
            }
        }
    }

    pub(super) fn remove(&mut self, instance: &str) {
        self.known.remove(instance);
    }

    /// Those that are shown, as of `now_ms`.
    pub(super) fn shown(&self, now_ms: i64) -> Vec<Process> {
        let of = |(status, seen_ms): &(ProcessStatus, i64)| {
            let life = life(status, *seen_ms, now_ms);
            Process { status: status.clone(), seen_ms: *seen_ms, life }
        };
        let shown = self.known.values().filter(|it| !self.is_over(it, now_ms));
        shown.map(of).collect()
    }

    /// Those that are shown no more, as of `now_ms`: their records may leave the topic.
    pub(super) fn over(&self, now_ms: i64) -> Vec<String> {
        let over = self.known.iter().filter(|(_, it)| self.is_over(it, now_ms));
        over.map(|(instance, _)| instance.clone()).collect()
    }

    fn is_over(&self, (status, seen_ms): &(ProcessStatus, i64), now_ms: i64) -> bool {
        let age_ms = now_ms - seen_ms;
        match life(status, *seen_ms, now_ms) {
            Life::Running | Life::Stopping => false,
            Life::Ended => age_ms >= ENDED_MS,
            Life::Failed | Life::Gone => age_ms >= self.keep_gone_ms,
        }
    }
}

fn life(status: &ProcessStatus, seen_ms: i64, now_ms: i64) -> Life {
    match status.state.as_str() {
        ENDED => Life::Ended,
        FAILED => Life::Failed,
        _ if now_ms - seen_ms >= GONE_MS => Life::Gone,
        STOPPING => Life::Stopping,
        _ => Life::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(instance: &str, state: &str) -> ProcessStatus {
        ProcessStatus {
            instance: instance.to_owned(),
            version: String::new(),
            started_at: 0,
            at: 0,
            components: Vec::new(),
            reads: Vec::new(),
            state: state.to_owned(),
            roles: Vec::new(),
            host: String::new(),
            warnings: Vec::new(),
            figures: Vec::new(),
        }
    }

    #[test]
    fn who_dies_is_gone_and_who_ends_has_ended_each_for_its_time() {
        let mut processes = Processes::new(100_000);
        processes.put(status("dies", RUNNING), 0);
        processes.put(status("ends", STOPPING), 0);
        let shown = |processes: &Processes, now_ms| {
            let of = |it: Process| format!("{} {}", it.status.instance, it.life.name());
            processes.shown(now_ms).into_iter().map(of).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(shown(&processes, 29_999), "dies running, ends stopping");
        processes.put(status("ends", ENDED), 29_999);
        assert_eq!(shown(&processes, 30_000), "dies gone, ends ended");
        assert_eq!(shown(&processes, 99_999), "dies gone, ends ended");
        assert_eq!(shown(&processes, 100_000), "ends ended");
        assert_eq!(processes.over(100_000), ["dies"]);
        assert_eq!(processes.over(29_999 + 600_000), ["dies", "ends"]);
        // It comes back.
        processes.put(status("dies", RUNNING), 150_000);
        assert_eq!(shown(&processes, 150_001), "dies running, ends ended");
    }

    #[test]
    fn so_many_are_remembered() {
        let mut processes = Processes::new(1_000_000);
        for at_ms in 0..2_000 {
            processes.put(status(&format!("{at_ms}"), RUNNING), at_ms);
        }
        let shown = processes.shown(2_000);
        assert_eq!(shown.len(), MAX_PROCESSES);
        assert!(shown.iter().all(|it| it.seen_ms >= 976));
    }
}
