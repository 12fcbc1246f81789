//! What differs between container runtimes: `locate` on a made-up kubeadm node whose
//! runtime answers as CRI-O, cri-dockerd or an old containerd does (cri-o
//! server/container_status.go; cri-dockerd core/container_status.go and convert.go).
//! What the runtime does not tell has to come from /proc, the manifest and the log.

#[path = "fake/cri.rs"]
mod fake;
#[path = "fake/pki.rs"]
#[allow(dead_code)] // only the files are wanted here
mod pki;

use std::{fs, ops::ControlFlow, os::unix::fs::symlink, path::PathBuf, time::Duration};

use clap::Parser;
use etcd_rescue::{
    cli::Cli,
    model::{Located, QuotaSource},
    observe::{
        host::HostRoot,
        logs::{LogFile, previous},
        node::locate_on,
    },
    settings::Settings,
};
use fake::{Api, FakeContainer, FakeCri, Kind};

const ID: &str = "0f5c3b7d9e21";
const CRIO: &str = "/var/run/crio/crio.sock";
const DOCKER: &str = "/var/run/cri-dockerd.sock";
/// What each test's etcd was started with.
const FLAGS: [&str; 9] = [
    "etcd",
    "--name=master-1",
    "--cert-file=/etc/kubernetes/pki/etcd/server.crt",
    "--key-file=/etc/kubernetes/pki/etcd/server.key",
    "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
    "--data-dir=/var/lib/etcd",
    "--quota-backend-bytes=67108864",
    "--listen-client-urls=https://10.0.0.11:2379,https://127.0.0.1:2379",
    "--listen-metrics-urls=http://127.0.0.1:2381",
];

/// A kubeadm node in a directory.
struct Node {
    _root: tempfile::TempDir,
    host: HostRoot,
}

impl Node {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let node = Self { _root: root, host };
        let ca = pki::Authority::new("etcd-ca");
        node.write("/etc/kubernetes/pki/etcd/ca.crt", &ca.pem);
        for name in ["server", "healthcheck-client"] {
            let issued = ca.issue(name, &["localhost"]);
            node.write(&format!("/etc/kubernetes/pki/etcd/{name}.crt"), &issued.cert);
            node.write(&format!("/etc/kubernetes/pki/etcd/{name}.key"), &issued.key);
        }
        node.write("/data/member/snap/db", "data");
        let command: String = FLAGS.iter().map(|flag| format!("    - {flag}\n")).collect();
        node.write(
            "/etc/kubernetes/manifests/etcd.yaml",
            &format!(
                "kind: Pod\nmetadata: {{name: etcd, namespace: kube-system}}\nspec:\n  \
                 containers:\n  - name: etcd\n    command:\n{command}"
            ),
        );
        node
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.host.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn path(&self, path: &str) -> String {
        self.host.path(path).display().to_string()
    }

    /// Its mounts: the data directory is called otherwise on the host.
    fn mounts(&self) -> Vec<(String, String)> {
        [("/var/lib/etcd", "/data"), ("/etc/kubernetes/pki/etcd", "/etc/kubernetes/pki/etcd")]
            .map(|(container, host)| (container.to_owned(), self.path(host)))
            .to_vec()
    }

    /// A process in /proc, by a command line, in a container with this id.
    fn process(&self, pid: i32, flags: &[&str], container: &str) {
        let of = |file: &str| format!("/proc/{pid}/{file}");
        let cgroup = format!("0::/kubepods/burstable/pod1/{container}\n");
        self.write(&of("comm"), "etcd\n");
        self.write(&of("cmdline"), &(flags.join("\0") + "\0"));
        self.write(&of("environ"), "PATH=/bin\0ETCD_ELECTION_TIMEOUT=5000\0");
        self.write(&of("status"), &format!("Name:\tetcd\nPPid:\t1\nNSpid:\t{pid}\t1\n"));
        self.write(&of("cgroup"), &cgroup);
    }

    async fn locate(&self) -> Located {
        let cli = Cli::try_parse_from(["etcd-rescue"]).expect("flags");
        let mut settings = Settings::resolve(cli.global).expect("settings");
        settings.timeout = Duration::from_secs(2);
        locate_on(&self.host, &settings).await.expect("located")
    }

