//! Cgroups of the machine that a lab leaves behind or has to make, in the old
//! hierarchies and in the unified one. Touches those of its own pods and masters
//! only.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

const MOUNTS: &str = "/sys/fs/cgroup";

/// What a kubelet wants of the unified hierarchy (kubernetes
/// pkg/kubelet/cm/cgroup_manager_linux.go).
const CONTROLLERS: &str = "+cpu +cpuset +memory +pids";

/// The cgroup all pods of a real kubelet's master are in. Without one of its
/// own it would take another master's pods for orphans of itself.
pub fn root(machine_id: &str) -> String {
    format!("etcd-rescue-lab-{machine_id}")
}

/// Makes that cgroup in every hierarchy.
pub fn make_root(machine_id: &str) -> Result<()> {
    for hierarchy in hierarchies() {
        let control = hierarchy.join("cgroup.subtree_control");
        if hierarchy == Path::new(MOUNTS) && control.is_file() {
            fs::write(&control, CONTROLLERS).context("enabling cgroup controllers")?;
        }
        let path = hierarchy.join(root(machine_id));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    }
    Ok(())
}

/// Removes that cgroup with all below it.
pub fn remove_root(machine_id: &str) {
    hierarchies().iter().for_each(|path| remove(&path.join(root(machine_id))));
}

/// Removes the cgroups of these pods of the small kubelet.
pub fn remove_pods(uids: &[String]) {
    for kubepods in hierarchies().into_iter().map(|path| path.join("kubepods")) {
        let burstable = kubepods.join("burstable");
        for uid in uids {
            remove(&burstable.join(format!("pod{uid}")));
        }
        // Empty only when no other lab, and no kubelet of the machine, uses them.
        let _ = fs::remove_dir(&burstable);
        let _ = fs::remove_dir(&kubepods);
    }
}

/// The unified hierarchy, or each of the old ones.
fn hierarchies() -> Vec<PathBuf> {
    let mounts = PathBuf::from(MOUNTS);
    if mounts.join("cgroup.procs").is_file() {
        return vec![mounts];
    }
    let entries = fs::read_dir(&mounts).into_iter().flatten().flatten();
    // Some are links to others ("cpu" to "cpu,cpuacct").
    entries
        .map(|entry| entry.path())
        .filter(|path| !path.is_symlink() && path.join("cgroup.procs").is_file())
        .collect()
}

fn remove(path: &Path) {
    for child in fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if child.is_dir() {
            remove(&child);
        }
    }
    for _ in 0..20 {
        if fs::remove_dir(path).is_ok() || !path.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
}
