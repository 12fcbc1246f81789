//! What lies in files of a node: the input is put there and the node is read.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
};

use etcd_rescue::{
    model::{Located, Process},
    observe::{
        configuration, host::HostRoot, k3s, kubelet::Kubelet, manifest as manifests, process,
    },
};
use tempfile::TempDir;

use super::halves;

/// A file tree in place of `/`, in memory where there is some.
struct Node(TempDir);

impl Node {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self(TempDir::new_in(place).expect("a directory"))
    }

    fn root(&self) -> HostRoot {
        HostRoot::new(self.0.path())
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        if fs::write(&path, bytes).is_err() {
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(&path, bytes).expect("written");
        }
    }
}

/// Runs with this thread's tree, which is made once a thread: a tree for each
/// input would be most of the work.
fn with_node<T>(run: impl FnOnce(&Node) -> T) -> T {
    thread_local!(static NODE: OnceCell<Node> = const { OnceCell::new() });
    NODE.with(|node| run(node.get_or_init(Node::new)))
}

/// A static-pod manifest.
pub fn manifest(bytes: &[u8]) {
    with_node(|node| {
        node.put("/etc/kubernetes/manifests/etcd.yaml", bytes);
        let (found, complaints) = manifests::find(&node.root(), &Kubelet::default());
        let file = node.path("/etc/kubernetes/manifests/etcd.yaml");
        assert!(found.is_none_or(|found| found.path == file && complaints.is_empty()));
        fs::remove_file(file).expect("removed");
    });
}

/// The kubelet's configuration, an empty line, its environment file.
pub fn kubelet(bytes: &[u8]) {
    let (config, flags) = halves(bytes);
    with_node(|node| {
        node.put("/var/lib/kubelet/config.yaml", config);
        node.put("/var/lib/kubelet/kubeadm-flags.env", flags);
        let read = Kubelet::read(&node.root());
        assert!(read.static_pod_path.is_none_or(|found| found.value.starts_with(node.0.path())));
        assert!(read.runtime_endpoint.is_none_or(|found| !found.value.is_empty()));
        fs::remove_dir_all(node.path("/var/lib/kubelet")).expect("removed");
    });
}

/// The environment file of a systemd unit, an empty line, k3s's configuration.
pub fn settings_files(bytes: &[u8]) {
    let (env, config) = halves(bytes);
    with_node(|node| {
        node.put("/etc/etcd.env", env);
        let _ = configuration::read(&node.root(), None, &mut Located::default());
        fs::remove_file(node.path("/etc/etcd.env")).expect("removed");
        node.put("/etc/rancher/k3s/config.yaml", config);
        node.put("/var/lib/rancher/k3s/server/db/etcd/config", config);
        let server = Process {
            pid: 7,
            args: ["k3s", "server"].map(str::to_owned).to_vec(),
            env: Vec::new(),
            comm: "k3s-server".to_owned(),
        };
        // A data directory in the input leads elsewhere, where nothing is.
        let _ = k3s::store(&node.root(), &server);
        fs::remove_dir_all(node.path("/etc/rancher")).expect("removed");
    });
}

/// A process's command line, an empty line, its environment, an empty line, its
/// status; NUL is written as a newline.
pub fn processes(bytes: &[u8]) {
    let (args, rest) = halves(bytes);
    let (env, status) = halves(rest);
    let nul = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().map(|byte| if *byte == b'\n' { 0 } else { *byte }).collect()
    };
    with_node(|node| {
        node.put("/proc/7/comm", b"etcd\n");
        node.put("/proc/7/cmdline", &nul(args));
        node.put("/proc/7/environ", &nul(env));
        node.put("/proc/7/status", status);
        let found = process::etcd_processes(&node.root());
        for etcd in &found {
            assert_eq!(etcd.process.pid, 7);
            assert!(!etcd.process.args.is_empty() && etcd.ancestors.len() <= 64);
            assert!(etcd.process.env.iter().all(|entry| entry.starts_with("ETCD_")));
        }
        let _ = (process::of_host(&found), process::of_container(&found, 1));
        let _ = process::command_lines(&node.root(), "etcd");
        fs::remove_dir_all(node.path("/proc")).expect("removed");
    });
}
