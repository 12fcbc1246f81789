//! A node of every installation in the table, made of its files, its processes and a
//! scripted runtime: `locate` tells which it is, by what, and finds everything.

#[path = "fake/cri.rs"]
mod fake;

use std::{fs, time::Duration};

use clap::Parser;
use etcd_rescue::{
    cli::Cli,
    model::{Located, layout},
    observe::{
        host::HostRoot,
        node::{LocateError, locate_on},
    },
    settings::Settings,
};
use fake::{FakeContainer, FakeCri};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

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

    /// A process of this pid namespace.
    fn process(&self, pid: i32, comm: &str, args: &[&str], env: &[&str]) {
        let at = format!("/proc/{pid}");
        self.write(&format!("{at}/comm"), &format!("{comm}\n"));
        let joined =
            |words: &[&str]| words.iter().map(|word| format!("{word}\0")).collect::<String>();
        self.write(&format!("{at}/cmdline"), &joined(args));
        self.write(&format!("{at}/environ"), &joined(env));
        self.write(&format!("{at}/status"), &format!("PPid:\t1\nNSpid:\t{pid}\n"));
    }

    /// A self-signed certificate that clients may show, with its key.
    fn certificate(&self, cert: &str, key: &str) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_after = date_time_ymd(2095, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let pair = KeyPair::generate().expect("a key");
        self.write(cert, &params.self_signed(&pair).expect("signed").pem());
        self.write(key, &pair.serialize_pem());
    }

    fn pair(&self, base: &str) {
        self.certificate(&format!("{base}.crt"), &format!("{base}.key"));
    }

    /// A runtime with these containers on that socket.
    fn runtime(&self, socket: &str, containers: Vec<FakeContainer>) {
        FakeCri { containers, ..FakeCri::default() }.serve(&self.host.path(socket));
    }

    /// A container whose paths are the host's.
    fn container(&self, namespace: &str, args: &[&str], mounts: &[&str]) -> FakeContainer {
        let mount = |path: &&str| {
            let source = self.host.path(path);
            format!(r#"{{"destination":"{path}","source":"{}"}}"#, source.display())
        };
        let mounts = mounts.iter().map(mount).collect::<Vec<_>>().join(",");
        let args = args.iter().map(|arg| format!("\"{arg}\"")).collect::<Vec<_>>().join(",");
        let info = format!(
            r#"{{"pid":0,"runtimeSpec":{{"process":{{"args":[{args}]}},"mounts":[{mounts}]}}}}"#
        );
        FakeContainer { namespace: namespace.into(), ..FakeContainer::etcd("abc", info) }
    }

    fn static_pod(&self, path: &str, args: &[&str]) {
        let command = args.join(", ");
        self.write(
            path,
            &format!(
                "kind: Pod\nmetadata: {{name: etcd, namespace: kube-system}}\nspec:\n  \
                 containers:\n  - name: etcd\n    command: [{command}]\n"
            ),
        );
    }

    async fn locate(&self, flags: &[&str]) -> Result<Located, LocateError> {
        let words = ["etcd-rescue"].iter().chain(flags);
        let cli = Cli::try_parse_from(words).expect("flags");
        let mut settings = Settings::resolve(cli.global).expect("settings");
        settings.timeout = Duration::from_secs(2);
        locate_on(&self.host, &settings).await
    }

    /// Located as this installation, by something it says, with this client
    /// certificate and this data directory.
    async fn told(&self, id: &str, evidence: &str, cert: &str, data: &str) -> Located {
        let located = self.locate(&[]).await.unwrap_or_else(|error| panic!("{id}: {error:?}"));
        let detected = located.layout.clone().expect("looked");
        assert_eq!(detected.layout.id, id, "{detected:?}");
        let told = detected.evidence.join("; ");
        assert!(told.contains(evidence), "{id}: {told}");
        let path = |found: &Option<etcd_rescue::model::Found<std::path::PathBuf>>| {
            found.as_ref().map(|found| self.host.inside(&found.value))
        };
        assert_eq!(path(&located.cert).as_deref(), Some(cert.as_ref()), "{id}");
        assert_eq!(path(&located.data_dir).as_deref(), Some(data.as_ref()), "{id}");
        assert!(located.ca.is_some(), "{id}: no CA");
        located
    }
}

