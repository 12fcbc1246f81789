//! What the findings point at, before it is put into words.

use super::condemned::{Condemned, condemned, stands_still_here};
use crate::{
    decide::diagnosis::case::{Case, Patient},
    model::diagnosis::{EvidenceKind, Finding, Severity, SlowBy},
};

/// Where the trouble comes from.
#[derive(Debug)]
pub(crate) enum Cause<'a, 'f> {
    /// A disk of this node is to be replaced.
    Replace(Condemned<'a>),
    /// A disk of this node does not answer.
    Hangs(&'f Finding),
    /// This node's etcd is slow, and its drive is not.
    AboveDrive(&'f Finding),
    /// This node's etcd is slow: its disk, or what else is on it.
    SlowHere,
    /// One member elsewhere is slow.
    SlowThere(usize),
    /// Several are.
    SlowSeveral(Vec<usize>),
    /// A disk of this node fails commands; etcd does not feel it now.
    DiskErrors(&'f Finding),
    /// Quiet now, but the log is full of it.
    Bursts(&'f Finding),
    /// Something else.
    Other(&'f Finding),
    /// Nothing was found.
    Nothing,
}

/// The cause that explains most.
pub(crate) fn cause<'a, 'f>(case: &Case<'a>, findings: &'f [Finding]) -> Cause<'a, 'f> {
    let of = |code: &str| findings.iter().find(|finding| finding.code == code);
    if let Some(condemned) = condemned(case, findings).into_iter().next() {
        return Cause::Replace(condemned);
    }
    if let Some(finding) = of("disk_hangs") {
        return Cause::Hangs(finding);
    }
    if let Some(slow) = slow(case, findings) {
        return slow;
    }
    // What explains goes before what is only felt.
    let felt = ["reads_slow", "writes_slow", "commit_slow", "requests_unanswered"];
    let severe = || findings.iter().filter(|finding| finding.severity > Severity::Info);
    let worst = severe().find(|finding| !felt.contains(&finding.code)).or(severe().next());
    match worst {
        None => Cause::Nothing,
        Some(worst) if worst.kind == EvidenceKind::KernelLog && worst.disk.is_some() => {
            Cause::DiskErrors(worst)
        }
        Some(worst) if worst.kind == EvidenceKind::EtcdLog => Cause::Bursts(worst),
        Some(worst) => Cause::Other(worst),
    }
}

/// The members that are slow, apart from what is to be done about disks.
pub(crate) fn slow<'a, 'f>(case: &Case<'a>, findings: &'f [Finding]) -> Option<Cause<'a, 'f>> {
    let slow = slow_members(case);
    let here = |at: &usize| case.patients.get(*at).is_some_and(|it| it.member.local);
    match slow[..] {
        [] => stands_still_here(case, findings).then_some(Cause::SlowHere),
        [one] if here(&one) => {
            let above = findings.iter().find(|finding| finding.code == "delay_above_drive");
            Some(above.map_or(Cause::SlowHere, Cause::AboveDrive))
        }
        [one] => Some(Cause::SlowThere(one)),
        _ => Some(Cause::SlowSeveral(slow)),
    }
}

/// Members that are slow; only the one that is much slower than all others,
/// where there is one.
fn slow_members(case: &Case) -> Vec<usize> {
    let is = |patient: &Patient| {
        patient.fsync.is_slow()
            || case.slow_voter.as_ref().is_some_and(|slow| {
                slow.id == patient.member.id
                    && (slow.by == SlowBy::Standstill
                        || slow.by == SlowBy::Reads && slow.takes_ms.is_some_and(|ms| ms >= 100.0))
            })
    };
    let slow = case.patients.iter().enumerate().filter(|(_, patient)| is(patient));
    let slow: Vec<usize> = slow.map(|(at, _)| at).collect();
    let named = case.slow_voter.as_ref().map(|slow| slow.id);
    let outlier = slow
        .iter()
        .find(|at| case.patients.get(**at).is_some_and(|patient| Some(patient.member.id) == named));
    outlier.map_or(slow.clone(), |at| vec![*at])
}
