//! What forbids a directory as the new home of a data directory, and the edit
//! that moves it there.

use std::path::Path;

use crate::model::{Bytes, DataDir, Ground, ManifestEdit, Mount, RelocationTarget};

/// Those that etcd must not be on, with the reason.
const BAD: [(&str, &str); 16] = [
    ("tmpfs", "memory: everything is gone after a reboot"),
    ("ramfs", "memory: everything is gone after a reboot"),
    ("rootfs", "memory: everything is gone after a reboot"),
    ("devtmpfs", "memory: everything is gone after a reboot"),
    ("overlay", "an overlay, which takes no fsync seriously"),
    ("aufs", "an overlay, which takes no fsync seriously"),
    ("nfs", "a network filesystem: its locks and its fsync are not a disk's"),
    ("nfs4", "a network filesystem: its locks and its fsync are not a disk's"),
    ("cifs", "a network filesystem: its locks and its fsync are not a disk's"),
    ("smb3", "a network filesystem: its locks and its fsync are not a disk's"),
    ("ceph", "a network filesystem: its locks and its fsync are not a disk's"),
    ("9p", "a directory of the hypervisor's host"),
    ("virtiofs", "a directory of the hypervisor's host"),
    ("vfat", "a filesystem without owners and modes"),
    ("exfat", "a filesystem without owners and modes"),
    ("squashfs", "a filesystem that cannot be written"),
];

/// What must be free on the target: the data, a second copy of the database (a
/// defragmentation writes one beside it), two WAL segments and as much again.
#[must_use]
pub fn needed_room(seen: &RelocationTarget) -> Bytes {
    seen.used.plus(seen.db_file.unwrap_or_default()).plus(DataDir::SPARE)
}

/// What forbids it, one sentence each; empty = go.
#[must_use]
pub fn refusals(seen: &RelocationTarget) -> Vec<String> {
    let RelocationTarget { target, data, .. } = seen;
    let mut why = Vec::new();
    if target.directory == data.directory {
        why.push("etcd's data are in that directory already".to_owned());
    } else if target.directory.starts_with(&data.directory) {
        why.push(format!("it is inside the data directory {}", data.directory.display()));
    } else if data.directory.starts_with(&target.directory) {
        why.push(format!("the data directory {} is inside of it", data.directory.display()));
    }
    if !why.is_empty() {
        return why;
    }
    if target.device == data.device || target.filesystem.device == data.filesystem.device {
        why.push(format!(
            "it is the same disk: both are on the filesystem mounted at {}, so that nothing would \
             be won",
            target.filesystem.mount_point.display()
        ));
    }
    why.extend(kind(target));
    if target.read_only {
        why.push(format!("{} is mounted read-only", target.filesystem.mount_point.display()));
    }
    if !seen.entries.is_empty() {
        why.push(format!("it is not empty (it holds {}, ...)", seen.entries.join(", ")));
    }
    why.extend(room(seen));
    why
}

/// A filesystem that etcd must not be on.
fn kind(target: &Ground) -> Option<String> {
    let kind = target.filesystem.kind.as_str();
    let known = BAD.iter().find(|(bad, _)| *bad == kind).map(|(_, why)| *why);
    let why = known.or_else(|| {
        (kind == "fuse" || kind.starts_with("fuse.")).then_some("a program's filesystem")
    })?;
    Some(format!("its filesystem is {kind}, {why}"))
}

fn room(seen: &RelocationTarget) -> Option<String> {
    let (needed, filesystem) = (needed_room(seen), &seen.target.filesystem);
    (filesystem.available < needed).then(|| {
        format!(
            "no room: {} has {} free, and {needed} are needed ({} of data, a second copy of the \
             database for a defragmentation, and {} for the raft log)",
            filesystem.mount_point.display(),
            filesystem.available,
            seen.used,
            DataDir::SPARE
        )
    })
}

