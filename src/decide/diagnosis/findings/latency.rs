//! Findings from etcd's own measurements: fsyncs, commits, reads and writes,
//! member by member. Where the time goes below etcd is for other rules.

use crate::{
    decide::diagnosis::{
        case::{Case, Patient},
        members::pace::Pace,
        wording::{counted, many, millis, range, thousands, times, upto},
    },
    model::{
        diagnosis::{EvidenceKind, Finding, Latencies, Severity, SlowBy, SlowVoter, Spread},
        order::InOrder,
    },
};

/// What the members' own numbers tell.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let each = case.patients.iter().flat_map(|patient| {
        [
            fsync(case, patient),
            commit(patient),
            reads(patient),
            writes(patient),
            unanswered(patient),
        ]
    });
    each.flatten().chain(slower_than_the_others(case)).collect()
}

/// Departs from a bare p99: from 100 ms on it is critical by itself, as raft's
/// heartbeats are missed whatever it is that is slow; whether the drive agrees
/// decides what is said of the drive.
fn fsync(case: &Case, patient: &Patient) -> Option<Finding> {
    let spread = patient.numbers.fsync.as_ref();
    let (spread, since) = match spread {
        Some(spread) => (spread, ""),
        None => (patient.numbers.fsync_since_start.as_ref()?, " since its start"),
    };
    let (code, severity) = match patient.fsync {
        Pace::VerySlow => ("fsync_slow", Severity::Critical),
        Pace::Slow => ("fsync_slow", Severity::Warning),
        Pace::Unsure => ("fsync_near_limit", Severity::Info),
        Pace::Fine | Pace::Unknown => return None,
    };
    let who = patient.whose();
    let mut what = format!("{who}: WAL fsync p99{since} is {}", counted(spread));
    if let Some(others) = others(case, patient).filter(|_| patient.fsync.is_slow()) {
        what.push_str(&format!(", the others' {others}"));
    }
    if severity == Severity::Info {
        what.push_str(unsure(spread));
    }
    let finding = Finding::new(code, severity, EvidenceKind::Latency, what)
        .of(&patient.label)
        .because(fsync_evidence(patient, spread));
    Some(match () {
        () if severity == Severity::Info => finding,
        () if patient.member.local => match case.wal_leaf() {
            Some(leaf) => finding.on(&leaf.name),
            None => finding,
        },
        () => finding.then(format!("look at {} itself: {}", patient.label, patient.look_there())),
    })
}

fn unsure(spread: &Spread) -> &'static str {
    if spread.p99.over_ms >= 8.0 && spread.p99.over_ms < 16.0 {
        ": etcd advises under 10 ms, and its histogram cannot tell 8 ms from 16 ms"
    } else {
        ": too few are slow to say more"
    }
}

/// What the other voters' p99 are like, as one range.
pub(crate) fn others(case: &Case, patient: &Patient) -> Option<String> {
    let spreads: Vec<&Spread> =
        case.other_voters(patient).filter_map(|other| other.numbers.fsync.as_ref()).collect();
    range(spreads.iter().map(|spread| &spread.p99))
}

fn fsync_evidence(patient: &Patient, spread: &Spread) -> Vec<String> {
    let mut evidence = vec![format!(
        "half of its fsyncs took {}, their mean is {}",
        upto(&spread.p50),
        millis(spread.mean_ms)
    )];
    if spread.n < 100 {
        evidence.push("fewer than 100: the p99 is the bucket of the slowest".to_owned());
    }
    if let Some(ever) = patient.numbers.fsync_since_start.as_ref().filter(|ever| ever.n > spread.n)
    {
        evidence.push(format!("since its start: p99 {}", counted(ever)));
    }
    if patient.member.is_leader() {
        evidence.push("it leads, so every write of the cluster passes through it".to_owned());
    }
    evidence
}

/// etcd advises a p99 below 25 ms; on the histogram's bounds that is 32 ms.
fn commit(patient: &Patient) -> Option<Finding> {
    let spread = patient.numbers.commit.as_ref()?;
    let above = |upto: &Option<f64>| upto.is_none_or(|upto| upto > 32.0);
    let slow: u64 = spread.buckets.iter().filter(|(upto, _)| above(upto)).map(|(_, n)| n).sum();
    let share = if spread.n >= 100 { 5 } else { 20 };
    let is_slow = spread.p99.estimate_ms > 25.0
        && slow >= 3
        && slow.saturating_mul(100) >= spread.n.saturating_mul(share);
    is_slow.then(|| {
        let what = format!("{}: backend commit p99 is {}", patient.whose(), counted(spread));
        Finding::new("commit_slow", Severity::Warning, EvidenceKind::Latency, what)
            .of(&patient.label)
            .because(["etcd advises a p99 below 25 ms".to_owned()])
    })
}

