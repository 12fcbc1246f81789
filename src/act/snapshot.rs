//! Streaming a member's database to a file, with etcd's own checksum compared
//! on the way. A disk can take minutes over a write or a sync, so these happen
//! on threads of their own: signals and the connection are served meanwhile.
//! What is on disk is read and judged by the caller, before the file gets its
//! name.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use thiserror::Error;
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    consent::Consent,
    model::Bytes,
    wire::{Etcd, WireError},
};

use super::PartFile;

/// A stream that says nothing for this long has died; a busy disk pauses for
/// seconds, not minutes.
const SILENCE: Duration = Duration::from_secs(60);

/// Pieces (of 32 KiB) that may wait for the disk: 1 MiB.
const WAITING_PIECES: usize = 32;

/// What a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Size of the file: the database and 32 bytes of checksum.
    pub bytes: Bytes,
    /// SHA-256 of the whole file in hex, as `sha256sum` prints it.
    pub sha256: String,
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
    path: PathBuf,
    saved: Saved,
}

/// Streams a snapshot into a new file. `progress` is called with the bytes
/// done so far.
///
/// # Errors
/// Every `SnapshotError`; nothing is left on disk then.
pub async fn receive(
    etcd: &Etcd,
    path: &Path,
    _consent: &Consent,
    progress: impl FnMut(Bytes),
) -> Result<Received, SnapshotError> {
    let write = |source| SnapshotError::Write { path: path.to_owned(), source };
    let part = PartFile::create(path).map_err(write)?;
    let sink = part.handle().map_err(write)?;
    let saved = stream(etcd, path, sink, progress).await?;
    Ok(Received { part, path: path.to_owned(), saved })
}

impl Received {
    /// What was received.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Waits until the file is on disk, and drops it from memory: who reads
    /// it then, reads the disk.
    ///
    /// # Errors
    /// `Write`.
    pub async fn sync(&self) -> Result<(), SnapshotError> {
        let file = self.handle()?;
        let sync = move || file.sync_all().map(|()| forget(&file));
        on_a_thread(sync).await.map_err(|error| self.write(error))
    }

    /// A handle to read the file back with.
    ///
    /// # Errors
    /// `Write`.
    pub fn handle(&self) -> Result<File, SnapshotError> {
        self.part.handle().map_err(|error| self.write(error))
    }

    /// Gives the file its name, for whoever has synced and read it. Nothing is
    /// replaced.
    ///
    /// # Errors
    /// `Write`.
    pub async fn publish(self) -> Result<Saved, SnapshotError> {
        let Received { part, path, saved } = self;
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

/// Drops what memory holds of a synced file.
fn forget(file: &File) {
    // A filesystem that does not take the advice loses nothing by it.
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|lost| Err(io::Error::other(lost)))
}

/// Streams a snapshot into any writer; `path` names it in errors. Whoever
/// drops this does not wait for a write that is under way.
///
/// # Errors
/// Every `SnapshotError`; what was written by then is not a snapshot.
pub async fn stream(
    etcd: &Etcd,
    path: &Path,
    sink: impl Write + Send + 'static,
    mut progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    let mut blobs = etcd.snapshot(SILENCE).await?;
    let (pieces, waiting) = mpsc::channel(WAITING_PIECES);
    let written = async {
        let checked = on_a_thread(move || write_pieces(waiting, sink)).await;
        checked.map_err(|source| SnapshotError::Write { path: path.to_owned(), source })
    };
    let received = async {
        let mut done = Bytes(0);
        while let Some(blob) = blobs.next().await? {
            done = done.plus(Bytes(blob.blob.len() as u64));
            if pieces.send(blob.blob).await.is_err() {
                // The writer has ended, and says why.
                break;
            }
            progress(done);
        }
        drop(pieces);
        Ok::<(), SnapshotError>(())
    };
    let (check, ()) = tokio::try_join!(written, received)?;
    check.finish()
}

/// Writes what comes until there is no more.
fn write_pieces<B: AsRef<[u8]>>(
    mut waiting: mpsc::Receiver<B>,
    mut sink: impl Write,
) -> io::Result<TrailingChecksum> {
    let mut check = TrailingChecksum::default();
    while let Some(piece) = waiting.blocking_recv() {
        check.update(piece.as_ref());
        sink.write_all(piece.as_ref())?;
    }
    sink.flush()?;
    Ok(check)
}

/// The last 32 bytes of a snapshot are the SHA-256 of everything before them
/// (server/etcdserver/api/v3rpc/maintenance.go, `Snapshot`), and nothing in
/// the stream says which message is the last: so 32 bytes are always held
/// back from the digest.
struct TrailingChecksum {
    database: Context,
    tail: Vec<u8>,
    bytes: Bytes,
}

impl Default for TrailingChecksum {
    fn default() -> Self {
        Self { database: Context::new(&SHA256), tail: Vec::new(), bytes: Bytes(0) }
    }
}

impl TrailingChecksum {
    fn update(&mut self, blob: &[u8]) {
        self.bytes = self.bytes.plus(Bytes(blob.len() as u64));
        let held_back = blob.len().min(SHA256_OUTPUT_LEN);
        let (body, end) = blob.split_at(blob.len() - held_back);
        let overflow = (self.tail.len() + end.len()).saturating_sub(SHA256_OUTPUT_LEN);
        // Bytes leave the tail from its front, in stream order.
        self.database.update(&self.tail[..overflow.min(self.tail.len())]);
        self.tail.drain(..overflow.min(self.tail.len()));
        self.database.update(body);
        self.tail.extend_from_slice(end);
    }

