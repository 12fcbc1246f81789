//! What to know of a directory before it becomes the home of a data directory.

use crate::model::{Bytes, DataDir, Ground, Quota, RelocationTarget};

/// Filesystems that etcd is known to be well on.
const GOOD: [&str; 3] = ["ext4", "ext3", "xfs"];

/// How much slower than now the target's fdatasync may be before it is worth a
/// word, and from where on, in milliseconds: below that any disk is good.
const SLOWER: f64 = 1.2;
const SLOW_MS: f64 = 2.0;

/// What to know before saying yes, one sentence each; may hold a line to copy.
/// `guarded` = the manifest will have the kubelet refuse a missing directory.
#[must_use]
pub fn cautions(seen: &RelocationTarget, quota: Option<Quota>, guarded: bool) -> Vec<String> {
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
    all.extend(not_mounted(seen, guarded));
    all
}

/// Disks that both are on.
fn shared<'a>(target: &'a Ground, data: &Ground) -> Vec<&'a str> {
    let both = target.disks.iter().filter(|disk| data.disks.contains(disk));
    both.map(String::as_str).collect()
}

/// What a reboot without the mount would mean, and how to have it made.
fn not_mounted(seen: &RelocationTarget, guarded: bool) -> Vec<String> {
    let filesystem = &seen.target.filesystem;
    let mount = filesystem.mount_point.display();
    let is_root = seen.target.directory == filesystem.mount_point;
    let mut all = Vec::new();
    if is_root {
        all.push(format!(
            "{mount} is the mount point itself: whenever the disk is not mounted it is an empty \
             directory, and etcd would start on it WITHOUT ITS DATA. Better a directory below it, \
             which is missing then, so that etcd does not start: `etcd-rescue relocate --to \
             {mount}/etcd`"
        ));
    } else if !guarded {
        all.push(format!(
            "this manifest has no hostPath `type: Directory` for it: if {mount} is not mounted one \
             day, an empty directory is made there, and etcd would start on it WITHOUT ITS DATA"
        ));
    }
    if seen.mounted_by.is_none() {
        all.push(no_line(seen, guarded && !is_root));
    }
    all
}

/// The mount that nobody makes again, with the line that does.
fn no_line(seen: &RelocationTarget, guarded: bool) -> String {
    let filesystem = &seen.target.filesystem;
    let source = seen.target.source.display().to_string();
    let what = seen.uuid.as_ref().map_or(source, |uuid| format!("UUID={uuid}"));
    let pass = if filesystem.kind.starts_with("ext") { 2 } else { 0 };
    let then = match guarded {
        true => "etcd would not start until somebody mounts it",
        false => "etcd would start WITHOUT ITS DATA",
    };
    format!(
        "neither /etc/fstab nor a systemd unit mounts {0}: after a reboot {then}. Add this line to \
         /etc/fstab before you say yes:\n`{what} {0} {1} defaults 0 {pass}`",
        filesystem.mount_point.display(),
        filesystem.kind
    )
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
    use crate::{
        decide::relocation::tests::{seen, with},
        model::QuotaSource,
    };

    #[test]
    fn a_good_disk_needs_no_word() {
        let quota = Quota { limit: Some(Bytes(8 << 30)), source: QuotaSource::Args };
        assert_eq!(cautions(&with(below), Some(quota), true), Vec::<String>::new());
    }

    /// Not the mount point itself.
    fn below(seen: &mut RelocationTarget) {
        seen.target.directory = "/mnt/etcd/etcd".into();
    }

    #[test]
    fn a_missing_mount_is_told_by_what_it_would_do() {
        let told = |seen: &RelocationTarget, guarded| cautions(seen, None, guarded).join("; ");
        assert!(told(&seen(), true).contains("`etcd-rescue relocate --to /mnt/etcd/etcd`"));
        assert!(told(&with(below), false).contains("no hostPath `type: Directory`"));
        let unlisted = with(|it| (below(it), it.mounted_by = None).1);
        assert!(told(&unlisted, true).contains("would not start until somebody mounts it"));
        assert!(told(&unlisted, false).contains("would start WITHOUT ITS DATA. Add this line"));
    }

    #[test]
    fn what_to_know_before() {
        let quota = Quota { limit: Some(Bytes(8 << 30)), source: QuotaSource::Args };
        let told = |seen: &RelocationTarget| cautions(seen, Some(quota), true).join("; ");
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
    fn only_a_disk_that_is_really_slower_is_told() {
        assert_eq!(slower_sync(4.0, 4.5), None);
        assert_eq!(slower_sync(0.1, 1.9), None);
        let told = slower_sync(4.0, 9.0).unwrap_or_default();
        assert!(told.contains("9.0 ms there") && told.contains("4.0 ms here"), "{told}");
    }
}
