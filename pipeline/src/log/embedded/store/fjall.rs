//! The store on disk: fjall, one keyspace per space.
//!
//! One write is one fjall batch, synced before it becomes visible. Keyspaces are made once and
//! never deleted: after an unclean end fjall 3.1.13 gives a deleted keyspace's number to a new
//! one, at a lower sequence number than the deletion's, and the start after that takes the new
//! one for deleted, with all its synced records. Old records leave with the tables that hold
//! nothing else, the rest by tombstones.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use fjall::AbstractTree;
use fjall::compaction::Leveled;
use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Each, Space, Store, StoreError, Write};

/// A segment's memtable is flushed beyond this.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
/// Beyond this, memtables of quiet spaces are flushed so that old journals can go.
const JOURNAL_BYTES: u64 = 192 * 1024 * 1024;
/// Tables are cut at this size, so that few of them hold both old records and such that stay.
const TABLE_BYTES: u64 = 16 * 1024 * 1024;
/// Removals in one batch.
const REMOVE_AT_ONCE: usize = 4_096;
/// A key after all records. Written when tables were dropped or emptied: without something newer
/// to flush, fjall would keep every journal since for ever.
const MARK: &[u8] = &[0xff; 12];
/// Threads that flush and merge.
const WORKERS: usize = 2;

pub(in super::super) struct FjallStore {
    spaces: RwLock<BTreeMap<Space, Keyspace>>,
    db: Database,
    path: PathBuf,
    min_free_bytes: u64,
    // Released last: whoever gets the lock finds the database closed.
    _lock: File,
}

impl FjallStore {
    /// Opens or creates the store in this folder; `lock` is held until it is closed.
    pub(in super::super) fn open(
        path: &Path,
        lock: File,
        cache_bytes: u64,
        min_free_bytes: u64,
    ) -> Result<Self, StoreError> {
        let folder = path.join("store");
        let db = match Self::database(&folder, cache_bytes) {
            // A power cut can tear the batch that was being written: never acknowledged, so cut.
            Err(fjall::Error::JournalRecovery(error)) => {
                tracing::warn!(?error, path = %folder.display(), "the last write was torn: cut");
                cut_last_batch(&folder).map_err(|e| failed(&fjall::Error::Io(e)))?;
                Self::database(&folder, cache_bytes)
            }
            opened => opened,
        }
        .map_err(|e| failed(&e))?;
        let mut spaces = BTreeMap::new();
        for name in db.list_keyspace_names() {
            if let Ok(space) = name.parse::<Space>() {
                spaces.insert(space, open_space(&db, space)?);
            }
        }
        Ok(Self {
            spaces: RwLock::new(spaces),
            db,
            path: path.to_owned(),
            min_free_bytes,
            _lock: lock,
        })
    }

    fn database(folder: &Path, cache_bytes: u64) -> fjall::Result<Database> {
        Database::builder(folder)
            .cache_size(cache_bytes)
            .worker_threads(WORKERS)
            .max_journaling_size(JOURNAL_BYTES)
            // Large records come compressed.
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .open()
    }

    /// Refuses while a clean stop still fits on the disk.
    fn room(&self) -> Result<(), StoreError> {
        match free_bytes(&self.path) {
            Some(free) if free < self.min_free_bytes => Err(StoreError(format!(
                "no space left on device ({free} bytes free, {} are kept in reserve)",
                self.min_free_bytes
            ))),
            Some(_) | None => Ok(()),
        }
    }

    fn space(&self, space: Space) -> Option<Keyspace> {
        self.spaces.read().unwrap_or_else(PoisonError::into_inner).get(&space).cloned()
    }

    fn make_space(&self, space: Space) -> Result<Keyspace, StoreError> {
        if let Some(keyspace) = self.space(space) {
            return Ok(keyspace);
        }
        let keyspace = open_space(&self.db, space)?;
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        Ok(spaces.entry(space).or_insert(keyspace).clone())
    }
}

