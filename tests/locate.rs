//! `locate` on made-up nodes: a directory in place of `/`, a scripted runtime
//! on the usual socket, real certificates.

#[path = "fake/cri.rs"]
mod fake;

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use etcd_rescue::{
    cli::Cli,
    model::{Bytes, CertificateRole, Located, QuotaSource},
    observe::{
        host::HostRoot,
        node::{LocateError, locate_on},
    },
    settings::Settings,
};
use fake::{Api, FakeContainer, FakeCri};
use nix::{sys::time::TimeValLike, time::ClockId};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

/// A node without anything.
struct Node {
    _root: tempfile::TempDir,
    host: HostRoot,
}

impl Node {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        Self { _root: root, host }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.host.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// A self-signed certificate and its key, valid until `year`.
    fn certificate(&self, base: &str, suffixes: [&str; 2], year: i32, client: bool) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.distinguished_name.push(rcgen::DnType::CommonName, base.replace('/', "-"));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let usage = if client {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        };
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        self.write(&format!("{base}{}", suffixes[0]), &certificate.pem());
        self.write(&format!("{base}{}", suffixes[1]), &key.serialize_pem());
    }

    /// The PKI of kubeadm, as far as etcd goes.
    fn kubeadm_pki(&self, healthcheck_until: i32) {
        for (name, year, client) in [
            ("etcd/ca", 2099, true),
            ("etcd/server", 2098, true),
            ("etcd/peer", 2097, true),
            ("etcd/healthcheck-client", healthcheck_until, true),
            ("apiserver-etcd-client", 2096, true),
        ] {
            let base = format!("/etc/kubernetes/pki/{name}");
            self.certificate(&base, [".crt", ".key"], year, client);
        }
    }

    /// containerd's answer about an etcd of kubeadm, with its mounts leading
    /// into this tree.
    fn kubeadm_info(&self, pid: i32) -> String {
        let mount = |path: &str| {
            format!(
                r#"{{"destination":"{path}","source":"{}","type":"bind"}}"#,
                self.host.path(path).display()
            )
        };
        format!(
            r#"{{"pid":{pid},"runtimeSpec":{{"process":{{"args":["etcd","--name=master-1",
            "--cert-file=/etc/kubernetes/pki/etcd/server.crt",
            "--key-file=/etc/kubernetes/pki/etcd/server.key",
            "--peer-cert-file=/etc/kubernetes/pki/etcd/peer.crt",
            "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
            "--data-dir=/var/lib/etcd","--quota-backend-bytes=67108864",
            "--listen-client-urls=https://10.0.0.11:2379,https://127.0.0.1:2379",
            "--listen-metrics-urls=http://127.0.0.1:2381"],"env":["PATH=/bin"]}},
            "mounts":[{{"destination":"/proc","source":"proc"}},{},{}]}}}}"#,
            mount("/etc/kubernetes/pki/etcd"),
            mount("/var/lib/etcd"),
        )
    }

    fn kubeadm(&self, container: FakeContainer) -> FakeCri {
        self.write("/var/lib/etcd/member/snap/db", "data");
        self.write(
            "/etc/kubernetes/manifests/etcd.yaml",
            "kind: Pod\nmetadata: {name: etcd, namespace: kube-system}\nspec:\n  containers:\n  \
             - name: etcd\n    command: [etcd, --name=master-1]\n    livenessProbe:\n      \
             httpGet: {path: /health, port: 2381}\n",
        );
        FakeCri { containers: vec![container], ..FakeCri::default() }
    }

    async fn locate(&self, flags: &[&str]) -> Result<Located, LocateError> {
        locate_on(&self.host, &settings(flags)).await
    }
}

fn settings(flags: &[&str]) -> Settings {
    let words = ["etcd-rescue"].iter().chain(flags);
    let cli = Cli::try_parse_from(words).expect("flags");
    let mut settings = Settings::resolve(cli.global).expect("settings");
    settings.timeout = Duration::from_secs(2);
    settings
}

const CONTAINERD: &str = "/run/containerd/containerd.sock";

