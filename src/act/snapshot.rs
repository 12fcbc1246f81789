//! Streaming a member's database to a file, with etcd's own checksum compared
//! on the way.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::geteuid;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use thiserror::Error;

use crate::{
    consent::Consent,
    model::Bytes,
    wire::{Etcd, WireError},
};

use super::PartFile;

/// A stream that says nothing for this long has died; a busy disk pauses for
/// seconds, not minutes.
const SILENCE: Duration = Duration::from_secs(60);

/// A finished snapshot.
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

/// Makes a private directory (mode 0700) for files that hold every Secret. One
/// that is there already has to be ours, and is closed to everybody else.
///
/// # Errors
/// `Directory` with the reason.
pub fn prepare_directory(directory: &Path) -> Result<(), SnapshotError> {
    let refuse = |why: String| SnapshotError::Directory { path: directory.to_owned(), why };
    match directory.symlink_metadata() {
        Ok(found) if !found.is_dir() => Err(refuse("it is not a directory".to_owned())),
        Ok(found) if found.uid() != geteuid().as_raw() => {
            Err(refuse(format!("it belongs to another user (uid {})", found.uid())))
        }
        Ok(found) if found.mode() & 0o077 != 0 => {
            fs::set_permissions(directory, Permissions::from_mode(0o700))
                .map_err(|error| refuse(error.to_string()))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| refuse(error.to_string())),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Streams a snapshot into a new file of mode 0600 that gets its name only
/// when it is whole, checked and on disk. `progress` is called with the bytes
/// done so far.
///
/// # Errors
/// Every `SnapshotError`; nothing is left on disk then.
pub async fn save(
    etcd: &Etcd,
    path: &Path,
    _consent: Consent,
    progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    let write = |source| SnapshotError::Write { path: path.to_owned(), source };
    let mut file = PartFile::create(path).map_err(write)?;
    let saved = stream(etcd, path, &mut file, progress).await?;
    file.commit().map_err(write)?;
    Ok(saved)
}

/// Streams a snapshot into any writer; `path` names it in errors.
///
/// # Errors
/// Every `SnapshotError`; what was written by then is not a snapshot.
pub async fn stream(
    etcd: &Etcd,
    path: &Path,
    sink: &mut impl Write,
    mut progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    let write = |source| SnapshotError::Write { path: path.to_owned(), source };
    let mut blobs = etcd.snapshot(SILENCE).await?;
    let mut check = TrailingChecksum::default();
    while let Some(blob) = blobs.next().await? {
        check.update(&blob.blob);
        sink.write_all(&blob.blob).map_err(write)?;
        progress(check.bytes);
    }
    sink.flush().map_err(write)?;
    check.finish()
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

    #[test]
    fn the_directory_is_private_afterwards() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let mode = |path: &Path| path.metadata().map(|found| found.mode() & 0o777);
        let new = outer.path().join("a/b");
        assert!(prepare_directory(&new).is_ok());
        assert_eq!(mode(&new)?, 0o700);
        fs::set_permissions(&new, Permissions::from_mode(0o777))?;
        assert!(prepare_directory(&new).is_ok());
        assert_eq!(mode(&new)?, 0o700);
        let link = outer.path().join("link");
        std::os::unix::fs::symlink(&new, &link)?;
        assert!(prepare_directory(&link).is_err(), "a symlink");
        fs::write(outer.path().join("file"), "")?;
        assert!(prepare_directory(&outer.path().join("file")).is_err(), "a file");
        Ok(())
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
