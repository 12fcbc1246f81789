//! What the data directory of an etcd that does not run shows on its disk.

use serde::{Deserialize, Serialize};

/// A stopped etcd's data, looked at without changing them. A sentence has no
/// full stop, and stands where something keeps etcd from starting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedData {
    /// No raft log at all: etcd takes the directory for a new member's.
    pub empty: bool,
    /// The filesystem is mounted read-only.
    pub read_only: bool,
    /// Nothing can be written: no block, or no inode, is left.
    pub full: Option<String>,
    /// Who holds the lock of the database or the raft log.
    pub lock: Option<String>,
    /// Damage of the raft log: file and offset.
    pub wal: Option<String>,
    /// A last record that was never written whole: etcd cuts it off itself.
    pub torn: Option<String>,
    /// Damage of the database.
    pub database: Option<String>,
    /// The database of a newer raft snapshot is missing.
    pub snap_db: Option<String>,
    /// The member's id in the raft log; 0 = not read.
    pub member_id: u64,
    /// The cluster's id in the raft log; 0 = not read.
    pub cluster_id: u64,
    /// Its own database lists this member as removed.
    pub removed: bool,
    /// The newest change of a file, seconds since the epoch; 0 = not read.
    pub newest: i64,
    /// Whether raft log and database were read to their ends; else only what
    /// leads to them was.
    pub thorough: bool,
}