#[tokio::test]
async fn a_kubeadm_master_is_read_completely() {
    let node = Node::new();
    node.kubeadm_pki(2095);
    let container =
        FakeContainer { restarts: Some(3), ..FakeContainer::etcd("abc", node.kubeadm_info(0)) };
    node.kubeadm(container).serve(&node.host.path(CONTAINERD));
    let located = node.locate(&[]).await.expect("located");

    assert_eq!(located.complaints, ["1"; 0]);
    let runtime = located.runtime.expect("a runtime");
    assert_eq!((runtime.api, runtime.socket.source.as_str()), ("v1", "well-known socket"));
    let container = located.container.expect("a container");
    assert_eq!((container.id.as_str(), container.restarts), ("abc", 3));
    let urls: Vec<_> = located.endpoints.iter().map(|found| found.value.as_str()).collect();
    assert_eq!(urls, ["https://127.0.0.1:2379", "https://10.0.0.11:2379"]);
    let data_dir = located.data_dir.expect("a data dir");
    assert_eq!(data_dir.value, node.host.path("/var/lib/etcd"));
    assert_eq!(data_dir.source, "flag --data-dir of container abc");
    assert_eq!(located.disk.and_then(|disk| disk.db_file), Some(Bytes(4)));
    let quota = located.quota.expect("a quota").value;
    assert_eq!((quota.limit, quota.source), (Some(Bytes(64 << 20)), QuotaSource::Args));
    assert_eq!(located.version.map(|found| found.value).as_deref(), Some("3.5.16"));
    assert_eq!(located.name.map(|found| found.value).as_deref(), Some("master-1"));
    let metrics = located.metrics_url.map(|found| found.value);
    assert_eq!(metrics.as_deref(), Some("http://127.0.0.1:2381"));
    assert_eq!(located.manifest.expect("a manifest").probes[0].path, "/health");

    let pki = node.host.path("/etc/kubernetes/pki/etcd");
    let path = |found: Option<etcd_rescue::model::Found<_>>| found.map(|found| found.value);
    assert_eq!(path(located.ca), Some(pki.join("ca.crt")));
    assert_eq!(path(located.cert), Some(pki.join("healthcheck-client.crt")));
    assert_eq!(path(located.key), Some(pki.join("healthcheck-client.key")));
    let roles: Vec<_> = located.certificates.iter().map(|it| it.role).collect();
    use CertificateRole::{Ca, Client, Peer, Server};
    assert_eq!(roles, [Ca, Client, Server, Peer]);
    let until_2099 = 4_070_908_800;
    assert_eq!(located.certificates[0].not_after, until_2099);
    assert!(located.certificates[0].subject.contains("CN="), "{:?}", located.certificates[0]);
}

#[tokio::test]
async fn a_client_certificate_without_its_key_is_passed_over() {
    let node = Node::new();
    node.kubeadm_pki(2095);
    let other = KeyPair::generate().expect("a key");
    node.write("/etc/kubernetes/pki/etcd/healthcheck-client.key", &other.serialize_pem());
    let containers = vec![FakeContainer::etcd("aaa", node.kubeadm_info(0))];
    FakeCri { containers, ..FakeCri::default() }.serve(&node.host.path(CONTAINERD));
    let located = node.locate(&[]).await.expect("located");
    assert!(located.cert.expect("a pair").value.ends_with("etcd/server.crt"));
    let complaint = located.complaints.join("\n");
    assert!(complaint.contains("healthcheck-client.crt cannot be used"), "{complaint}");
    assert!(complaint.contains("does not belong to"), "{complaint}");
}

#[tokio::test]
async fn an_expired_client_certificate_is_passed_over() {
    let node = Node::new();
    node.kubeadm_pki(2021);
    node.kubeadm(FakeContainer::etcd("abc", node.kubeadm_info(0)))
        .serve(&node.host.path(CONTAINERD));
    let located = node.locate(&[]).await.expect("located");
    let cert = located.cert.map(|found| found.value).expect("a certificate");
    assert!(cert.ends_with("pki/etcd/server.crt"), "{cert:?}");
    let [complaint] = &located.complaints[..] else { panic!("{:?}", located.complaints) };
    assert!(complaint.contains("healthcheck-client.crt expired on 2021-01-01; using "));

    let by_hand = node.locate(&["--cert", "/x.crt", "--key", "/x.key"]).await.expect("located");
    let cert = by_hand.cert.expect("a certificate");
    assert_eq!((cert.value.as_path(), cert.source.as_str()), (Path::new("/x.crt"), "--cert"));
}

