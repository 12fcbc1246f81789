//! What a copy of a data directory, or a removal, can meet.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why there is no copy, or no proof of it.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The source cannot be read; it may be dying.
    #[error("{} cannot be read at byte {offset}: {source}", .path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The kernel's words.
        source: io::Error,
    },
    /// The target cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The kernel's words.
        source: io::Error,
    },
    /// Something that is no data of etcd.
    #[error("{} is {what}: only regular files and directories are moved", .path.display())]
    Strange {
        /// What it is about.
        path: PathBuf,
        /// "a symbolic link", "a mount point of its own".
        what: &'static str,
    },
    /// An etcd (or its tool) has it open.
    #[error("{} is locked: a process still works with these data", .path.display())]
    Locked {
        /// The database or a WAL file.
        path: PathBuf,
    },
    /// The source was written to meanwhile.
    #[error("{} changed while it was copied", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The target's disk gives something else back.
    #[error("{} does not come back from the disk as it was written", .path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// We are ending.
    #[error("the copy was broken off")]
    Stopped,
}
