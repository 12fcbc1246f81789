//! What a member wrote on the new disk, brought back to the old one: copied
//! beside the old data, proven, and swapped with them by rename. The old ones
//! stay aside. Only while no etcd runs on either.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{CopyError, Shown, SourceLock, copy_tree, list::OURS};
use crate::consent::Consent;

/// What a data directory is made of.
const MEMBER: &str = "member";

/// Copies `to` into a fresh directory inside `from` and swaps its `member` with
/// the one there, which stays as the directory that is returned. Broken off
/// anywhere, the same call goes on.
///
/// # Errors
/// As `copy_tree`.
pub async fn bring_back(
    from: &Path,
    to: &Path,
    stamp: &str,
    shown: &Arc<Shown>,
    consent: &Consent,
) -> Result<Option<PathBuf>, CopyError> {
    let fresh = from.join(format!("{OURS}new"));
    let (old, new) = (from.join(MEMBER), fresh.join(MEMBER));
    // Without a `member`, the fresh one was proven before the first rename.
    let aside = if old.exists() {
        drop(copy_tree(to, &fresh, shown, consent).await?);
        let aside = from.join(format!("{OURS}before-{stamp}"));
        let lock = SourceLock::take(from)?;
        rename(&old, &aside)?;
        drop(lock);
        Some(aside)
    } else {
        None
    };
    rename(&new, &old)?;
    let write = |source| CopyError::Write { path: fresh.clone(), source };
    // What else was in the data directory is there already.
    fs::remove_dir_all(&fresh).map_err(write)?;
    sync(from).map_err(write)?;
    Ok(aside)
}

fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    let parent = to.parent().unwrap_or(to);
    let done = fs::rename(from, to).and_then(|()| sync(parent));
    done.map_err(|source| CopyError::Write { path: to.to_owned(), source })
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
