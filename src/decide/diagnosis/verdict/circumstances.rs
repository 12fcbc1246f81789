//! What else is known about the disk of a slow etcd: the end of the sentence
//! after "is slow: … on sda".

use crate::{
    decide::diagnosis::{
        case::Case,
        device::Device,
        findings::sharing::{main_writer, name, neighbours, writes},
    },
    model::diagnosis::{Bus, DriveAnswer, Finding, Severity, SharerKind},
};

/// ", while …: …", with what to do; nothing but the disk where nothing is
/// known.
pub(crate) fn circumstances(case: &Case, findings: &[Finding]) -> String {
    let of = |code: &str| {
        findings.iter().find(|finding| finding.code == code && finding.severity > Severity::Info)
    };
    // The disk was introduced before.
    let known_by_name = |finding: &Finding| match &finding.disk {
        Some(disk) => finding.what.replace(&case.disk_label(disk), disk),
        None => finding.what.clone(),
    };
    let told = |finding: &Finding| match &finding.next {
        Some(next) => format!(", and {}; {next}", known_by_name(finding)),
        None => format!(", and {}", known_by_name(finding)),
    };
    let known = ["volume_limit_exceeded", "array_part_slow", "array_busy", "disk_kind"];
    if let Some(finding) = known.iter().find_map(|code| of(code)) {
        return told(finding);
    }
    if let Some(writer) = main_writer(case) {
        return format!(
            ", while {}: it is that load, or the disk; move the load away and look again",
            writes(writer)
        );
    }
    // A database that does not write now is no suspect.
    let heavy = [SharerKind::Longhorn, SharerKind::Rook, SharerKind::OpenEbs];
    if let Some(sharer) = neighbours(case).into_iter().find(|it| heavy.contains(&it.kind)) {
        let name = name(sharer);
        return format!(
            ", which it shares with {name}: it is that load, or the disk; move it away and look \
             again"
        );
    }
    if let Some(by) = hidden_by(case) {
        return format!(
            ": the real disk is hidden behind {by}, so ask who owns that for its latency and limits"
        );
    }
    plainly(case)
}

/// Nothing is known but that the disk is slow.
fn plainly(case: &Case) -> String {
    let busy =
        case.wal_leaves().iter().any(|leaf| case.device(&leaf.name).is_some_and(Device::is_busy));
    if busy {
        return ", which is busy: other writers or the disk itself; see who writes (`iotop -oPa`), \
                then look again"
            .to_owned();
    }
    if case.examined.probe.is_some() {
        return ": other writers or the disk itself; nothing else was found against it".to_owned();
    }
    ": other writers or the disk itself; nothing else was found against it, and `etcd-rescue \
     diagnose --probe` measures it with a load of its own"
        .to_owned()
}

/// What stands between this node and its real disk.
fn hidden_by(case: &Case) -> Option<String> {
    let leaf = case.wal_leaf()?;
    let answer = case.examined.drives.iter().find(|drive| drive.disk == leaf.name);
    match answer.map(|drive| &drive.answer) {
        Some(DriveAnswer::Hidden { by, .. } | DriveAnswer::Emulated { by, .. }) => Some(by.clone()),
        _ if leaf.bus == Bus::Virtual => Some("a hypervisor".to_owned()),
        _ => None,
    }
}
