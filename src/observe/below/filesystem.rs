//! From a mount to the block devices right below it, or to why there is none.
//! Reads the mount table, /sys and /dev; asks no filesystem.

use std::path::Path;

use super::block_device::{BlockDevice, entries};
use crate::observe::{
    host::HostRoot,
    mounts::{MountPoint, Mounts},
};

/// How many filesystems may lie one on the other: overlays and loop files.
pub(super) const DEEPEST: usize = 8;

/// What the tree is looked up in.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The host's files.
    pub host: &'a HostRoot,
    /// Its mounts.
    pub mounts: &'a Mounts,
}

/// The topmost block devices of a mount's filesystem: several for btrfs and
/// for an XFS with a log of its own.
///
/// # Errors
/// Why there is no block device, for people ("tmpfs is memory").
pub fn devices(ground: Ground<'_>, mount: &MountPoint) -> Result<Vec<BlockDevice>, String> {
    devices_at(ground, mount, DEEPEST)
}

/// Those of the filesystem that holds a path, which is not asked itself.
///
/// # Errors
/// As `devices`.
pub(super) fn devices_of_path(
    ground: Ground<'_>,
    path: &Path,
    depth: usize,
) -> Result<Vec<BlockDevice>, String> {
    let mount = ground.mounts.holding_path(path);
    let mount = mount.ok_or_else(|| format!("no mount holds {}", path.display()))?;
    devices_at(ground, mount, depth)
}

fn devices_at(
    ground: Ground<'_>,
    mount: &MountPoint,
    depth: usize,
) -> Result<Vec<BlockDevice>, String> {
    let kind = mount.kind.as_str();
    let Some(deeper) = depth.checked_sub(1) else {
        return Err("too many filesystems lie one on the other".to_owned());
    };
    if let Some(why) = without_device(kind, &mount.source) {
        return Err(why);
    }
    match kind {
        "overlay" | "aufs" => overlay(ground, mount, deeper),
        "btrfs" => several(btrfs(ground.host, mount), mount),
        "bcachefs" => several(bcachefs(ground.host, mount), mount),
        _ => several(plain(ground.host, mount), mount),
    }
}

/// Filesystems that are on no block device of this node.
fn without_device(kind: &str, source: &Path) -> Option<String> {
    let source = source.display();
    let network = |kind: &str| Some(format!("{kind} is a network filesystem ({source})"));
    match kind {
        "tmpfs" | "ramfs" | "rootfs" | "devtmpfs" | "hugetlbfs" => {
            Some(format!("{kind} is memory, not a disk"))
        }
        "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "afs" | "lustre" | "gpfs" | "ocfs2"
        | "gfs2" | "beegfs" | "orangefs" => network(kind),
        "9p" | "virtiofs" | "vboxsf" | "prl_fs" => {
            Some(format!("{kind} is a directory of the hypervisor's host ({source})"))
        }
        "zfs" => Some(format!("zfs hides its disks: `zpool status -v` shows those of {source}")),
        "fuse.glusterfs" | "fuse.sshfs" | "fuse.s3fs" | "fuse.ceph" | "fuse.ceph-fuse"
        | "fuse.juicefs" => network(kind),
        _ if kind == "fuse" || kind.starts_with("fuse.") => {
            Some(format!("{kind} is a program's filesystem ({source})"))
        }
        _ => None,
    }
}

/// What is written goes to the upper directory. Its path is that of the
/// namespace it was mounted in, which is taken to be this one.
fn overlay(
    ground: Ground<'_>,
    mount: &MountPoint,
    deeper: usize,
) -> Result<Vec<BlockDevice>, String> {
    match mount.options.get("upperdir") {
        Some(upper) => devices_of_path(ground, upper, deeper),
        None => Err(format!("{} without an upper directory cannot be written", mount.kind)),
    }
}

/// `st_dev` of a btrfs is of no device: its members are below
/// /sys/fs/btrfs/UUID/devices (Linux fs/btrfs/sysfs.c).
fn btrfs(host: &HostRoot, mount: &MountPoint) -> Vec<BlockDevice> {
    let source = BlockDevice::by_node(host, &mount.source);
    let all = host.path("/sys/fs/btrfs");
    let members = |uuid: &String| {
        let directory = all.join(uuid).join("devices");
        entries(&directory)
            .iter()
            .filter_map(|name| BlockDevice::at(&directory.join(name)))
            .collect::<Vec<_>>()
    };
    let filesystems = entries(&all).iter().map(members).collect::<Vec<_>>();
    let own = source.as_ref().and_then(|source| {
        filesystems.iter().find(|members| members.iter().any(|member| member.name == source.name))
    });
    own.cloned().unwrap_or_else(|| source.into_iter().collect())
}

/// bcachefs names all its members in the source.
fn bcachefs(host: &HostRoot, mount: &MountPoint) -> Vec<BlockDevice> {
    let source = mount.source.to_string_lossy();
    let nodes = source.split(':').map(Path::new);
    nodes.filter_map(|node| BlockDevice::by_node(host, node)).collect()
}

/// The device of the mount's number, else that of its source; an XFS may keep
/// its log on another, which is where an fsync goes.
fn plain(host: &HostRoot, mount: &MountPoint) -> Vec<BlockDevice> {
    let device = BlockDevice::by_number(host, mount.device)
        .or_else(|| BlockDevice::by_node(host, &mount.source));
    let log = mount.options.get("logdev").and_then(|node| BlockDevice::by_node(host, node));
    device.into_iter().chain(log).collect()
}

fn several(devices: Vec<BlockDevice>, mount: &MountPoint) -> Result<Vec<BlockDevice>, String> {
    if devices.is_empty() {
        let source = mount.source.display();
        return Err(format!("the device of this {} ({source}) is not in /sys", mount.kind));
    }
    Ok(devices)
}
