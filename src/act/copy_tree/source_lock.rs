//! The locks that a running etcd has on its data, held by us: while they are,
//! no etcd starts on these data, whoever puts its manifest back.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, Flock, FlockArg, OFlag, fcntl},
    libc,
};

use super::{CopyError, DATABASE, is_wal, list};

/// Held until it is dropped.
#[derive(Debug)]
pub struct SourceLock {
    _files: Vec<Flock<File>>,
}

impl SourceLock {
    /// Takes the lock of the database (flock(2), as bbolt does) and of every
    /// WAL file (both kinds: etcd takes an open-file-description lock where the
    /// kernel has them, else flock; etcd client/pkg/fileutil/lock_linux.go). A
    /// read lock keeps its write lock away, and takes no write to the disk.
    ///
    /// # Errors
    /// `Locked`; `Read`.
    pub fn take(root: &Path) -> Result<Self, CopyError> {
        let tree = list(root)?;
        let locked = |path: &&PathBuf| is_wal(path) || **path == Path::new(DATABASE);
        Self::of(tree.files.iter().filter(locked).map(|path| root.join(path)))
    }

    /// The locks of these files, a database and those of a raft log.
    ///
    /// # Errors
    /// As `take`.
    pub fn of(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, CopyError> {
        let mut files = Vec::new();
        for path in paths {
            let read = |source| CopyError::Read { path: path.clone(), offset: 0, source };
            let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits();
            let file =
                OpenOptions::new().read(true).custom_flags(flags).open(&path).map_err(read)?;
            let whole = libc::flock {
                l_type: libc::F_RDLCK as libc::c_short,
                l_whence: libc::SEEK_SET as libc::c_short,
                l_start: 0,
                l_len: 0,
                l_pid: 0,
            };
            // Kernels before 3.15 do not know these; etcd uses flock there.
            let taken = fcntl(&file, FcntlArg::F_OFD_SETLK(&whole));
            if let Err(Errno::EAGAIN | Errno::EACCES) = taken {
                return Err(CopyError::Locked { path });
            }
            let held = Flock::lock(file, FlockArg::LockExclusiveNonblock);
            files.push(held.map_err(|(_, errno)| match errno {
                Errno::EWOULDBLOCK => CopyError::Locked { path: path.clone() },
                other => read(other.into()),
            })?);
        }
        Ok(Self { _files: files })
    }
}
