//! A data directory copied to another disk, and proven: what that disk gives
//! back is what was read. Regular files and directories only; the source is
//! locked meanwhile, so that no etcd starts on it, and is never written to.
//! What was done before is not done again.

mod attributes;
mod bring_back;
mod file;
mod list;
mod remove;
mod source_lock;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use thiserror::Error;

pub use bring_back::{bring_back, needs_to_come_back};
pub use list::{Tree, list};
pub use remove::{remove_data, top_names};
pub use source_lock::SourceLock;

use crate::{
    consent::Consent,
    model::{Bytes, Copied, Fingerprint},
};

/// Where etcd keeps its raft log in a data directory.
const WAL: &str = "member/wal";

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

/// How far a copy is; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Shown {
    done: AtomicU64,
    note: Mutex<String>,
    stop: AtomicBool,
}

impl Shown {
    /// Bytes that are there.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// What is done right now.
    #[must_use]
    pub fn note(&self) -> String {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, note: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// `Stopped` when nobody waits any more.
    fn went_on(&self, bytes: u64) -> Result<(), CopyError> {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { Err(CopyError::Stopped) } else { Ok(()) }
    }
}

/// A proven copy.
#[derive(Debug)]
pub struct ProvenCopy {
    /// How much it is.
    pub copied: Copied,
    /// The raft log.
    pub wal: Vec<Fingerprint>,
    /// What could not be kept (an extended attribute), in sentences.
    pub notes: Vec<String>,
}

/// Copies everything below `from` (but `lost+found`) into the directory `to`,
/// which is made when it is missing, and reads it back from the disk. Files
/// that are there already and equal are left; other ones below `to` go, as it
/// was empty at first. Dropping the future stops the thread that does it.
///
/// # Errors
/// `CopyError`; what was copied so far stays, unfinished files as `*.part`.
pub async fn copy_tree(
    from: &Path,
    to: &Path,
    shown: &Arc<Shown>,
    _consent: &Consent,
) -> Result<ProvenCopy, CopyError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    on_a_thread(shown, move |shown| {
        let lock = SourceLock::take(&from)?;
        let copy = copy(&from, &to, shown);
        drop(lock);
        copy
    })
    .await
}

/// The raft log of a data directory as it is now, from its disk.
///
/// # Errors
/// `Read`; `Strange`.
pub async fn wal_now(directory: &Path, shown: &Arc<Shown>) -> Result<Vec<Fingerprint>, CopyError> {
    let directory = directory.to_owned();
    on_a_thread(shown, move |shown| {
        let tree = list(&directory)?;
        let wal = tree.files.iter().filter(|path| is_wal(path));
        wal.map(|path| file::fingerprint(&directory, path, shown)).collect()
    })
    .await
}

/// Ends the thread's work when nobody waits for it any more.
struct StopOnDrop(Arc<Shown>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

async fn on_a_thread<T: Send + 'static>(
    shown: &Arc<Shown>,
    work: impl FnOnce(&Shown) -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    shown.stop.store(false, Ordering::Relaxed);
    let (guard, theirs) = (StopOnDrop(Arc::clone(shown)), Arc::clone(shown));
    let done = tokio::task::spawn_blocking(move || work(&theirs)).await;
    drop(guard);
    done.unwrap_or(Err(CopyError::Stopped))
}

fn is_wal(path: &Path) -> bool {
    path.starts_with(WAL) && path.extension().is_some_and(|extension| extension == "wal")
}

fn copy(from: &Path, to: &Path, shown: &Shown) -> Result<ProvenCopy, CopyError> {
    let tree = list(from)?;
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::Write { path, source }
    };
    make_directory(to).map_err(write(to))?;
    remove_strangers(to, &tree)?;
    for directory in &tree.directories {
        let path = to.join(directory);
        make_directory(&path).map_err(write(&path))?;
    }
    let mut proven = ProvenCopy { copied: Copied::default(), wal: Vec::new(), notes: Vec::new() };
    for path in &tree.files {
        let print = file::copy(from, to, path, shown, &mut proven.notes)?;
        proven.copied.bytes = proven.copied.bytes.plus(Bytes(print.bytes));
        proven.copied.files += 1;
        if is_wal(path) {
            proven.wal.push(print);
        }
    }
    // Bottom up, as making an entry changes the time of its directory.
    for directory in tree.directories.iter().rev().map(PathBuf::as_path).chain([Path::new("")]) {
        attributes::of_directory(&from.join(directory), &to.join(directory), &mut proven.notes)?;
    }
    let parent = to.parent().unwrap_or(to);
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(write(parent))?;
    Ok(proven)
}

/// Private until it has the mode of the source.
fn make_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if path.symlink_metadata()?.is_dir() { Ok(()) } else { Err(error) }
        }
        made => made,
    }
}

/// Files of a copy that was broken off before, when the source went on since.
fn remove_strangers(to: &Path, tree: &Tree) -> Result<(), CopyError> {
    let there = list(to)?;
    for path in there.files.iter().filter(|path| !tree.files.contains(path)) {
        let path = to.join(path);
        fs::remove_file(&path).map_err(|source| CopyError::Write { path, source })?;
    }
    let strange = there.directories.iter().rev().filter(|path| !tree.directories.contains(path));
    for path in strange {
        let path = to.join(path);
        fs::remove_dir(&path).map_err(|source| CopyError::Write { path, source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
