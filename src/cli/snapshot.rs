//! The flags of `snapshot`: a new one, a stopped etcd's data, or a check.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::quoted;

/// What to do with a snapshot.
#[derive(Clone, Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Stream a verified snapshot to PATH (`-`: stdout), or copy a stopped etcd's data
    Save {
        /// The new file; it must not exist
        #[arg(required_unless_present = "offline", conflicts_with = "offline")]
        path: Option<PathBuf>,
        /// Copy the data directory of this node's stopped etcd (or --data-dir) to this
        /// new directory: database, raft log, snapshots, with their SHA256SUMS
        #[arg(long, value_name = "DIR", conflicts_with = "member")]
        offline: Option<PathBuf>,
        /// Where its raft log is, when that is not in the data directory (default:
        /// found on this node); `none`: it is lost, copy the rest
        #[arg(long, value_name = "DIR", requires = "offline")]
        wal_dir: Option<PathBuf>,
        /// Take it from this member (default: this node's, unless its disk fails; else a
        /// follower)
        #[arg(long, value_name = "NAME")]
        member: Option<String>,
    },
    /// Check the SHA-256 and the structure of a snapshot file
    Verify {
        /// The file
        path: PathBuf,
    },
}

impl SnapshotCommand {
    /// As one would type it again.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Save { offline: Some(to), wal_dir, .. } => offline_words(to, wal_dir.as_deref()),
            Self::Save { path, member, .. } => {
                let member = member.iter().map(|name| format!(" --member {name}"));
                let path = path.as_deref().unwrap_or(Path::new("")).display();
                format!("snapshot save {path}{}", member.collect::<String>())
            }
            Self::Verify { path } => format!("snapshot verify {}", path.display()),
        }
    }
}

/// A copy of a stopped etcd's data, as one would type it.
#[must_use]
pub fn offline_words(to: &Path, wal_dir: Option<&Path>) -> String {
    let word = |path: &Path| quoted(&path.to_string_lossy());
    let wal_dir = wal_dir.map_or_else(String::new, |path| format!(" --wal-dir {}", word(path)));
    format!("snapshot save --offline {}{wal_dir}", word(to))
}