    fn finish(self) -> Result<Saved, SnapshotError> {
        // etcdutl's own test of a snapshot file: whole pages plus the digest.
        if self.bytes.0 % 512 != SHA256_OUTPUT_LEN as u64 {
            return Err(SnapshotError::Damaged("it does not end with a checksum"));
        }
        let mut whole = self.database.clone();
        if self.database.finish().as_ref() != self.tail {
            return Err(SnapshotError::Damaged("its checksum does not match its content"));
        }
        whole.update(&self.tail);
        let sha256 = whole.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Saved { bytes: self.bytes, sha256 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::digest::digest;

    use super::*;

    /// Takes whole pieces until it is full.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_writers_error_travels_back_and_a_gone_sender_ends_it() {
        let (pieces, waiting) = mpsc::channel(1);
        let writer = tokio::spawn(on_a_thread(|| write_pieces(waiting, Disk(1000))));
        while pieces.send([0; 512]).await.is_ok() {}
        let error = writer.await.unwrap().err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::StorageFull));

        let (pieces, waiting) = mpsc::channel(1);
        let writer = tokio::spawn(on_a_thread(|| write_pieces(waiting, Disk(1000))));
        pieces.send([0; 512]).await.unwrap();
        drop(pieces);
        assert_eq!(writer.await.unwrap().map(|check| check.bytes).ok(), Some(Bytes(512)));
    }

    fn snapshot_of(database: &[u8]) -> Vec<u8> {
        let mut file = database.to_vec();
        file.extend_from_slice(digest(&SHA256, database).as_ref());
        file
    }

    fn check(file: &[u8], blob_size: usize) -> Result<Saved, SnapshotError> {
        let mut check = TrailingChecksum::default();
        file.chunks(blob_size).for_each(|blob| check.update(blob));
        check.finish()
    }

    proptest! {
        #[test]
        fn any_split_into_messages_gives_the_same_answer(blob_size in 1_usize..700) {
            let file = snapshot_of(&[7; 1024]);
            let saved = check(&file, blob_size).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(saved.bytes, Bytes(1056));
            let whole: String =
                digest(&SHA256, &file).as_ref().iter().map(|b| format!("{b:02x}")).collect();
            prop_assert_eq!(saved.sha256, whole);
        }

        #[test]
        fn one_flipped_bit_is_found(at in 0_usize..1056, bit in 0_u8..8) {
            let mut file = snapshot_of(&[7; 1024]);
            file[at] ^= 1 << bit;
            prop_assert!(check(&file, 100).is_err());
        }

        #[test]
        fn a_shorter_stream_is_found(length in 0_usize..1056) {
            prop_assert!(check(&snapshot_of(&[7; 1024])[..length], 100).is_err());
        }
    }
}
