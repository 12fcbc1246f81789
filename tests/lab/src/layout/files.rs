//! The text files of a layout, as its installer leaves them: settings, manifests,
//! and traces of what is no etcd. Writes nothing; the master does when it boots.

use serde::{Deserialize, Serialize};

use super::{Layout, Start, pods, settings};
use crate::spec::Spec;

/// A file of a master.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeFile {
    /// Where.
    pub path: String,
    /// Its mode.
    pub mode: u32,
    /// What is in it.
    pub text: String,
}

impl NodeFile {
    /// A file that anybody may read.
    pub fn open(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o644, text: text.into() }
    }

    /// A file for root.
    pub fn private(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { mode: 0o600, ..Self::open(path, text) }
    }
}

/// The files of the master with this index, certificates left out.
pub fn files(spec: &Spec, index: usize) -> Vec<NodeFile> {
    let master = &spec.masters[index];
    let row = master.layout.row();
    let mut files: Vec<NodeFile> =
        traces(master.layout).into_iter().map(|(path, text)| NodeFile::open(path, text)).collect();
    let Some(etcd) = &row.etcd else { return files };
    let told = settings::with(settings::of(spec, index), &master.flags);
    match etcd.start {
        Start::StaticPod(name) => {
            let manifests = row.kubelet.map_or_else(Default::default, |kubelet| kubelet.manifests);
            files.push(NodeFile::private(format!("{manifests}/{name}"), pods::etcd(spec, index)));
        }
        Start::EnvironmentFile(path) => {
            let lines = settings::variables(&told);
            let lines = lines.iter().map(|(name, value)| format!("{name}={value}\n"));
            files.push(NodeFile::private(path, lines.collect::<String>()));
        }
        Start::InsideK3s | Start::ChildOfK0s => {}
    }
    if matches!(master.layout, Layout::K3s | Layout::Rke2) {
        let text = settings::config_file(&told);
        files.push(NodeFile::private(format!("{}/config", etcd.data_dir), text));
        files.push(NodeFile::private(format!("{}/name", etcd.data_dir), &*told["name"]));
    }
    files
}

const K0S: &str = "apiVersion: k0s.k0sproject.io/v1beta1
kind: ClusterConfig
metadata:
  name: k0s
spec:
  storage:
    type: etcd
";

const DQLITE_ARGS: &str = "--storage-dir=${SNAP_DATA}/var/kubernetes/backend/
--listen=unix://${SNAP_DATA}/var/kubernetes/backend/kine.sock:12379
";

const TALOS: &str = "NAME=\"Talos\"
ID=talos
VERSION_ID=v1.9.5
PRETTY_NAME=\"Talos (v1.9.5)\"
HOME_URL=\"https://www.talos.dev/\"
";

/// What tells that a distribution is there, beside etcd's own files.
fn traces(layout: Layout) -> Vec<(&'static str, &'static str)> {
    match layout {
        Layout::K3s => vec![("/etc/rancher/k3s/config.yaml", "cluster-init: true\n")],
        Layout::Rke2 => vec![("/etc/rancher/rke2/config.yaml", "cni: canal\n")],
        Layout::K0s => vec![("/etc/k0s/k0s.yaml", K0S)],
        Layout::K3sSqlite => vec![
            ("/etc/rancher/k3s/config.yaml", "write-kubeconfig-mode: \"0600\"\n"),
            ("/var/lib/rancher/k3s/server/db/state.db", "SQLite format 3\0"),
        ],
        Layout::Microk8s => vec![
            ("/var/snap/microk8s/current/args/k8s-dqlite", DQLITE_ARGS),
            ("/var/snap/microk8s/current/args/kubelite", "\n"),
            ("/var/snap/microk8s/current/var/kubernetes/backend/info.yaml", "Role: 0\n"),
            ("/var/snap/microk8s/current/var/kubernetes/backend/cluster.yaml", "- Role: 0\n"),
        ],
        Layout::Talos => vec![
            ("/etc/os-release", TALOS),
            ("/system/secrets/etcd/ca.crt", ""),
            ("/system/secrets/etcd/admin.crt", ""),
            ("/system/secrets/etcd/admin.key", ""),
        ],
        Layout::Kubeadm
        | Layout::Minikube
        | Layout::Kubespray
        | Layout::Openshift
        | Layout::Plain
        | Layout::External => Vec::new(),
    }
}
