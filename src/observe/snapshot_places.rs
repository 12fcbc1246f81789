//! Directories that could take a snapshot, best first: another disk than the
//! data directory's before its own, most room first. Whether the room is
//! enough is for others to judge.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use super::{
    host::HostRoot,
    kernel_log,
    mounts::{MountPoint, Mounts},
};
use crate::model::{SnapshotPlace, layout, order::InOrder};

/// Filesystems on disks of this node.
const DISKS: [&str; 11] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "nilfs2",
];

/// Only when there is no disk at all: other people's disks, and the upper
/// layer of a container. Never memory: a snapshot must outlive a power cut.
const LAST_RESORT: [&str; 7] = ["overlay", "nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.glusterfs"];

/// Mounts that are somebody else's, besides volumes and images of pods, which the
/// installations' rows have: boot files, single files or directories bound into a
/// container.
const TABOO: [&str; 10] =
    ["/boot", "/dev", "/efi", "/etc", "/proc", "/run", "/snap", "/sys", "/usr", "/var/run"];

/// Emptied at boot or by age; a disk mounted elsewhere below is not meant.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// The name of our directory on a mount of its own.
const NAME: &str = "etcd-rescue";

/// Candidates for the snapshot of an etcd with this data directory (host path,
/// one that answers) on the filesystems that answer within this time, and
/// where those that do not are mounted. A thread that one of them holds is left behind:
/// this is for a process that can be left behind as well.
#[must_use]
pub fn answering_places(
    data_dir: Option<&Path>,
    patience: Duration,
) -> (Vec<SnapshotPlace>, Vec<PathBuf>) {
    let mounts = Mounts::read();
    let mut silent = Vec::new();
    for kinds in [&DISKS[..], &LAST_RESORT[..]] {
        let places = answering(&mounts, kinds, data_dir, patience, &mut silent);
        if !places.is_empty() {
            return (places, silent);
        }
    }
    (Vec::new(), silent)
}

/// Where snapshots of ours may be on the data directory's own filesystem.
#[must_use]
pub fn beside_data_dir(data_dir: &Path, device: u64) -> Option<PathBuf> {
    let mounts = Mounts::read();
    let mount_points = by_device(&mounts, &DISKS).remove(&device)?;
    let place = place_on(&mounts, &mount_points, Some(&resolved(data_dir)))?;
    place.shares_data_dir.then_some(place.directory)
}

/// Each filesystem in a thread of its own.
fn answering(
    mounts: &Mounts,
    kinds: &[&str],
    data_dir: Option<&Path>,
    patience: Duration,
    silent: &mut Vec<PathBuf>,
) -> Vec<SnapshotPlace> {
    let mut asked = BTreeMap::new();
    let (teller, answers) = mpsc::channel();
    for (device, mount_points) in by_device(mounts, kinds) {
        asked.insert(device, mount_points.first().map(|mount| mount.path.clone()));
        let mount_points: Vec<MountPoint> = mount_points.into_iter().cloned().collect();
        let (mounts, teller) = (mounts.clone(), teller.clone());
        let data_dir = data_dir.map(Path::to_owned);
        std::thread::spawn(move || {
            let mount_points: Vec<&MountPoint> = mount_points.iter().collect();
            let data_dir = data_dir.as_deref().map(resolved);
            let found = place_on(&mounts, &mount_points, data_dir.as_deref());
            // Nobody waits any more when it took too long.
            let _late = teller.send((device, found));
        });
    }
    drop(teller);
    let (deadline, mut places) = (Instant::now() + patience, Vec::new());
    while let Ok((device, found)) =
        answers.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        asked.remove(&device);
        places.extend(found);
    }
    silent.extend(asked.into_values().flatten());
    best_first(places)
}

#[cfg(test)]
fn places(mounts: &Mounts, kinds: &[&str], data_dir: Option<&Path>) -> Vec<SnapshotPlace> {
    let data_dir = data_dir.map(resolved);
    let devices = by_device(mounts, kinds).into_values();
    best_first(
        devices.filter_map(|mounted| place_on(mounts, &mounted, data_dir.as_deref())).collect(),
    )
}

fn resolved(data_dir: &Path) -> PathBuf {
    data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned())
}

fn best_first(mut places: Vec<SnapshotPlace>) -> Vec<SnapshotPlace> {
    places.order_by_key(|place| (place.shares_data_dir, Reverse(place.filesystem.available)));
    places
}

/// The place on a device that is mounted here.
fn place_on(
    mounts: &Mounts,
    mount_points: &[&MountPoint],
    data_dir: Option<&Path>,
) -> Option<SnapshotPlace> {
    let data_device = data_dir.and_then(|path| mounts.filesystem(path).ok()).map(|it| it.device);
    let candidates = mount_points.iter().flat_map(|mount| directories(&mount.path));
    place(mounts, candidates, mount_points, data_dir, data_device)
}

