//! Findings from the kernel's counters of this node's disks: busy, standing
//! still, one sick part of an array, waiting tasks, and our own load.

use crate::{
    decide::diagnosis::{
        case::Case,
        device::Device,
        members::pace::{Pace, pace_of_probe},
        wording::{millis, rate, thousands},
    },
    model::diagnosis::{DriveAnswer, EvidenceKind, Finding, LeafDisk, ProbeRun, Severity},
};

/// What the disks' counters tell.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let leaves = case.leaves();
    let mut found: Vec<Finding> = leaves.iter().filter_map(|leaf| hanging(case, leaf)).collect();
    found.extend(leaves.iter().filter_map(|leaf| busy(case, leaf)));
    found.extend(sick_part(case));
    found.extend(pressure(case));
    found.extend(probe(case));
    found
}

/// Standing still counts from two windows on: a drive that cleans up may not
/// answer for a second.
fn hanging(case: &Case, leaf: &LeafDisk) -> Option<Finding> {
    let device = case.device(&leaf.name);
    let stalled = device.filter(|device| device.stalled_windows > 0);
    let silent = case.examined.drives.iter().find_map(|drive| match drive.answer {
        DriveAnswer::Silent { after_ms } if drive.disk == leaf.name => Some(after_ms),
        _ => None,
    });
    let label = case.disk_label(&leaf.name);
    let hangs = stalled.is_some_and(Device::hangs);
    let (severity, what) = match (stalled, silent) {
        (Some(device), _) if hangs => (
            Severity::Critical,
            format!(
                "{label} hangs: requests wait, and for {:.0} s not one was completed",
                device.stalled_seconds
            ),
        ),
        (Some(_), Some(_)) => {
            (Severity::Critical, format!("{label} hangs: neither writes nor its firmware answer"))
        }
        (None, Some(_)) if case.is_well_here() => {
            (Severity::Info, format!("the firmware of {label} did not answer"))
        }
        (None, Some(_)) => {
            (Severity::Warning, format!("the firmware of {label} did not answer: it may hang"))
        }
        (Some(device), None) => (
            if case.is_slow_here() { Severity::Warning } else { Severity::Info },
            format!("{label} stood still for {:.0} s of the look", device.stalled_seconds),
        ),
        (None, None) => return None,
    };
    let code = if severity == Severity::Critical { "disk_hangs" } else { "disk_stalled" };
    let silent =
        silent.map(|ms| format!("its firmware did not answer within {}", millis(ms as f64)));
    Some(Finding::new(code, severity, EvidenceKind::Latency, what).on(&leaf.name).because(silent))
}

/// Departs from a bare utilisation: a busy disk is a finding only when etcd
/// suffers from it, or when it is not known whether it does.
fn busy(case: &Case, leaf: &LeafDisk) -> Option<Finding> {
    let device = case.device(&leaf.name).filter(|device| device.is_busy())?;
    let severity = if case.is_well_here() { Severity::Info } else { Severity::Warning };
    let mut what = format!(
        "{} is busy {:.0} % of the time, and a write takes {}",
        case.disk_label(&leaf.name),
        device.util_percent,
        millis(device.w_await_ms.unwrap_or_default())
    );
    if severity == Severity::Info {
        what.push_str(", but etcd's fsyncs do not suffer from it");
    }
    let mut evidence = vec![format!("{} are written to it", rate(device.written_per_s))];
    evidence.extend(
        device.flush_await_ms.map(|ms| {
            format!("a cache flush takes {} (n={})", millis(ms), thousands(device.flushes))
        }),
    );
    Some(
        Finding::new("disk_busy", severity, EvidenceKind::Latency, what)
            .on(&leaf.name)
            .because(evidence),
    )
}

