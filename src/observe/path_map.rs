//! From a path as etcd sees it to the path on the host.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::host::HostRoot;
use crate::model::Mount;

/// How one etcd sees the file tree.
#[derive(Clone, Debug)]
pub struct PathMap<'a> {
    /// The host's tree.
    pub host: &'a HostRoot,
    /// Mounts of its container; empty outside of one.
    pub mounts: &'a [Mount],
    /// Its pid, when it runs.
    pub pid: Option<i32>,
    /// Its working directory, for relative paths.
    pub cwd: Option<&'a Path>,
}

impl PathMap<'_> {
    /// The host path: by the longest mount that holds it; else the same path
    /// when the process sees the same file there; else through
    /// `/proc/<pid>/root`, which lasts as long as the process does; else the
    /// same path.
    #[must_use]
    pub fn to_host(&self, path: &Path) -> PathBuf {
        let path = match self.cwd {
            Some(cwd) if path.is_relative() => cwd.join(path),
            _ => path.to_owned(),
        };
        let mount = self
            .mounts
            .iter()
            .filter(|mount| path.starts_with(&mount.container_path))
            .max_by_key(|mount| mount.container_path.components().count());
        if let Some(mount) = mount {
            return below(&mount.host_path, path.strip_prefix(&mount.container_path).ok());
        }
        let same = self.host.path(&path);
        let Some(pid) = self.pid.filter(|pid| !self.sees_our_tree(*pid)) else { return same };
        let root = self.host.path(format!("/proc/{pid}/root"));
        let seen = below(&root, path.strip_prefix("/").ok());
        match (identity(&same), identity(&seen)) {
            (here, Some(there)) if here != Some(there) => seen,
            _ => same,
        }
    }

    /// Whether the process has the mounts and the root that we have: then there
    /// is no need to touch the path, which may be on a disk that hangs.
    fn sees_our_tree(&self, pid: i32) -> bool {
        let link = |of: &str, what: &str| {
            let path = self.host.path(format!("/proc/{of}/{what}"));
            fs::read_link(path).ok()
        };
        let of = pid.to_string();
        let same = |what| link(&of, what).is_some_and(|there| Some(there) == link("self", what));
        same("ns/mnt") && same("root")
    }
}

/// `join` with an empty path would end in a slash.
fn below(directory: &Path, rest: Option<&Path>) -> PathBuf {
    match rest {
        Some(rest) if !rest.as_os_str().is_empty() => directory.join(rest),
        _ => directory.to_owned(),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(container: &str, host: &str) -> Mount {
        Mount { container_path: container.into(), host_path: host.into() }
    }

    #[test]
    fn the_longest_mount_wins_by_whole_components() {
        let host = HostRoot::new("/nonexistent");
        let mounts = [
            mount("/etc/kubernetes", "/h/k"),
            mount("/etc/kubernetes/static-pod-certs", "/h/certs"),
            mount("/var/lib/etcd", "/data"),
        ];
        let map = PathMap { host: &host, mounts: &mounts, pid: None, cwd: None };
        for (inside, outside) in [
            ("/etc/kubernetes/static-pod-certs/a.crt", "/h/certs/a.crt"),
            ("/etc/kubernetes/pki/ca.crt", "/h/k/pki/ca.crt"),
            ("/var/lib/etcd", "/data"),
            ("/var/lib/etcd-two", "/nonexistent/var/lib/etcd-two"),
        ] {
            assert_eq!(map.to_host(Path::new(inside)), Path::new(outside), "{inside}");
        }
    }

    #[test]
    fn relative_paths_count_from_the_working_directory() {
        let host = HostRoot::new("/nonexistent");
        let cwd = Path::new("/srv");
        let map = PathMap { host: &host, mounts: &[], pid: Some(1), cwd: Some(cwd) };
        assert_eq!(map.to_host(Path::new("m1.etcd")), Path::new("/nonexistent/srv/m1.etcd"));
    }

    #[test]
    fn a_file_only_the_process_sees_is_reached_through_its_root() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let inside = host.path("/proc/7/root/etc");
        fs::create_dir_all(&inside).expect("made");
        fs::write(inside.join("ca.crt"), "x").expect("written");
        let map = PathMap { host: &host, mounts: &[], pid: Some(7), cwd: None };
        assert_eq!(map.to_host(Path::new("/etc/ca.crt")), inside.join("ca.crt"));
        fs::create_dir_all(host.path("/etc")).expect("made");
        fs::hard_link(inside.join("ca.crt"), host.path("/etc/ca.crt")).expect("linked");
        assert_eq!(map.to_host(Path::new("/etc/ca.crt")), host.path("/etc/ca.crt"));
    }
}