/// The usable mounts of each device, shortest mount point first.
fn by_device<'a>(mounts: &'a Mounts, kinds: &[&str]) -> BTreeMap<u64, Vec<&'a MountPoint>> {
    let mut devices: BTreeMap<u64, Vec<&MountPoint>> = BTreeMap::new();
    let mut taboo = layout::column(|row| row.not_ours);
    taboo.extend(TABOO);
    for mount in mounts.iter() {
        let taboo = taboo.iter().any(|taboo| mount.path.starts_with(taboo))
            || TEMPORARY.iter().any(|temporary| mount.path == Path::new(temporary));
        if kinds.contains(&mount.kind.as_str()) && !mount.read_only && !taboo {
            devices.entry(mount.device).or_default().push(mount);
        }
    }
    for mount_points in devices.values_mut() {
        mount_points.order_by_key(|mount| mount.path.components().count());
    }
    devices
}

/// The first candidate that really lands on the device: `/var/lib` can be a
/// disk of its own, and a mount can be a single file.
fn place(
    mounts: &Mounts,
    candidates: impl Iterator<Item = PathBuf>,
    mount_points: &[&MountPoint],
    data_dir: Option<&Path>,
    data_device: Option<u64>,
) -> Option<SnapshotPlace> {
    let device = mount_points.first()?.device;
    candidates
        .filter(|directory| data_dir.is_none_or(|data_dir| !directory.starts_with(data_dir)))
        .filter(|directory| !under_a_file(directory))
        .find_map(|directory| {
            let filesystem = mounts.filesystem(&directory).ok()?;
            (filesystem.device == device).then(|| SnapshotPlace {
                directory,
                shares_data_dir: data_device == Some(filesystem.device),
                devices: kernel_log::disks(&HostRoot::default(), filesystem.device),
                filesystem,
            })
        })
}

/// Whether the nearest existing path is no directory.
fn under_a_file(directory: &Path) -> bool {
    directory.ancestors().find_map(|path| path.metadata().ok()).is_none_or(|meta| !meta.is_dir())
}

/// Where on a mount a directory of ours looks at home, best first.
fn directories(mount_point: &Path) -> Vec<PathBuf> {
    let home = Path::new("/var/lib").join(NAME);
    match mount_point.to_str() {
        Some("/") => vec![home, Path::new("/root").join(NAME), Path::new("/").join(NAME)],
        Some("/var" | "/var/lib") => vec![home],
        _ => vec![mount_point.join(NAME)],
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// A table in which the filesystem of `path` is mounted at the given
    /// places, under the real device number.
    fn table(path: &Path, lines: &[(&str, &str, &str)]) -> Mounts {
        let device = path.metadata().expect("there").dev();
        let number = format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device));
        let lines: String = lines
            .iter()
            .map(|(at, kind, options)| format!("1 1 {number} / {at} {options} - {kind} none rw\n"))
            .collect();
        Mounts::parse(&lines)
    }

    #[test]
    fn the_place_is_outside_the_data_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = dir.path().canonicalize().expect("there");
        let data = disk.join("etcd");
        std::fs::create_dir(&data).expect("made");
        let at = disk.to_str().expect("text");
        let mounts = table(&disk, &[(at, "ext4", "rw")]);
        let found = places(&mounts, &DISKS, Some(&data));
        let [place] = &found[..] else { panic!("{found:?}") };
        assert_eq!(place.directory, disk.join("etcd-rescue"));
        assert!(place.shares_data_dir);
        assert_eq!(places(&mounts, &DISKS, Some(&disk)), [], "everything is inside it");
        let apart = places(&mounts, &DISKS, None);
        assert!(apart.iter().all(|place| !place.shares_data_dir) && apart.len() == 1);
    }

    #[test]
    fn foreign_mounts_are_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = dir.path().canonicalize().expect("there");
        let at = disk.to_str().expect("text");
        for (kind, options) in [("tmpfs", "rw"), ("nfs4", "rw"), ("ext4", "ro")] {
            assert_eq!(places(&table(&disk, &[(at, kind, options)]), &DISKS, None), [], "{kind}");
        }
        let file = disk.join("hosts");
        std::fs::write(&file, "").expect("written");
        let bound = table(&disk, &[(file.to_str().expect("text"), "ext4", "rw")]);
        assert_eq!(places(&bound, &DISKS, None), []);
        let pods = table(&disk, &[("/var/lib/kubelet/pods/x", "ext4", "rw")]);
        assert_eq!(places(&pods, &DISKS, None), []);
    }

    #[test]
    fn directories_look_at_home() {
        for (mount, first) in [
            ("/", "/var/lib/etcd-rescue"),
            ("/var", "/var/lib/etcd-rescue"),
            ("/home", "/home/etcd-rescue"),
            ("/data", "/data/etcd-rescue"),
        ] {
            assert_eq!(
                directories(Path::new(mount)).first().map(PathBuf::as_path),
                Some(Path::new(first))
            );
        }
    }
}
