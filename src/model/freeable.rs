//! What could be deleted to make room for etcd on its disk.

use std::{fmt, path::PathBuf};

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
    /// Old database files of ours, from before a defragmentation.
    OldDatabase,
}

impl FreeableKind {
    /// The kind as one stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LeftOver => "left_over",
            Self::OldSnapshots => "old_snapshots",
            Self::RotatedLogs => "rotated_logs",
            Self::UnusedImages => "unused_images",
            Self::Journal => "journal",
            Self::OldDatabase => "old_database",
        }
    }
}

/// One thing that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeable {
    /// What kind.
    pub kind: FreeableKind,
    /// Bytes it would free on etcd's filesystem.
    pub bytes: Bytes,
    /// The largest files, or the names of the images, for people; bounded.
    pub paths: Vec<PathBuf>,
    /// The command that frees it.
    pub command: String,
    /// Another command, should that program not be installed.
    pub otherwise: Option<String>,
}

/// "33.0 MiB, rotated pod logs: `find ...`"
impl fmt::Display for Freeable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: `{}`", self.bytes, self.kind, self.command)?;
        self.otherwise.iter().try_for_each(|otherwise| write!(f, " (or `{otherwise}`)"))
    }
}

impl fmt::Display for FreeableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeftOver => "left over from a broken-off defragmentation",
            Self::OldSnapshots => "older snapshots of etcd-rescue (the newest one stays)",
            Self::RotatedLogs => "rotated pod logs",
            Self::UnusedImages => "images that no container uses",
            Self::Journal => "old entries of the systemd journal",
            Self::OldDatabase => {
                "old database files that etcd-rescue kept to undo a defragmentation"
            }
        })
    }
}