/// Flags of an etcd with these certificates and this data directory.
fn flags(data: &str, cert: &str, key: &str, ca: &str, url: &str) -> Vec<String> {
    [
        "etcd".to_owned(),
        format!("--data-dir={data}"),
        format!("--cert-file={cert}"),
        format!("--key-file={key}"),
        format!("--trusted-ca-file={ca}"),
        format!("--listen-client-urls={url}"),
    ]
    .to_vec()
}

fn words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

const URL: &str = "https://127.0.0.1:2379";

#[tokio::test]
async fn static_pods_of_kubeadm_minikube_and_rke2() {
    for (id, pki, client, data, manifests, socket) in [
        (
            "kubeadm",
            "/etc/kubernetes/pki/etcd",
            "healthcheck-client",
            "/var/lib/etcd",
            "/etc/kubernetes/manifests",
            "/run/containerd/containerd.sock",
        ),
        (
            "minikube",
            "/var/lib/minikube/certs/etcd",
            "healthcheck-client",
            "/var/lib/minikube/etcd",
            "/etc/kubernetes/manifests",
            "/run/cri-dockerd.sock",
        ),
        (
            "rke2",
            "/var/lib/rancher/rke2/server/tls/etcd",
            "server-client",
            "/var/lib/rancher/rke2/server/db/etcd",
            "/var/lib/rancher/rke2/agent/pod-manifests",
            "/run/k3s/containerd/containerd.sock",
        ),
        // With `data-dir: /data/rke2`.
        (
            "rke2",
            "/data/rke2/server/tls/etcd",
            "server-client",
            "/data/rke2/server/db/etcd",
            "/data/rke2/agent/pod-manifests",
            "/run/k3s/containerd/containerd.sock",
        ),
    ] {
        let node = Node::new();
        for name in ["ca", "server", client] {
            node.pair(&format!("{pki}/{name}"));
        }
        node.write(&format!("{data}/member/snap/db"), "data");
        let file = |name: &str| format!("{pki}/{name}");
        let args = flags(data, &file("server.crt"), &file("server.key"), &file("ca.crt"), URL);
        node.static_pod(&format!("{manifests}/etcd.yaml"), &words(&args));
        node.runtime(socket, vec![node.container("kube-system", &words(&args), &[pki, data])]);
        let cert = format!("{pki}/{client}.crt");
        let manifest = format!("etcd's manifest is {manifests}/etcd.yaml");
        let evidence = if id == "kubeadm" { &manifest } else { data };
        let located = node.told(id, evidence, &cert, data).await;
        assert!(located.runtime.is_some_and(|found| found.socket.value.ends_with(&socket[1..])));
        assert!(located.endpoints.iter().any(|found| found.value == URL));
    }
}

#[tokio::test]
async fn k3s_has_neither_container_nor_process_of_etcd() {
    let node = Node::new();
    let tls = "/srv/k3s/server/tls/etcd/server";
    node.pair(&format!("{tls}-client"));
    node.pair(&format!("{tls}-ca"));
    node.write("/srv/k3s/server/db/etcd/member/snap/db", "data");
    // It blanks its command line: what it has open says where its data are.
    node.process(70, "k3s-server", &["/usr/local/bin/k3s server"], &[]);
    let unknown = node.locate(&[]).await.expect_err("not told");
    assert!(matches!(unknown, LocateError::K3sUntold { pid: 70 }), "{unknown:?}");
    fs::create_dir_all(node.host.path("/proc/70/fd")).expect("made");
    let open = node.host.path("/proc/70/fd/9");
    std::os::unix::fs::symlink("/srv/k3s/server/db/etcd/member/snap/db", open).expect("linked");
    let evidence = "etcd's process is called k3s-server";
    let cert = format!("{tls}-client.crt");
    let located = node.told("k3s", evidence, &cert, "/srv/k3s/server/db/etcd").await;
    assert_eq!(located.layout().kubelet, layout::KubeletIs::Etcd, "never held");
    assert_eq!(located.layout().unit, "k3s");
    let metrics = located.metrics_url.map(|found| found.value);
    assert_eq!(metrics.as_deref(), Some("http://127.0.0.1:2381"));
}

