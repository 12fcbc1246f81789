//! Where the host's own files are. Everything with a fixed absolute path
//! (`/etc`, `/proc`, `/var/lib/kubelet`) is asked for through this, so that a
//! test can put a tree of its own in place of `/`, and so that nothing is asked
//! of a directory whose disk does not answer.

use std::path::{Path, PathBuf};

/// The root of the host's file tree; `/` outside of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot {
    root: PathBuf,
    /// Directories that are left alone.
    silent: Vec<PathBuf>,
}

/// Nothing is ever there: /proc takes no files.
const NOWHERE: &str = "/proc/does-not-answer";

impl Default for HostRoot {
    fn default() -> Self {
        Self::new("/")
    }
}

impl HostRoot {
    /// A tree that stands in for `/`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), silent: Vec::new() }
    }

    /// The same tree, in which nothing below these directories is there.
    #[must_use]
    pub fn without(self, silent: Vec<PathBuf>) -> Self {
        Self { silent, ..self }
    }

    /// Where the host's `path` really is. A path that is already below the
    /// root stays as it is.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if self.silent.iter().any(|silent| path.starts_with(silent)) {
            return NOWHERE.into();
        }
        if path.starts_with(&self.root) {
            return path.to_owned();
        }
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// What the host itself calls a path below the root.
    #[must_use]
    pub fn inside(&self, path: &Path) -> PathBuf {
        Path::new("/").join(path.strip_prefix(&self.root).unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hang_below_the_root_once() {
        let host = HostRoot::new("/tmp/x");
        assert_eq!(host.path("/etc/hosts"), Path::new("/tmp/x/etc/hosts"));
        assert_eq!(host.path("/tmp/x/etc/hosts"), Path::new("/tmp/x/etc/hosts"));
        assert_eq!(host.inside(Path::new("/tmp/x/etc/hosts")), Path::new("/etc/hosts"));
        assert_eq!(HostRoot::default().inside(Path::new("/etc")), Path::new("/etc"));
        assert_eq!(HostRoot::default().path("/etc/hosts"), Path::new("/etc/hosts"));
    }

    #[test]
    fn nothing_is_found_where_nothing_answers() {
        let host = HostRoot::default().without(vec!["/etc/kubernetes".into()]);
        assert!(!host.path("/etc/kubernetes/manifests").exists());
        assert_eq!(host.path("/etc/hosts"), Path::new("/etc/hosts"));
    }
}
