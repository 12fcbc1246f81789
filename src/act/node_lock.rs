//! One rescue at a time on a node.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::model::Timestamp;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};
use thiserror::Error;

use crate::sys::proc_stat::Stat;

/// /run is root's own and gone after a reboot.
const PATH: &str = "/run/etcd-rescue.lock";

/// No holder of ours writes more bytes into it.
const LONGEST: u64 = 8192;

/// Held while this process may change the cluster; the kernel releases it when
/// the process ends in any way, so a stale file is no lock.
#[derive(Debug)]
pub struct NodeLock {
    file: Flock<File>,
}

/// Why the lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another rescue runs.
    #[error("another etcd-rescue is at work on this node ({0})")]
    Held(LockHolder),
    /// The file could not be opened or locked.
    #[error("cannot lock {PATH}: {0}")]
    Io(#[from] io::Error),
}

/// Who holds the lock, by its own words in the file; the file of an older
/// release has only the pid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// Its pid; `None` when the file does not say.
    pub pid: Option<i32>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its command line, without secrets.
    pub command: Option<String>,
    /// Whether it is stopped, as by Ctrl-Z (state T of proc_pid_stat(5)).
    pub stopped: bool,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}")?,
            None => f.write_str("its pid is not known")?,
        }
        if let Some(since) = self.since {
            write!(f, ", since {}", since.strftime("%Y-%m-%d %H:%M:%S UTC"))?;
        }
        if let Some(command) = &self.command {
            write!(f, ": `{command}`")?;
        }
        if self.stopped { f.write_str("; it is stopped, as by Ctrl-Z") } else { Ok(()) }
    }
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
        let mut words = Vec::new();
        Read::by_ref(&mut file).take(LONGEST).read_to_end(&mut words)?;
        let file =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(
                |(_, error)| match error {
                    Errno::EWOULDBLOCK => LockError::Held(holder(&String::from_utf8_lossy(&words))),
                    other => LockError::Io(other.into()),
                },
            )?;
        let mut lock = NodeLock { file };
        lock.write("")?;
        Ok(lock)
    }

    /// Tells others what runs: `command` is the command line, without secrets.
    pub fn describe(&mut self, command: &str) {
        // It is held all the same.
        let _ = self.write(command);
    }

    fn write(&mut self, command: &str) -> io::Result<()> {
        let text = format!("{}\n{}\n{command}\n", std::process::id(), Timestamp::now());
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

/// Reads what a holder wrote, and looks whether it is stopped. Any text is
/// taken: a process without our manners may have written it.
#[must_use]
pub fn holder(words: &str) -> LockHolder {
    let mut lines = words.lines();
    let mut next = || lines.next().map(str::trim).filter(|line| !line.is_empty());
    let pid: Option<i32> = next().and_then(|pid| pid.parse().ok());
    let since = next().and_then(|since| since.parse().ok());
    let command = next().map(str::to_owned);
    let state = pid.and_then(|pid| Stat::of(Path::new("/proc"), pid)).map(|stat| stat.state);
    LockHolder { pid, since, command, stopped: state == Some('T') }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_rescue_is_told_who_holds_it() -> Result<(), LockError> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("lock");
        std::fs::write(&path, "4711\nleft by a killed run\n")?;
        let mut held = NodeLock::take_at(&path)?;
        held.describe("etcd-rescue recover --snapshot-dir /backup");
        let second = NodeLock::take_at(&path);
        let Err(LockError::Held(holder)) = &second else { panic!("{second:?}") };
        assert_eq!(holder.pid, Some(std::process::id().cast_signed()));
        assert!(holder.since.is_some() && !holder.stopped);
        let text = second.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.ends_with("UTC: `etcd-rescue recover --snapshot-dir /backup`)"), "{text}");
        drop(held);
        NodeLock::take_at(&path).map(drop)
    }

    #[test]
    fn a_stopped_holder_is_seen() -> io::Result<()> {
        use nix::sys::{signal, wait};
        let mut child = std::process::Command::new("sleep").arg("60").spawn()?;
        let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
        let words = format!("{pid}\n");
        assert!(!holder(&words).stopped);
        signal::kill(pid, signal::Signal::SIGSTOP)?;
        wait::waitpid(pid, Some(wait::WaitPidFlag::WUNTRACED))?;
        let stopped = holder(&words);
        child.kill()?;
        child.wait()?;
        assert!(stopped.stopped);
        assert_eq!(stopped.to_string(), format!("pid {pid}; it is stopped, as by Ctrl-Z"));
        Ok(())
    }

    #[test]
    fn a_file_that_cannot_be_had_is_nobody_s_lock() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let taken = NodeLock::take_at(dir.path());
        assert!(matches!(taken, Err(LockError::Io(_))), "{taken:?}");
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_can_be_in_the_file(text in "(?s).{0,200}") {
            let _ = holder(&text).to_string();
        }
    }
}