#[tokio::test]
async fn k3s_on_sqlite_has_nothing_to_recover() {
    let node = Node::new();
    node.write("/var/lib/rancher/k3s/server/db/state.db", "SQLite format 3");
    node.process(70, "k3s-server", &["/usr/local/bin/k3s server"], &[]);
    let error = node.locate(&[]).await.expect_err("no etcd");
    let LocateError::NotEtcd(detected) = &error else { panic!("{error:?}") };
    assert_eq!((detected.layout.id, detected.layout.may), ("k3s-sqlite", layout::May::Nothing));
    let seen = "k3s-server (pid 70) keeps its data in /var/lib/rancher/k3s/server/db/state.db";
    assert!(error.what().contains(seen), "{}", error.what());
    assert!(error.what().contains("sqlite") && error.next().contains("journalctl -u k3s"));
    fs::remove_dir_all(node.host.path("/proc")).expect("ended");
    let stopped = node.locate(&[]).await.expect_err("no etcd");
    assert!(matches!(stopped, LocateError::NotEtcd(_)), "{stopped:?}");
    node.write("/var/lib/rancher/k3s/server/db/etcd/config", "name: m1\n");
    let stopped = node.locate(&[]).await.expect_err("it does not run");
    assert!(stopped.next().contains("systemctl status k3s"), "{}", stopped.next());
}

#[tokio::test]
async fn kubespray_keeps_its_settings_in_a_file() {
    let node = Node::new();
    let ssl = "/etc/ssl/etcd/ssl";
    node.write("/etc/hostname", "m1\n");
    for name in ["admin-m0", "admin-m1", "member-m1", "ca"] {
        node.certificate(&format!("{ssl}/{name}.pem"), &format!("{ssl}/{name}-key.pem"));
    }
    node.write("/var/lib/etcd/member/snap/db", "data");
    let settings = [
        "ETCD_DATA_DIR=/var/lib/etcd".to_owned(),
        format!("ETCD_CERT_FILE={ssl}/member-m1.pem"),
        format!("ETCD_KEY_FILE={ssl}/member-m1-key.pem"),
        format!("ETCD_TRUSTED_CA_FILE={ssl}/ca.pem"),
        "ETCD_LISTEN_CLIENT_URLS=https://10.0.0.1:2379,https://127.0.0.1:2379".to_owned(),
    ];
    node.write("/etc/etcd.env", &settings.join("\n"));
    let cert = format!("{ssl}/admin-m1.pem");
    let stopped = node.told("kubespray", "settings file is /etc/etcd.env", &cert, "/var/lib/etcd");
    let stopped = stopped.await;
    assert!(stopped.complaints.iter().any(|text| text.contains("only its settings in")));
    node.process(80, "etcd", &["/usr/local/bin/etcd"], &words(&settings));
    let located = node.told("kubespray", "/etc/ssl/etcd/ssl/member-m1.pem", &cert, "/var/lib/etcd");
    assert_eq!(located.await.endpoints[0].value, URL);
    // With a cluster of its own for events.
    let events = [
        "ETCD_DATA_DIR=/var/lib/etcd-events".to_owned(),
        "ETCD_LISTEN_CLIENT_URLS=https://10.0.0.1:2383,https://127.0.0.1:2383".to_owned(),
    ];
    node.process(81, "etcd", &["/usr/local/bin/etcd"], &words(&events));
    let main = node.told("kubespray", "/etc/ssl/etcd/ssl/member-m1.pem", &cert, "/var/lib/etcd");
    assert_eq!(main.await.process.map(|it| it.pid), Some(80));
    let named = async |url: &str| node.locate(&["--endpoints", url]).await.expect("located");
    let data = |located: Located| located.data_dir.map(|it| node.host.inside(&it.value));
    let of_events = named("https://127.0.0.1:2383").await;
    assert_eq!(data(of_events).as_deref(), Some("/var/lib/etcd-events".as_ref()));
    assert_eq!(data(named("https://127.0.0.1:9999").await), None, "another one's file");
}

#[tokio::test]
async fn k0s_serves_its_own_node_only() {
    let node = Node::new();
    let pki = "/var/lib/k0s/pki";
    for name in ["etcd/ca", "etcd/server", "apiserver-etcd-client"] {
        node.pair(&format!("{pki}/{name}"));
    }
    node.write("/var/lib/k0s/etcd/member/snap/db", "data");
    let file = |name: &str| format!("{pki}/etcd/{name}");
    let data = "/var/lib/k0s/etcd";
    let args = flags(data, &file("server.crt"), &file("server.key"), &file("ca.crt"), URL);
    node.process(90, "etcd", &words(&args), &[]);
    let cert = format!("{pki}/etcd/server.crt");
    let located = node.told("k0s", "/var/lib/k0s/etcd", &cert, data).await;
    assert_eq!(located.layout().may, layout::May::OwnNodeOnly);
    fs::remove_dir_all(node.host.path("/proc")).expect("ended");
    let stopped = node.locate(&[]).await.expect_err("it does not run");
    assert!(stopped.next().contains("systemctl status k0scontroller"), "{}", stopped.next());
    // `--data-dir=/data/k0s`.
    let moved = flags("/data/k0s/etcd", "/data/x.crt", "/data/x.key", "/data/ca.crt", URL);
    node.process(90, "etcd", &words(&moved), &[]);
    node.write("/proc/1/comm", "k0s\n");
    let located = node.locate(&[]).await.expect("located");
    assert_eq!(located.layout().id, "k0s", "{:?}", located.layout);
}