#[tokio::test]
async fn a_certificate_for_servers_only_is_no_clients() {
    let node = Node::new();
    let base = "/etc/kubernetes/pki/etcd/";
    node.certificate(&format!("{base}ca"), [".crt", ".key"], 2090, true);
    node.certificate(&format!("{base}server"), [".crt", ".key"], 2090, false);
    node.certificate("/etc/kubernetes/pki/apiserver-etcd-client", [".crt", ".key"], 2090, true);
    node.kubeadm(FakeContainer::etcd("abc", node.kubeadm_info(0)))
        .serve(&node.host.path(CONTAINERD));
    let located = node.locate(&[]).await.expect("located");
    let cert = located.cert.map(|found| found.value).expect("a certificate");
    assert!(cert.ends_with("pki/apiserver-etcd-client.crt"), "{cert:?}");
    assert!(located.complaints.iter().any(|text| text.contains("is not meant for clients")));
}

#[tokio::test]
async fn a_container_that_ended_still_tells_everything() {
    let node = Node::new();
    node.kubeadm_pki(2095);
    let container = FakeContainer { state: 2, ..FakeContainer::etcd("abc", node.kubeadm_info(0)) };
    let script = FakeCri { api: Api::V1Alpha2, ..node.kubeadm(container) };
    script.serve(&node.host.path("/run/k3s/containerd/containerd.sock"));
    let located = node.locate(&[]).await.expect("located");
    assert_eq!(located.runtime.map(|runtime| runtime.api), Some("v1alpha2"));
    assert_eq!(located.process, None);
    assert_eq!(located.endpoints.len(), 2);
}

#[tokio::test]
async fn the_attempt_before_the_running_one_tells_how_it_ended() {
    let node = Node::new();
    node.kubeadm_pki(2095);
    let since_boot = ClockId::CLOCK_MONOTONIC.now().expect("a clock");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
    let now = i64::try_from(now).expect("before 2262");
    let log = |attempt: u32| format!("/var/log/pods/etcd/etcd/{attempt}.log");
    let earlier = |id: &str, attempt: u32, created_at| FakeContainer {
        state: 2,
        created_at,
        restarts: Some(attempt),
        log_path: log(attempt),
        ended: Some((now - 90_000_000_000, now - 6_000_000_000, 137, "Error", "words")),
        ..FakeContainer::etcd(id, "")
    };
    let running = FakeContainer {
        created_at: 3,
        restarts: Some(3),
        ..FakeContainer::etcd("abc", node.kubeadm_info(0))
    };
    let elsewhere =
        FakeContainer { pod: "etcd-0".into(), namespace: "tenant".into(), ..earlier("e", 9, 9) };
    let gone = FakeContainer { gone: true, ..earlier("gone", 2, 2) };
    let script = node.kubeadm(running);
    let containers = [
        script.containers.clone(),
        vec![elsewhere, earlier("old", 0, 0), gone, earlier("before", 1, 1)],
    ]
    .concat();
    FakeCri { containers, ..script }.serve(&node.host.path(CONTAINERD));
    node.write(&log(1), "2020-01-01T00:00:00Z stderr F too old\nits last words\n");
    let killed = "Out of memory: Killed process 12 (etcd) total-vm:1kB";
    node.write("/dev/kmsg", &format!("3,1,{},-;{killed}\n", since_boot.num_microseconds()));

    let end = node.locate(&[]).await.expect("located").last_end.expect("an end");
    assert_eq!((end.id.as_str(), end.attempt, end.exit_code), ("before", 1, 137));
    assert_eq!((end.reason.as_str(), end.message.as_str()), ("Error", "words"));
    assert_eq!(end.finished_at, now - 6_000_000_000);
    assert_eq!(end.last_lines, ["its last words"]);
    assert_eq!(end.log_path, Some(node.host.path(log(1))));
    assert_eq!(end.kernel_lines, [killed]);
}

