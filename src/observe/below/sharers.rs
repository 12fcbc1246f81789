//! Who else lives on etcd's disks, by the tables of the kernel: other mounts
//! and swap. No filesystem is asked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    block_device::BlockDevice,
    filesystem::{self, DEEPEST, Ground},
    known_dirs,
    tree::Tree,
};
use crate::{
    model::{
        diagnosis::{Place, Sharer, SharerKind},
        order,
    },
    observe::mounts::MountPoint,
    sys::mountinfo::unescape,
};

/// Where container runtimes and kubelets mount what is somebody else's.
const BUSY: [&str; 6] = [
    "/run",
    "/var/run",
    "/var/lib/kubelet/pods",
    "/var/lib/kubelet/plugins",
    "/var/lib/containers/storage/overlay",
    "/boot",
];

/// Which of etcd's disks something is on.
#[must_use]
pub fn shared(ground: Ground<'_>, etcd: &Tree, devices: Vec<BlockDevice>) -> Vec<String> {
    let mut tree = Tree::default();
    devices.into_iter().for_each(|device| tree.add(ground, device));
    let names = tree.leaves().map(|leaf| leaf.name.clone());
    names.filter(|name| etcd.has_leaf(name)).collect()
}

/// The disks of the filesystem a path is on, by the mount table.
#[must_use]
pub fn shared_by_path(ground: Ground<'_>, etcd: &Tree, path: &Path) -> Vec<String> {
    let devices = filesystem::devices_of_path(ground, path, DEEPEST).unwrap_or_default();
    shared(ground, etcd, devices)
}

/// Every other filesystem on those disks, once, by its most telling mount;
/// etcd's own only when it is the root filesystem too, or mounted elsewhere as
/// a whole.
#[must_use]
pub fn mounts(ground: Ground<'_>, etcd: &Tree, places: &[Place]) -> Vec<Sharer> {
    let own = order::set(places.iter().map(|place| place.mount_point.as_path()));
    let own_mounts = ground.mounts.iter().filter(|mount| own.contains(mount.path.as_path()));
    let own_devices = order::set(own_mounts.map(|mount| mount.device));
    let mut filesystems: BTreeMap<u64, &MountPoint> = BTreeMap::new();
    for mount in ground.mounts.iter() {
        let is_root = mount.path == Path::new("/");
        let of_etcd = own.contains(mount.path.as_path()) && !is_root;
        let bound = own_devices.contains(&mount.device) && mount.root != Path::new("/");
        let busy = BUSY.iter().any(|busy| mount.path.starts_with(busy));
        // What an overlay holds belongs to the filesystem of its directories.
        if of_etcd || bound || busy || mount.kind == "overlay" {
            continue;
        }
        let best = filesystems.entry(mount.device).or_insert(mount);
        if rank(mount) < rank(best) {
            *best = mount;
        }
    }
    filesystems.into_values().filter_map(|mount| sharer(ground, etcd, mount)).collect()
}

/// Whole filesystems first, then the shortest path.
fn rank(mount: &MountPoint) -> (bool, usize) {
    (mount.root != Path::new("/"), mount.path.components().count())
}

fn sharer(ground: Ground<'_>, etcd: &Tree, mount: &MountPoint) -> Option<Sharer> {
    let disks = shared(ground, etcd, filesystem::devices(ground, mount).ok()?);
    let kind = match mount.path.as_path() {
        root if root == Path::new("/") => SharerKind::Root,
        path => known_dirs::kind(path).unwrap_or(SharerKind::Mount),
    };
    let detail = Some(format!("{} {}", mount.kind, mount.source.display()));
    let path = mount.path.clone();
    (!disks.is_empty()).then_some(Sharer { kind, path, disks, detail })
}

/// Swap on those disks, by /proc/swaps (proc(5)).
#[must_use]
pub fn swap(ground: Ground<'_>, etcd: &Tree) -> Vec<Sharer> {
    let text = fs::read(ground.host.path("/proc/swaps")).unwrap_or_default();
    let on = |(path, is_file, detail): (PathBuf, bool, String)| {
        let disks = match is_file {
            true => shared_by_path(ground, etcd, &path),
            false => {
                let device = BlockDevice::by_node(ground.host, &path);
                shared(ground, etcd, device.into_iter().collect())
            }
        };
        let kind = SharerKind::Swap;
        (!disks.is_empty()).then_some(Sharer { kind, path, disks, detail: Some(detail) })
    };
    swaps(&String::from_utf8_lossy(&text)).into_iter().filter_map(on).collect()
}

/// Path, whether it is a file, and how much of it is in use.
fn swaps(text: &str) -> Vec<(PathBuf, bool, String)> {
    let swap = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let path = unescape(words.next()?.as_bytes());
        let kind = words.next()?;
        let size: u64 = words.next()?.parse().ok()?;
        let used: u64 = words.next()?.parse().ok()?;
        let bytes = |kibibytes: u64| crate::model::Bytes(kibibytes.saturating_mul(1024));
        let detail = format!("{} of {} in use", bytes(used), bytes(size));
        Some((path, kind == "file", detail))
    };
    text.lines().filter_map(swap).collect()
}

#[cfg(test)]
#[path = "sharers_tests.rs"]
mod tests;
