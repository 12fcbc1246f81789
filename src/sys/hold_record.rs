//! The record of which kubelet a rescue stopped, so that another run can tell
//! it from one that somebody else stopped. Written by the guardian before it
//! stops the kubelet, removed after it let it go. Owns the file, not the hold.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};

use super::kubelet::Identity;

/// /run is root's own and gone after a reboot, as the stop is.
const DIRECTORY: &str = "/run/etcd-rescue";
const PATH: &str = "/run/etcd-rescue/kubelet-hold.json";
/// What is written before it takes its name.
const NEW: &str = "/run/etcd-rescue/kubelet-hold.json.new";

/// Who stopped which kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRecord {
    /// Pid of the kubelet.
    pub pid: i32,
    /// Its start time, clock ticks since boot.
    pub start_time: u64,
    /// Pid of the guardian.
    pub guardian: i32,
    /// The guardian's start time.
    pub guardian_start_time: u64,
}

impl HoldRecord {
    /// The record, when there is a readable one of root's.
    #[must_use]
    pub fn read() -> Option<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits())
            .open(PATH)
            .ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file() || found.uid() != nix::unistd::geteuid().as_raw() {
            return None;
        }
        let mut text = String::new();
        file.take(4096).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Puts it in the place of the one before, in a private directory.
    ///
    /// # Errors
    /// The system's; `InvalidData` when the directory is not ours.
    pub fn write(&self) -> io::Result<()> {
        private_directory()?;
        // Of a guardian that was killed between the two steps.
        let _ = fs::remove_file(NEW);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(NEW)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        fs::rename(NEW, PATH)
    }

    /// The kubelet it names.
    #[must_use]
    pub fn kubelet(&self) -> Identity {
        Identity { pid: self.pid, start_time: self.start_time }
    }

    /// The guardian that wrote it.
    #[must_use]
    pub fn guardian(&self) -> Identity {
        Identity { pid: self.guardian, start_time: self.guardian_start_time }
    }

    /// Takes the record away; that there is none is fine.
    pub fn remove() {
        // It is gone, or /run is beyond repair: the kubelet's own state tells.
        let _ = fs::remove_file(PATH);
        let _ = fs::remove_dir(DIRECTORY);
    }
}

/// The directory, closed to everybody else.
fn private_directory() -> io::Result<()> {
    let directory = Path::new(DIRECTORY);
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = directory.symlink_metadata()?;
    let ours = found.is_dir()
        && found.uid() == nix::unistd::geteuid().as_raw()
        && found.mode() & 0o022 == 0;
    if ours {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{DIRECTORY} is not root's own directory"),
        ))
    }
}
