//! A file without a name, for a database that is only read for a moment: it
//! holds every Secret, only this process can open it, and it goes with the
//! process however that ends. Where it is put is the caller's choice.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use crate::model::Bytes;

/// Bytes moved at once.
const PIECE: usize = 1 << 20;

/// An open file of mode 0600 that no directory lists.
#[derive(Debug)]
pub struct SpoolFile {
    file: File,
}

impl SpoolFile {
    /// Makes one on the filesystem of `directory`.
    ///
    /// # Errors
    /// The system's.
    pub fn create(directory: &Path) -> io::Result<Self> {
        // With O_EXCL it can never be given a name (open(2)).
        let nameless = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags((OFlag::O_TMPFILE | OFlag::O_EXCL | OFlag::O_CLOEXEC).bits())
            .open(directory);
        let file = match nameless {
            Ok(file) => file,
            // Not every filesystem has files without a name.
            Err(_) => named_for_a_moment(directory)?,
        };
        Ok(Self { file })
    }

    /// Another handle, for a thread of its own.
    ///
    /// # Errors
    /// The system's.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// A path that leads this process to the file, from its beginning.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// Takes in everything `input` has, `most` at most; returns the bytes.
    /// Waits as long as `input` lets it wait.
    ///
    /// # Errors
    /// `SpoolError`; what is written by then stays in the file.
    pub fn fill(
        &self,
        mut input: impl Read,
        most: Bytes,
        mut progress: impl FnMut(Bytes),
    ) -> Result<Bytes, SpoolError> {
        let mut piece = vec![0; PIECE];
        let mut taken = Bytes(0);
        loop {
            let got = match input.read(&mut piece) {
                Ok(0) => return Ok(taken),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SpoolError::Input(error)),
            };
            taken = taken.plus(Bytes(got as u64));
            if taken > most {
                return Err(SpoolError::Full(most));
            }
            let part = piece.get(..got).unwrap_or_default();
            (&self.file).write_all(part).map_err(|error| match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    SpoolError::Full(taken.minus(Bytes(got as u64)))
                }
                _ => SpoolError::Write(error),
            })?;
            progress(taken);
        }
    }
}

/// Why the input could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It could not be read.
    #[error("the input could not be read: {0}")]
    Input(io::Error),
    /// There is no room for more than so many bytes.
    #[error("there is room for {0}, and more came")]
    Full(Bytes),
    /// The disk does not take it.
    #[error("the disk does not take it: {0}")]
    Write(io::Error),
}

/// A file that loses its name as soon as it has one.
fn named_for_a_moment(directory: &Path) -> io::Result<File> {
    let path = directory.join(format!(".etcd-rescue-{}.spool", std::process::id()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn files(dir: &Path) -> usize {
        fs::read_dir(dir).expect("a directory").count()
    }

    #[test]
    fn no_name_no_rights_for_others_and_it_can_be_read_again() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let spool = SpoolFile::create(dir.path())?;
        let mut steps = Vec::new();
        let input = vec![7; PIECE + 1];
        let taken = spool.fill(&input[..], Bytes(u64::MAX), |done| steps.push(done.0));
        assert_eq!(taken.ok(), Some(Bytes(PIECE as u64 + 1)));
        assert_eq!(steps.last(), Some(&(PIECE as u64 + 1)));
        assert_eq!(files(dir.path()), 0);
        assert_eq!(spool.handle()?.metadata()?.mode() & 0o777, 0o600);
        assert_eq!(fs::read(spool.path())?, input);
        Ok(())
    }

    #[test]
    fn where_there_are_only_files_with_names_it_loses_its_own() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = named_for_a_moment(dir.path())?;
        assert_eq!((files(dir.path()), file.metadata()?.mode() & 0o777), (0, 0o600));
        Ok(())
    }

    #[test]
    fn no_more_than_was_allowed() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let spool = SpoolFile::create(dir.path())?;
        let full = spool.fill(&[7; 100][..], Bytes(99), |_| {});
        assert!(matches!(full, Err(SpoolError::Full(Bytes(99)))), "{full:?}");
        Ok(())
    }
}
