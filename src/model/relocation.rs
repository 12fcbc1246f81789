//! Moving a member's data: what the two directories are on, and what was
//! copied.

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