fn open_space(db: &Database, space: Space) -> Result<Keyspace, StoreError> {
    db.keyspace(&space.to_string(), || {
        KeyspaceCreateOptions::default()
            .max_memtable_size(MEMTABLE_BYTES)
            .manual_journal_persist(true)
            .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES)))
            .data_block_compression_policy(CompressionPolicy::new([
                CompressionType::None,
                CompressionType::None,
                CompressionType::Lz4,
            ]))
    })
    .map_err(|e| failed(&e))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive")]
fn failed(error: &fjall::Error) -> StoreError {
    StoreError(match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) => io.to_string(),
        fjall::Error::Poisoned => "an earlier write failed, see the log".to_owned(),
        other => other.to_string(),
    })
}

/// Shortens the newest journal so that its last batch lacks its end, which recovery takes as
/// never written. Every batch is synced before the next begins, so only the last can be torn.
fn cut_last_batch(folder: &Path) -> std::io::Result<()> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number =
            path.file_name().and_then(|n| n.to_str()?.strip_suffix(".jnl")?.parse::<u64>().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(n, _)| *n < number)
        {
            newest = Some((number, path));
        }
    }
    let Some((_, path)) = newest else { return Ok(()) };
    let bytes = std::fs::read(&path)?;
    // The file is made longer than its content: zeros follow the end marker.
    if let Some(last) = bytes.iter().rposition(|b| *b != 0) {
        let file = File::options().write(true).open(&path)?;
        file.set_len(last as u64)?;
        file.sync_all()?;
    }
    Ok(())
}

impl Store for FjallStore {
    fn write(&self, write: Write) -> Result<(), StoreError> {
        self.room()?;
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        let mut last: Option<(Space, Keyspace)> = None;
        for (space, key, value) in write.puts {
            if last.as_ref().is_none_or(|(s, _)| *s != space) {
                last = Some((space, self.make_space(space)?));
            }
            if let Some((_, keyspace)) = &last {
                batch.insert(keyspace, key, value);
            }
        }
        for (space, key) in write.removes {
            if let Some(keyspace) = self.space(space) {
                batch.remove(&keyspace, key);
            }
        }
        batch.commit().map_err(|e| failed(&e))
    }

    fn scan(&self, space: Space, from: &[u8], to: &[u8], each: Each) -> Result<(), StoreError> {
        let Some(keyspace) = self.space(space) else { return Ok(()) };
        if from >= to {
            return Ok(());
        }
        for guard in keyspace.range(from..to) {
            let (key, value) = guard.into_inner().map_err(|e| failed(&e))?;
            if let ControlFlow::Break(()) = each(&key, value.into()) {
                break;
            }
        }
        Ok(())
    }

    fn drop_range(&self, space: Space, from: &[u8], to: &[u8]) -> Result<i64, StoreError> {
        let Some(keyspace) = self.space(space) else { return Ok(0) };
        keyspace.tree.drop_range(from..to).map_err(|e| failed(&fjall::Error::Storage(e)))?;
        // What shares a file with records that stay.
        let mut bytes = 0;
        let mut write = Write::default();
        for guard in keyspace.range(from..to) {
            let (key, value) = guard.into_inner().map_err(|e| failed(&e))?;
            bytes += i64::try_from(value.len()).unwrap_or(0);
            write.remove(space, key);
            if write.removes.len() >= REMOVE_AT_ONCE {
                self.write(std::mem::take(&mut write))?;
            }
        }
        write.put(space, MARK, Bytes::new());
        self.write(write)?;
        Ok(bytes)
    }

    fn reclaim(&self, space: Space) -> Result<(), StoreError> {
        let Some(keyspace) = self.space(space) else { return Ok(()) };
        self.healthy()?;
        keyspace.rotate_memtable_and_wait().map_err(|e| failed(&e))?;
        keyspace.major_compact().map_err(|e| failed(&e))?;
        let mut write = Write::default();
        write.put(space, MARK, Bytes::new());
        self.write(write)
    }

    fn healthy(&self) -> Result<(), StoreError> {
        self.db.persist(PersistMode::Buffer).map_err(|e| failed(&e))?;
        self.room()
    }
}

/// Bytes that this user can still write to the file system of `path`.
fn free_bytes(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: statvfs is plain data, for which zeros are a value.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends in a zero byte and both pointers live for the call.
    let code = unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) };
    (code == 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}
