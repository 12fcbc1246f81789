//! A member's database in a file: received with etcd's own checksum compared,
//! synced, read back from the disk, and only then named. What was read back is
//! judged by the caller, before the file gets its name.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    PartFile,
    checked_file::{CheckedFile, forget},
    snapshot_stream::{SILENCE, Sink, on_a_thread, run},
};
use crate::{
    consent::Consent,
    model::Bytes,
    wire::{Etcd, WireError},
};

/// What a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Size of the file: the database and 32 bytes of checksum.
    pub bytes: Bytes,
    /// SHA-256 of the whole file in hex, as `sha256sum` prints it.
    pub sha256: String,
    /// Whether it was copied from the member's own file here, behind a transaction
    /// that etcd held open, and its checksum made here.
    pub from_file: bool,
}

/// Why there is no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The stream failed.
    #[error("the snapshot stream ended early")]
    Stream(#[from] WireError),
    /// The file could not be made or written.
    #[error("cannot write {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The stream ended without the checksum, or with another one.
    #[error("the snapshot is damaged: {0}")]
    Damaged(&'static str),
    /// This node's own file, which was read in the stream's place, hangs, cannot be
    /// read, or was not held still by etcd to the end.
    #[error("this node's own database file could not be copied")]
    OwnFile,
    /// The directory is not fit for a file that holds every Secret.
    #[error("{path} is not a place for a snapshot: {why}")]
    Directory {
        /// Which directory.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// A snapshot that came whole, as a file of mode 0600 without its name.
/// Dropping it removes the file, also while a thread still works on it.
#[derive(Debug)]
pub struct Received {
    part: PartFile,
    disk: CheckedFile,
    path: PathBuf,
    saved: Saved,
}

/// A snapshot that is on disk, and what was read back from there. Dropping it
/// removes the file.
#[derive(Debug)]
pub struct ReadBack {
    part: PartFile,
    is_as_received: bool,
    path: PathBuf,
    saved: Saved,
}

/// Streams a snapshot into a new file. `progress` is called with the bytes
/// done so far. When `own` is the member's database file, on this node, its
/// content is copied from there while the stream is open (see [`OwnFile`]).
///
/// [`OwnFile`]: super::own_file
///
/// # Errors
/// Every `SnapshotError`; nothing is left on disk then.
pub async fn receive(
    etcd: &Etcd,
    path: &Path,
    own: Option<&Path>,
    _consent: &Consent,
    mut progress: impl FnMut(Bytes),
) -> Result<Received, SnapshotError> {
    match receive_once(etcd, path, own, &mut progress).await {
        // The stream alone brings the same; it may take longer.
        Err(SnapshotError::OwnFile) => receive_once(etcd, path, None, &mut progress).await,
        other => other,
    }
}

async fn receive_once(
    etcd: &Etcd,
    path: &Path,
    own: Option<&Path>,
    progress: &mut dyn FnMut(Bytes),
) -> Result<Received, SnapshotError> {
    let write = |source| SnapshotError::Write { path: path.to_owned(), source };
    let part = PartFile::create(path).map_err(write)?;
    let sink = Sink::Checked(CheckedFile::new(part.handle().map_err(write)?));
    match run(etcd, path, sink, SILENCE, own, progress).await? {
        (saved, Sink::Checked(disk)) => Ok(Received { part, disk, path: path.to_owned(), saved }),
        // It gives back what it was given.
        (_, Sink::Plain(_)) => Err(write(io::ErrorKind::InvalidInput.into())),
    }
}

impl Received {
    /// Waits until the file is on disk.
    ///
    /// # Errors
    /// `Write`.
    pub async fn sync(self) -> Result<Self, SnapshotError> {
        let Received { part, mut disk, path, saved } = self;
        match on_a_thread(move || disk.sync().map(|()| disk)).await {
            Ok(disk) => Ok(Received { part, disk, path, saved }),
            Err(source) => Err(SnapshotError::Write { path, source }),
        }
    }

    /// Reads back from the disk what was not yet, while it was written.
    ///
    /// # Errors
    /// `Write`.
    pub async fn read_back(self) -> Result<ReadBack, SnapshotError> {
        let Received { part, disk, path, saved } = self;
        match on_a_thread(move || disk.read_back()).await {
            Ok(is_as_received) => Ok(ReadBack { part, is_as_received, path, saved }),
            Err(source) => Err(SnapshotError::Write { path, source }),
        }
    }
}

impl ReadBack {
    /// Whether the disk has what was received, byte for byte.
    #[must_use]
    pub fn is_as_received(&self) -> bool {
        self.is_as_received
    }

    /// A handle to look into the file with.
    ///
    /// # Errors
    /// `Write`.
    pub fn handle(&self) -> Result<File, SnapshotError> {
        self.part.handle().map_err(|error| self.write(error))
    }

    /// Gives the file its name, for whoever has judged it. Nothing is replaced.
    ///
    /// # Errors
    /// `Write`.
    pub async fn publish(self) -> Result<Saved, SnapshotError> {
        let ReadBack { part, path, saved, .. } = self;
        let write = |source| SnapshotError::Write { path: path.clone(), source };
        if let Ok(file) = part.handle() {
            // Memory that etcd has better use for.
            forget(&file);
        }
        // A moment's work, done here: a signal finds both names or one.
        let directory = part.publish().map_err(write)?;
        on_a_thread(move || directory.sync_all()).await.map_err(write)?;
        Ok(saved)
    }

    fn write(&self, source: io::Error) -> SnapshotError {
        SnapshotError::Write { path: self.path.clone(), source }
    }
}