#[tokio::test]
async fn of_several_runtimes_the_one_with_etcd_is_meant() {
    let node = Node::new();
    node.kubeadm_pki(2095);
    FakeCri::default().serve(&node.host.path(CONTAINERD));
    node.kubeadm(FakeContainer::etcd("abc", node.kubeadm_info(0)))
        .serve(&node.host.path("/var/run/crio/crio.sock"));
    node.write("/etc/crictl.yaml", "runtime-endpoint: unix:///run/none.sock\n");
    let located = node.locate(&[]).await.expect("located");
    let socket = located.runtime.expect("a runtime").socket.value;
    assert!(socket.ends_with("crio/crio.sock"));
    assert!(located.complaints.iter().any(|text| text.contains("/etc/crictl.yaml")));
}

#[tokio::test]
async fn only_a_manifest_is_something_to_go_on() {
    let node = Node::new();
    node.write(
        "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml",
        "kind: Pod\nmetadata: {name: etcd, namespace: kube-system}\nspec:\n  containers:\n  \
         - name: etcd\n    command: [etcd, --config-file=/var/lib/rancher/rke2/server/db/etcd/config]\n",
    );
    node.write(
        "/var/lib/rancher/rke2/server/db/etcd/config",
        "name: m1\ndata-dir: /var/lib/rancher/rke2/server/db/etcd\n\
         listen-client-urls: https://10.0.0.1:2379,https://127.0.0.1:2379\n\
         client-transport-security:\n  cert-file: /var/lib/rancher/rke2/server/tls/etcd/server-client.crt\n  \
         key-file: /var/lib/rancher/rke2/server/tls/etcd/server-client.key\n  \
         trusted-ca-file: /var/lib/rancher/rke2/server/tls/etcd/server-ca.crt\n",
    );
    let base = "/var/lib/rancher/rke2/server/tls/etcd/server-";
    node.certificate(&format!("{base}client"), [".crt", ".key"], 2090, true);
    node.certificate(&format!("{base}ca"), [".crt", ".key"], 2090, true);
    let located = node.locate(&[]).await.expect("located");
    let cert = located.cert.map(|found| found.value).expect("a certificate");
    assert!(cert.ends_with("etcd/server-client.crt"), "{cert:?}");
    assert_eq!(located.endpoints[0].value, "https://127.0.0.1:2379");
    assert!(located.complaints.iter().any(|text| text.contains("only its manifest")));
    assert!(located.disk.is_some());
}

#[tokio::test]
async fn an_openshift_master_is_mapped_through_its_mounts() {
    let node = Node::new();
    let certs = "/etc/kubernetes/static-pod-resources/etcd-certs";
    node.certificate(&format!("{certs}/secrets/all/etcd-peer-m1"), [".crt", ".key"], 2090, true);
    node.certificate(
        &format!("{certs}/secrets/all/etcd-serving-m1"),
        [".crt", ".key"],
        2090,
        false,
    );
    node.certificate(&format!("{certs}/configmaps/ca-bundle"), [".crt", ".key"], 2090, true);
    let inside = "/etc/kubernetes/static-pod-certs";
    let info = format!(
        r#"{{"pid":0,"privileged":true,"runtimeSpec":{{"process":{{"args":["/bin/sh","-c",
        "exec nice -n -19 etcd --cert-file={inside}/secrets/all/etcd-serving-m1.crt --key-file={inside}/secrets/all/etcd-serving-m1.key --trusted-ca-file={inside}/configmaps/ca-bundle.crt --listen-client-urls=https://0.0.0.0:2379 --data-dir=/var/lib/etcd --name \"${{NODE}}\""],
        "env":["ETCDCTL_CERT={inside}/secrets/all/etcd-peer-m1.crt","ETCDCTL_KEY={inside}/secrets/all/etcd-peer-m1.key","ETCD_QUOTA_BACKEND_BYTES=8589934592"]}},
        "mounts":[{{"destination":"{inside}","source":"{}"}}]}}}}"#,
        node.host.path(certs).display()
    )
    .replace('\n', " ");
    let container =
        FakeContainer { namespace: "openshift-etcd".into(), ..FakeContainer::etcd("abc", info) };
    FakeCri { containers: vec![container], ..FakeCri::default() }
        .serve(&node.host.path("/run/crio/crio.sock"));
    let located = node.locate(&[]).await.expect("located");
    let host = node.host.path(certs);
    let cert = located.cert.expect("a certificate");
    assert_eq!(cert.value, host.join("secrets/all/etcd-peer-m1.crt"));
    assert_eq!(cert.source, "ETCDCTL_CERT of the container");
    assert_eq!(located.ca.map(|found| found.value), Some(host.join("configmaps/ca-bundle.crt")));
    assert_eq!(located.endpoints[0].value, "https://127.0.0.1:2379");
    let quota = located.quota.expect("a quota").value.limit;
    assert_eq!(quota, Some(Bytes(8 << 30)));
}

