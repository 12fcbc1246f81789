//! Logs of pods that the kubelet has rotated away.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use super::{MOST_FILES, command, is_on, regular_files, summed};
use crate::{
    model::{Freeable, FreeableKind},
    observe::host::HostRoot,
};

/// Where the kubelet has containers log to: `<pod>/<container>/<attempt>.log`,
/// rotated to `<attempt>.log.<time>` and later `….gz` (kubernetes
/// pkg/kubelet/logs/container_log_manager.go).
const PODS: &str = "/var/log/pods";

pub(super) fn rotated_logs(host: &HostRoot, device: u64) -> Option<Freeable> {
    let pods = host.path(PODS);
    if !is_on(&pods, device) {
        return None;
    }
    let (bytes, paths) = summed(rotated(&pods))?;
    let pods = pods.to_string_lossy();
    let depth = ["-xdev", "-mindepth", "3", "-maxdepth", "3", "-type", "f"];
    let names = ["-name", "*.log.2*", "!", "-name", "*.tmp", "-delete"];
    let command = command("find", [&*pods].into_iter().chain(depth).chain(names));
    Some(Freeable { kind: FreeableKind::RotatedLogs, bytes, paths, command, otherwise: None })
}

/// The same files as the `find` above.
fn rotated(pods: &Path) -> Vec<(PathBuf, Metadata)> {
    let below = |directory: PathBuf| {
        let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
        // A symlink is no directory here.
        let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.filter(is_dir).map(|entry| entry.path())
    };
    let containers = below(pods.to_owned()).flat_map(below);
    let files = containers.flat_map(|container| regular_files(&container, MOST_FILES));
    files.take(MOST_FILES).filter(|(path, _)| is_rotated(path)).collect()
}

fn is_rotated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains(".log.2") && !name.ends_with(".tmp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::disk;

    #[test]
    fn the_command_removes_what_is_counted_and_nothing_else() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path().canonicalize().expect("there"));
        let container = host.path("/var/log/pods/kube-system_etcd_0/etcd");
        fs::create_dir_all(&container).expect("made");
        let write = |name: &str| fs::write(container.join(name), vec![1; 9000]).expect("written");
        let rotated = ["0.log.20261123-070001", "0.log.20261122-070001.gz"];
        let kept = ["0.log", "1.log", "0.log.20261123-070002.gz.tmp"];
        rotated.iter().chain(&kept).for_each(|name| write(name));
        std::os::unix::fs::symlink(container.join("0.log"), container.join("9.log.2026"))
            .expect("linked");
        let device = disk::filesystem(&container).expect("there").device;
        assert_eq!(rotated_logs(&host, device + 1), None, "another filesystem");
        let found = rotated_logs(&host, device).expect("some");
        assert_eq!(found.paths.len(), 2, "{:?}", found.paths);
        assert!(found.bytes.0 >= 18_000, "{:?}", found.bytes);
        let done = std::process::Command::new("sh").args(["-c", &found.command]).status();
        assert!(done.expect("it runs").success(), "{}", found.command);
        assert!(rotated.iter().all(|name| !container.join(name).exists()));
        assert!(kept.iter().all(|name| container.join(name).exists()));
        assert_eq!(rotated_logs(&host, device), None, "nothing is left");
    }
}
