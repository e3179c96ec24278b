//! How the log is set up.

/// How the log behaves. The defaults are what production runs with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Writes are gathered this long (ms) and synced to disk together.
    pub group_commit_ms: u64,
    /// A member that was not seen for this long (ms) loses its partitions.
    pub session_timeout_ms: i64,
    /// A segment of a topic is closed at this size (bytes, compressed).
    pub segment_bytes: i64,
    /// Tombstones are kept at least this long (ms): a reader that began at the oldest record
    /// has this long to reach the end.
    pub tombstone_ms: i64,
    /// A partition is compacted when so many bytes (and as many as are alive) were added.
    pub min_dirty_bytes: i64,
    /// Time (ms) between two passes of retention and compaction; 0: only when called.
    pub housekeep_ms: u64,
    /// Writing stops when less is free on the disk (bytes), while a clean stop still fits.
    pub min_free_bytes: u64,
    /// Records are kept at most this long (ms) once every group has read them, whatever their
    /// topic says; unread ones as long as it says. None: all as long as the topic says.
    pub max_retention_ms: Option<i64>,
    /// Read cache (bytes).
    pub cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            group_commit_ms: 20,
            session_timeout_ms: 10_000,
            segment_bytes: 64 << 20,
            tombstone_ms: 86_400_000,
            min_dirty_bytes: 1 << 20,
            housekeep_ms: 60_000,
            min_free_bytes: 64 << 20,
            max_retention_ms: None,
            cache_bytes: 32 << 20,
        }
    }
}
