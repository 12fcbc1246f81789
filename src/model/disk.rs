//! Filesystems as far as room for a snapshot and a new database file goes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Bytes;

/// A mounted filesystem, as `statvfs` and mountinfo tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Those of them that belong to no running defragmentation, with the bytes
    /// their removal frees.
    pub orphans: Vec<(PathBuf, Bytes)>,
    /// The directory of ours, beside this one and on the same mount, where the
    /// database file can get a second name; `None` where there can be none.
    pub undo_dir: Option<PathBuf>,
    /// Second names that runs gave to database files there, with the bytes
    /// their removal frees: none while it is the database file still.
    pub undos: Vec<(PathBuf, Bytes)>,
}

impl DataDir {
    /// What etcd needs besides its database files: its next WAL segment of
    /// 64 MB, preallocated (etcd server/storage/wal/wal.go, SegmentSizeBytes),
    /// and as much again, as a full disk kills it.
    pub const SPARE: Bytes = Bytes(128 << 20);

    /// Bytes that the removal of the orphans frees.
    #[must_use]
    pub fn freed_by_orphans(&self) -> Bytes {
        self.orphans.iter().fold(Bytes(0), |sum, (_, size)| sum.plus(*size))
    }

    /// Whether its filesystem has no room for a snapshot and a new database
    /// file beside the old one, or is nearly full.
    #[must_use]
    pub fn is_short_of_room(&self) -> bool {
        // 8 GiB is the largest database etcd advises.
        const LARGEST: Bytes = Bytes(8 << 30);
        let Filesystem { available, size, .. } = self.filesystem;
        let db_file = self.db_file.unwrap_or_default();
        let nearly_full = available.0 < size.0 / 20 && available < LARGEST;
        nearly_full || available < db_file.plus(db_file).plus(Self::SPARE)
    }
}

/// A directory that could take the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPlace {
    /// The directory; may not exist yet.
    pub directory: PathBuf,
    /// The filesystem it is (or would be) on.
    pub filesystem: Filesystem,
    /// Whether that is also the data directory's filesystem.
    pub shares_data_dir: bool,
    /// The kernel's names of the devices below it, down to the disks; empty
    /// for filesystems without one.
    pub devices: Vec<String>,
}
