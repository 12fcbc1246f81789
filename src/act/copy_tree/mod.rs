//! A data directory copied to another disk, and proven: what that disk gives
//! back is what was read. Regular files and directories only; the source is
//! locked meanwhile, so that no etcd starts on it, and is never written to.
//! What was done before is not done again.

mod attributes;
mod bring_back;
mod error;
mod file;
mod list;
mod remove;
mod source_lock;
mod whole;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

pub(super) use attributes::of_directory;
pub use bring_back::bring_back;
pub use error::CopyError;
pub(super) use list::list_without;
pub use list::{Tree, list};
pub use remove::{remove_data, top_names};
pub use source_lock::SourceLock;

use crate::{
    consent::Consent,
    model::{Copied, Fingerprint},
};

/// Where etcd keeps its raft log in a data directory.
const WAL: &str = "member/wal";

/// Where it keeps its database.
pub const DATABASE: &str = "member/snap/db";

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
    /// Until it is dropped no etcd starts on the source, so that the copy stays
    /// the newest data there are.
    pub lock: SourceLock,
}

/// Copies everything below `from` (but `lost+found`) into the directory `to`,
/// which is made when it is missing, and reads it back from the disk. Files
/// that are there already and equal are left; other ones below `to` go, as it
/// was empty at first. The source stays locked as long as the answer lives. Dropping the future stops the thread that does it.
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
        whole::copy(&from, &to, shown, lock)
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

/// Copies the file `old` to `new`, and reads it back; `path` is its name for
/// people. Nothing is left of what is not whole.
///
/// # Errors
/// As `copy_tree`.
pub(super) fn copy_file(
    old: &Path,
    new: &Path,
    path: &Path,
    shown: &Shown,
    notes: &mut Vec<String>,
) -> Result<Fingerprint, CopyError> {
    let copied = file::copy(old, new, path, shown, notes);
    if copied.is_err() {
        let _best_effort = std::fs::remove_file(file::part_name(new));
    }
    copied
}

pub(super) async fn on_a_thread<T: Send + 'static>(
    shown: &Arc<Shown>,
    work: impl FnOnce(&Shown) -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    shown.stop.store(false, Ordering::Relaxed);
    let (guard, theirs) = (StopOnDrop(Arc::clone(shown)), Arc::clone(shown));
    let done = tokio::task::spawn_blocking(move || work(&theirs)).await;
    drop(guard);
    done.unwrap_or(Err(CopyError::Stopped))
}

/// In a data directory, or right in a directory of the raft log alone.
fn is_wal(path: &Path) -> bool {
    let place = path.parent().unwrap_or(path);
    (place.starts_with(WAL) || place == Path::new(""))
        && path.extension().is_some_and(|extension| extension == "wal")
}

#[cfg(test)]
mod tests;
