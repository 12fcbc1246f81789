//! Moving a member's data: what the two directories are on, what was copied,
//! and the record of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Bytes, Filesystem};

/// A directory that is to take, or holds, a data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// Host path, without symlinks.
    pub directory: PathBuf,
    /// The filesystem it is (or would be) on.
    pub filesystem: Filesystem,
    /// `st_dev` of it, or of its parent while it is missing.
    pub device: u64,
    /// What was mounted ("/dev/sdb1").
    pub source: PathBuf,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// The disks at the bottom ("sda"); empty without any.
    pub disks: Vec<String>,
    /// Why there is no disk ("tmpfs is memory, not a disk").
    pub no_disk: Option<String>,
}

/// The target of a relocation beside the data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelocationTarget {
    /// Where the data go.
    pub target: Ground,
    /// Whether it has to be made.
    pub missing: bool,
    /// What is in it, without `lost+found`; some names.
    pub entries: Vec<String>,
    /// Where the data are.
    pub data: Ground,
    /// Bytes that the data take.
    pub used: Bytes,
    /// Size of `member/snap/db`.
    pub db_file: Option<Bytes>,
    /// What mounts the target at the next boot ("/etc/fstab").
    pub mounted_by: Option<String>,
    /// The UUID of its filesystem.
    pub uuid: Option<String>,
}

/// What a copy of a data directory came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Bytes of all files.
    pub bytes: Bytes,
    /// How many files.
    pub files: u64,
}

/// A file of the raft log as it was copied: a member that wrote since then has
/// another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Path below the data directory.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

/// Where the record of a relocation is, from its beginning until the old data
/// are removed.
pub const RELOCATION: &str = "/var/lib/etcd-rescue/relocation.json";

/// A relocation: what another run has to know that cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relocation {
    /// The data directory before, host path.
    pub from: PathBuf,
    /// The data directory to be, host path.
    pub to: PathBuf,
    /// Where the filesystem of `to` is mounted: after a reboot it may not be,
    /// and the same path is on another disk.
    pub mount_point: PathBuf,
    /// The member's name.
    pub member: String,
    /// Its id, hex.
    pub member_id: String,
    /// Whether `to` was made, and goes with a copy that is taken back.
    pub made: bool,
    /// What lay right below `from`: all that a copy puts below `to`.
    pub names: Vec<String>,
    /// The raft log as it was copied; empty until the copy is proven.
    pub wal: Vec<Fingerprint>,
    /// How much was copied.
    pub copied: Copied,
    /// How long the copy took, milliseconds.
    pub copy_ms: u64,
    /// Whether an etcd may have been started on `to`: set before it is.
    pub started: bool,
    /// Whether what the member wrote on `to` is in `from` again, on the way
    /// back: set before the old manifest has its place.
    #[serde(default)]
    pub came_back: bool,
    /// Whether it ended well.
    pub done: bool,
}
