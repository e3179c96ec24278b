//! What can go wrong with a device, and when: as data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::odd::Oddity;

/// Events a script may have.
pub const MAX_SCRIPT_EVENTS: usize = 10_000;

/// A script file larger than this is refused.
pub const MAX_SCRIPT_BYTES: u64 = 4 << 20;

/// A fault, or the end of one. Shares are in permille of answers; `instance` is an
/// interface's name (it stays through a renumbering), `*` for all, `?` for one that is up,
/// picked by the seed. A fault injected again replaces its predecessor of the same kind and
/// instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Answers come after `delay_ms` plus up to `jitter_ms`.
    Slow {
        /// Milliseconds before each answer.
        delay_ms: u64,
        /// Up to so many milliseconds more.
        #[serde(default)]
        jitter_ms: u64,
    },
    /// No answers at all.
    Dead,
    /// Ends [`Fault::Dead`].
    Alive,
    /// A share of the answers is lost on the way; the ledger lists them as lost.
    Loss {
        /// Share lost.
        permille: u16,
    },
    /// Silent for `down_ms`, then sysUpTime and counters from 0.
    Reboot {
        /// Silence while it restarts.
        #[serde(default)]
        down_ms: u64,
    },
    /// Counters from 0 while sysUpTime goes on.
    CounterReset {
        /// Whether ifCounterDiscontinuityTime shows it.
        #[serde(default)]
        announced: bool,
    },
    /// ifIndex values are dealt anew; names stay with their interfaces.
    Renumber,
    /// The received light changes steadily.
    OpticalDrift {
        /// Decibels per second; negative dims.
        db_per_s: f64,
        /// One transceiver by port number; all without it.
        #[serde(default)]
        instance: Option<String>,
    },
    /// Ends [`Fault::OpticalDrift`] and gives the light back.
    OpticalHeal,
    /// Traffic of an interface times `factor`, held below 95 % of its speed.
    TrafficStep {
        /// The interface.
        instance: String,
        /// From 0 to 1000.
        factor: f64,
        /// How long.
        for_ms: u64,
    },
    /// More input errors on an interface.
    ErrorBurst {
        /// The interface.
        instance: String,
        /// Errors per second.
        per_s: f64,
        /// How long.
        for_ms: u64,
    },
    /// ifOperStatus down, no traffic.
    LinkDown {
        /// The interface.
        instance: String,
        /// How long; until [`Fault::LinkUp`] without it.
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// Ends [`Fault::LinkDown`].
    LinkUp {
        /// The interface.
        instance: String,
    },
    /// A share of the answers carries another request id.
    WrongRequestId {
        /// Share.
        permille: u16,
    },
    /// A share of the answers is cut in the middle.
    Truncated {
        /// Share.
        permille: u16,
    },
    /// A share of the answers is noise.
    Garbage {
        /// Share.
        permille: u16,
    },
    /// A share of the answers comes twice.
    Duplicate {
        /// Share.
        permille: u16,
    },
    /// A share of the answers comes after `delay_ms`, the others at once.
    Late {
        /// Milliseconds.
        delay_ms: u64,
        /// Share.
        permille: u16,
    },
    /// It answers, and oddly; oddities add up.
    Odd {
        /// How.
        how: Oddity,
    },
    /// Ends all faults of answering (slow, dead, loss, wrong id, truncated, garbage,
    /// duplicate, late, odd); leaves links, counters and light.
    Clear,
}

/// A line of the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptEvent {
    /// Milliseconds after the start of the lab.
    pub at_ms: u64,
    /// Again every so many milliseconds; once without it.
    #[serde(default)]
    pub every_ms: Option<u64>,
    /// A device's name, `*` for all, `core-*` for all that start so, `?` or `?core-*` for one
    /// of those, picked by the seed and the occurrence.
    pub device: String,
    /// The fault.
    pub fault: Fault,
    /// Ends a fault of answering or a drift after so many milliseconds.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    events: Vec<ScriptEvent>,
}

/// Why a script was refused: fix it, then start again.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("{path}: {source}; give a readable file of the form {{\"events\": [...]}}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too long.
    #[error("{path}: over 4 MiB or 10000 events; use `every_ms` for what repeats")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not JSON of the right form; the source names line, column and field.
    #[error("{path}: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: serde_json::Error,
    },
    /// An event asks for something impossible.
    #[error("script event {event} (from 1): {problem}")]
    Event {
        /// Its place, from 1.
        event: usize,
        /// What is wrong and how to fix it.
        problem: FaultError,
    },
}

/// Why a fault cannot be injected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// No device of this name.
    #[error("no device matches `{device}`; there are {known}")]
    NoDevice {
        /// What was asked for.
        device: String,
        /// Some that exist.
        known: String,
    },
    /// No interface or transceiver of this name.
    #[error("{device} has no instance `{instance}`; it has {known}")]
    NoInstance {
        /// The device.
        device: String,
        /// What was asked for.
        instance: String,
        /// Some that exist.
        known: String,
    },
    /// A device whose rows come from a walk has no such thing.
    #[error("{device} plays a walk and cannot do this; use a generated device")]
    NotGenerated {
        /// The device.
        device: String,
    },
    /// A number out of range.
    #[error("{field} {value} is out of range; use {range}")]
    Range {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
        /// What it may hold.
        range: &'static str,
    },
}

