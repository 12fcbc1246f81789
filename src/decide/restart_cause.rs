//! Why an attempt of etcd ended, from its exit, its own last words, the
//! kernel's, and the probes of its manifest. Pure.

use crate::model::{
    Behaviour, EtcdVersion, LastEnd, Located, NoStart, Probe, ProbeKind, RestartCause,
};

use super::etcd_log::{EtcdLog, Finding, quote};

/// SIGKILL, as a shell and the runtimes count it.
const KILLED: i32 = 128 + 9;
/// SIGTERM.
const TERMINATED: i32 = 128 + 15;

/// A cause in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) cause: RestartCause,
    /// What it is exactly, where that tells the way out.
    pub(super) exact: Option<NoStart>,
    /// What happened, with its evidence; no full stop.
    pub(super) why: String,
    /// Whether the next attempt may end differently.
    pub(super) passes: bool,
}

impl Verdict {
    fn new(cause: RestartCause, why: impl Into<String>) -> Self {
        Self { cause, exact: None, why: why.into(), passes: true }
    }

    fn found(finding: Finding) -> Self {
        let Finding { cause, exact, meaning, passes, quote } = finding;
        Self { cause, exact, why: format!("{meaning}; it wrote \"{quote}\""), passes }
    }
}

/// The verdict on `end`. `nospace` is whether the alarm is on, when etcd was
/// asked.
pub(super) fn cause(node: &Located, end: &LastEnd, nospace: Option<bool>) -> Verdict {
    let log = EtcdLog::read(&end.last_lines);
    never_started(end)
        .or_else(|| out_of_memory(end))
        .or_else(|| by_its_own_words(end, &log))
        .or_else(|| failing_disk(end, &log))
        .or_else(|| in_defragmentation(end, &log))
        .or_else(|| by_probe(node, end, &log, nospace))
        .unwrap_or_else(|| by_exit(end, &log))
}

fn never_started(end: &LastEnd) -> Option<Verdict> {
    // containerd: "StartError" and 128; CRI-O tells no start time.
    let refused = end.started_at == 0 || end.reason == "StartError";
    refused.then(|| {
        let said = innermost(&end.message);
        let said = if said.is_empty() { end.reason.clone() } else { said };
        let why = format!("the runtime could not start its container: \"{said}\"");
        Verdict { passes: false, ..Verdict::new(RestartCause::NeverStarted, why) }
    })
}

/// Each layer puts its own words in front: the last ones tell.
fn innermost(message: &str) -> String {
    let parts = message.split("failed: ");
    quote(parts.last().unwrap_or_default().trim_end_matches(": unknown"))
}

fn out_of_memory(end: &LastEnd) -> Option<Verdict> {
    let line = end.kernel_lines.iter().rev().find(|line| line.contains("Killed process"));
    let evidence = match line {
        Some(line) => format!("its log says \"{}\"", quote(line)),
        None if end.reason == "OOMKilled" => "the runtime says OOMKilled".to_owned(),
        None => return None,
    };
    let why = format!("the kernel killed it for memory: {evidence}");
    Some(Verdict::new(RestartCause::OutOfMemory, why))
}

/// What it complained of does not count when it was asked to end, unless it
/// is what it waited for.
fn by_its_own_words(end: &LastEnd, log: &EtcdLog) -> Option<Verdict> {
    if was_asked_to_end(end, log) {
        return log.waits_for_lock().map(Verdict::found);
    }
    log.finding().map(Verdict::found)
}

fn was_asked_to_end(end: &LastEnd, log: &EtcdLog) -> bool {
    log.was_asked_to_end() || end.exit_code == TERMINATED
}

fn failing_disk(end: &LastEnd, log: &EtcdLog) -> Option<Verdict> {
    let line = end.kernel_lines.last().filter(|_| !was_asked_to_end(end, log))?;
    let why = format!("the disk of its data fails; the kernel's log says \"{}\"", quote(line));
    Some(Verdict { passes: false, ..Verdict::new(RestartCause::DamagedData, why) })
}

fn in_defragmentation(end: &LastEnd, log: &EtcdLog) -> Option<Verdict> {
    log.was_defragmenting().then(|| {
        let who = if was_asked_to_end(end, log) {
            "it was stopped in the middle of a defragmentation (its health checks hang meanwhile)"
        } else {
            "it ended in the middle of a defragmentation"
        };
        let why = format!("{who}; the data are whole: the old file stays until the new one is");
        Verdict::new(RestartCause::FailedDefragmentation, why)
    })
}

