//! What is below a data directory; refuses what is no data of etcd's.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::CopyError;
use crate::model::Bytes;

/// What `mkfs.ext4` puts into a filesystem; no data of anybody.
const LOST_FOUND: &str = "lost+found";

/// How the names begin of what we keep beside `member`, which is nothing to
/// copy either.
pub(super) const OURS: &str = "member.etcd-rescue-";

/// Everything below a directory, by relative paths in a stable order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Directories, parents first; without the root itself.
    pub directories: Vec<PathBuf>,
    /// Regular files.
    pub files: Vec<PathBuf>,
    /// Bytes of all files by their lengths.
    pub bytes: Bytes,
}

/// Lists a directory without following anything.
///
/// # Errors
/// `Read`, or `Strange` for a symlink, a special file or another mount.
pub fn list(root: &Path) -> Result<Tree, CopyError> {
    list_without(root, None)
}

/// The same without what is called this right below `root`, whatever it is.
///
/// # Errors
/// As `list`.
pub fn list_without(root: &Path, without: Option<&str>) -> Result<Tree, CopyError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::Read { path, offset: 0, source }
    };
    let device = fs::metadata(root).map_err(read(root))?.dev();
    let mut tree = Tree::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let path = root.join(&directory);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(read(&path))? {
            entries.push(entry.map_err(read(&path))?.file_name());
        }
        entries.sort();
        for name in entries {
            let relative = directory.join(&name);
            let ours = name.as_encoded_bytes().starts_with(OURS.as_bytes());
            let left_out = name == LOST_FOUND || ours || without.is_some_and(|it| name == it);
            if directory == Path::new("") && left_out {
                continue;
            }
            let path = root.join(&relative);
            let meta = path.symlink_metadata().map_err(read(&path))?;
            if let Some(what) = strange(&meta, device) {
                return Err(CopyError::Strange { path, what });
            }
            if meta.is_dir() {
                tree.directories.push(relative.clone());
                waiting.push(relative);
            } else {
                tree.bytes = tree.bytes.plus(Bytes(meta.len()));
                tree.files.push(relative);
            }
        }
    }
    tree.directories.sort();
    tree.files.sort();
    Ok(tree)
}

fn strange(meta: &fs::Metadata, device: u64) -> Option<&'static str> {
    let kind = meta.file_type();
    match () {
        () if kind.is_symlink() => Some("a symbolic link"),
        () if kind.is_fifo() || kind.is_socket() => Some("a pipe or a socket"),
        () if kind.is_block_device() || kind.is_char_device() => Some("a device"),
        () if meta.dev() != device => Some("a mount point of its own"),
        () => None,
    }
}
