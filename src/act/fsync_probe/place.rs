//! Whether a load may be put here, and the file for it: one without a name,
//! gone with the process that opened it, never below `member/`.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    fcntl::OFlag,
    sys::{
        statfs::statfs,
        statvfs::{FsFlags, statvfs},
    },
};

use crate::{
    model::{Bytes, diagnosis::PlaceRole},
    sys::statvfs::{Room, room},
};

/// Room that must be left: etcd stops for good when it has none.
const LEAST_ROOM: u64 = 1 << 30;
/// And so many percent of the whole.
const LEAST_PERCENT: u64 = 5;

/// Filesystems whose sync says nothing of a disk, by the magic number of
/// linux/magic.h (the last three: statfs(2)).
const STRANGE: [(i64, &str); 9] = [
    (0x0102_1994, "tmpfs, which is memory"),
    (0x8584_58f6, "ramfs, which is memory"),
    (0x794c_7630, "an overlay: not where etcd's own files are"),
    (0x6969, "NFS: the server's disk is measured there"),
    (0x0102_1997, "9p: the host's disk is measured there"),
    (0x7371_7368, "squashfs, which is read-only"),
    (0x00c3_6400, "CephFS: its disks are elsewhere"),
    (0xff53_4d42, "CIFS: the server's disk is measured there"),
    (0xfe53_4d42, "SMB: the server's disk is measured there"),
];

/// Whether a load may be put into this directory of etcd; so many bytes must
/// be free, or 1 GiB and some percent.
///
/// # Errors
/// Why not, in a sentence.
pub fn fit(directory: &Path, role: PlaceRole, least: Option<Bytes>) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", directory.display());
    let device = fs::metadata(directory).map_err(|error| failed(&error))?.dev();
    // In a data directory the WAL may be a mount of its own: only there could
    // it be measured, and nothing of ours goes below `member`.
    let wal = directory.join("member/wal");
    if role == PlaceRole::DataDir
        && let Ok(meta) = fs::metadata(&wal)
        && meta.dev() != device
    {
        return Err(format!(
            "{} is on another filesystem than {}, and nothing of ours is put below member/",
            wal.display(),
            directory.display()
        ));
    }
    let kind = statfs(directory).map_err(|error| failed(&error))?.filesystem_type().0;
    #[allow(clippy::unnecessary_cast, reason = "32 bits wide on some platforms")]
    let kind = kind as i64;
    if let Some((_, what)) = STRANGE.iter().find(|(magic, _)| *magic == kind) {
        return Err(format!("{} is on {what}", directory.display()));
    }
    let flags = statvfs(directory).map_err(|error| failed(&error))?.flags();
    if flags.contains(FsFlags::ST_RDONLY) {
        return Err(format!("the filesystem of {} is read-only", directory.display()));
    }
    let room = room(directory).map_err(|error| failed(&error))?;
    match least {
        Some(least) if room.available >= least => Ok(()),
        _ => enough(room),
    }
}

fn enough(room: Room) -> Result<(), String> {
    let Room { size: Bytes(size), available } = room;
    let least = LEAST_ROOM.max(size / 100 * LEAST_PERCENT);
    if available.0 >= least {
        return Ok(());
    }
    Err(format!(
        "only {available} are free on etcd's filesystem: the probe wants {} to stay clear of a \
         full disk",
        Bytes(least)
    ))
}

/// A file that no directory names, where the filesystem can do that; else one
/// whose name is taken away at once.
///
/// # Errors
/// The kernel's words.
pub fn unnamed_file(directory: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    let unnamed = options.clone().custom_flags(OFlag::O_TMPFILE.bits()).open(directory);
    unnamed.or_else(|_not_here| {
        let path = directory.join(format!(".etcd-rescue-probe.{}", std::process::id()));
        let file = options.create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_no_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = unnamed_file(dir.path()).expect("a file");
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
        assert_eq!(file.metadata().expect("open").nlink(), 0);
        assert_eq!(file.metadata().expect("open").mode() & 0o777, 0o600);
    }

    #[test]
    fn a_nearly_full_disk_is_left_alone() {
        const GIB: u64 = 1 << 30;
        let of = |size, available| enough(Room { size: Bytes(size), available: Bytes(available) });
        assert_eq!(of(10 * GIB, 2 * GIB), Ok(()));
        assert!(of(10 * GIB, GIB - 1).expect_err("too little").contains("1.0 GiB"));
        assert!(of(100 * GIB, 4 * GIB).expect_err("too little").contains("5.0 GiB"));
    }

    #[test]
    fn memory_is_no_disk() {
        if let Err(why) = fit(Path::new("/dev/shm"), PlaceRole::DataDir, None) {
            assert!(why.contains("tmpfs") || why.contains("/dev/shm"), "{why}");
        }
        assert!(fit(Path::new("/nowhere"), PlaceRole::WalDir, None).is_err());
    }
}