    /// Fails unless everything a recovery needs was found.
    #[track_caller]
    fn is_found(&self, located: &Located) {
        let path = |found: &Option<etcd_rescue::model::Found<PathBuf>>| {
            found.as_ref().map(|found| found.value.display().to_string())
        };
        let pki = |name: &str| Some(self.path(&format!("/etc/kubernetes/pki/etcd/{name}")));
        assert_eq!(path(&located.data_dir), Some(self.path("/data")));
        assert_eq!(path(&located.ca), pki("ca.crt"));
        assert_eq!(path(&located.cert), pki("healthcheck-client.crt"));
        assert_eq!(path(&located.key), pki("healthcheck-client.key"));
        assert_eq!(located.endpoints.len(), 2, "{:?}", located.endpoints);
        let quota = located.quota.as_ref().map(|found| found.value.source);
        assert_eq!(quota, Some(QuotaSource::Args));
        assert!(located.disk.is_some());
    }
}

/// A line of docker's json-file driver; one without a line end goes on in the next.
fn docker_line(second: u32, text: &str) -> String {
    let line = serde_json::json!({
        "log": text, "stream": "stderr", "time": format!("2026-11-23T03:00:{second:02}.5Z"),
    });
    format!("{line}\n")
}

#[tokio::test]
async fn cri_o_tells_the_spec_and_no_request() {
    let node = Node::new();
    node.process(41, &FLAGS, ID);
    let mounts = node.mounts();
    let bind = |(container, host): &(String, String)| serde_json::json!({ "destination": container, "source": host, "type": "bind" });
    let info = serde_json::json!({
        "sandboxID": "5a", "pid": 41, "privileged": false,
        "runtimeSpec": {
            "process": { "args": FLAGS, "env": ["PATH=/bin"] },
            "mounts": mounts.iter().map(bind).collect::<Vec<_>>(),
        },
    });
    let container = FakeContainer::etcd(ID, info.to_string());
    let script = FakeCri { kind: Kind::CriO, containers: vec![container], ..FakeCri::default() };
    script.serve(&node.host.path(CRIO));
    let located = node.locate().await;
    assert_eq!(located.complaints, [""; 0]);
    let runtime = located.runtime.as_ref().expect("a runtime");
    let told = (runtime.name.as_str(), runtime.version.as_str(), runtime.api);
    assert_eq!(told, ("cri-o", "1.31.4", "v1"));
    assert!(runtime.socket.value.ends_with("crio/crio.sock"));
    assert_eq!(located.process.as_ref().map(|process| process.pid), Some(41));
    node.is_found(&located);
}

