//! `locate -w json`. Environments may hold passwords: of them and of the
//! arguments only known flags of etcd come out.

use std::{collections::BTreeMap, path::PathBuf};

use crate::model::Timestamp;
use serde::Serialize;

use super::{DiskAnswer, KubeletAnswer, LayoutAnswer, RestartAnswer, text};
use crate::model::{
    Certificate, CertificateRole, Container, Found, Located, Manifest, Probe, ProbeKind, Quota,
    layout::Detected,
};

/// etcd flags without secrets, as flag names; the variable is the same in
/// upper case behind `ETCD_`. `experimental-*` flags pass as well.
const FLAGS: [&str; 29] = [
    "advertise-client-urls",
    "auto-compaction-mode",
    "auto-compaction-retention",
    "backend-batch-interval",
    "backend-batch-limit",
    "cert-file",
    "client-cert-auth",
    "data-dir",
    "election-timeout",
    "feature-gates",
    "heartbeat-interval",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "key-file",
    "listen-client-urls",
    "listen-metrics-urls",
    "listen-peer-urls",
    "max-request-bytes",
    "max-txn-ops",
    "name",
    "peer-cert-file",
    "peer-client-cert-auth",
    "peer-key-file",
    "peer-trusted-ca-file",
    "quota-backend-bytes",
    "snapshot-count",
    "trusted-ca-file",
    "wal-dir",
];

