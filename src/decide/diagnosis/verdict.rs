//! What the findings come to: one sentence, the chain from the bottom up, what
//! to do now, and what stays unknown.

use super::{
    case::{Case, Patient},
    cause::{Cause, cause},
    chain::chain,
    circumstances::circumstances,
    latency_findings::others,
    log_findings::bursts_told,
    next_steps::next_steps,
    unknown::{not_seen, unknown},
    wording::{capital, counted, listed, millis},
};
use crate::model::diagnosis::{EvidenceKind, Finding, Latencies, Severity, Spread, Verdict};

/// The verdict over all findings.
#[must_use]
pub(super) fn verdict(case: &Case, findings: &[Finding]) -> Verdict {
    let cause = cause(case, findings);
    let slow_member = match &cause {
        Cause::SlowThere(at) => case.patients.get(*at),
        Cause::SlowHere | Cause::AboveDrive(_) => case.here(),
        Cause::Replace(condemned) if condemned.slow => case.here(),
        Cause::Hangs(_) => case.here(),
        _ => None,
    };
    Verdict {
        sentence: sentence(case, findings, &cause),
        chain: chain(case, findings, &cause),
        now: next_steps(case, findings, &cause),
        unknown: unknown(case),
        slow_member: slow_member.map(|patient| patient.label.clone()),
        replace: match &cause {
            Cause::Replace(condemned) => Some(condemned.disk.to_owned()),
            _ => None,
        },
    }
}

/// What refuses or silences etcd altogether is said first.
fn sentence(case: &Case, findings: &[Finding], cause: &Cause) -> String {
    let first = findings.first().filter(|finding| {
        finding.severity == Severity::Critical && finding.kind == EvidenceKind::Cluster
    });
    let stops = findings
        .iter()
        .find(|finding| finding.code == "nospace" || finding.code == "corrupt")
        .or_else(|| {
            findings.iter().find(|finding| {
                finding.severity == Severity::Critical && finding.kind == EvidenceKind::Cluster
            })
        })
        .or(first);
    let of_the_cause = told(case, findings, cause);
    match (stops, cause) {
        (Some(stops), Cause::Other(_) | Cause::Nothing | Cause::Bursts(_)) => own_words(stops),
        (Some(stops), _) => format!("{}. {of_the_cause}", own_words(stops).trim_end_matches('.')),
        (None, _) => of_the_cause,
    }
}

/// A finding as a sentence, with what to do.
fn own_words(finding: &Finding) -> String {
    match &finding.next {
        Some(next) => format!("{}; {next}.", as_start(&finding.what)),
        None => format!("{}.", as_start(&finding.what)),
    }
}

/// Names keep their small letters at the start of a sentence.
fn as_start(what: &str) -> String {
    let ordinary = ["the ", "its ", "no ", "only ", "a ", "all ", "our ", "on ", "round "];
    if ordinary.iter().any(|word| what.starts_with(word)) { capital(what) } else { what.to_owned() }
}

fn told(case: &Case, findings: &[Finding], cause: &Cause) -> String {
    match cause {
        Cause::Replace(condemned) => {
            let label = case.disk_label(condemned.disk);
            let before = if condemned.slow { "" } else { " before it fails" };
            format!("Replace {label}{before}: {}.", condemned.told(case))
        }
        Cause::Hangs(finding) => format!(
            "{}: etcd on this node stands still with it; look at its cable and power, and be ready \
             to replace it.",
            as_start(&finding.what)
        ),
        Cause::AboveDrive(finding) => above_drive(case, finding),
        Cause::SlowHere => slow_here(case, findings),
        Cause::SlowThere(at) => {
            case.patients.get(*at).map(|it| slow_there(case, it)).unwrap_or_default()
        }
        Cause::SlowSeveral(slow) => several(case, findings, slow),
        Cause::DiskErrors(finding) => disk_errors(case, finding),
        Cause::Bursts(finding) => bursts(case, finding),
        Cause::Other(finding) => own_words(finding),
        Cause::Nothing => nothing(case),
    }
}

fn above_drive(case: &Case, finding: &Finding) -> String {
    let who = case.here().map(Patient::whose).unwrap_or_default();
    let (what, _) = finding.what.split_once(": the delay").unwrap_or((&finding.what, ""));
    let disk = finding.disk.as_ref().map(|disk| case.disk_label(disk));
    let what = match (&finding.disk, disk) {
        (Some(name), Some(label)) => what.replacen(name.as_str(), &label, 1),
        _ => what.to_owned(),
    };
    format!(
        "{who} is slow, and not by its drive: {what}, so something above the drive holds etcd up \
         (a limit on its cgroup, a lack of CPU, encryption, a tracer): look there before replacing \
         anything."
    )
}

fn slow_here(case: &Case, findings: &[Finding]) -> String {
    let who = case.here().map_or_else(|| "etcd on this node".to_owned(), Patient::whose);
    let fsync = case.here().and_then(|here| here.numbers.fsync.as_ref());
    let fsync = match (fsync, case.here().and_then(|it| it.numbers.fsync_since_start.as_ref())) {
        (Some(fsync), _) => format!("its WAL fsync p99 is {}", counted(fsync)),
        (None, _) if super::condemned::stands_still_here(case, findings) => {
            "not one WAL fsync ended during the look".to_owned()
        }
        (None, Some(ever)) => format!("its WAL fsync p99 since its start is {}", counted(ever)),
        (None, None) => "its reads are slow".to_owned(),
    };
    let leaves: Vec<String> =
        case.wal_leaves().iter().map(|leaf| case.disk_label(&leaf.name)).collect();
    let place = if leaves.is_empty() { String::new() } else { format!(" on {}", listed(&leaves)) };
    format!("{who} is slow: {fsync}{place}{}.", circumstances(case, findings))
}

