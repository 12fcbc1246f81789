//! Size and free room of a filesystem, by `statvfs(3)`.

use std::{io, path::Path};

use crate::model::Bytes;

/// Room of a filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Total bytes (`f_blocks`).
    pub size: Bytes,
    /// Bytes an unprivileged process may still use (`f_bavail`); etcd runs as
    /// root in most clusters and could use the reserve too.
    pub available: Bytes,
}

/// The room of the filesystem that holds `path`, which must exist.
///
/// # Errors
/// The kernel's words.
pub fn room(path: &Path) -> io::Result<Room> {
    let stat = nix::sys::statvfs::statvfs(path)?;
    // POSIX counts both in units of f_frsize, which is 0 on some old FUSE
    // filesystems.
    let unit = match stat.fragment_size() {
        0 => stat.block_size(),
        unit => unit,
    };
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(unit));
    Ok(Room { size: bytes(stat.blocks()), available: bytes(stat.blocks_available()) })
}