#[tokio::test]
async fn cri_dockerd_tells_a_pid_and_mounts_and_proc_the_rest() {
    let node = Node::new();
    node.process(41, &FLAGS, ID);
    let log = "/var/log/pods/kube-system_etcd-master-1_1/etcd/3.log";
    let docker = format!("/var/lib/docker/containers/{ID}/{ID}-json.log");
    let long = "y".repeat(16 << 10);
    let text = [docker_line(1, "first\n"), docker_line(2, &long), docker_line(3, "end\n")].concat();
    node.write(&docker, &text);
    node.write("/var/log/pods/kube-system_etcd-master-1_1/etcd/2.log", &docker_line(0, "before\n"));
    symlink(node.host.path(&docker), node.host.path(log)).expect("linked");
    let container = FakeContainer {
        mounts: node.mounts(),
        log_path: node.path(log),
        ..FakeContainer::etcd(ID, r#"{"sandboxID":"5a","pid":41}"#)
    };
    let script =
        FakeCri { kind: Kind::CriDockerd, containers: vec![container], ..FakeCri::default() };
    script.serve(&node.host.path(DOCKER));
    let located = node.locate().await;
    assert_eq!(located.complaints, [""; 0]);
    let runtime = located.runtime.as_ref().expect("a runtime");
    let told = (runtime.name.as_str(), runtime.version.as_str(), runtime.api);
    assert_eq!(told, ("docker", "26.1.5", "v1"));
    let process = located.process.as_ref().expect("a process");
    assert_eq!((process.pid, process.env.len()), (41, 1));
    node.is_found(&located);
    let source = located.data_dir.as_ref().map(|found| found.source.as_str());
    assert_eq!(source, Some("flag --data-dir of pid 41"));

    let path = located.container.and_then(|container| container.log_path).expect("a log");
    let mut lines = Vec::new();
    let mut each = |line: etcd_rescue::observe::logs::LogLine| {
        lines.push((line.time, line.text.len()));
        ControlFlow::Continue(())
    };
    let mut file = LogFile::open_tail(&path, 2).expect("opened");
    assert!(file.read(&mut each).expect("read").is_continue());
    let time = |second: u32| format!("2026-11-23T03:00:{second:02}.5Z");
    assert_eq!(lines, [(time(1), 5), (time(2), long.len() + 3)], "pieces are one line");
    assert!(previous(&path).is_some_and(|path| path.ends_with("etcd/2.log")));
}

#[tokio::test]
async fn an_ended_container_of_cri_dockerd_is_read_off_its_manifest() {
    let node = Node::new();
    let log =
        |attempt: u32| format!("/var/log/pods/kube-system_etcd-master-1_1/etcd/{attempt}.log");
    let docker = format!("/var/lib/docker/containers/{ID}/{ID}-json.log");
    node.write(&docker, &docker_line(9, "its last words\n"));
    fs::create_dir_all(node.host.path("/var/log/pods/kube-system_etcd-master-1_1/etcd"))
        .expect("made");
    symlink(node.host.path(&docker), node.host.path(log(4))).expect("linked");
    let second = 1_000_000_000;
    let at = 1_795_402_800 * second; // 2026-11-23T03:00:00Z
    let ended = FakeContainer {
        state: 2,
        created_at: at,
        restarts: Some(4),
        mounts: node.mounts(),
        log_path: log(4),
        ended: Some((at, at + 10 * second, 2, "Error", "")),
        ..FakeContainer::etcd(ID, "")
    };
    // Removed by the kubelet between the two questions.
    let gone = FakeContainer { gone: true, created_at: at + 1, ..FakeContainer::etcd("99", "") };
    let containers = vec![FakeContainer { state: 2, ..gone }, ended];
    let script = FakeCri { kind: Kind::CriDockerd, containers, ..FakeCri::default() };
    script.serve(&node.host.path(DOCKER));
    let located = node.locate().await;
    assert_eq!(located.complaints, [""; 0]);
    assert_eq!(located.container.as_ref().map(|it| it.id.as_str()), Some(ID));
    node.is_found(&located);
    let end = located.last_end.expect("an end");
    assert_eq!((end.exit_code, end.attempt), (2, 4));
    assert_eq!(end.last_lines, ["its last words"]);
}

#[tokio::test]
async fn a_container_without_a_pid_is_told_by_its_cgroup() {
    for info in ["", r#"{"pid":0}"#] {
        let node = Node::new();
        // Another etcd beside it, such as one of a network plugin.
        let other = ["etcd", "--name=calico", "--data-dir=/other"];
        node.process(40, &other, "77aa77aa77aa");
        node.process(41, &FLAGS, ID);
        let container = FakeContainer { mounts: node.mounts(), ..FakeContainer::etcd(ID, info) };
        let script =
            FakeCri { kind: Kind::CriDockerd, containers: vec![container], ..FakeCri::default() };
        script.serve(&node.host.path(DOCKER));
        let located = node.locate().await;
        assert_eq!(located.process.as_ref().map(|process| process.pid), Some(41), "{info}");
        assert_eq!(located.complaints, [""; 0]);
        node.is_found(&located);
    }
}

#[tokio::test]
async fn an_old_containerd_is_asked_in_the_older_api() {
    let node = Node::new();
    node.process(41, &FLAGS, ID);
    let container =
        FakeContainer { mounts: node.mounts(), ..FakeContainer::etcd(ID, r#"{"pid":41}"#) };
    let script = FakeCri { api: Api::V1Alpha2, containers: vec![container], ..FakeCri::default() };
    script.serve(&node.host.path("/run/containerd/containerd.sock"));
    let located = node.locate().await;
    assert_eq!(located.runtime.as_ref().map(|runtime| runtime.api), Some("v1alpha2"));
    assert_eq!(located.complaints, [""; 0]);
    node.is_found(&located);
}

/// cri-api made the values of a request bytes, so that its JSON has them in base64
/// ("L3dyb25nLmNydA==" is "/wrong.crt"): only the OCI spec's count.
#[tokio::test]
async fn variables_in_base64_are_not_taken_for_paths() {
    let node = Node::new();
    let info = serde_json::json!({
        "pid": 0,
        "config": {
            "command": FLAGS,
            "envs": [
                { "key": "ETCDCTL_CERT", "value": "L3dyb25nLmNydA==" },
                { "key": "ETCD_QUOTA_BACKEND_BYTES", "value": "MQ==" },
            ],
        },
    });
    let container = FakeContainer {
        state: 2,
        mounts: node.mounts(),
        ..FakeContainer::etcd(ID, info.to_string())
    };
    FakeCri { containers: vec![container], ..FakeCri::default() }
        .serve(&node.host.path("/run/containerd/containerd.sock"));
    let located = node.locate().await;
    assert_eq!(located.complaints, [""; 0]);
    node.is_found(&located);
}
