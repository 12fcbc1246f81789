//! Which disk is to be replaced. One kind of evidence is never enough, except
//! the firmware's own word that it fails: a slow disk may only be busy, and
//! sound drives count some errors.

use crate::{
    decide::diagnosis::{
        case::Case,
        findings::drive::{OLD_HOURS, USUAL_TIMEOUTS, predicted},
        wording::{counted, listed, many, thousands},
    },
    model::{
        diagnosis::{DriveFacts, EvidenceKind, Finding, Severity},
        order::InOrder,
    },
};

/// A disk to be replaced, and why.
#[derive(Debug)]
pub(crate) struct Condemned<'a> {
    pub(crate) disk: &'a str,
    /// Short phrases: "85 command timeouts in its firmware".
    pub(crate) reasons: Vec<String>,
    /// Whether etcd suffers from it, now or in bursts that its log tells of.
    pub(crate) slow: bool,
    /// The log's word for the bursts.
    bursts: Option<String>,
}

impl Condemned<'_> {
    /// "85 command timeouts in its firmware, 62,247 power-on hours, and etcd's
    /// WAL fsync p99 is 256-512 ms (n=14)".
    pub(crate) fn told(&self, case: &Case) -> String {
        let reasons = self.reasons.join(", ");
        match case.here().and_then(|here| here.numbers.fsync.as_ref()) {
            Some(fsync) if case.is_slow_here() && self.slow => {
                format!("{reasons}, and etcd's WAL fsync p99 is {}", counted(fsync))
            }
            _ if self.slow => match &self.bursts {
                Some(bursts) => format!("{reasons}, and {bursts}"),
                None => format!("{reasons}, and etcd waits for it"),
            },
            Some(fsync) if case.is_well_here() => format!(
                "{}, while etcd's WAL fsync p99 is still {}",
                listed(&self.reasons),
                counted(fsync)
            ),
            _ => listed(&self.reasons),
        }
    }
}

/// The disks to be replaced, one that etcd suffers from first.
pub(crate) fn condemned<'a>(case: &Case<'a>, findings: &[Finding]) -> Vec<Condemned<'a>> {
    let mut found: Vec<Condemned> =
        case.leaves().iter().filter_map(|leaf| judge(case, findings, &leaf.name)).collect();
    found.order_by_key(|condemned| !condemned.slow);
    found
}

fn judge<'a>(case: &Case<'a>, findings: &[Finding], disk: &'a str) -> Option<Condemned<'a>> {
    let about: Vec<&Finding> =
        findings.iter().filter(|finding| finding.disk.as_deref() == Some(disk)).collect();
    let facts = case.drives.iter().find(|facts| facts.disk == disk);
    // What an emulated drive says is about no drive that could be replaced.
    if facts.is_some_and(|facts| facts.emulated_by.is_some()) {
        return None;
    }
    let slow = is_slow(case, findings, disk);
    let fails = about.iter().any(|finding| finding.code == "drive_fails");
    let firmware = fails || about.iter().any(|finding| weighs(facts, finding));
    let kernel = about.iter().any(|finding| is_kernels_word(finding));
    let worn = facts.is_some_and(is_worn_out);
    let by_two = slow && (firmware || kernel || worn) || kernel && firmware;
    let bursts = stalls_in_log(findings).map(|finding| finding.what.clone());
    (fails || by_two).then(|| Condemned { disk, reasons: reasons(facts, &about), slow, bursts })
}

/// Whether etcd is slow on this disk, and not because of something above it
/// or of another disk of the same array.
fn is_slow(case: &Case, findings: &[Finding], disk: &str) -> bool {
    let has = |code: &str| findings.iter().find(|finding| finding.code == code);
    if has("delay_above_drive").is_some() {
        return false;
    }
    let sick_part = has("array_part_slow").and_then(|finding| finding.disk.as_deref());
    let below_wal = case.wal_leaves().iter().any(|leaf| leaf.name == disk);
    let etcd = case.is_slow_here()
        || stands_still_here(case, findings)
        || stalls_in_log(findings).is_some();
    let hangs = findings.iter().any(|finding| {
        ["disk_hangs", "probe_slow"].contains(&finding.code)
            && finding.disk.as_deref() == Some(disk)
    });
    hangs || (etcd && below_wal && sick_part.is_none_or(|sick| sick == disk))
}

