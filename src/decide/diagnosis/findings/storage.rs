//! Findings about what lies between etcd and its disks: arrays, filesystems,
//! disks that are offline, kinds of storage that are no place for etcd.

use crate::{
    decide::diagnosis::{case::Case, wording::thousands},
    model::{
        Bytes,
        diagnosis::{Array, Bus, EvidenceKind, Finding, LeafDisk, Place, Severity},
    },
};

/// What the storage's own state tells.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let Some(below) = &case.examined.below else { return Vec::new() };
    let mut found = Vec::new();
    for place in &below.places {
        found.extend(place_finding(place));
    }
    found.extend(below.arrays.iter().flat_map(|array| array_findings(case, array)));
    found.extend(below.leaves.iter().filter_map(|leaf| offline(case, leaf)));
    found.extend(below.leaves.iter().filter_map(|leaf| kind(case, leaf)));
    found
}

fn storage(code: &'static str, severity: Severity, what: String) -> Finding {
    Finding::new(code, severity, EvidenceKind::Storage, what)
}

fn place_finding(place: &Place) -> Option<Finding> {
    let path = place.path.display();
    if place.read_only {
        let what = format!("the filesystem of {path} is read-only: etcd cannot write");
        return Some(storage("filesystem_read_only", Severity::Critical, what).then(format!(
            "see why: `dmesg | tail -50`, `findmnt {}`",
            place.mount_point.display()
        )));
    }
    if let Some(why) = &place.no_device {
        let remote = ["nfs", "ceph", "cifs", "9p", "fuse", "gluster"];
        let is_remote = remote.iter().any(|kind| place.filesystem.starts_with(kind));
        let severity = if is_remote { Severity::Warning } else { Severity::Info };
        let what = format!("{path} is on no disk of this node: {why}");
        return Some(storage("no_block_device", severity, what));
    }
    // Nearly nothing by share and by size: a small disk with room is no news.
    let few = place.size.0 > 0 && place.available.0 < place.size.0 / 50;
    (few && place.available < Bytes(1 << 30)).then(|| {
        let none = place.available < Bytes(16 << 20);
        let severity = if none { Severity::Critical } else { Severity::Warning };
        let what = format!("only {} of {} are free for {path}", place.available, place.size);
        storage("disk_nearly_full", severity, what)
            .then("make room: `etcd-rescue locate` lists what can be freed on this disk".to_owned())
    })
}

fn array_findings(case: &Case, array: &Array) -> Vec<Finding> {
    let mut found = Vec::new();
    let broken: Vec<String> = array
        .parts
        .iter()
        .filter(|(_, state)| state.contains("faulty"))
        .map(|(part, state)| format!("{part} is {state}"))
        .collect();
    let name = &array.name;
    if matches!(array.state.as_str(), "inactive" | "broken") || array.degraded >= array.disks.max(1)
    {
        let what = format!("the array {name} ({}) has failed: it is {}", array.level, array.state);
        found.push(storage("array_failed", Severity::Critical, what).because(broken));
    } else if array.degraded > 0 {
        let what = format!(
            "the array {name} ({}) lacks {} of its {} disks: one more failure may cost the data",
            array.level,
            thousands(array.degraded),
            thousands(array.disks)
        );
        found.push(
            storage("array_degraded", Severity::Warning, what)
                .because(broken)
                .then(format!("see which: `mdadm --detail /dev/{name}`, and replace it")),
        );
    }
    found.extend(busy_with_itself(case, array));
    found
}

fn busy_with_itself(case: &Case, array: &Array) -> Option<Finding> {
    let name = &array.name;
    let busy = match array.sync_action.as_str() {
        "" | "idle" | "frozen" => None,
        // A check runs every month, and may be stopped.
        "check" if !case.is_slow_here() => Some(Severity::Info),
        _ => Some(Severity::Warning),
    };
    busy.map(|severity| {
        let action = &array.sync_action;
        let what = format!("the array {name} reads or writes all of its disks now ({action})");
        let finding = storage("array_busy", severity, what);
        if action == "check" {
            finding.then(format!("stop it: `echo idle > /sys/block/{name}/md/sync_action`"))
        } else {
            finding.then(format!("slow it down: `echo 5000 > /sys/block/{name}/md/sync_speed_max`"))
        }
    })
}

/// `state` of a SCSI device or an NVMe controller.
fn offline(case: &Case, leaf: &LeafDisk) -> Option<Finding> {
    let state = leaf.state.as_deref()?;
    let well = ["running", "live", "created", ""].contains(&state);
    (!well).then(|| {
        let what = format!("the kernel says that {} is {state}", case.disk_label(&leaf.name));
        storage("disk_offline", Severity::Critical, what).on(&leaf.name)
    })
}

/// Kinds of disks that are slow by nature.
fn kind(case: &Case, leaf: &LeafDisk) -> Option<Finding> {
    let turns =
        case.drives.iter().any(|drive| drive.disk == leaf.name && drive.solid_state == Some(false));
    let why = match leaf.bus {
        Bus::Mmc => "is an SD card or eMMC: it takes tens of milliseconds for a sync at times",
        Bus::Usb => "is behind USB, which adds its own delays and resets",
        Bus::Network => "is reached over the network: each sync waits for it",
        _ if turns => "turns: a sync takes 8 to 20 ms there even when it is well",
        _ => return None,
    };
    let severity = if case.is_slow_here() { Severity::Warning } else { Severity::Info };
    let what = format!("{} {why}", case.disk_label(&leaf.name));
    Some(storage("disk_kind", severity, what).on(&leaf.name))
}