impl Fault {
    /// Checks the numbers.
    pub fn check(&self) -> Result<(), FaultError> {
        const DAY_MS: u64 = 86_400_000;
        let permille = |permille: u16| {
            range("permille", f64::from(permille), 0.0, 1000.0, "0 to 1000 (of 1000 answers)")
        };
        let delay = |delay_ms: u64| {
            range("delay_ms", delay_ms as f64, 0.0, 600_000.0, "0 to 600000 milliseconds")
        };
        let lasting = |for_ms: u64| {
            range("for_ms", for_ms as f64, 1.0, (30 * DAY_MS) as f64, "1 ms to 30 days")
        };
        match self {
            Self::Slow { delay_ms, jitter_ms } => delay(*delay_ms).and(delay(*jitter_ms)),
            Self::Loss { permille: share }
            | Self::WrongRequestId { permille: share }
            | Self::Truncated { permille: share }
            | Self::Garbage { permille: share }
            | Self::Duplicate { permille: share } => permille(*share),
            Self::Late { delay_ms, permille: share } => delay(*delay_ms).and(permille(*share)),
            Self::Reboot { down_ms } => delay(*down_ms),
            Self::OpticalDrift { db_per_s, .. } => {
                range("db_per_s", *db_per_s, -100.0, 100.0, "-100 to 100")
            }
            Self::TrafficStep { factor, for_ms, .. } => {
                range("factor", *factor, 0.0, 1000.0, "0 to 1000").and(lasting(*for_ms))
            }
            Self::ErrorBurst { per_s, for_ms, .. } => {
                range("per_s", *per_s, 0.0, 1.0e6, "0 to 1000000").and(lasting(*for_ms))
            }
            Self::LinkDown { for_ms, .. } => for_ms.map_or(Ok(()), lasting),
            Self::Odd { how } => how.check(),
            Self::Dead
            | Self::Alive
            | Self::CounterReset { .. }
            | Self::Renumber
            | Self::OpticalHeal
            | Self::LinkUp { .. }
            | Self::Clear => Ok(()),
        }
    }
}

fn range(
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
    range: &'static str,
) -> Result<(), FaultError> {
    let fits = (low..=high).contains(&value);
    if fits { Ok(()) } else { Err(FaultError::Range { field, value, range }) }
}

/// Reads a script file: `{"events": [{"at_ms": 240000, "device": "core-*", "fault":
/// {"kind": "slow", "delay_ms": 800}}]}`.
pub fn read_script(path: &Path) -> Result<Vec<ScriptEvent>, ScriptError> {
    let read = |source| ScriptError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_SCRIPT_BYTES {
        return Err(ScriptError::TooLarge { path: path.to_owned() });
    }
    let text = std::fs::read(path).map_err(read)?;
    let form = |source| ScriptError::Form { path: path.to_owned(), source };
    let file: ScriptFile = serde_json::from_slice(&text).map_err(form)?;
    check_script(&file.events)?;
    if file.events.len() > MAX_SCRIPT_EVENTS {
        return Err(ScriptError::TooLarge { path: path.to_owned() });
    }
    Ok(file.events)
}

/// Checks what can be checked without the devices.
pub fn check_script(events: &[ScriptEvent]) -> Result<(), ScriptError> {
    for (place, event) in events.iter().enumerate() {
        let every = event.every_ms.map_or(Ok(()), |every_ms| {
            range("every_ms", every_ms as f64, 100.0, 1.0e12, "at least 100 milliseconds")
        });
        let problem = every.and_then(|()| event.fault.check());
        problem.map_err(|problem| ScriptError::Event { event: place + 1, problem })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.json");
        std::fs::write(&path, text).unwrap();
        let error = read_script(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn wrong_scripts_name_the_place_and_the_remedy() {
        check("{", "line 1 column 1");
        check(
            r#"{"events": [{"at_ms": 1, "device": "a", "fault": {"kind": "slo"}}]}"#,
            "unknown variant `slo`, expected one of `slow`",
        );
        check(
            r#"{"events": [{"at_ms": 1, "device": "a",
                "fault": {"kind": "slow", "delay": 1}}]}"#,
            "unknown field `delay`, expected `delay_ms` or `jitter_ms` at line 2",
        );
        check(
            r#"{"events": [{"at_ms": 1, "device": "a", "fault": {"kind": "dead"}},
                {"at_ms": 1, "device": "a", "fault": {"kind": "loss", "permille": 1001}}]}"#,
            "script event 2 (from 1): permille 1001 is out of range; use 0 to 1000",
        );
        let missing = read_script(Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(missing.starts_with("/nonexistent: "), "{missing}");
    }

    #[test]
    fn a_script_comes_back() {
        let event = ScriptEvent {
            at_ms: 240_000,
            every_ms: Some(900_000),
            device: "?acc-*".into(),
            fault: Fault::TrafficStep { instance: "?".into(), factor: 3.0, for_ms: 120_000 },
            for_ms: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("script.json");
        let text = serde_json::json!({ "events": [event] }).to_string();
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_script(&path).unwrap(), [event]);
    }
}
