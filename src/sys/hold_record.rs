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

use super::kubelet::{Identity, works};

/// /run is root's own and gone after a reboot, as the stop is.
const DIRECTORY: &str = "/run/etcd-rescue";
const PATH: &str = "/run/etcd-rescue/kubelet-hold.json";
/// What is written before it takes its name.
const NEW: &str = "/run/etcd-rescue/kubelet-hold.json.new";

/// Who stopped which kubelet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRecord {
    /// The kubelet; nearly always there is one.
    pub kubelets: Vec<Identity>,
    /// Who stopped it.
    pub guardian: Identity,
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
        let mut text = Vec::new();
        file.take(4096).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
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
        file.write_all(&serde_json::to_vec(self)?)?;
        file.flush()?;
        fs::rename(NEW, PATH)
    }

    /// Whether it names this kubelet.
    #[must_use]
    pub fn names(&self, kubelet: Identity) -> bool {
        self.kubelets.contains(&kubelet)
    }

    /// Whether its guardian still does its work. One that is stopped itself
    /// does not: it would not see that its rescue ends.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        works(Path::new("/proc"), self.guardian)
    }

    /// Takes the record of this guardian away: its own, or that of one which
    /// is no more. That there is none, or another's, is fine.
    pub fn remove(guardian: Identity) {
        if Self::read().is_some_and(|record| record.guardian != guardian) {
            return;
        }
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
