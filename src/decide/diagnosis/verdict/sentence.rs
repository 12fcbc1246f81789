//! The one sentence: device or member, evidence, what to do.

use super::{
    cause::Cause, circumstances::circumstances, condemned::stands_still_here,
    nothing_found::nothing,
};
use crate::{
    decide::diagnosis::{
        case::{Case, Patient},
        findings::sharing::main_writer,
        findings::{latency::others, log::bursts_told},
        wording::{as_start, counted, listed, millis, rate},
    },
    model::diagnosis::{EvidenceKind, Finding, Severity},
};

/// What refuses or silences etcd altogether is said first.
pub(crate) fn sentence(case: &Case, findings: &[Finding], cause: &Cause) -> String {
    let stops = findings
        .iter()
        .find(|finding| finding.code == "nospace" || finding.code == "corrupt")
        .or_else(|| {
            findings.iter().find(|finding| {
                finding.severity == Severity::Critical && finding.kind == EvidenceKind::Cluster
            })
        });
    let of_the_cause = told(case, findings, cause);
    match (stops, cause) {
        (Some(stops), Cause::Other(_) | Cause::Nothing | Cause::Bursts(_)) => own_words(stops),
        (Some(stops), _) => format!("{} {of_the_cause}", own_words(stops)),
        (None, Cause::Other(_)) => of_the_cause,
        (None, _) => match case.here().and_then(|here| here.member.status.as_ref().err()) {
            Some(why) => format!("etcd on this node does not answer ({why}). {of_the_cause}"),
            None => of_the_cause,
        },
    }
}

/// A finding as a sentence, with what to do; several steps stand by themselves.
fn own_words(finding: &Finding) -> String {
    match &finding.next {
        Some(next) if !next.contains('\n') => format!("{}; {next}.", as_start(&finding.what)),
        _ => format!("{}.", as_start(&finding.what)),
    }
}

/// A cause in words.
pub(crate) fn told(case: &Case, findings: &[Finding], cause: &Cause) -> String {
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
        Cause::SlowSeveral(slow) => several(case, slow),
        Cause::DiskErrors(finding) => disk_errors(case, findings, finding),
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
        (None, _) if stands_still_here(case, findings) => {
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
    let verb = match (&patient.numbers.fsync, &patient.numbers.fsync_since_start) {
        (None, Some(_)) if patient.fsync.is_slow() => "has been slow",
        _ => "is slow",
    };
    format!(
        "{} {verb}: {fsync}{leads}; what its disk does has to be looked at there: {}.",
        patient.label,
        patient.look_there()
    )
}

fn several(case: &Case, slow: &[usize]) -> String {
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
    let writer = main_writer(case).filter(|_| case.is_slow_here());
    let here = writer
        .map(|writer| {
            let much = rate(writer.bytes_per_s);
            format!("; on this node {} writes {much} beside etcd", writer.who)
        })
        .unwrap_or_default();
    format!(
        "{all}, by WAL fsync p99: {}: look for what they have in common (one storage below all, \
         the same load, the same model of disk) and run `etcd-rescue diagnose` on each{here}.",
        listed(&each)
    )
}

/// The name of what the kernel complains of, when that lies on several disks.
pub(crate) fn volume_of<'f>(case: &Case, finding: &'f Finding) -> Option<&'f str> {
    let name = finding.disk.as_deref()?;
    case.leaves().iter().all(|leaf| leaf.name != name).then_some(name)
}

fn disk_errors(case: &Case, findings: &[Finding], finding: &Finding) -> String {
    let quick = if case.is_well_here() { ", while etcd's fsyncs are quick now" } else { "" };
    let filesystem = findings
        .iter()
        .find(|other| {
            ["filesystem_gave_up", "filesystem_errors"].contains(&other.code)
                && other.disk == finding.disk
                && other.code != finding.code
        })
        .map(|other| match &other.disk {
            Some(disk) => format!(", and {}", other.what.replace(&case.disk_label(disk), disk)),
            None => format!(", and {}", other.what),
        })
        .unwrap_or_default();
    if let Some(volume) = volume_of(case, finding) {
        return format!(
            "{}{filesystem}{quick}: see which disk below it is to blame (`lsblk -s /dev/{volume}`, \
             `dmesg -T | tail -50`).",
            as_start(&finding.what)
        );
    }
    format!(
        "{}{filesystem}{quick}: check its cable and backplane, let it test itself (`etcd-rescue diagnose \
         --self-test short`), and have a spare at hand.",
        as_start(&finding.what)
    )
}

/// Quiet while one looks, and not before.
fn bursts(case: &Case, finding: &Finding) -> String {
    let now = if case.is_well_here() { "is quick at this moment" } else { "may be quiet now" };
    let when = bursts_told(case).map(|told| format!(" ({told})")).unwrap_or_default();
    format!(
        "etcd {now} and slow in bursts: {}{when}; catch the next one with `etcd-rescue diagnose --watch`.",
        finding.what
    )
}
