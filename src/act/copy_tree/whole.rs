//! A whole tree, in an order that a power cut does not hurt: directories, then
//! files, each proven before it has its name, then the directories' own
//! attributes and syncs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    CopyError, ProvenCopy, Shown, SourceLock, attributes, file, is_wal,
    list::{Tree, list},
};
use crate::model::{Bytes, Copied};

/// Copies everything; see `copy_tree`. `lock` is the source's.
///
/// # Errors
/// As `copy_tree`.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    shown: &Shown,
    lock: SourceLock,
) -> Result<ProvenCopy, CopyError> {
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
    let mut proven =
        ProvenCopy { copied: Copied::default(), wal: Vec::new(), notes: Vec::new(), lock };
    for path in &tree.files {
        let print = file::copy(&from.join(path), &to.join(path), path, shown, &mut proven.notes)?;
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
