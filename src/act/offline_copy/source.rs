//! What of a data directory is copied while etcd is stopped, and from where: a
//! raft log may be on a disk of its own.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    act::copy_tree::{CopyError, Tree, list, list_without},
    model::Bytes,
};

/// What a broken-off defragmentation leaves; no data.
const LEFT_OVER: &str = "db.tmp";

/// Where the raft log of a separate `--wal-dir` goes in a copy.
pub const WAL_DIR: &str = "wal-dir";

/// What a data directory is made of, and where its raft log usually is.
const MEMBER: &str = "member";
const WAL: &str = "wal";
const DATABASE: &str = "snap/db";

/// What of a data directory is copied, and from where.
#[derive(Clone, Debug)]
pub struct OfflineSource {
    /// The data directory: all of `member` in it.
    pub data_dir: PathBuf,
    /// A raft log outside of it: of etcd's `--wal-dir`, or where a link or a mount at
    /// `member/wal` leads.
    pub wal_dir: Option<PathBuf>,
}

/// What there is to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Bytes of all of it.
    pub bytes: Bytes,
    /// Whether there is a database.
    pub database: bool,
    /// Whether there is a raft log.
    pub log: bool,
}

/// A tree that is copied.
pub(super) struct Part {
    /// Where it is.
    pub root: PathBuf,
    /// Where it goes in the copy.
    pub below: &'static str,
    /// What is in it.
    pub tree: Tree,
}

impl Part {
    /// What a running etcd has locked.
    pub fn locked(&self) -> impl Iterator<Item = PathBuf> {
        let locked = |path: &&PathBuf| is_log(path) || **path == Path::new(DATABASE);
        self.tree.files.iter().filter(locked).map(|path| self.root.join(path))
    }
}

impl OfflineSource {
    /// The data directory, and its raft log where it is told to be elsewhere.
    #[must_use]
    pub fn new(data_dir: PathBuf, wal_dir: Option<PathBuf>) -> Self {
        let member = data_dir.join(MEMBER);
        let told = wal_dir.filter(|path| !path.starts_with(&member));
        let usual = member.join(WAL);
        let wal_dir = told.or_else(|| is_apart(&usual).then(|| usual.canonicalize().ok())?);
        Self { data_dir, wal_dir }
    }

    /// Every tree of it.
    pub(super) fn parts(&self) -> Result<Vec<Part>, CopyError> {
        let mut parts = Vec::new();
        let member = self.data_dir.join(MEMBER);
        match member.canonicalize() {
            Ok(root) => {
                let apart = is_apart(&member.join(WAL)).then_some(WAL);
                let mut tree = list_without(&root, apart)?;
                tree.files.retain(|path| {
                    let name = path.file_name().unwrap_or_default();
                    !name.as_encoded_bytes().starts_with(LEFT_OVER.as_bytes())
                });
                parts.push(Part { root, below: MEMBER, tree });
            }
            // Of the raft log alone there is something to copy, too.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(CopyError::Read { path: member, offset: 0, source }),
        }
        if let Some(wal_dir) = &self.wal_dir {
            let root = wal_dir.canonicalize().map_err(|source| CopyError::Read {
                path: wal_dir.clone(),
                offset: 0,
                source,
            })?;
            let tree = list(&root)?;
            parts.push(Part { root, below: WAL_DIR, tree });
        }
        Ok(parts)
    }

    /// What there is to copy.
    ///
    /// # Errors
    /// As `list`.
    pub fn content(&self) -> Result<Content, CopyError> {
        let mut content = Content::default();
        for part in self.parts()? {
            for path in &part.tree.files {
                let length = part.root.join(path).symlink_metadata().map_or(0, |meta| meta.len());
                content.bytes = content.bytes.plus(Bytes(length));
                content.log |= is_log(path);
                content.database |= part.below == MEMBER && path == Path::new(DATABASE);
            }
        }
        Ok(content)
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wal")
}

/// Whether this is a link, or another disk is mounted here.
fn is_apart(path: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|meta| meta.dev());
    let parent = path.parent().and_then(device);
    path.symlink_metadata().is_ok_and(|meta| meta.is_symlink() || Some(meta.dev()) != parent)
}
