//! Filesystems as far as room for a snapshot and a new database file goes.

use std::path::PathBuf;

use super::Bytes;

/// A mounted filesystem, as `statvfs` and mountinfo tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Its kind ("ext4", "xfs", …).
    pub kind: String,
    /// Device number, equal for two paths on the same filesystem.
    pub device: u64,
    /// Total bytes.
    pub size: Bytes,
    /// Bytes an unprivileged process may still use (`f_bavail`).
    pub available: Bytes,
}

/// This node's data directory.
#[derive(Clone, Debug, PartialEq)]
pub struct DataDir {
    /// Host path.
    pub path: PathBuf,
    /// The filesystem it is on.
    pub filesystem: Filesystem,
    /// Allocated bytes below it (like `du`).
    pub used: Bytes,
    /// Size of `member/snap/db`, as a file; may be longer than `dbSize`.
    pub db_file: Option<Bytes>,
    /// Left-over `member/snap/db.tmp.*` files of an aborted (or a running)
    /// defragmentation, with their sizes.
    pub leftovers: Vec<(PathBuf, Bytes)>,
}

/// A directory that could take the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotPlace {
    /// The directory; may not exist yet.
    pub directory: PathBuf,
    /// The filesystem it is (or would be) on.
    pub filesystem: Filesystem,
    /// Whether that is also the data directory's filesystem.
    pub shares_data_dir: bool,
}