fn reads(patient: &Patient) -> Option<Finding> {
    let view = patient.view?;
    slow_calls(&view.linearizable).then(|| {
        let told = times(&view.linearizable).unwrap_or_default();
        let what = format!("{}: reads through a quorum are slow, {told}", patient.whose());
        let alone = times(&view.serializable)
            .map(|told| format!("reads from that member alone, without asking the others: {told}"));
        Finding::new("reads_slow", Severity::Warning, EvidenceKind::Latency, what)
            .of(&patient.label)
            .because(alone)
    })
}

fn writes(patient: &Patient) -> Option<Finding> {
    let writes = &patient.view?.writes;
    slow_calls(writes).then(|| {
        let told = times(writes).unwrap_or_default();
        let what = format!(
            "{}: entries of the raft log take long to be agreed on, {told}",
            patient.whose()
        );
        Finding::new("writes_slow", Severity::Warning, EvidenceKind::Latency, what)
            .of(&patient.label)
    })
}

/// Half of them over 100 ms, or a fifth over 250 ms; never fewer than three.
fn slow_calls(calls: &Latencies) -> bool {
    let over = |limit: f64| calls.millis.iter().filter(|ms| **ms >= limit).count();
    let n = calls.millis.len();
    (over(100.0) >= 3 && over(100.0) * 2 >= n) || (over(250.0) >= 3 && over(250.0) * 5 >= n)
}

/// A member that answers Status but not its reads.
fn unanswered(patient: &Patient) -> Option<Finding> {
    let view = patient.view.filter(|_| patient.member.status.is_ok())?;
    let failed = view.linearizable.failed + view.serializable.failed + view.writes.failed;
    let answered = [&view.linearizable, &view.serializable, &view.writes]
        .map(|calls| calls.millis.len() as u64);
    let asked = failed + answered.iter().sum::<u64>();
    (failed > 0).then(|| {
        let many_failed = failed >= 3 && failed.saturating_mul(20) >= asked;
        let severity = if many_failed { Severity::Warning } else { Severity::Info };
        let what = format!(
            "{}: {} of {} requests got no answer",
            patient.whose(),
            thousands(failed),
            thousands(asked)
        );
        let why = [&view.linearizable, &view.serializable, &view.writes];
        let mut why: Vec<String> = why.iter().flat_map(|calls| calls.failures.clone()).collect();
        why.order();
        why.dedup();
        Finding::new("requests_unanswered", severity, EvidenceKind::Latency, what)
            .of(&patient.label)
            .because(why)
    })
}

/// A voter that stands out by something else than a p99 over the limits.
fn slower_than_the_others(case: &Case) -> Option<Finding> {
    let slow = case.slow_voter.as_ref()?;
    let patient = case.patients.iter().find(|patient| patient.member.id == slow.id)?;
    let (code, severity, what) = compared(patient, slow)?;
    let finding = Finding::new(code, severity, EvidenceKind::Latency, what).of(&patient.label);
    Some(if patient.member.local {
        finding
    } else {
        finding.then(format!("look at {} itself: {}", patient.label, patient.look_there()))
    })
}

fn compared(patient: &Patient, slow: &SlowVoter) -> Option<(&'static str, Severity, String)> {
    let who = patient.whose();
    let others = millis(slow.others_take_ms);
    match slow.by {
        SlowBy::Fsync if patient.fsync.is_slow() => None,
        SlowBy::Fsync => {
            let own = millis(slow.takes_ms?);
            let what = format!(
                "{who}: a WAL fsync takes {own} there on average and {others} on the others: slower, \
                 not slow"
            );
            Some(("fsync_slower_than_others", Severity::Info, what))
        }
        SlowBy::Standstill => {
            let synced = patient.numbers.seconds.map_or_else(
                || "during the look".to_owned(),
                |seconds| format!("within {}", many(seconds.round() as u64, "second")),
            );
            let what = format!(
                "{who}: not one WAL fsync ended {synced}, while the others' took {others} on \
                 average: its log stands still"
            );
            Some(("fsync_stands_still", Severity::Critical, what))
        }
        SlowBy::Reads => {
            let own = slow.takes_ms?;
            let what = format!(
                "{who}: reads take {} there and {others} on the others; its fsyncs are not known",
                millis(own)
            );
            let severity = if own >= 100.0 { Severity::Warning } else { Severity::Info };
            Some(("reads_slower_than_others", severity, what))
        }
    }
}