/// The answer of `locate`; every value with where it was found.
#[derive(Clone, Debug, Serialize)]
pub struct LocatedAnswer {
    #[serde(flatten)]
    layout: LayoutAnswer,
    runtime: Option<RuntimeAnswer>,
    container: Option<ContainerAnswer>,
    restart: Option<RestartAnswer>,
    process: Option<ProcessAnswer>,
    name: Option<Value<String>>,
    version: Option<Value<String>>,
    data_dir: Option<Value<String>>,
    wal_dir: Option<Value<String>>,
    endpoints: Vec<Value<String>>,
    metrics_url: Option<Value<String>>,
    /// Bytes; null as value when it is switched off.
    quota: Option<Value<Option<u64>>>,
    cacert: Option<Value<String>>,
    cert: Option<Value<String>>,
    key: Option<Value<String>>,
    certificates: Vec<CertificateAnswer>,
    manifest: Option<ManifestAnswer>,
    flags: BTreeMap<String, String>,
    disk: Option<DiskAnswer>,
    /// Directories that did not answer in time.
    hanging: Vec<String>,
    memory: Option<u64>,
    kubelet: Option<KubeletAnswer>,
    complaints: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Value<T> {
    value: T,
    source: String,
}

#[derive(Clone, Debug, Serialize)]
struct RuntimeAnswer {
    name: String,
    version: String,
    api: &'static str,
    socket: Value<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ContainerAnswer {
    id: String,
    name: String,
    pod: String,
    namespace: String,
    state: String,
    created_at: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    exit_code: Option<i32>,
    reason: Option<String>,
    restarts: u32,
    image: String,
    log_path: Option<String>,
    pid: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
struct ProcessAnswer {
    pid: i32,
    comm: String,
}

#[derive(Clone, Debug, Serialize)]
struct CertificateAnswer {
    role: &'static str,
    path: String,
    subject: String,
    not_before: Option<String>,
    not_after: Option<String>,
    /// Whole days; negative when expired.
    days_left: i64,
    expired: bool,
}

#[derive(Clone, Debug, Serialize)]
struct ManifestAnswer {
    path: String,
    probes: Vec<ProbeAnswer>,
}

#[derive(Clone, Debug, Serialize)]
struct ProbeAnswer {
    kind: &'static str,
    path: String,
    port: Option<u16>,
    initial_delay_ms: u64,
    period_ms: u64,
    timeout_ms: u64,
    failure_threshold: u32,
}

impl LocatedAnswer {
    /// What was found, as a document. `now` is what `days_left` counts from.
    #[must_use]
    pub fn new(node: &Located, now: Timestamp) -> Self {
        let unknown = Detected { layout: node.layout(), evidence: Vec::new() };
        Self {
            layout: node.layout.as_ref().unwrap_or(&unknown).into(),
            runtime: node.runtime.as_ref().map(|runtime| RuntimeAnswer {
                name: runtime.name.clone(),
                version: runtime.version.clone(),
                api: runtime.api,
                socket: path(&runtime.socket),
            }),
            container: node.container.as_ref().map(ContainerAnswer::from),
            restart: None,
            process: node
                .process
                .as_ref()
                .map(|process| ProcessAnswer { pid: process.pid, comm: process.comm.clone() }),
            name: node.name.as_ref().map(string),
            version: node.version.as_ref().map(string),
            data_dir: node.data_dir.as_ref().map(path),
            wal_dir: node.wal_dir.as_ref().map(path),
            endpoints: node.endpoints.iter().map(string).collect(),
            metrics_url: node.metrics_url.as_ref().map(string),
            quota: node.quota.as_ref().map(quota),
            cacert: node.ca.as_ref().map(path),
            cert: node.cert.as_ref().map(path),
            key: node.key.as_ref().map(path),
            certificates: node.certificates.iter().map(|c| certificate(c, now)).collect(),
            manifest: node.manifest.as_ref().map(manifest),
            flags: flags(node),
            disk: DiskAnswer::of(node),
            hanging: node.hanging.iter().map(|path| text(path)).collect(),
            memory: node.memory.map(|memory| memory.0),
            kubelet: node.kubelet.as_ref().map(KubeletAnswer::from),
            complaints: node.complaints.clone(),
        }
    }

    /// With why etcd was restarted, or is down.
    #[must_use]
    pub fn with_restart(self, restart: Option<RestartAnswer>) -> Self {
        Self { restart, ..self }
    }
}

fn string(found: &Found<String>) -> Value<String> {
    Value { value: found.value.clone(), source: found.source.clone() }
}

fn path(found: &Found<PathBuf>) -> Value<String> {
    Value { value: text(&found.value), source: found.source.clone() }
}

fn quota(found: &Found<Quota>) -> Value<Option<u64>> {
    Value { value: found.value.limit.map(|limit| limit.0), source: found.source.clone() }
}

impl From<&Container> for ContainerAnswer {
    fn from(container: &Container) -> Self {
        let exited = container.state == crate::model::ContainerState::Exited;
        let time = |nanos| (nanos > 0).then(|| Timestamp::from_nanosecond(nanos).to_string());
        Self {
            id: container.id.clone(),
            name: container.name.clone(),
            pod: container.pod.clone(),
            namespace: container.namespace.clone(),
            state: container.state.to_string(),
            created_at: time(container.created_at),
            started_at: time(container.started_at),
            finished_at: time(container.finished_at),
            exit_code: exited.then_some(container.exit_code),
            reason: Some(container.reason.clone()).filter(|reason| !reason.is_empty()),
            restarts: container.restarts,
            image: container.image.clone(),
            log_path: container.log_path.as_deref().map(text),
            pid: container.pid,
        }
    }
}

fn certificate(certificate: &Certificate, now: Timestamp) -> CertificateAnswer {
    let time = |seconds| Timestamp::from_second(seconds).map(|time| time.to_string());
    let left = certificate.not_after.saturating_sub(now.as_second());
    CertificateAnswer {
        role: match certificate.role {
            CertificateRole::Ca => "ca",
            CertificateRole::Client => "client",
            CertificateRole::Server => "server",
            CertificateRole::Peer => "peer",
        },
        path: text(&certificate.path),
        subject: certificate.subject.clone(),
        not_before: time(certificate.not_before),
        not_after: time(certificate.not_after),
        days_left: left / 86_400,
        expired: left <= 0,
    }
}

fn manifest(manifest: &Manifest) -> ManifestAnswer {
    let millis = |seconds: u32| u64::from(seconds) * 1_000;
    let probe = |probe: &Probe| ProbeAnswer {
        kind: match probe.kind {
            ProbeKind::Liveness => "liveness",
            ProbeKind::Startup => "startup",
            ProbeKind::Readiness => "readiness",
        },
        path: probe.path.clone(),
        port: probe.port,
        initial_delay_ms: millis(probe.timing.initial_delay),
        period_ms: millis(probe.timing.period),
        timeout_ms: millis(probe.timing.timeout),
        failure_threshold: probe.timing.failure_threshold,
    };
    ManifestAnswer {
        path: text(&manifest.path),
        probes: manifest.probes.iter().map(probe).collect(),
    }
}

/// The known flags of the container (else of the process). A flag outranks
/// its variable, as in etcd.
fn flags(node: &Located) -> BTreeMap<String, String> {
    let none: (&[String], &[String]) = (&[], &[]);
    let (args, env) = match (&node.container, &node.process) {
        (Some(container), _) => (container.args.as_slice(), container.env.as_slice()),
        (None, Some(process)) => (process.args.as_slice(), process.env.as_slice()),
        (None, None) => none,
    };
    let mut flags = BTreeMap::new();
    for (name, value) in env.iter().filter_map(|pair| pair.split_once('=')) {
        let flag = name.strip_prefix("ETCD_").map(|name| name.to_lowercase().replace('_', "-"));
        flags.extend(flag.filter(|flag| known(flag)).map(|flag| (flag, value.to_owned())));
    }
    let mut words = args.iter().peekable();
    while let Some(word) = words.next() {
        let Some(word) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let next = words.next_if(|next| !next.starts_with('-'));
                (word, next.map_or_else(|| "true".to_owned(), Clone::clone))
            }
        };
        if known(name) {
            flags.insert(name.to_owned(), value);
        }
    }
    flags
}

fn known(flag: &str) -> bool {
    FLAGS.contains(&flag) || flag.starts_with("experimental-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::say::human::testing::{self, NOW};

    fn locate(node: &Located) -> serde_json::Value {
        let now = Timestamp::from_second(NOW).unwrap();
        serde_json::to_value(LocatedAnswer::new(node, now)).unwrap()
    }

    #[test]
    fn every_value_says_where_it_was_found() {
        let json = locate(&testing::located());
        assert_eq!(
            json["data_dir"],
            json!({"value": "/var/lib/etcd", "source": "flag --data-dir of the container"})
        );
        assert_eq!(json["quota"]["value"], 64 << 20);
        assert_eq!(json["container"]["state"], "running");
        assert_eq!(json["container"]["started_at"], "2026-11-23T02:56:56Z");
        assert_eq!(json["container"]["finished_at"], json!(null));
        assert_eq!(json["container"]["exit_code"], json!(null));
        assert_eq!(json["certificates"][1]["not_after"], "2027-09-02T03:01:00Z");
        assert_eq!(json["certificates"][1]["days_left"], 283);
        assert_eq!(json["certificates"][2]["days_left"], -12);
        assert_eq!(json["manifest"]["probes"][0]["timeout_ms"], 15_000);
    }

    #[test]
    fn only_known_flags_come_out() {
        let mut node = testing::located();
        let container = node.container.as_mut().unwrap();
        container.args.extend(["--name".into(), "master-1".into(), "--odd=secret-1".into()]);
        container.env.push("ETCD_ROOT_PASSWORD=secret-2".into());
        container.env.push("ETCD_NAME=by-variable".into());
        let json = locate(&node);
        assert_eq!(
            json["flags"],
            json!({"name": "master-1", "quota-backend-bytes": "67108864",
                   "snapshot-count": "10000"})
        );
        let text = json.to_string();
        assert!(!text.contains("hunter2") && !text.contains("secret-"), "{text}");
    }

    #[test]
    fn nothing_found_is_null() {
        let json = locate(&Located::default());
        assert_eq!(json["container"], json!(null));
        assert_eq!(json["memory"], json!(null));
        assert_eq!(json["endpoints"], json!([]));
    }
}
