//! What the coordinator asks of a store: atomic durable writes and ordered scans over numbered
//! spaces. Space 0 holds what the log knows about itself, every other one a topic.

mod btree;
mod fjall;

use std::ops::ControlFlow;

use bytes::Bytes;

pub(super) use btree::BTreeStore;
pub(super) use fjall::FjallStore;

/// A numbered space of keys.
pub(super) type Space = u64;

/// The space of the log's own facts.
pub(super) const META: Space = 0;

/// Changes that happen together or not at all.
#[derive(Debug, Default)]
pub(super) struct Write {
    pub(super) puts: Vec<(Space, Bytes, Bytes)>,
    pub(super) removes: Vec<(Space, Bytes)>,
}

impl Write {
    pub(super) fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.puts.push((space, key.into(), value.into()));
    }

    pub(super) fn remove(&mut self, space: Space, key: impl Into<Bytes>) {
        self.removes.push((space, key.into()));
    }
}

/// A store that failed: what it said. It takes no more writes after a failed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoreError(pub(super) String);

/// Called for each key and value of a scan.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8], Bytes) -> ControlFlow<()>;

/// Ordered keys and values that survive the process (or not, in memory).
pub(super) trait Store: Send + Sync {
    /// Applies all of it, on disk before this returns. Missing spaces are made.
    fn write(&self, write: Write) -> Result<(), StoreError>;

    /// Keys from `from` (with) to `to` (without) in order. A space that was never written is empty.
    fn scan(&self, space: Space, from: &[u8], to: &[u8], each: Each) -> Result<(), StoreError>;

    /// Removes keys from `from` (with) to `to` (without): most at once with the files that hold
    /// them. Gives the bytes of those that `reclaim` has still to give back.
    fn drop_range(&self, space: Space, from: &[u8], to: &[u8]) -> Result<i64, StoreError>;

    /// Gives the space of removed keys back.
    fn reclaim(&self, space: Space) -> Result<(), StoreError>;

    /// Whether writes can still be taken. Called from time to time, because a store may fail
    /// in its background and leave a writer waiting.
    fn healthy(&self) -> Result<(), StoreError>;
}