/// One part of an array that answers much later than the others: a mirror is
/// as slow as its slowest disk.
pub(crate) fn sick_part(case: &Case) -> Option<Finding> {
    let below = case.examined.below.as_ref().filter(|below| !below.arrays.is_empty())?;
    let measured: Vec<(&LeafDisk, f64)> = below
        .leaves
        .iter()
        .filter_map(|leaf| Some((leaf, case.device(&leaf.name)?.answers_in()?)))
        .collect();
    let (worst, its) = measured.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = measured.iter().filter(|(leaf, _)| leaf.name != worst.name);
    let next = others.map(|(_, ms)| *ms).reduce(f64::max)?;
    (*its >= 16.0 && *its >= 4.0 * next).then(|| {
        let what = format!(
            "{} answers in {}, the other disks of the array in {} or less: an array is as slow as \
             its slowest disk",
            case.disk_label(&worst.name),
            millis(*its),
            millis(next)
        );
        let severity = if case.is_well_here() { Severity::Info } else { Severity::Warning };
        Finding::new("array_part_slow", severity, EvidenceKind::Latency, what)
            .on(&worst.name)
            .then(format!("take {} out of its array and replace it", worst.name))
    })
}

/// Never more than good to know: it tells of any disk.
fn pressure(case: &Case) -> Option<Finding> {
    let pressure = case.examined.below.as_ref()?.pressure?;
    let [_, minute, _] = pressure.full;
    (minute >= 10.0).then(|| {
        let what =
            format!("on this node all tasks waited for disks {minute:.0} % of the last minute");
        Finding::new("io_pressure", Severity::Info, EvidenceKind::Latency, what)
    })
}

fn probe(case: &Case) -> Option<Finding> {
    let run = case.examined.probe.as_ref()?.as_ref().ok()?;
    let pace = pace_of_probe(&run.syncs);
    let told = probe_told(run)?;
    // It is an upper estimate: where etcd was measured, etcd's numbers decide.
    let severity = match pace {
        Pace::VerySlow if case.is_well_here() => Severity::Warning,
        Pace::VerySlow => Severity::Critical,
        Pace::Slow if !case.is_well_here() => Severity::Warning,
        _ => Severity::Info,
    };
    let code = if severity > Severity::Info { "probe_slow" } else { "probe" };
    let mut what = format!("our own load beside etcd's files: fdatasync {told}");
    match case.here().map(|here| here.fsync) {
        Some(fsync) if fsync.is_slow() && !pace.is_slow() => {
            what.push_str(", so the disk is fast enough for others than etcd");
        }
        Some(Pace::Fine) if pace.is_slow() => {
            what.push_str(", although etcd's own fsyncs are quick");
        }
        _ => {}
    }
    let finding =
        Finding::new(code, severity, EvidenceKind::Latency, what).because(probe_evidence(run));
    let finding = match severity {
        Severity::Info => finding,
        _ => finding
            .then("measure again over a longer time: `etcd-rescue diagnose --probe --window 30s`"),
    };
    Some(match case.wal_leaf() {
        Some(leaf) => finding.on(&leaf.name),
        None => finding,
    })
}

fn probe_evidence(run: &ProbeRun) -> Vec<String> {
    let mut evidence = vec![format!("it ended by {}", run.ended)];
    if run.upper_estimate {
        evidence.push(
            "its file grows with every write, which costs more than etcd's own log: read it as an \
             upper estimate"
                .to_owned(),
        );
    }
    // The docs' fio line: 2300-byte writes, each synced, p99 below 10 ms.
    evidence.push("etcd's advice for such a load is a p99 below 10 ms".to_owned());
    evidence
}

/// "p50 2.0 ms, p99 8.0 ms, longest 12 ms (n=400)".
pub(crate) fn probe_told(run: &ProbeRun) -> Option<String> {
    let [middle, most, longest] =
        [run.syncs.quantile(0.5)?, run.syncs.quantile(0.99)?, run.syncs.max()?].map(millis);
    let n = run.syncs.millis.len() as u64;
    let few = if n < 200 { ", too few for a p99" } else { "" };
    Some(format!("p50 {middle}, p99 {most}, longest {longest} (n={}{few})", thousands(n)))
}