fn slow_there(case: &Case, patient: &Patient) -> String {
    let others = others(case, patient)
        .map(|others| format!(" while the others' is {others}"))
        .unwrap_or_default();
    let fsync = match (&patient.numbers.fsync, &patient.numbers.fsync_since_start) {
        (Some(fsync), _) => format!("its WAL fsync p99 is {}{others}", counted(fsync)),
        (None, Some(ever)) if patient.fsync.is_slow() => {
            format!("its WAL fsync p99 since its start is {}{others}", counted(ever))
        }
        _ => match &case.slow_voter {
            Some(slow) if slow.takes_ms.is_none() => {
                "not one of its WAL fsyncs ended during the look, while the others' did".to_owned()
            }
            Some(slow) => format!(
                "reads take {} there and {} on the others",
                millis(slow.takes_ms.unwrap_or_default()),
                millis(slow.others_take_ms)
            ),
            None => "it is slower than the others".to_owned(),
        },
    };
    let leads = if patient.member.is_leader() {
        "; it leads, so every write of the cluster waits for it"
    } else {
        ""
    };
    format!(
        "{} is slow: {fsync}{leads}; its disk has to be looked at there: {}.",
        patient.label,
        patient.look_there()
    )
}

fn several(case: &Case, findings: &[Finding], slow: &[usize]) -> String {
    let slow: Vec<&Patient> = slow.iter().filter_map(|at| case.patients.get(*at)).collect();
    let each: Vec<String> = slow
        .iter()
        .filter_map(|patient| {
            let spread = patient.numbers.fsync.as_ref();
            let spread = spread.or(patient.numbers.fsync_since_start.as_ref())?;
            Some(format!("{} {}", patient.label, counted(spread)))
        })
        .collect();
    let voters = case.patients.iter().filter(|patient| !patient.member.learner).count();
    let all =
        if slow.len() >= voters { "Every member is slow" } else { "Several members are slow" };
    let here = if case.is_slow_here() { circumstances(case, findings) } else { String::new() };
    let here = match here.strip_prefix(": ").or(here.strip_prefix(", ")) {
        Some(rest) => format!("; on this node {rest}"),
        None => String::new(),
    };
    format!(
        "{all}, by WAL fsync p99: {}: look for what they have in common (one storage below all, \
         the same load, the same model of disk) and run `etcd-rescue diagnose` on each{here}.",
        listed(&each)
    )
}

fn disk_errors(case: &Case, finding: &Finding) -> String {
    let quick = if case.is_well_here() { ", while etcd's fsyncs are quick now" } else { "" };
    format!(
        "{}{quick}: check its cable and backplane, let it test itself (`etcd-rescue diagnose \
         --self-test short`), and have a spare at hand.",
        as_start(&finding.what)
    )
}

/// Quiet while one looks, and not before.
fn bursts(case: &Case, finding: &Finding) -> String {
    let now = if case.is_well_here() { "is quick at this moment" } else { "may be quiet now" };
    let when = bursts_told(case).map(|told| format!(" ({told})")).unwrap_or_default();
    format!(
        "etcd {now}, but {}{when}: catch the next one with `etcd-rescue diagnose --watch`.",
        finding.what
    )
}

/// Never "healthy": what was measured, and what could not be seen.
fn nothing(case: &Case) -> String {
    let spreads: Vec<(&Patient, &Spread)> = case
        .patients
        .iter()
        .filter_map(|patient| Some((patient, patient.numbers.fsync.as_ref()?)))
        .collect();
    let mut numbers: Vec<String> = Vec::new();
    if !spreads.is_empty() {
        let each: Vec<String> = spreads
            .iter()
            .map(|(patient, spread)| format!("{} {}", patient.label, counted(spread)))
            .collect();
        numbers.push(format!("WAL fsync p99 is {}", each.join(", ")));
    }
    let reads: Vec<&Latencies> =
        case.patients.iter().filter_map(|it| it.view).map(|view| &view.linearizable).collect();
    let longest = reads.iter().filter_map(|reads| reads.max()).reduce(f64::max);
    numbers.extend(longest.map(|ms| {
        let n: usize = reads.iter().map(|reads| reads.millis.len()).sum();
        format!("the longest of {n} reads through a quorum took {}", millis(ms))
    }));
    numbers.extend(disk_numbers(case));
    let unseen = not_seen(case);
    let but =
        if unseen.is_empty() { String::new() } else { format!("; not seen: {}", listed(&unseen)) };
    if numbers.is_empty() {
        return format!("Nothing slow was found, but nothing could be measured either{but}.");
    }
    format!("Nothing slow was found: {}{but}.", numbers.join("; "))
}

fn disk_numbers(case: &Case) -> Option<String> {
    let answers = case
        .wal_leaves()
        .into_iter()
        .filter_map(|leaf| Some((leaf.name.clone(), case.device(&leaf.name)?.answers_in()?)));
    let (name, ms) = answers.reduce(|a, b| if a.1 >= b.1 { a } else { b })?;
    Some(format!("{name} answers in {}", millis(ms)))
}