#[tokio::test]
async fn k0s_on_kine_has_nothing_to_recover() {
    let node = Node::new();
    node.write("/var/lib/k0s/db/state.db", "SQLite format 3");
    node.process(70, "k0s", &["k0s", "controller", "--single"], &[]);
    let error = node.locate(&[]).await.expect_err("no etcd");
    let LocateError::NotEtcd(detected) = &error else { panic!("{error:?}") };
    assert_eq!((detected.layout.id, detected.layout.may), ("k0s-kine", layout::May::Nothing));
    assert!(error.next().contains("journalctl -u k0scontroller"), "{}", error.next());
}

#[tokio::test]
async fn microk8s_may_run_a_real_etcd() {
    let node = Node::new();
    let certs = "/var/snap/microk8s/7394/certs";
    node.pair(&format!("{certs}/server"));
    node.pair(&format!("{certs}/ca"));
    let file = |name: &str| format!("{certs}/{name}");
    let data = "/var/snap/microk8s/common/var/run/etcd";
    let url = "https://127.0.0.1:12379";
    let args = flags(data, &file("server.crt"), &file("server.key"), &file("ca.crt"), url);
    node.process(90, "etcd", &words(&args), &[]);
    let located = node.told("microk8s-etcd", data, &file("server.crt"), data).await;
    assert_eq!(
        (located.layout().may, located.layout().unit),
        (layout::May::Full, "snap.microk8s.daemon-etcd")
    );
}

#[tokio::test]
async fn openshift_is_told_by_its_namespace() {
    let node = Node::new();
    let certs = "/etc/kubernetes/static-pod-certs";
    node.pair(&format!("{certs}/peer"));
    let file = |name: &str| format!("{certs}/{name}");
    let args = flags("/var/lib/etcd", &file("peer.crt"), &file("peer.key"), &file("peer.crt"), URL);
    node.static_pod("/etc/kubernetes/manifests/etcd-pod.yaml", &words(&args));
    let etcd = node.container("openshift-etcd", &words(&args), &[certs, "/var/lib/etcd"]);
    let beside = FakeContainer { id: "def".into(), name: "etcdctl".into(), ..etcd.clone() };
    node.runtime("/run/crio/crio.sock", vec![beside, etcd]);
    let cert = file("peer.crt");
    let located = node.told("openshift", "openshift-etcd/", &cert, "/var/lib/etcd").await;
    assert_eq!(located.container.map(|it| it.id).as_deref(), Some("abc"), "not etcdctl's");
}

#[tokio::test]
async fn microshift_is_told_no_flags() {
    let node = Node::new();
    let signer = "/var/lib/microshift/certs/etcd-signer";
    for name in ["ca", "etcd-serving/peer", "apiserver-etcd-client/client"] {
        node.pair(&format!("{signer}/{name}"));
    }
    node.write("/var/lib/microshift/etcd/member/snap/db", "data");
    node.process(50, "microshift-etcd", &["microshift-etcd", "run"], &[]);
    let evidence = "etcd's process is called microshift-etcd";
    let cert = format!("{signer}/etcd-serving/peer.crt");
    let located = node.told("microshift", evidence, &cert, "/var/lib/microshift/etcd").await;
    assert_eq!(located.endpoints[0].value, "https://localhost:2379");
}

