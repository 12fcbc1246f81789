//! The mount table of this mount namespace, and which mount a path is on.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::host::HostRoot;
use crate::{
    model::Filesystem,
    sys::{mountinfo::MountLine, statvfs},
};

/// One mount, from `/proc/self/mountinfo` (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountPoint {
    /// Where.
    pub path: PathBuf,
    /// Filesystem type.
    pub kind: String,
    /// Device number of the superblock; equal for bind mounts and for btrfs
    /// subvolumes of one filesystem, where `st_dev` differs.
    pub device: u64,
    /// Whether it is read-only, by mount or by superblock.
    pub read_only: bool,
    /// The directory of the filesystem that is its root: not "/" for bind
    /// mounts and btrfs subvolumes.
    pub root: PathBuf,
    /// What was mounted ("/dev/sda2", "server:/export", "overlay").
    pub source: PathBuf,
    /// Options of the superblock that have a value ("upperdir", "logdev").
    pub options: HashMap<String, PathBuf>,
}

/// The mounts that can be seen, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts(Vec<MountPoint>);

impl Mounts {
    /// This process's own table; empty when /proc is not there.
    #[must_use]
    pub fn read() -> Self {
        Self::read_in(&HostRoot::default())
    }

    /// The table of a host's tree.
    #[must_use]
    pub fn read_in(host: &HostRoot) -> Self {
        fs::read(host.path("/proc/self/mountinfo"))
            .map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes)))
            .unwrap_or_default()
    }

    /// Reads a table; lines that cannot be understood are left out, and so
    /// are mounts that a later one at the same place or further up hides.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let table: Vec<(i32, i32, MountPoint)> = text.lines().filter_map(mount_point).collect();
        let hidden = hidden(&table);
        let mut places = HashSet::new();
        let mut mounts: Vec<MountPoint> = table
            .into_iter()
            .rev()
            .filter(|(id, ..)| !hidden.contains(id))
            .map(|(.., mount)| mount)
            .filter(|mount| places.insert(mount.path.clone()))
            .collect();
        mounts.reverse();
        Self(mounts)
    }

    /// Every mount that can be seen.
    pub fn iter(&self) -> impl Iterator<Item = &MountPoint> {
        self.0.iter()
    }

    /// The mount an absolute path without symlinks is on: the longest mount
    /// point that holds it, those of device `device` (its `st_dev`) first, as
    /// a mount can be hidden by one further up.
    #[must_use]
    pub fn holding(&self, path: &Path, device: u64) -> Option<&MountPoint> {
        self.iter()
            .filter(|mount| path.starts_with(&mount.path))
            .max_by_key(|mount| (mount.device == device, mount.path.components().count()))
    }

    /// The same when the path itself cannot be asked.
    #[must_use]
    pub fn holding_path(&self, path: &Path) -> Option<&MountPoint> {
        self.iter()
            .filter(|mount| path.starts_with(&mount.path))
            .max_by_key(|mount| mount.path.components().count())
    }

    /// The filesystem of a path that need not exist yet: that of its nearest
    /// existing parent.
    ///
    /// # Errors
    /// The kernel's words.
    pub fn filesystem(&self, path: &Path) -> io::Result<Filesystem> {
        let existing = nearest(path)?;
        let device = fs::metadata(&existing)?.dev();
        let room = statvfs::room(&existing)?;
        let mount = self.holding(&existing, device);
        Ok(Filesystem {
            mount_point: mount.map_or(existing.clone(), |mount| mount.path.clone()),
            kind: mount.map_or_else(|| "unknown".to_owned(), |mount| mount.kind.clone()),
            device: mount.map_or(device, |mount| mount.device),
            size: room.size,
            available: room.available,
        })
    }
}

/// The nearest existing parent (or the path itself), without symlinks.
fn nearest(path: &Path) -> io::Result<PathBuf> {
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for ancestor in std::path::absolute(path)?.ancestors() {
        match fs::canonicalize(ancestor) {
            Ok(existing) => return Ok(existing),
            Err(next) => error = next,
        }
    }
    Err(error)
}

/// Ids of the mounts that cannot be reached: another one on the same parent is
/// mounted further up, or the parent itself cannot be reached.
fn hidden(table: &[(i32, i32, MountPoint)]) -> HashSet<i32> {
    // A root that was never switched (an initramfs) is its own parent and hides
    // nothing.
    let taken: HashSet<(i32, &Path)> = table
        .iter()
        .filter(|(id, parent, _)| id != parent)
        .map(|(_, parent, mount)| (*parent, mount.path.as_path()))
        .collect();
    let mut hidden = HashSet::new();
    // Parents come before their children, but for mounts that were moved.
    for (id, parent, mount) in table {
        let further_up = |path: &Path| taken.contains(&(*parent, path));
        if hidden.contains(parent) || mount.path.ancestors().skip(1).any(further_up) {
            hidden.insert(*id);
        }
    }
    hidden
}

