//! A static-pod manifest as a file, and what lies beside it in its directory.

use std::path::{Path, PathBuf};

/// A manifest as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Where, without symbolic links on the way to its directory.
    pub path: PathBuf,
    /// Every byte.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Permission bits.
    pub mode: u32,
    /// Who owns it.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// A pod's identity for the kubelet: of two files with one of these, the later
/// by name wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// "default" when the manifest has none.
    pub namespace: String,
    /// As in the manifest; the kubelet appends the node's name.
    pub name: String,
}

/// A file that the kubelet reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryFile {
    /// Where.
    pub path: PathBuf,
    /// The pod it defines; `None` when it is none, and the kubelet only
    /// complains about it.
    pub pod: Option<PodName>,
    /// Whether a container of that pod is called etcd.
    pub has_etcd: bool,
    /// Whether its name looks like a copy somebody or some program left
    /// (".bak", "~", ".rpmsave").
    pub odd_name: bool,
    /// Where it leads when it is a symbolic link; the kubelet follows it.
    pub link: Option<PathBuf>,
}

/// What the kubelet would run of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestDirectory {
    /// Where, as the kubelet was told.
    pub path: PathBuf,
    /// Every file it reads, in the order of their names.
    pub files: Vec<DirectoryFile>,
}

impl ManifestDirectory {
    /// The entry of this manifest.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&DirectoryFile> {
        self.files.iter().find(|file| file.path.file_name() == path.file_name())
    }
}
