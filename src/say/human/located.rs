//! What was found on this node: what, value, and where it was found. Prints
//! neither environments nor keys.

use crate::model::Timestamp;

use super::{
    UNKNOWN, duration, row,
    status::{disk_line, room_lines},
};
use crate::model::{
    Certificate, Container, ContainerState, EtcdVersion, Found, KubeletProcess, Located, Probe,
    ProbeKind, Quota,
};

/// Everything read off this node about its etcd, and why it was restarted.
/// `now` is what ages and expiries are counted from.
#[must_use]
pub fn located(node: &Located, restart: Option<&str>, now: Timestamp, width: usize) -> String {
    let mut rows = Rows { lines: Vec::new(), width };
    if let Some(detected) = &node.layout {
        rows.add("Layout", detected.layout.name, &detected.evidence.join("; "));
        if !detected.layout.why.is_empty() {
            rows.add("", detected.layout.why, "");
        }
    }
    match &node.runtime {
        None => rows.add("Runtime", "none found", ""),
        Some(runtime) => {
            let text = format!(
                "{} {}, CRI {}, {}",
                runtime.name,
                runtime.version,
                runtime.api,
                runtime.socket.value.display()
            );
            rows.add("Runtime", &text, &runtime.socket.source);
        }
    }
    match &node.container {
        None => rows.add("Container", "none found", ""),
        Some(container) => container_rows(&mut rows, container, now),
    }
    if let Some(restart) = restart {
        rows.add("Last end", restart, "");
    }
    if let Some(process) = &node.process {
        rows.add("Process", &format!("pid {} ({})", process.pid, process.comm), "/proc");
    }
    etcd_rows(&mut rows, node);
    for (index, certificate) in node.certificates.iter().enumerate() {
        let label = if index == 0 { "Certificates" } else { "" };
        rows.add(label, &certificate_text(certificate, now), "");
    }
    manifest_rows(&mut rows, node);
    if let Some(kubelet) = &node.kubelet {
        rows.add("Kubelet", &kubelet_text(kubelet), "/proc");
    }
    if let Some(disk) = &node.disk {
        rows.add("Disk", &disk_line(disk), "");
        for (label, text) in room_lines(disk, &node.freeable) {
            rows.add(label.trim_end(), &text, "");
        }
    }
    if let Some(memory) = node.memory {
        rows.add("Memory", &memory.to_string(), "");
    }
    for complaint in &node.complaints {
        rows.add("Note", complaint, "");
    }
    rows.lines.join("\n")
}

/// The listing so far.
struct Rows {
    lines: Vec<String>,
    width: usize,
}

impl Rows {
    fn add(&mut self, label: &str, value: &str, source: &str) {
        self.lines.push(row(label, value, source, self.width));
    }

    fn found<T>(&mut self, label: &str, found: Option<&Found<T>>, text: impl FnOnce(&T) -> String) {
        match found {
            Some(found) => self.add(label, &text(&found.value), &found.source),
            None => self.add(label, UNKNOWN, ""),
        }
    }
}

fn container_rows(rows: &mut Rows, container: &Container, now: Timestamp) {
    let id: String = container.id.chars().take(12).collect();
    let text = format!("{id}, {}", life(container, now));
    rows.add("Container", &text, "");
    rows.add("", &format!("pod {}/{}", container.namespace, container.pod), "");
    rows.add("Image", &container.image, "");
    match &container.log_path {
        Some(path) => rows.add("Log", &path.display().to_string(), ""),
        None => rows.add("Log", UNKNOWN, ""),
    }
    if let Some(pid) = container.pid {
        rows.add("Pid", &pid.to_string(), "the runtime");
    }
}

/// "running for 3 min 4 s, restarted 14 times" or how it ended.
fn life(container: &Container, now: Timestamp) -> String {
    let ago = |nanos: i64| {
        let past = now.as_nanosecond().saturating_sub(nanos);
        let seconds = u64::try_from(past / 1_000_000_000).unwrap_or(0);
        (nanos > 0).then(|| duration(std::time::Duration::from_secs(seconds)))
    };
    let state = match container.state {
        ContainerState::Running => match ago(container.started_at) {
            Some(age) => format!("running for {age}"),
            None => "running".to_owned(),
        },
        ContainerState::Exited => {
            let mut text = match ago(container.finished_at) {
                Some(age) => format!("exited {age} ago"),
                None => "exited".to_owned(),
            };
            text.push_str(&format!(" with code {}", container.exit_code));
            if !container.reason.is_empty() {
                text.push_str(&format!(" ({})", container.reason));
            }
            let lived = container.finished_at.saturating_sub(container.started_at);
            if container.started_at > 0 && lived >= 0 {
                let lived = std::time::Duration::from_nanos(lived.unsigned_abs());
                text.push_str(&format!(" after {}", duration(lived)));
            }
            text
        }
        ContainerState::Created => match ago(container.created_at) {
            Some(age) => format!("created {age} ago, not started"),
            None => "created, not started".to_owned(),
        },
        ContainerState::Unknown => "state unknown to the runtime".to_owned(),
    };
    let times = if container.restarts == 1 { "time" } else { "times" };
    format!("{state}, restarted {} {times}", container.restarts)
}

