//! Findings about who else lives and writes on etcd's disks. Departs from a
//! bare "shared": on a disk that serves etcd well, sharing it is good to know
//! and no more; most masters keep everything on one disk.

use crate::{
    decide::diagnosis::{
        case::Case,
        wording::{listed, rate, thousands},
    },
    model::{
        diagnosis::{EvidenceKind, Finding, Severity, Sharer, SharerKind, Writer},
        order::InOrder,
    },
};

/// Below this nobody's writing matters to a disk, bytes a second.
const LITTLE: f64 = 1024.0 * 1024.0;

/// Who shares, and who writes.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let mut found: Vec<Finding> = sharing(case).into_iter().collect();
    found.extend(writing(case));
    found
}

/// Sharers that can hurt, the worst first; each kind of place once.
pub(crate) fn neighbours<'a>(case: &Case<'a>) -> Vec<&'a Sharer> {
    let below = case.examined.below.as_ref();
    let mut sharers: Vec<&Sharer> = below.iter().flat_map(|below| &below.sharers).collect();
    sharers.order_by_key(|sharer| weight(sharer.kind));
    sharers
}

fn weight(kind: SharerKind) -> u8 {
    match kind {
        SharerKind::Longhorn | SharerKind::Rook | SharerKind::OpenEbs => 0,
        SharerKind::Database | SharerKind::LocalVolumes => 1,
        SharerKind::Swap => 2,
        SharerKind::ContainerRuntime | SharerKind::Kubelet | SharerKind::Logs => 3,
        SharerKind::Root => 4,
        SharerKind::Mount => 5,
    }
}

/// What people call it.
pub(crate) fn name(sharer: &Sharer) -> String {
    let path = sharer.path.display();
    let name = match sharer.kind {
        SharerKind::Root => return "the root filesystem".to_owned(),
        SharerKind::Swap => return format!("swap ({path})"),
        SharerKind::Longhorn => "Longhorn",
        SharerKind::Rook => "Rook",
        SharerKind::OpenEbs => "OpenEBS",
        SharerKind::LocalVolumes => "local volumes",
        SharerKind::ContainerRuntime => "the containers' images and layers",
        SharerKind::Kubelet => "the pods' volumes",
        SharerKind::Logs => "logs",
        SharerKind::Database => "the database",
        SharerKind::Mount => return path.to_string(),
    };
    match &sharer.detail {
        Some(detail) => format!("{name} ({path}, {detail})"),
        None => format!("{name} ({path})"),
    }
}

fn sharing(case: &Case) -> Option<Finding> {
    let sharers = neighbours(case);
    let heavy = |sharer: &&&Sharer| weight(sharer.kind) < 3;
    let names: Vec<String> = sharers.iter().take(4).map(|sharer| name(sharer)).collect();
    if names.is_empty() {
        return None;
    }
    let busy = case.devices.iter().any(|device| {
        device.is_busy() && case.leaves().iter().any(|leaf| leaf.name == device.name)
    });
    let severity = if case.is_slow_here() || (busy && !case.is_well_here()) {
        Severity::Warning
    } else {
        Severity::Info
    };
    let more = match sharers.len() - names.len() {
        0 => String::new(),
        more => format!(" ({more} more)"),
    };
    let what = format!("etcd shares its disk with {}{more}", listed(&names));
    let mut disks: Vec<&String> = sharers.iter().flat_map(|sharer| &sharer.disks).collect();
    disks.order();
    disks.dedup();
    let finding = Finding::new("disk_shared", severity, EvidenceKind::Sharing, what);
    let finding = match disks[..] {
        [one] => finding.on(one),
        _ => finding,
    };
    // On a disk that serves etcd well there is nothing to move.
    let first = sharers.iter().find(heavy).filter(|_| severity > Severity::Info);
    Some(match first {
        Some(sharer) => finding.then(format!("move {} to another disk", name(sharer))),
        None => finding,
    })
}

/// The one that writes most beside etcd, if it is worth a word.
pub(crate) fn main_writer<'a>(case: &Case<'a>) -> Option<&'a Writer> {
    let writers = &case.examined.below.as_ref()?.writers;
    let others = writers.iter().filter(|writer| !writer.etcd && writer.bytes_per_s >= LITTLE);
    // The kernel counts cgroups per disk, processes over all disks.
    others.max_by(|a, b| {
        (a.cgroup, a.bytes_per_s)
            .partial_cmp(&(b.cgroup, b.bytes_per_s))
            .unwrap_or(std::cmp::Ordering::Equal)
    })
}

/// "longhorn-manager-x7 writes 48.0 MiB/s".
pub(crate) fn writes(writer: &Writer) -> String {
    let often =
        writer.writes_per_s.map(|often| format!(" in {} writes a second", thousands(often as u64)));
    format!("{} writes {}{}", writer.who, rate(writer.bytes_per_s), often.unwrap_or_default())
}

fn writing(case: &Case) -> Option<Finding> {
    let writer = main_writer(case)?;
    let severity = if case.is_slow_here() { Severity::Warning } else { Severity::Info };
    let place = if writer.cgroup { "to etcd's disk" } else { "on this node" };
    let what = format!("{} {place}", writes(writer));
    let writers = case.examined.below.iter().flat_map(|below| &below.writers);
    let others = writers.filter(|other| other.who != writer.who).take(4).map(writes);
    let finding = Finding::new("others_write", severity, EvidenceKind::Sharing, what)
        .because(others.collect::<Vec<_>>());
    Some(match &writer.disk {
        Some(disk) => finding.on(disk),
        None => finding,
    })
}