#[tokio::test]
async fn of_kops_two_etcds_the_main_one_is_meant() {
    let node = Node::new();
    let data = "/rootfs/mnt/master-vol-0a1/data/etcd-main";
    let pki = "/rootfs/mnt/master-vol-0a1/pki/x/clients";
    for name in ["ca", "server"] {
        node.pair(&format!("{pki}/{name}"));
    }
    for (pid, port) in [(60, 4002), (61, 4001)] {
        let env = [
            format!("ETCD_DATA_DIR={data}"),
            format!("ETCD_LISTEN_CLIENT_URLS=https://0.0.0.0:{port}"),
            format!("ETCD_CERT_FILE={pki}/server.crt"),
            format!("ETCD_KEY_FILE={pki}/server.key"),
            format!("ETCD_TRUSTED_CA_FILE={pki}/ca.crt"),
        ];
        node.process(pid, "etcd", &["/opt/etcd-v3.5.9/etcd"], &words(&env));
    }
    let located = node.told("kops", data, &format!("{pki}/server.crt"), data).await;
    assert_eq!(located.process.map(|process| process.pid), Some(61));
    assert_eq!(located.endpoints[0].value, "https://127.0.0.1:4001");
    assert!(located.complaints.iter().any(|text| text.contains("4002")));
}

#[tokio::test]
async fn microk8s_and_talos_are_known_and_left_to_their_own() {
    for (path, text, id, next) in [
        ("/var/snap/microk8s/current/args/kubelite", "", "microk8s", "microk8s inspect"),
        ("/etc/os-release", "NAME=Talos\nID=talos\n", "talos", "talosctl -n NODE etcd status"),
    ] {
        let node = Node::new();
        node.write(path, text);
        let error = node.locate(&[]).await.expect_err("nothing to look at");
        let (LocateError::NotEtcd(detected) | LocateError::Down(detected)) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(detected.layout.id, id);
        assert!(error.next().contains(next), "{}", error.next());
    }
}

#[tokio::test]
async fn a_service_of_ones_own_is_plain_and_flags_lead_elsewhere() {
    let node = Node::new();
    for name in ["ca", "server", "client"] {
        node.pair(&format!("/etc/etcd/pki/{name}"));
    }
    let file = |name: &str| format!("/etc/etcd/pki/{name}");
    let args = flags("/data", &file("server.crt"), &file("server.key"), &file("ca.crt"), URL);
    node.process(40, "etcd", &words(&args), &[]);
    node.told("plain", "nothing here is like", &file("client.crt"), "/data").await;

    let bare = Node::new();
    let away = bare.locate(&["--endpoints", "https://10.0.0.9:2379"]).await.expect("located");
    assert_eq!(away.layout().id, "external");
    let evidence = away.layout.map(|detected| detected.evidence).unwrap_or_default();
    assert_eq!(evidence, ["--endpoints names it", "no etcd runs on this node"]);
}

#[tokio::test]
async fn an_etcd_elsewhere_is_the_one_the_api_server_uses() {
    let node = Node::new();
    for name in ["ca", "client"] {
        node.pair(&format!("/etc/kubernetes/pki/ext/{name}"));
    }
    node.write(
        "/etc/kubernetes/manifests/kube-apiserver.yaml",
        "kind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system}\nspec:\n  containers:\n  \
         - name: kube-apiserver\n    command:\n    - kube-apiserver\n    \
         - --etcd-servers=https://192.0.2.7:2379\n    \
         - --etcd-cafile=/etc/kubernetes/pki/ext/ca.crt\n    \
         - --etcd-certfile=/etc/kubernetes/pki/ext/client.crt\n    \
         - --etcd-keyfile=/etc/kubernetes/pki/ext/client.key\n",
    );
    let located = node.locate(&[]).await.expect("located");
    assert_eq!(located.layout().id, "external");
    let endpoint = located.endpoints.first().expect("an endpoint");
    assert_eq!(endpoint.value, "https://192.0.2.7:2379");
    assert!(
        endpoint.source.contains("--etcd-servers of /etc/kubernetes/manifests/"),
        "{endpoint:?}"
    );
    assert!(located.cert.is_some_and(|found| found.value.ends_with("ext/client.crt")));
    assert_eq!(located.certificates.len(), 2, "their expiry is looked at");
    let by_hand = node.locate(&["--cert", "/x.crt", "--key", "/x.key"]).await.expect("located");
    assert_eq!(by_hand.cert.map(|found| found.source).as_deref(), Some("--cert"));
}

#[test]
fn the_manual_has_a_line_for_every_row() {
    let manual = include_str!("../RUNBOOK.md");
    for row in layout::ALL {
        assert!(manual.contains(&format!("| {} |", row.id)), "{row:?} is not in the RUNBOOK");
    }
}
