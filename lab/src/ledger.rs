//! What the lab answered: one entry for each answer that carried a serial, written before
//! the answer leaves.
//!
//! A file holds lines of `serial address request_id unix_ms outcome`. The lines of a batch
//! go out in one append; a process killed with -9 loses none whose answer left, and at most
//! cuts the last line of a batch that never left: [`read`] skips such a line and the next
//! start takes it off. A power cut can lose what the system had not yet written (no fsync).

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use crate::config::LedgerConfig;

/// Entries that a ring may keep.
pub const MAX_RING_ENTRIES: usize = 10_000_000;
/// A line is shorter than this.
const MAX_LINE_BYTES: usize = 128;

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Sent whole.
    Sent,
    /// Sent whole, twice.
    Twice,
    /// Sent with another request id.
    WrongId,
    /// Sent cut or as noise: the serial cannot be read from it.
    Broken,
    /// Dropped by a loss fault.
    Lost,
    /// A second entry for the serial: the kernel did not take the answer after all.
    Failed,
}

impl Outcome {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Sent, "sent"),
        (Self::Twice, "twice"),
        (Self::WrongId, "wrong-id"),
        (Self::Broken, "broken"),
        (Self::Lost, "lost"),
        (Self::Failed, "failed"),
    ];

    /// Whether a collector could have taken the serial from it.
    pub const fn usable(self) -> bool {
        match self {
            Self::Sent | Self::Twice => true,
            Self::WrongId | Self::Broken | Self::Lost | Self::Failed => false,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Twice => "twice",
            Self::WrongId => "wrong-id",
            Self::Broken => "broken",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The serial.
    pub serial: u64,
    /// The agent's address.
    pub device: SocketAddrV4,
    /// The request id of the request.
    pub request_id: i32,
    /// When it was answered, Unix ms.
    pub unix_ms: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, device, request_id, unix_ms, outcome } = self;
        write!(out, "{serial} {device} {request_id} {unix_ms} {}", outcome.word())
    }
}

impl FromStr for Entry {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or(());
        let entry = Self {
            serial: word()?.parse().map_err(|_| ())?,
            device: word()?.parse().map_err(|_| ())?,
            request_id: word()?.parse().map_err(|_| ())?,
            unix_ms: word()?.parse().map_err(|_| ())?,
            outcome: {
                let name = word()?;
                Outcome::ALL.iter().find(|(_, known)| *known == name).ok_or(())?.0
            },
        };
        if words.next().is_none() { Ok(entry) } else { Err(()) }
    }
}

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened, read or written.
    #[error("ledger {path}: {source}; give a path in a writable folder with room")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A whole line is no entry: the file is something else or was edited.
    #[error(
        "ledger {path}:{line}: not `serial address:port request_id unix_ms outcome`; \
         give the file that a lab wrote, or remove it"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// The ring is too large or empty.
    #[error("ledger ring of {0} entries; use 1 to 10000000")]
    Capacity(usize),
}

/// Reads a ledger in the order it was written. A last line without its end is skipped: its
/// answer never left.
pub fn read(path: &Path) -> impl Iterator<Item = Result<Entry, LedgerError>> + use<> {
    let path = path.to_owned();
    let (mut reader, mut failed) = match File::open(&path) {
        Ok(file) => (Some(BufReader::new(file)), None),
        Err(source) => (None, Some(LedgerError::Io { path: path.clone(), source })),
    };
    let (mut text, mut line) = (Vec::new(), 0);
    std::iter::from_fn(move || {
        if let Some(error) = failed.take() {
            return Some(Err(error));
        }
        let source = reader.as_mut()?;
        text.clear();
        line += 1;
        let entry = match source.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut text) {
            Err(source) => Err(LedgerError::Io { path: path.clone(), source }),
            Ok(length) if text.last() != Some(&b'\n') && length < MAX_LINE_BYTES => return None,
            Ok(_) => {
                let entry =
                    std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok());
                entry.ok_or_else(|| LedgerError::Line { path: path.clone(), line })
            }
        };
        if entry.is_err() {
            reader = None;
        }
        Some(entry)
    })
}

#[derive(Debug)]
enum Store {
    Ring { entries: VecDeque<Entry>, capacity: usize },
    File { file: File, path: PathBuf, bytes: u64, max_bytes: u64 },
}

/// Where workers write.
#[derive(Debug)]
pub(crate) struct Ledger {
    store: Mutex<Store>,
}

impl Ledger {
    /// Opens it; with it comes the highest serial it already holds.
    pub(crate) fn open(config: &LedgerConfig) -> Result<(Self, Option<u64>), LedgerError> {
        let (store, last) = match config {
            LedgerConfig::Ring { capacity } if (1..=MAX_RING_ENTRIES).contains(capacity) => {
                (Store::Ring { entries: VecDeque::new(), capacity: *capacity }, None)
            }
            LedgerConfig::Ring { capacity } => return Err(LedgerError::Capacity(*capacity)),
            LedgerConfig::File { path, max_bytes } => {
                let (file, bytes, last) = open_file(path)?;
                (Store::File { file, path: path.clone(), bytes, max_bytes: *max_bytes }, last)
            }
        };
        Ok((Self { store: Mutex::new(store) }, last))
    }

