//! How distributions lay a master out: where etcd's certificates, data and
//! settings are, who starts it, and where the container runtime listens. One row
//! a layout ([`table`]); nothing here writes a file.

pub(crate) mod files;
pub(crate) mod host_etcd;
pub(crate) mod pods;
pub(crate) mod settings;
mod table;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a master looks like, by who installed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub enum Layout {
    /// A static pod on kubeadm's paths.
    #[default]
    Kubeadm,
    /// A static pod on minikube's paths.
    Minikube,
    /// A static pod of RKE2, by a configuration file, on k3s's containerd socket.
    Rke2,
    /// etcd inside the k3s process: no container, no kubelet process.
    K3s,
    /// A service of the host, by /etc/etcd.env.
    Kubespray,
    /// A child of the k0s process that listens on loopback only.
    K0s,
    /// A pod of several containers, its manifest owned by an operator. containerd
    /// stands in for CRI-O on CRI-O's socket.
    Openshift,
    /// A service of the host, by /etc/default/etcd, on a node without Kubernetes.
    Plain,
    /// A master without etcd: that of the masters before it is `Plain`.
    External,
    /// dqlite, no etcd.
    Microk8s,
    /// k3s on SQLite, no etcd.
    K3sSqlite,
    /// Talos Linux, as far as its files go; no etcd.
    Talos,
}

impl Layout {
    /// Where everything is.
    pub fn row(self) -> &'static Row {
        table::row(self)
    }

    /// Whether an etcd runs in it.
    pub fn has_etcd(self) -> bool {
        self.row().etcd.is_some()
    }

    /// Directories of the master that are bind mounts of the lab's, with what
    /// they are called there.
    pub fn binds(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        COMMON_BINDS.iter().chain(self.row().binds).copied()
    }
}

/// A real disk below the overlay, as on a real master, so that a rescue in here
/// puts its snapshot there and not on the machine; and what pods log.
const COMMON_BINDS: [(&str, &str); 2] =
    [("/var/lib/etcd-rescue", "rescue"), ("/var/log/pods", "pods")];

/// A certificate and its key. In all paths `{node}` is the master's name.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The certificate's file.
    pub cert: &'static str,
    /// The key's file.
    pub key: &'static str,
}

/// One layout.
#[derive(Debug)]
pub struct Row {
    /// Its container runtime.
    pub runtime: Option<Runtime>,
    /// Its kubelet, when that is a process of its own.
    pub kubelet: Option<Kubelet>,
    /// Its etcd.
    pub etcd: Option<Etcd>,
    /// See [`Layout::binds`].
    pub binds: &'static [(&'static str, &'static str)],
    /// Directories that the machine's tree has no place for, each directly below
    /// `/` or `/var`.
    pub new_directories: &'static [&'static str],
}

/// A containerd.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// Where it listens.
    pub socket: &'static str,
    /// Where it keeps images and containers.
    pub root: &'static str,
    /// Its configuration.
    pub config: &'static str,
}

/// A kubelet of its own.
#[derive(Clone, Copy, Debug)]
pub struct Kubelet {
    /// Its configuration file; without one it is told everything by flags.
    pub config: Option<&'static str>,
    /// Where it reads static pods from.
    pub manifests: &'static str,
}

/// Who starts etcd, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The kubelet, from this file in its manifests directory.
    StaticPod(&'static str),
    /// A supervisor of services, with the variables of this file.
    EnvironmentFile(&'static str),
    /// k3s, within itself, from the configuration file in the data directory.
    InsideK3s,
    /// k0s, with flags.
    ChildOfK0s,
}

/// An etcd and everything it is told.
#[derive(Debug)]
pub struct Etcd {
    /// Who starts it.
    pub start: Start,
    /// What the process is called.
    pub process: &'static str,
    /// Its member's name; `{n}` is the number of the master.
    pub member: &'static str,
    /// Its data directory.
    pub data_dir: &'static str,
    /// What it shows clients.
    pub server: Pair,
    /// What it shows its peers; often the same.
    pub peer: Pair,
    /// Who signed its clients' certificates and its own.
    pub ca: &'static str,
    /// Who signed its peers'.
    pub peer_ca: &'static str,
    /// Client certificates that lie about, with their subjects.
    pub clients: &'static [(Pair, &'static str)],
    /// Whether clients reach it from its own master only.
    pub loopback_only: bool,
    /// Where it serves metrics in the open, if it does.
    pub metrics: Option<&'static str>,
    /// More settings, by flag name.
    pub more: &'static [(&'static str, &'static str)],
    /// Its image, with `{version}`; for static pods.
    pub image: &'static str,
}

/// Fills in what differs between the masters of a lab; `n` counts from 1.
pub fn expand(text: &str, node: &str, n: usize) -> String {
    text.replace("{node}", node).replace("{n}", &n.to_string())
}
