//! What speaks against a directory as the new home of a data directory: what
//! forbids it, and what to know before saying yes.

use std::path::Path;

use crate::model::{Bytes, DataDir, Ground, ManifestEdit, Mount, Quota, RelocationTarget};

/// Filesystems that etcd is known to be well on.
const GOOD: [&str; 3] = ["ext4", "ext3", "xfs"];

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

/// How much slower than now the target's fdatasync may be before it is worth a
/// word, and from where on, in milliseconds: below that any disk is good.
const SLOWER: f64 = 1.2;
const SLOW_MS: f64 = 2.0;

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

/// What to know before saying yes, one sentence each; may hold a line to copy.
#[must_use]
pub fn cautions(seen: &RelocationTarget, quota: Option<Quota>) -> Vec<String> {
    let RelocationTarget { target, data, .. } = seen;
    let kind = target.filesystem.kind.as_str();
    let mut all = Vec::new();
    let shared: Vec<&str> = shared(target, data);
    if !shared.is_empty() {
        all.push(format!(
            "the two filesystems are on the same physical disk ({}): what slows that disk or kills \
             it hits etcd as before",
            shared.join(", ")
        ));
    }
    if !GOOD.contains(&kind) {
        all.push(format!("{kind} is not what etcd is tested on: ext4 and xfs are"));
    }
    // Two database files of that size are what a defragmentation needs at worst.
    let limit = quota.and_then(|quota| quota.limit).unwrap_or_default();
    let full = limit.plus(limit).plus(DataDir::SPARE);
    if limit > Bytes(0) && target.filesystem.available < full {
        all.push(format!(
            "{} are free there; when the database grows to its quota of {limit}, a defragmentation \
             needs {full}",
            target.filesystem.available
        ));
    }
    all.extend(not_mounted_at_boot(seen));
    all
}

/// Disks that both are on.
fn shared<'a>(target: &'a Ground, data: &Ground) -> Vec<&'a str> {
    let both = target.disks.iter().filter(|disk| data.disks.contains(disk));
    both.map(String::as_str).collect()
}

/// The mount that nobody makes again: etcd would start without its data.
fn not_mounted_at_boot(seen: &RelocationTarget) -> Option<String> {
    let filesystem = &seen.target.filesystem;
    if seen.mounted_by.is_some() {
        return None;
    }
    let source = seen.target.source.display().to_string();
    let what = seen.uuid.as_ref().map_or(source, |uuid| format!("UUID={uuid}"));
    let pass = if filesystem.kind.starts_with("ext") { 2 } else { 0 };
    Some(format!(
        "neither /etc/fstab nor a systemd unit mounts {}: after a reboot the directory would be \
         empty, and etcd would start without its data. Add this line to /etc/fstab before you say \
         yes:\n`{what} {} {} defaults 0 {pass}`",
        filesystem.mount_point.display(),
        filesystem.mount_point.display(),
        filesystem.kind
    ))
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

/// A sentence when the target's disk answers later than the present one; both
/// are the 99th percentile of an fdatasync, in milliseconds.
#[must_use]
pub fn slower_sync(from_ms: f64, to_ms: f64) -> Option<String> {
    (to_ms > from_ms * SLOWER && to_ms > SLOW_MS).then(|| {
        format!(
            "the target is slower than the present disk: fdatasync p99 {to_ms:.1} ms there, \
             {from_ms:.1} ms here; below 10 ms is good for etcd"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Filesystem, QuotaSource};

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

    fn seen() -> RelocationTarget {
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

    fn with(change: impl FnOnce(&mut RelocationTarget)) -> RelocationTarget {
        let mut seen = seen();
        change(&mut seen);
        seen
    }

    #[test]
    fn a_disk_of_its_own_is_taken_without_a_word() {
        assert_eq!(refusals(&seen()), Vec::<String>::new());
        let quota = Quota { limit: Some(Bytes(8 << 30)), source: QuotaSource::Args };
        assert_eq!(cautions(&seen(), Some(quota)), Vec::<String>::new());
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
    fn what_to_know_before() {
        let quota = Quota { limit: Some(Bytes(8 << 30)), source: QuotaSource::Args };
        let told = |seen: &RelocationTarget| cautions(seen, Some(quota)).join("; ");
        for (seen, part) in [
            (with(|it| it.target.disks = vec!["sda".into()]), "same physical disk (sda)"),
            (with(|it| it.target.filesystem.kind = "btrfs".into()), "btrfs is not what"),
            (with(|it| it.target.filesystem.available = Bytes(9 << 30)), "quota of 8.0 GiB"),
            (with(|it| it.mounted_by = None), "\n`/dev/sdb1 /mnt/etcd ext4 defaults 0 2`"),
            (
                with(|it| (it.mounted_by, it.uuid) = (None, Some("4-2".into()))),
                "\n`UUID=4-2 /mnt/etcd ext4",
            ),
        ] {
            assert!(told(&seen).contains(part), "{part}: {}", told(&seen));
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

    #[test]
    fn only_a_disk_that_is_really_slower_is_told() {
        assert_eq!(slower_sync(4.0, 4.5), None);
        assert_eq!(slower_sync(0.1, 1.9), None);
        let told = slower_sync(4.0, 9.0).unwrap_or_default();
        assert!(told.contains("9.0 ms there") && told.contains("4.0 ms here"), "{told}");
    }
}