    /// Appends all entries, or none that may be relied on: on an error the answers must not
    /// leave. `text` is room for the lines.
    pub(crate) fn append(&self, entries: &[Entry], text: &mut Vec<u8>) -> Result<(), LedgerError> {
        if entries.is_empty() {
            return Ok(());
        }
        text.clear();
        match &mut *self.store.lock().unwrap_or_else(PoisonError::into_inner) {
            Store::Ring { entries: kept, capacity } => {
                for entry in entries {
                    if kept.len() == *capacity {
                        kept.pop_front();
                    }
                    kept.push_back(*entry);
                }
                Ok(())
            }
            Store::File { file, path, bytes, max_bytes } => {
                for entry in entries {
                    put_line(text, entry);
                }
                let io = |source| LedgerError::Io { path: path.clone(), source };
                if *bytes + text.len() as u64 > *max_bytes {
                    return Err(io(std::io::ErrorKind::QuotaExceeded.into()));
                }
                if let Err(source) = file.write_all(text) {
                    // A half written batch must not glue to the next one.
                    file.set_len(*bytes).map_err(io)?;
                    return Err(io(source));
                }
                *bytes += text.len() as u64;
                Ok(())
            }
        }
    }

    /// What a ring holds; empty for a file, which [`read`] reads.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        match &*self.store.lock().unwrap_or_else(PoisonError::into_inner) {
            Store::Ring { entries, .. } => entries.iter().copied().collect(),
            Store::File { .. } => Vec::new(),
        }
    }
}

fn put_line(text: &mut Vec<u8>, entry: &Entry) {
    // A Vec takes every write.
    let _ = writeln!(text, "{entry}");
}

/// Opens for appending, takes off a cut last line, and finds the highest serial.
fn open_file(path: &Path) -> Result<(File, u64, Option<u64>), LedgerError> {
    let io = |source| LedgerError::Io { path: path.to_owned(), source };
    let mut options = File::options();
    let mut file = options.create(true).append(true).read(true).open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    // Workers append out of order by at most a batch each; the tail holds the highest.
    let tail_start = length.saturating_sub(1 << 20);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(tail_start)).map_err(io)?;
    file.read_to_end(&mut tail).map_err(io)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let kept = tail_start + whole as u64;
    if kept < length {
        file.set_len(kept).map_err(io)?;
    }
    let lines = tail[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let entries = lines.filter_map(|line| std::str::from_utf8(line).ok()?.parse::<Entry>().ok());
    let last = entries.map(|entry| entry.serial).max();
    if whole > 0 && last.is_none() {
        return Err(LedgerError::Line { path: path.to_owned(), line: 1 });
    }
    Ok((file, kept, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(serial: u64, outcome: Outcome) -> Entry {
        let device = "127.1.2.3:1161".parse().unwrap();
        Entry { serial, device, request_id: -5, unix_ms: 1_800_000_000_000, outcome }
    }

    #[test]
    fn entries_come_back_and_a_cut_line_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let config = LedgerConfig::File { path: path.clone(), max_bytes: 10_000 };
        let all: Vec<Entry> = (1u64..)
            .zip(Outcome::ALL)
            .map(|(serial, (outcome, _))| entry(serial, outcome))
            .collect();
        let (ledger, last) = Ledger::open(&config).unwrap();
        assert_eq!(last, None);
        ledger.append(&all, &mut Vec::new()).unwrap();
        drop(ledger);
        File::options().append(true).open(&path).unwrap().write_all(b"7 127.0.0.1:1").unwrap();
        let back: Vec<Entry> = read(&path).map(Result::unwrap).collect();
        assert_eq!(back, all);
        let (ledger, last) = Ledger::open(&config).unwrap();
        assert_eq!(last, Some(6));
        ledger.append(&[entry(7, Outcome::Sent)], &mut Vec::new()).unwrap();
        assert_eq!(read(&path).map(Result::unwrap).count(), 7);
    }

    #[test]
    fn a_full_ledger_refuses_and_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let config = LedgerConfig::File { path: path.clone(), max_bytes: 100 };
        let (ledger, _) = Ledger::open(&config).unwrap();
        let one = [entry(1, Outcome::Sent)];
        assert!(ledger.append(&one, &mut Vec::new()).is_ok());
        assert!(ledger.append(&one, &mut Vec::new()).is_ok());
        assert!(ledger.append(&one, &mut Vec::new()).is_err());
        assert_eq!(read(&path).filter(Result::is_ok).count(), 2);
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        std::fs::write(&path, "hello\n").unwrap();
        let error = read(&path).next().unwrap().unwrap_err().to_string();
        assert!(error.contains("ledger:1: not `serial"), "{error}");
        assert!(Ledger::open(&LedgerConfig::File { path, max_bytes: 100 }).is_err());
    }
}