fn etcd_rows(rows: &mut Rows, node: &Located) {
    rows.found("Member name", node.name.as_ref(), Clone::clone);
    rows.found("etcd version", node.version.as_ref(), Clone::clone);
    rows.found("Data dir", node.data_dir.as_ref(), |path| path.display().to_string());
    if node.wal_dir.is_some() {
        rows.found("WAL dir", node.wal_dir.as_ref(), |path| path.display().to_string());
    }
    if node.endpoints.is_empty() {
        rows.add("Endpoints", UNKNOWN, "");
    }
    for (index, endpoint) in node.endpoints.iter().enumerate() {
        rows.add(if index == 0 { "Endpoints" } else { "" }, &endpoint.value, &endpoint.source);
    }
    rows.found("Metrics", node.metrics_url.as_ref(), Clone::clone);
    rows.found("Quota", node.quota.as_ref(), quota_text);
    for (label, path) in [("CA", &node.ca), ("Client cert", &node.cert), ("Client key", &node.key)]
    {
        rows.found(label, path.as_ref(), |path| path.display().to_string());
    }
}

fn quota_text(quota: &Quota) -> String {
    match (quota.limit, quota.source) {
        (None, _) => "off".to_owned(),
        (Some(limit), crate::model::QuotaSource::Default) => format!("{limit} (etcd's default)"),
        (Some(limit), _) => limit.to_string(),
    }
}

fn certificate_text(certificate: &Certificate, now: Timestamp) -> String {
    let (path, role) = (certificate.path.display(), certificate.role);
    format!("{path} ({role}) {}", expiry(certificate, now))
}

/// "expires in 283 days", "EXPIRED 12 days ago", "not valid before …".
fn expiry(certificate: &Certificate, now: Timestamp) -> String {
    let left = certificate.not_after.saturating_sub(now.as_second());
    let span = |seconds: i64| match seconds.unsigned_abs() {
        seconds if seconds >= 172_800 => format!("{} days", seconds / 86_400),
        seconds => duration(std::time::Duration::from_secs(seconds / 60 * 60)),
    };
    if left <= 0 {
        format!("EXPIRED {} ago", span(left))
    } else if certificate.not_before > now.as_second() {
        let wait = certificate.not_before - now.as_second();
        format!("NOT VALID YET, only in {}; is the clock right?", span(wait))
    } else {
        format!("expires in {}", span(left))
    }
}

fn manifest_rows(rows: &mut Rows, node: &Located) {
    let Some(manifest) = &node.manifest else {
        rows.add("Manifest", "none found", "");
        return;
    };
    rows.add("Manifest", &manifest.path.display().to_string(), "");
    let version = node.version.as_ref().and_then(|found| found.value.parse().ok());
    for (index, probe) in manifest.probes.iter().enumerate() {
        rows.add(if index == 0 { "Probes" } else { "" }, &probe_text(probe, version), "");
    }
}

/// Whether it runs; when it does not, who stopped it and how it goes on.
pub(super) fn kubelet_text(kubelet: &KubeletProcess) -> String {
    let pid = kubelet.pid;
    if !kubelet.stopped {
        return format!("pid {pid}, running");
    }
    let stopped = format!(
        "pid {pid} is STOPPED (state T): nothing on this node is started, stopped or probed"
    );
    match kubelet.held_by {
        Some(guardian) if guardian.runs => format!(
            "{stopped}. A rescue that still runs holds it (its guardian is pid {}), and lets it go \
             when it ends",
            guardian.pid
        ),
        Some(_) => format!(
            "{stopped}. A rescue that was killed left it so; let it go on: `kill -CONT {pid}`"
        ),
        None => format!("{stopped}. No rescue did that; let it go on: `kill -CONT {pid}`"),
    }
}

fn probe_text(probe: &Probe, version: Option<EtcdVersion>) -> String {
    let kind = match probe.kind {
        ProbeKind::Liveness => "liveness",
        ProbeKind::Startup => "startup",
        ProbeKind::Readiness => "readiness",
    };
    let timing = probe.timing;
    let mut text = format!(
        "{kind} {}, {} failures, {} s apart",
        probe.path, timing.failure_threshold, timing.period
    );
    if let Some(effect) = under_nospace(probe, version) {
        text.push_str(": ");
        text.push_str(effect);
    }
    text
}