/// The kubelet asks etcd to end (SIGTERM) when a probe that can kill has
/// failed too often.
fn by_probe(
    node: &Located,
    end: &LastEnd,
    log: &EtcdLog,
    nospace: Option<bool>,
) -> Option<Verdict> {
    if !was_asked_to_end(end, log) && end.exit_code != 0 {
        return None;
    }
    let version = node.version.as_ref().and_then(|found| found.value.parse().ok());
    let why = unanswerable_probe(node, version)
        .or_else(|| nospace_probe(node, version, log, nospace))
        .or_else(|| leaderless_probe(node, log))?;
    Some(Verdict::new(RestartCause::ProbeKill, format!("the kubelet stopped it: {why}")))
}

/// Probes that make the kubelet stop the container.
fn killing(node: &Located) -> impl Iterator<Item = &Probe> {
    let probes = node.manifest.iter().flat_map(|manifest| &manifest.probes);
    probes.filter(|probe| probe.kind != ProbeKind::Readiness)
}

fn unanswerable_probe(node: &Located, version: Option<EtcdVersion>) -> Option<String> {
    let version = version?;
    let probe = killing(node).find(|probe| is_unknown_to(version, probe))?;
    let (kind, path) = (kind(probe), &probe.path);
    Some(format!("its {kind} probe GET {path} does not exist in etcd {version}"))
}

/// Releases without /livez and /readyz answer 404.
fn is_unknown_to(version: EtcdVersion, probe: &Probe) -> bool {
    let path = probe.path.split('?').next().unwrap_or_default();
    matches!(path, "/livez" | "/readyz") && !version.has(Behaviour::Livez)
}

fn nospace_probe(
    node: &Located,
    version: Option<EtcdVersion>,
    log: &EtcdLog,
    nospace: Option<bool>,
) -> Option<String> {
    let seen = log.failed_for_nospace();
    if nospace == Some(false) && !seen {
        return None;
    }
    let failing: Vec<&Probe> =
        killing(node).filter(|probe| probe.fails_under_nospace(version, 1)).collect();
    let first = failing.first()?;
    let (kinds, fail) = match &failing[..] {
        [one, other, ..] if one.path == other.path => ("liveness and startup probes", "fail"),
        [one, ..] if one.kind == ProbeKind::Startup => ("startup probe", "fails"),
        _ => ("liveness probe", "fails"),
    };
    let mut why = format!("its {kinds} GET {} {fail} while NOSPACE is on", first.path);
    why.push_str(origin(first));
    if !seen && nospace.is_none() {
        why.push_str("; whether it is on cannot be seen from here");
    }
    Some(why)
}

/// Who writes such a probe (kubernetes cmd/kubeadm/app/phases/etcd/local.go,
/// rke2 pkg/podtemplate/spec.go).
fn origin(probe: &Probe) -> &'static str {
    match (probe.path.as_str(), probe.kind) {
        ("/health", _) => " (kubeadm up to 1.24 writes that probe)",
        ("/health?serializable=false", ProbeKind::Startup) => {
            " (kubeadm 1.25 to 1.30 writes that probe)"
        }
        ("/health?serializable=true", _) => " (RKE2 writes that probe)",
        _ => "",
    }
}

fn leaderless_probe(node: &Located, log: &EtcdLog) -> Option<String> {
    let probe = killing(node).find(|probe| !probe.path.contains("serializable=true"))?;
    (log.failed_for_no_leader() && probe.path.starts_with("/health")).then(|| {
        let (kind, path) = (kind(probe), &probe.path);
        format!("its {kind} probe GET {path} failed, as the cluster had no leader")
    })
}

fn kind(probe: &Probe) -> &'static str {
    match probe.kind {
        ProbeKind::Liveness => "liveness",
        ProbeKind::Startup => "startup",
        ProbeKind::Readiness => "readiness",
    }
}

fn by_exit(end: &LastEnd, log: &EtcdLog) -> Verdict {
    if end.exit_code == KILLED {
        let why = if was_asked_to_end(end, log) {
            "it was asked to end and did not in time, so it was killed"
        } else {
            "something killed it (SIGKILL); neither the kernel's log nor etcd's says what"
        };
        return Verdict::new(RestartCause::Stopped, why);
    }
    if was_asked_to_end(end, log) {
        let why = "it was asked to end (SIGTERM), and nothing found here says why; the kubelet \
                   may know";
        return Verdict::new(RestartCause::Stopped, why);
    }
    let why = match log.last() {
        Some(last) => format!("its log does not say why; the last line is \"{last}\""),
        None => "its log is not there any more".to_owned(),
    };
    Verdict::new(RestartCause::Unknown, why)
}