/// etcd's own word of fsyncs that took seconds in the last hours.
fn stalls_in_log(findings: &[Finding]) -> Option<&Finding> {
    findings
        .iter()
        .find(|finding| finding.code == "log_slow_fdatasync" && finding.severity > Severity::Info)
}

/// Whether it is this node's log that stands still.
pub(crate) fn stands_still_here(case: &Case, findings: &[Finding]) -> bool {
    let here = case.here().map(|here| here.label.as_str());
    findings.iter().any(|finding| {
        finding.code == "fsync_stands_still" && here.is_some() && finding.member.as_deref() == here
    })
}

/// Counts that sound drives do not reach.
fn weighs(facts: Option<&DriveFacts>, finding: &Finding) -> bool {
    let over = |count: Option<u64>, usual: u64| count.is_some_and(|count| count > usual);
    match finding.code {
        "drive_lost_data" | "drive_pending_sectors" | "drive_media_errors" => true,
        "drive_command_timeouts" => {
            facts.is_some_and(|facts| over(facts.command_timeouts, USUAL_TIMEOUTS))
        }
        "drive_reallocated" => facts.is_some_and(|facts| over(facts.reallocated, 16)),
        _ => false,
    }
}

/// Lines about the disk itself within a week; the cable's are the cable's.
fn is_kernels_word(finding: &Finding) -> bool {
    finding.kind == EvidenceKind::KernelLog
        && finding.severity >= Severity::Warning
        && !["kernel_cable_errors", "kernel_controller_faults"].contains(&finding.code)
}

/// Old and at its end, or with nothing left at all.
fn is_worn_out(facts: &DriveFacts) -> bool {
    let old = facts.power_on_hours.is_some_and(|hours| hours > OLD_HOURS);
    let left = facts.life_left.as_ref().map(|left| left.percent);
    left.is_some_and(|left| left == 0 || (left <= 10 && old))
}

fn reasons(facts: Option<&DriveFacts>, about: &[&Finding]) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(facts) = facts {
        let predicted = predicted(facts);
        if !predicted.is_empty() {
            reasons.push(format!("by its firmware's own word ({})", listed(&predicted)));
        }
        let counted = [
            (facts.command_timeouts, "command timeout", " in its firmware"),
            (facts.uncorrectable, "uncorrectable error", ""),
            (facts.pending, "unreadable sector", ""),
            (facts.media_errors, "media error", ""),
            (facts.reallocated, "replaced sector", ""),
        ];
        reasons.extend(counted.iter().filter_map(|(count, word, place)| {
            let count = count.filter(|count| *count > 0)?;
            Some(format!("{}{place}", many(count, word)))
        }));
    }
    let kernel = about.iter().filter(|finding| is_kernels_word(finding));
    reasons.extend(kernel.map(|finding| {
        let what = finding.what.trim_start_matches("the kernel log has ");
        let what = what.split(" of ").next().unwrap_or(what);
        let last = finding.what.rsplit(", the last ").next().filter(|_| what != finding.what);
        let last = last.map(|last| format!(" (the last {last})")).unwrap_or_default();
        format!("{what} in the kernel log{last}")
    }));
    if let Some(facts) = facts {
        let old = facts.power_on_hours.filter(|hours| *hours > OLD_HOURS);
        reasons.extend(old.map(|hours| format!("{} power-on hours", thousands(hours))));
        let left = facts.life_left.as_ref().filter(|left| left.percent <= 20);
        reasons.extend(left.map(|left| match left.percent {
            0 => "its rated life used up".to_owned(),
            percent => format!("{percent} % of its rated life left"),
        }));
    }
    reasons
}
