//! Which settings of etcd a person wants on this master, free of flags.

use super::Bytes;

/// The wanted settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreventWishes {
    /// Mode and retention of auto-compaction; `None` leaves both alone.
    pub auto_compaction: Option<(String, String)>,
    /// The database's quota.
    pub quota: Option<Bytes>,
    /// Entries of the raft log between two snapshots of etcd's own.
    pub snapshot_count: Option<u64>,
    /// Megabytes that have to be free for a defragmentation at the start.
    pub bootstrap_defrag: Option<u32>,
    /// Probes that NOSPACE does not fail.
    pub probes: bool,
}