#[tokio::test]
async fn what_cannot_be_decided_is_asked() {
    let node = Node::new();
    let container = |id: &str, namespace: &str| FakeContainer {
        namespace: namespace.into(),
        ..FakeContainer::etcd(id, node.kubeadm_info(0))
    };
    let containers = vec![container("aaa", "tenant-1"), container("bbb", "tenant-2")];
    FakeCri { containers, ..FakeCri::default() }.serve(&node.host.path(CONTAINERD));
    let error = node.locate(&[]).await.expect_err("several");
    assert!(matches!(&error, LocateError::SeveralContainers(several) if several.len() == 2));
    assert!(error.next().contains("--container"));
    assert!(error.what().contains("aaa") && error.what().contains("tenant-2"));
    let chosen = node.locate(&["--container", "bb"]).await.expect("located");
    assert_eq!(chosen.container.map(|it| it.id).as_deref(), Some("bbb"));
    let error = node.locate(&["--container", "zzz"]).await.err();
    assert!(matches!(error, Some(LocateError::ContainerNotFound { .. })), "{error:?}");
    let by_hand = node.locate(&["--endpoints", "http://10.0.0.9:2379"]).await.expect("located");
    assert_eq!(by_hand.endpoints[0].source, "--endpoints");
}

#[tokio::test]
async fn bad_endpoints_and_empty_nodes_are_errors() {
    let node = Node::new();
    let socket = node.host.path("/none.sock");
    let flag = format!("unix://{}", socket.display());
    let error = node.locate(&["--runtime-endpoint", &flag]).await.err();
    assert!(matches!(error, Some(LocateError::RuntimeEndpointBad { .. })), "{error:?}");
    let error = node.locate(&["--runtime-endpoint", "tcp://1.2.3.4:5"]).await.err();
    assert!(matches!(error, Some(LocateError::RuntimeEndpointUnreadable { .. })), "{error:?}");
    let error = node.locate(&[]).await.err();
    assert_eq!(error, Some(LocateError::NoRuntimeAndNoProcess { tried: Vec::new() }));
    FakeCri::default().serve(&node.host.path(CONTAINERD));
    let error = node.locate(&[]).await.err();
    let asked = vec![node.host.path(CONTAINERD)];
    assert_eq!(error, Some(LocateError::NoEtcd { asked, traces: Vec::new() }));
    node.write("/etc/kubernetes/pki/etcd/ca.crt", "");
    let error = node.locate(&[]).await.expect_err("its manifest was moved away");
    assert!(error.what().contains("an etcd ran on this node"), "{}", error.what());
    assert!(error.next().contains("manifests/etcd.yaml"), "{}", error.next());
    let alone = node.locate(&["--endpoints", "https://10.0.0.9:2379"]).await.expect("located");
    assert_eq!((alone.endpoints.len(), alone.cert, alone.data_dir), (1, None, None));
}