/// What the probe does while NOSPACE is on, as far as its path and etcd's
/// version tell.
fn under_nospace(probe: &Probe, version: Option<EtcdVersion>) -> Option<&'static str> {
    if probe.fails_under_nospace(version, 1) {
        return Some(match probe.kind {
            ProbeKind::Liveness => "fails while NOSPACE is on: the kubelet restarts etcd",
            ProbeKind::Startup => {
                "fails while NOSPACE is on: the kubelet restarts an etcd that starts then"
            }
            ProbeKind::Readiness => "fails while NOSPACE is on",
        });
    }
    let path = probe.path.split('?').next();
    path.filter(|path| ["/health", "/livez", "/readyz"].contains(path)).map(|_| "ignores NOSPACE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::human::testing::{self, NOW, assert_fits};

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).expect("in range")
    }

    #[test]
    fn a_kubeadm_node_at_80_columns() {
        let text = located(&testing::located(), None, now(), 80);
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "\
Layout       kubeadm (or kind) [etcd's manifest is
             /etc/kubernetes/manifests/etcd.yaml]
Runtime      containerd 1.7.24, CRI v1, /run/containerd/containerd.sock [default
             path]
Container    0f3c9a7be112, running for 3 min 4 s, restarted 14 times
             pod kube-system/etcd-master-1
Image        registry.example/etcd:3.5.16-0
Log          /var/log/pods/
             kube-system_etcd-master-1_0123456789abcdef0123456789abcdef/etcd/
             14.log
Pid          4711 [the runtime]
Process      pid 4711 (etcd) [/proc]
Member name  master-1 [flag --name of the container]
etcd version 3.5.16 [image tag]
Data dir     /var/lib/etcd [flag --data-dir of the container]
Endpoints    https://127.0.0.1:2379 [flag --listen-client-urls of the container]
Metrics      http://127.0.0.1:2381 [flag --listen-metrics-urls of the container]
Quota        64.0 MiB [flag --quota-backend-bytes of the container]
CA           /etc/kubernetes/pki/etcd/ca.crt [flag --trusted-ca-file of the
             container]
Client cert  /etc/kubernetes/pki/etcd/healthcheck-client.crt [beside the CA]
Client key   /etc/kubernetes/pki/etcd/healthcheck-client.key [beside the CA]
Certificates /etc/kubernetes/pki/etcd/ca.crt (CA) expires in 3285 days
             /etc/kubernetes/pki/etcd/healthcheck-client.crt (client) expires in
             283 days
             /etc/kubernetes/pki/etcd/server.crt (server) EXPIRED 12 days ago
Manifest     /etc/kubernetes/manifests/etcd.yaml
Probes       liveness /health?serializable=true, 8 failures, 10 s apart: fails
             while NOSPACE is on: the kubelet restarts etcd
Disk         3.1 GiB of 40.0 GiB available on /var/lib/etcd (ext4);
             /var/lib/etcd takes 412.0 MiB; its db file 64.1 MiB; left over:
             db.tmp.1234567 (12.0 MiB)
Memory       16.0 GiB"
        );
    }

    #[test]
    fn nothing_found_is_said_and_secrets_are_not() {
        let text = located(&Located::default(), None, now(), 80);
        assert!(!text.contains("Layout"), "nobody looked: {text}");
        assert!(text.contains("Runtime      none found\nContainer    none found"), "{text}");
        assert!(text.contains("Endpoints    unknown") && text.contains("Quota        unknown"));
        let full = located(&testing::located(), None, now(), 80);
        assert!(!full.contains("hunter2"));
    }

    #[test]
    fn an_ended_container_tells_how() {
        let mut node = testing::located();
        let container = node.container.as_mut().expect("there is one");
        container.state = ContainerState::Exited;
        container.finished_at = container.started_at + 12_000_000_000;
        container.exit_code = 137;
        container.reason = "OOMKilled".into();
        container.restarts = 1;
        let text = located(&node, None, now(), 120);
        assert!(
            text.contains(
                "0f3c9a7be112, exited 2 min 52 s ago with code 137 (OOMKilled) after 12 s, \
                 restarted 1 time"
            ),
            "{text}"
        );
    }

    #[test]
    fn why_it_ended_comes_behind_the_container() {
        let text = located(&testing::located(), Some("it was restarted: because"), now(), 120);
        let at = |words| text.find(words).unwrap_or_else(|| panic!("{words} in {text}"));
        assert!(at("\nContainer ") < at("\nLast end     it was restarted: because"));
    }

    #[test]
    fn probes_tell_what_they_do_under_nospace() {
        let mut probe = testing::located().manifest.expect("there is one").probes.remove(0);
        for (path, kind, effect) in [
            ("/health", ProbeKind::Readiness, Some("fails while NOSPACE is on")),
            (
                "/health?exclude=NOSPACE&serializable=true",
                ProbeKind::Liveness,
                Some("ignores NOSPACE"),
            ),
            ("/livez", ProbeKind::Liveness, Some("ignores NOSPACE")),
            ("/healthz", ProbeKind::Liveness, None),
        ] {
            probe.path = path.into();
            probe.kind = kind;
            assert_eq!(under_nospace(&probe, None), effect, "{path}");
        }
    }
}
