//! One rescue at a time on a node.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};
use thiserror::Error;

/// /run is root's own and gone after a reboot.
const PATH: &str = "/run/etcd-rescue.lock";

/// Held while this process may change the cluster; the kernel releases it when
/// the process ends in any way, so a stale file is no lock.
#[derive(Debug)]
pub struct NodeLock {
    _file: Flock<File>,
}

/// Why the lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another rescue runs; its pid as it wrote it.
    #[error("another etcd-rescue is at work on this node (pid {0})")]
    Held(String),
    /// The file could not be opened or locked.
    #[error("cannot lock {PATH}: {0}")]
    Io(#[from] io::Error),
}

impl NodeLock {
    /// Takes the lock or says who holds it.
    ///
    /// # Errors
    /// `Held` or the system's.
    pub fn take() -> Result<NodeLock, LockError> {
        Self::take_at(Path::new(PATH))
    }

    fn take_at(path: &Path) -> Result<NodeLock, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(path)?;
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
            |(_, error)| match error {
                Errno::EWOULDBLOCK => LockError::Held(holder.trim().to_owned()),
                other => LockError::Io(other.into()),
            },
        )?;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(NodeLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_rescue_is_told_who_holds_it() -> Result<(), LockError> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("lock");
        std::fs::write(&path, "4711 left by a killed run\n")?;
        let held = NodeLock::take_at(&path)?;
        let second = NodeLock::take_at(&path);
        assert!(
            matches!(&second, Err(LockError::Held(pid)) if *pid == std::process::id().to_string()),
            "{second:?}"
        );
        drop(held);
        NodeLock::take_at(&path).map(drop)
    }

    #[test]
    fn a_file_that_cannot_be_had_is_nobody_s_lock() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let taken = NodeLock::take_at(dir.path());
        assert!(matches!(taken, Err(LockError::Io(_))), "{taken:?}");
        Ok(())
    }
}
