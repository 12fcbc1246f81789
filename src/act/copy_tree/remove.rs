//! Removing a data directory's content, and nothing else.

use std::{ffi::OsString, fs, io::ErrorKind, path::Path};

use super::{CopyError, list, source_lock::SourceLock};
use crate::{consent::Consent, model::Bytes};

/// The names right below a data directory, without `lost+found`: what a copy
/// of it puts into its target.
///
/// # Errors
/// As `list`.
pub fn top_names(root: &Path) -> Result<Vec<OsString>, CopyError> {
    let tree = list(root)?;
    let all = tree.directories.iter().chain(&tree.files);
    let top = all.filter(|path| path.components().count() == 1);
    Ok(top.map(|path| path.clone().into_os_string()).collect())
}

/// Removes `names` right below `root`, with all that is in them; the bytes of
/// the files. Nothing is followed, nothing on another mount is touched, and
/// nothing at all is removed when there is anything but files and directories,
/// or when a process has the database or the raft log locked. What is gone
/// already counts as removed.
///
/// # Errors
/// `Strange`, `Locked`, `Read`, `Write`.
pub fn remove_data(
    root: &Path,
    names: &[OsString],
    _consent: &Consent,
) -> Result<Bytes, CopyError> {
    if !root.exists() {
        return Ok(Bytes(0));
    }
    let lock = SourceLock::take(root)?;
    let tree = list(root)?;
    let mut freed = Bytes(0);
    for name in names {
        let path = root.join(name);
        let write = |source| CopyError::Write { path: path.clone(), source };
        for file in tree.files.iter().filter(|file| file.starts_with(name)) {
            freed = freed.plus(Bytes(root.join(file).symlink_metadata().map_or(0, |it| it.len())));
        }
        // Neither of them follows a link.
        let removed = match path.symlink_metadata() {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => Err(error),
        };
        removed.map_err(write)?;
    }
    drop(lock);
    let synced = fs::File::open(root).and_then(|root| root.sync_all());
    synced.map_err(|source| CopyError::Write { path: root.to_owned(), source })?;
    Ok(freed)
}