/// What to edit in a manifest with these hostPath volumes so that its etcd
/// keeps its data in `to` instead of `from`; `None` when `from` is no volume of
/// its own, and no volume holds `to`.
#[must_use]
pub fn relocation_edit(mounts: &[Mount], from: &Path, to: &Path) -> Option<ManifestEdit> {
    if mounts.iter().any(|mount| mount.host_path == from) {
        return Some(ManifestEdit::HostPath { from: from.to_owned(), to: to.to_owned() });
    }
    let depth = |mount: &&Mount| mount.host_path.components().count();
    let holds = mounts.iter().filter(|it| to.starts_with(&it.host_path)).max_by_key(depth)?;
    let inside = holds.container_path.join(to.strip_prefix(&holds.host_path).ok()?);
    Some(ManifestEdit::Flag {
        name: "data-dir".to_owned(),
        value: inside.to_string_lossy().trim_end_matches('/').to_owned(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::Filesystem;

    fn ground(path: &str, device: u64, disk: &str) -> Ground {
        Ground {
            directory: path.into(),
            filesystem: Filesystem {
                mount_point: path.into(),
                kind: "ext4".to_owned(),
                device,
                size: Bytes(100 << 30),
                available: Bytes(90 << 30),
            },
            device,
            source: "/dev/sdb1".into(),
            read_only: false,
            disks: vec![disk.to_owned()],
            no_disk: None,
        }
    }

    pub(in crate::decide) fn seen() -> RelocationTarget {
        RelocationTarget {
            target: ground("/mnt/etcd", 17, "sdb"),
            missing: false,
            entries: Vec::new(),
            data: ground("/var/lib/etcd", 1, "sda"),
            used: Bytes(300 << 20),
            db_file: Some(Bytes(100 << 20)),
            mounted_by: Some("/etc/fstab".to_owned()),
            uuid: None,
        }
    }

    pub(in crate::decide) fn with(change: impl FnOnce(&mut RelocationTarget)) -> RelocationTarget {
        let mut seen = seen();
        change(&mut seen);
        seen
    }

    #[test]
    fn a_disk_of_its_own_is_taken_without_a_word() {
        assert_eq!(refusals(&seen()), Vec::<String>::new());
        assert_eq!(needed_room(&seen()), Bytes(528 << 20));
    }

    #[test]
    fn what_forbids_it() {
        let why = |seen: &RelocationTarget| refusals(seen).join("; ");
        for (seen, part) in [
            (with(|it| it.target.device = 1), "the same disk"),
            (with(|it| it.target.directory = "/var/lib/etcd".into()), "already"),
            (with(|it| it.target.directory = "/var/lib/etcd/x".into()), "inside the data"),
            (with(|it| it.target.directory = "/var".into()), "is inside of it"),
            (with(|it| it.target.filesystem.kind = "tmpfs".into()), "is tmpfs, memory"),
            (with(|it| it.target.filesystem.kind = "nfs4".into()), "network filesystem"),
            (with(|it| it.target.filesystem.kind = "fuse.x".into()), "a program's"),
            (with(|it| it.target.read_only = true), "read-only"),
            (with(|it| it.entries.push("member".into())), "not empty (it holds member"),
            (with(|it| it.target.filesystem.available = Bytes(527 << 20)), "no room"),
        ] {
            assert!(why(&seen).contains(part), "{part}: {}", why(&seen));
        }
    }

    #[test]
    fn the_volume_is_edited_or_else_the_flag() {
        let mount = |host: &str, inside: &str| Mount {
            host_path: host.into(),
            container_path: inside.into(),
        };
        let (from, to) = (Path::new("/var/lib/etcd"), Path::new("/mnt/etcd"));
        let own = [mount("/var/lib/etcd", "/data"), mount("/etc/pki", "/pki")];
        let edit = ManifestEdit::HostPath { from: from.into(), to: to.into() };
        assert_eq!(relocation_edit(&own, from, to), Some(edit));
        let flag =
            |value: &str| Some(ManifestEdit::Flag { name: "data-dir".into(), value: value.into() });
        assert_eq!(relocation_edit(&[mount("/", "/host")], from, to), flag("/host/mnt/etcd"));
        assert_eq!(relocation_edit(&[mount("/mnt/etcd", "/new")], from, to), flag("/new"));
        assert_eq!(relocation_edit(&[mount("/var/lib", "/var/lib")], from, to), None);
    }
}
