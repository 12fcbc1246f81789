//! What could be deleted to make room for etcd on its disk.

use std::path::PathBuf;

use super::Bytes;

/// Kinds of things that may go, the safest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FreeableKind {
    /// `member/snap/db.tmp.*` of a defragmentation that was broken off.
    LeftOver,
    /// Snapshots of ours, older than the newest.
    OldSnapshots,
    /// Logs of pods the kubelet rotated away.
    RotatedLogs,
    /// Container images no container uses.
    UnusedImages,
    /// The systemd journal beyond what it needs.
    Journal,
}

/// One thing that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeable {
    /// What kind.
    pub kind: FreeableKind,
    /// Bytes it would free on etcd's filesystem.
    pub bytes: Bytes,
    /// The files or directories, for people.
    pub paths: Vec<PathBuf>,
    /// The command that frees it.
    pub command: String,
}
