//! From the bottom up, in plain words: what makes what slow, up to the alert
//! that somebody was called for. Only links that were seen.

use super::cause::Cause;
use crate::{
    decide::{
        diagnosis::{
            case::{Case, Patient},
            findings::{
                log::goes_on,
                sharing::{main_writer, writes},
            },
            wording::{as_start, bracket, many, millis},
        },
        restart::ago,
    },
    model::diagnosis::{Finding, Severity, Symptom, SymptomKind},
};

/// The chain; empty when there is no cause, or nothing that follows from it.
pub(crate) fn chain(case: &Case, findings: &[Finding], cause: &Cause) -> Vec<String> {
    let mut links = root(case, findings, cause);
    if links.is_empty() {
        return links;
    }
    // Where etcd is not slow by itself, a few lines of its log are no link.
    let least = match cause {
        Cause::Other(_) | Cause::Nothing => Severity::Warning,
        _ => Severity::Info,
    };
    let told = findings.iter().filter(|it| it.severity >= least && goes_on(case, it));
    let told: Vec<&Finding> = told.collect();
    links.extend(raft(&told));
    links.extend(requests(&told));
    links.extend(clients(case));
    if links.len() < 2 { Vec::new() } else { links }
}

/// Everything below raft.
fn root(case: &Case, findings: &[Finding], cause: &Cause) -> Vec<String> {
    let has = |code: &str| findings.iter().find(|finding| finding.code == code);
    let stalls = || {
        let stalls = has("log_slow_fdatasync").filter(|it| it.severity > Severity::Info);
        stalls.map(|finding| format!("The disk stalls at times: {}", finding.what))
    };
    let mut links = Vec::new();
    match cause {
        Cause::Replace(condemned) if !condemned.slow => return links,
        Cause::Replace(condemned) => {
            links.extend(load(case));
            let label = case.disk_label(condemned.disk);
            let reasons = condemned.reasons.join(", ");
            links.push(format!("The drive {label} is at its end: {reasons}"));
            links.extend(stalls());
        }
        Cause::Hangs(finding) => links.push(as_start(&finding.what)),
        Cause::AboveDrive(finding) => links.push(as_start(&finding.what)),
        Cause::SlowHere | Cause::SlowSeveral(_) => {
            links.extend(load(case));
            links.extend(slow_device(case));
        }
        Cause::DiskErrors(finding) => links.push(as_start(&finding.what)),
        Cause::Nothing => return links,
        Cause::Other(_) | Cause::Bursts(_) => {
            links.extend(
                has("nospace").map(|_| {
                    "etcd's database passed its quota, so it refuses every write".to_owned()
                }),
            );
            links.extend(stalls());
        }
        Cause::SlowThere(_) => {}
    }
    links.extend(syncs(case, findings));
    links
}

/// Who loads the disk.
fn load(case: &Case) -> Option<String> {
    let writer = main_writer(case).filter(|_| case.is_slow_here())?;
    let place = if writer.cgroup { " to etcd's disk" } else { "" };
    Some(format!("{}{place}", as_start(&writes(writer))))
}

fn slow_device(case: &Case) -> Option<String> {
    if !case.is_slow_here() {
        return None;
    }
    let measured = case
        .wal_leaves()
        .into_iter()
        .filter_map(|leaf| Some((leaf, case.device(&leaf.name)?.answers_in()?)));
    let (leaf, ms) = measured.reduce(|a, b| if a.1 >= b.1 { a } else { b })?;
    (ms >= 8.0)
        .then(|| format!("The disk {} takes {} for a write or a flush", leaf.name, millis(ms)))
}

/// etcd waits for its disk.
fn syncs(case: &Case, findings: &[Finding]) -> Option<String> {
    let slow: Vec<&Patient> =
        case.patients.iter().filter(|patient| patient.fsync.is_slow()).collect();
    let names: Vec<String> = slow
        .iter()
        .filter_map(|patient| {
            let spread = patient.numbers.fsync.as_ref();
            let spread = spread.or(patient.numbers.fsync_since_start.as_ref())?;
            Some(format!("{} {}", patient.label, bracket(&spread.p99)))
        })
        .collect();
    if names.is_empty() {
        let still = findings.iter().find(|finding| finding.code == "fsync_stands_still")?;
        return Some(as_start(&still.what));
    }
    let leads = if slow.iter().any(|patient| patient.member.is_leader()) {
        "; the leader is among them, so every write of the cluster waits"
    } else {
        ""
    };
    Some(format!(
        "etcd's log (WAL) has to reach the disk before anything is agreed on, and its fsyncs stall: \
         p99 {}{leads}",
        names.join(", ")
    ))
}

fn raft(findings: &[&Finding]) -> Vec<String> {
    let told = |codes: &[&str]| {
        let found = findings.iter().filter(|finding| codes.contains(&finding.code));
        let told: Vec<String> = found.map(|finding| finding.what.clone()).collect();
        (!told.is_empty()).then(|| told.join("; "))
    };
    let late = told(&["heartbeats_failed", "log_late_heartbeats"])
        .map(|told| format!("The members' heartbeats (raft) come too late: {told}"));
    let lost = told(&["leader_changed", "log_leader_lost", "no_leader"])
        .map(|told| format!("Leaders are lost: {told}"));
    late.into_iter().chain(lost).collect()
}

fn requests(findings: &[&Finding]) -> Option<String> {
    let codes = [
        "reads_slow",
        "writes_slow",
        "log_slow_read_index",
        "log_slow_agreement",
        "log_slow_applies",
        "log_slow_requests",
    ];
    let first = codes.iter().find_map(|code| findings.iter().find(|it| it.code == *code))?;
    Some(format!("Requests to etcd wait: {}", first.what))
}

/// What its clients suffer, and the alert.
fn clients(case: &Case) -> Vec<String> {
    let of = |kind: SymptomKind| -> Option<(u64, i64)> {
        let all = case.examined.symptoms.iter().filter(|it| it.kind == kind && it.count > 0);
        let all: Vec<&Symptom> = all.collect();
        let last = all.iter().map(|symptom| symptom.last_at).max()?;
        let count = all.iter().fold(0_u64, |sum, symptom| sum.saturating_add(symptom.count));
        Some((count, last))
    };
    let told = |found: Option<(u64, i64)>, words: &str| {
        found.map(|(count, last)| {
            format!("{words} ({}, the last {})", many(count, "line"), ago(case.since(last)))
        })
    };
    let api = of(SymptomKind::ApiServerTimeouts);
    let burns = api.map(|_| {
        "That burns the API server's error budget: the alert KubeAPIErrorBudgetBurn".to_owned()
    });
    [
        told(api, "The API server's requests to etcd time out"),
        told(of(SymptomKind::LostLease), "Controllers lose the lease by which they lead"),
        told(of(SymptomKind::CoreDnsSlow), "CoreDNS answers its health check late"),
        told(of(SymptomKind::MetricsServerTimeouts), "metrics-server answers too late"),
        burns,
    ]
    .into_iter()
    .flatten()
    .collect()
}
