//! Which of etcd's disks on this node are not to be trusted, by what was seen
//! in passing: the firmware's word, the kernel log, and how long etcd's fsyncs
//! took since it started. For the recovery, which is about to write to them.

use super::{
    case::Case,
    findings::drive::{OLD_HOURS, USUAL_TIMEOUTS},
    findings::findings,
    since_start,
    verdict::condemned::condemned,
    wording::counted,
};
use crate::model::{
    SickDisk,
    diagnosis::{DriveAnswer, EvidenceKind, Examined, Finding, Severity, Spread},
};

/// A p99 of WAL fsyncs that sound disks stay far below (etcd's FAQ asks for
/// 10 ms).
const SLOW_MS: f64 = 100.0;

/// Fewer fsyncs say nothing about one in a hundred.
const ENOUGH: u64 = 1_000;

/// Findings about the way to the drive, or about its future only.
const NOT_THE_DRIVE: [&str; 4] =
    ["kernel_cable_errors", "kernel_controller_faults", "drive_cable_errors", "drive_worn"];

/// Disks below this node's etcd that something speaks against.
#[must_use]
pub fn sick_disks(examined: &Examined) -> Vec<SickDisk> {
    let case = Case::of(examined);
    let findings = findings(&case);
    let condemned: Vec<String> =
        condemned(&case, &findings).iter().map(|it| it.disk.to_owned()).collect();
    let slow = slow_since_start(&case);
    let below_wal: Vec<&str> = case.wal_leaves().iter().map(|leaf| leaf.name.as_str()).collect();
    let leaves = case.leaves().iter();
    let sick =
        leaves.filter_map(|leaf| {
            let about: Vec<&Finding> =
                findings.iter().filter(|finding| speaks_against(finding, &leaf.name)).collect();
            let slow = slow.as_ref().filter(|_| below_wal.contains(&leaf.name.as_str()));
            let silence = silence(examined, &leaf.name);
            let is_silent = silence.is_some();
            let mut signs: Vec<String> = about.iter().map(|finding| finding.what.clone()).collect();
            signs.extend(silence);
            signs.extend(slow.map(|spread| {
                format!("etcd's WAL fsync p99 since its start is {}", counted(spread))
            }));
            let failing = about.iter().any(|finding| finding.severity == Severity::Critical)
                || condemned.contains(&leaf.name)
                // A sound drive may be too busy to tell in time.
                || is_silent && signs.len() > 1
                || slow.is_some() && has_a_history(&case, &leaf.name);
            (!signs.is_empty()).then(|| SickDisk {
                disk: leaf.name.clone(),
                label: case.disk_label(&leaf.name),
                signs,
                failing,
            })
        });
    sick.collect()
}

fn speaks_against(finding: &Finding, disk: &str) -> bool {
    let kind = matches!(finding.kind, EvidenceKind::Firmware | EvidenceKind::KernelLog);
    finding.disk.as_deref() == Some(disk)
        && (kind || finding.code == "disk_hangs")
        && finding.severity >= Severity::Warning
        && !NOT_THE_DRIVE.contains(&finding.code)
}

/// A drive that does not even tell how it is.
fn silence(examined: &Examined, disk: &str) -> Option<String> {
    let drive = examined.drives.iter().find(|drive| drive.disk == disk)?;
    match drive.answer {
        DriveAnswer::Silent { after_ms } => {
            Some(format!("it did not answer what its firmware was asked within {after_ms} ms"))
        }
        _ => None,
    }
}

fn slow_since_start(case: &Case) -> Option<Spread> {
    let fsyncs = case.here()?.member.disk_times.fsync.as_ref()?;
    since_start(fsyncs).filter(|spread| spread.n >= ENOUGH && spread.p99.over_ms >= SLOW_MS)
}

/// What is no reason by itself, and one together with slowness.
fn has_a_history(case: &Case, disk: &str) -> bool {
    let facts = case.drives.iter().find(|facts| facts.disk == disk);
    facts.is_some_and(|facts| {
        let left = facts.life_left.as_ref().map(|left| left.percent);
        facts.command_timeouts.is_some_and(|count| count > USUAL_TIMEOUTS)
            || facts.power_on_hours.is_some_and(|hours| hours > OLD_HOURS)
                && left.is_some_and(|percent| percent <= 10)
    })
}

#[cfg(test)]
#[path = "sick_disk_tests.rs"]
mod tests;