/// A line's mount, after its id and its parent's.
fn mount_point(line: &str) -> Option<(i32, i32, MountPoint)> {
    let MountLine { id, parent, device, root, path, read_only, kind, source, options } =
        MountLine::of(line)?;
    Some((id, parent, MountPoint { path, kind, device, read_only, root, source, options }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
30 22 8:17 / /var/lib/etcd rw - xfs /dev/sdb1 rw
31 22 8:33 / /data\\040disk ro - ext4 /dev/sdc1 rw
32 22 0:40 / /mnt rw - btrfs /dev/sdd1 rw,subvol=/@mnt
33 22 8:1 /etc/hosts /etc/hosts rw - ext4 /dev/sda1 rw
34 22 8:49 / /over rw - ext4 /dev/sde1 rw
35 34 8:65 / /over rw - ext4 /dev/sdf1 rw
not a mount
";

    #[test]
    fn reads_the_table() {
        let mounts = Mounts::parse(TABLE);
        let seen: Vec<_> = mounts.iter().map(|mount| mount.path.display().to_string()).collect();
        let expected = ["/", "/proc", "/var/lib/etcd", "/data disk", "/mnt", "/etc/hosts", "/over"];
        assert_eq!(seen, expected);
        assert!(mounts.iter().any(|mount| mount.read_only && mount.kind == "ext4"));
        let over = mounts.holding(Path::new("/over/x"), 0).map(|mount| mount.device);
        assert_eq!(over, Some(nix::sys::stat::makedev(8, 65)));
    }

    #[test]
    fn a_path_is_on_the_longest_mount_of_its_device() {
        let mounts = Mounts::parse(TABLE);
        let on = |path: &str, device| {
            mounts.holding(Path::new(path), device).map(|mount| mount.path.display().to_string())
        };
        let sdb = nix::sys::stat::makedev(8, 17);
        assert_eq!(on("/var/lib/etcd/member", sdb).as_deref(), Some("/var/lib/etcd"));
        let sda = nix::sys::stat::makedev(8, 1);
        assert_eq!(on("/var/lib/etcd-rescue", sda).as_deref(), Some("/"));
        assert_eq!(on("/mnt/x", 999).as_deref(), Some("/mnt"), "btrfs has another st_dev");
    }

    #[test]
    fn what_was_mounted_is_told() {
        let mounts = Mounts::parse(
            "40 22 0:50 / /merged rw - overlay overlay rw,lowerdir=/l,upperdir=/up\\040per\n\
             41 22 8:1 /data\\134x /bind rw - ext4 /dev/mapper/vg-root rw\n",
        );
        let [overlay, bind] = &mounts.iter().collect::<Vec<_>>()[..] else { panic!("{mounts:?}") };
        assert_eq!(overlay.options["upperdir"], Path::new("/up per"));
        assert_eq!((overlay.root.as_path(), overlay.source.as_path()), {
            (Path::new("/"), Path::new("overlay"))
        });
        assert_eq!(bind.root, Path::new("/data\\x"));
        assert_eq!(bind.source, Path::new("/dev/mapper/vg-root"));
    }

    #[test]
    fn a_mount_below_a_later_one_is_hidden() {
        let mounts = Mounts::parse(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 8:2 / /var/lib/etcd rw - ext4 /dev/sda2 rw\n\
             24 23 8:3 / /var/lib/etcd/member/wal rw - ext4 /dev/sda3 rw\n\
             25 22 8:4 / /var rw - ext4 /dev/sda4 rw\n26 25 8:5 / /var/log rw - ext4 /dev/sda5 rw\n",
        );
        let on = |path: &str| mounts.holding_path(Path::new(path)).map(|mount| &mount.source);
        assert_eq!(on("/var/lib/etcd/member/wal"), Some(&PathBuf::from("/dev/sda4")));
        assert_eq!(on("/var/log/pods"), Some(&PathBuf::from("/dev/sda5")));
        assert_eq!(on("/root"), Some(&PathBuf::from("/dev/sda1")));
    }

    #[test]
    fn a_root_in_memory_hides_no_mount() {
        let mounts = Mounts::parse(
            "1 1 0:2 / / rw - rootfs rootfs rw,size=219912k\n\
             24 1 259:0 / /mnt/nvme rw,relatime - ext4 /dev/nvme0n1 rw\n",
        );
        let on = |path: &str| mounts.holding_path(Path::new(path)).map(|mount| &mount.source);
        assert_eq!(on("/mnt/nvme/member"), Some(&PathBuf::from("/dev/nvme0n1")));
        assert_eq!(on("/mnt"), Some(&PathBuf::from("rootfs")));
    }

    #[test]
    fn a_path_to_be_made_counts_by_its_parent() {
        let dir = tempfile::tempdir().expect("a directory");
        let mounts = Mounts::read();
        let here = mounts.filesystem(dir.path()).expect("there");
        let below = mounts.filesystem(&dir.path().join("a/b")).expect("its parent is there");
        assert_eq!((&here.mount_point, here.device), (&below.mount_point, below.device));
        assert!(here.size.0 > 0 && here.kind != "unknown");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9: /a-z\\\\-]{0,80}") {
            let _ = Mounts::parse(&text);
        }
    }
}
