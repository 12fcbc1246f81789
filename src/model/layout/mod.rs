//! The installations of Kubernetes that are known: for each one row that says
//! how it is told, where it keeps what, and what may be done there. A new one is
//! one file and one line in `ALL`. Data only; nothing is looked at here.

mod external;
mod k0s;
mod k3s;
mod keeps;
mod kine;
mod kops;
mod kubeadm;
mod kubespray;
mod microk8s;
mod microk8s_etcd;
mod microshift;
mod minikube;
mod openshift;
mod plain;
mod rke2;
mod sqlite;
mod talos;
mod tell;

pub use keeps::{Keeps, Lines, Owner, Written};
pub use tell::{Clues, Detected, tell};

use std::path::Path;

use super::diagnosis::SharerKind;

/// Every row, in the order in which they are tried: those with the narrower signs
/// first.
pub static ALL: [&Layout; 16] = [
    &openshift::ROW,
    &microshift::ROW,
    &talos::ROW,
    &microk8s::ROW,
    &microk8s_etcd::ROW,
    &k0s::ROW,
    &kine::ROW,
    // k3s' etcd is told by its process; its paths end like RKE2's.
    &k3s::ROW,
    &rke2::ROW,
    &sqlite::ROW,
    &minikube::ROW,
    &kubespray::ROW,
    &kubeadm::ROW,
    // Behind a manifest of etcd's own: its volumes are called like any disk of a master.
    &kops::ROW,
    &plain::ROW,
    &external::ROW,
];

/// What an installation is told by.
#[derive(Clone, Copy, Debug)]
pub enum Sign {
    /// The name of the process that is or holds etcd begins so.
    Comm(&'static str),
    /// The process that started etcd is called so.
    Parent(&'static str),
    /// The pod of etcd is in this namespace.
    Namespace(&'static str),
    /// The name of etcd's pod begins so.
    Pod(&'static str),
    /// A path of etcd's (data, certificates, manifest, settings) is below this one.
    Path(&'static str),
    /// A path of etcd's ends so, wherever the installation keeps its things.
    Tail(&'static str),
    /// `ID` in /etc/os-release. Counts only where no etcd was found.
    Os(&'static str),
    /// This is there. Counts only where no etcd was found: other installations leave
    /// things behind.
    There(&'static str),
}

/// What `recover` and its steps may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Everything, for the whole cluster, from one node.
    Full,
    /// Everything, but etcd serves its own node only: the other members are reached
    /// through tunnels, or each on its own node.
    OwnNodeOnly,
    /// Looking and saving. Somebody else changes things there.
    Look,
    /// Nothing: there is no etcd, or none that can be reached from a node.
    Nothing,
}

/// How the kubelet stands to etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletIs {
    /// A process of its own, which can be held. Its systemd unit; stopping that one
    /// leaves the containers running.
    Apart(&'static str),
    /// Part of the process that is etcd: never held.
    Etcd,
    /// It neither starts nor probes etcd or the API server: no need to hold it.
    Uninvolved,
}

impl KubeletIs {
    /// The systemd unit that stops and starts it.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Apart(unit) => unit,
            Self::Etcd | Self::Uninvolved => "kubelet",
        }
    }
}

/// One installation. Paths are the host's, as they are by default.
pub struct Layout {
    /// Its short name, stable: scripts read it.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is told by; any one will do.
    pub signs: &'static [Sign],
    /// Names of processes that are or hold etcd (/proc/PID/comm, 15 bytes at most).
    pub comms: &'static [&'static str],
    /// CRI sockets.
    pub sockets: &'static [&'static str],
    /// Data directories of etcd.
    pub data_dirs: &'static [&'static str],
    /// Directories of etcd's certificates.
    pub pki: &'static [&'static str],
    /// Client certificates and keys, beside etcd's own certificate or (`../`) above
    /// it, the best first; `*` is this host's name, else any.
    pub clients: &'static [(&'static str, &'static str)],
    /// CA files beside etcd's certificate.
    pub cas: &'static [&'static str],
    /// CAs that may have signed the API server's certificate.
    pub server_cas: &'static [&'static str],
    /// Directories of static-pod manifests.
    pub manifests: &'static [&'static str],
    /// Environment files of etcd as a service.
    pub env_files: &'static [&'static str],
    /// etcd's flags where no process, container or file tells them.
    pub implied: &'static [(&'static str, &'static str)],
    /// etcd's client port.
    pub client_port: u16,
    /// Port of /metrics and the probes; 0 = the client port.
    pub metrics_port: u16,
    /// The systemd unit whose journal has etcd's words; empty = a container's log has.
    pub unit: &'static str,
    /// Whether the kubelet may be held.
    pub kubelet: KubeletIs,
    /// The command that shows the kubelet's own words.
    pub kubelet_log: &'static str,
    /// Where etcd's flags are kept, and how they are changed.
    pub keeps: Keeps,
    /// How the data are moved to another disk by hand; empty = `relocate` does it.
    /// `{move}` is what all have in common, `{data}` the data directory.
    pub moving: &'static str,
    /// How its certificates are renewed.
    pub renewal: &'static str,
    /// What may be done.
    pub may: May,
    /// Why not everything may be done, one sentence; empty = everything may.
    pub why: &'static str,
    /// What to use instead, line by line, complete to be typed.
    pub instead: &'static [&'static str],
    /// Directories of its parts that are written to a lot.
    pub sharers: &'static [(&'static str, SharerKind)],
    /// Directories whose mounts are not for files of ours.
    pub not_ours: &'static [&'static str],
}

/// Moving a data directory whose etcd is stopped: nothing old is left below the mount
/// point, and nothing can be written there when the mount is missing.
const MOVE: &str = "with the new disk mounted at /mnt/new: `cp -a {data}/. /mnt/new/`, `umount \
                    /mnt/new`, `mv {data} {data}.old`, `mkdir {data}`, `chattr +i {data}` (so that \
                    nothing starts there while the disk is missing), then mount the disk on {data} \
                    (also in /etc/fstab), and go on only when `findmnt {data}` shows it and `ls \
                    {data}/member` the files";

impl Layout {
    /// How these data are moved to another disk by hand.
    #[must_use]
    pub fn moving(&self, data: Option<&Path>) -> String {
        let usual = self.data_dirs.first().copied().unwrap_or("/var/lib/etcd");
        let data = data.map_or(usual.into(), Path::to_string_lossy);
        self.moving.replace("{move}", MOVE).replace("{data}", data.trim_end_matches('/'))
    }

    /// What a person does so that nothing restarts etcd.
    #[must_use]
    pub fn restarts(&self) -> String {
        match self.kubelet {
            KubeletIs::Apart(unit) => {
                format!("`systemctl stop {unit}` on each master, and start it again afterwards")
            }
            _ if self.unit.is_empty() => "do not restart any master".to_owned(),
            _ => format!("do not restart {} on any master", self.unit),
        }
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Layout {}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// An etcd that is like nothing that is known.
#[must_use]
pub fn plain() -> &'static Layout {
    let [.., plain, _] = ALL;
    plain
}

/// An etcd that does not run on this node.
#[must_use]
pub fn external() -> &'static Layout {
    let [.., external] = ALL;
    external
}

/// k3s on sqlite or an external database.
#[must_use]
pub fn sqlite() -> &'static Layout {
    ALL.iter().find(|row| row.id == sqlite::ROW.id).copied().unwrap_or_else(plain)
}

/// Whose certificates such a file is one of.
#[must_use]
pub fn with_pki(file: &Path) -> Option<&'static Layout> {
    ALL.iter().find(|row| row.pki.iter().any(|pki| file.starts_with(pki))).copied()
}

/// One column of all rows, each entry once.
#[must_use]
pub fn column(of: fn(&Layout) -> &'static [&'static str]) -> Vec<&'static str> {
    let mut all = Vec::new();
    for entry in ALL.iter().flat_map(|row| of(row)) {
        if !all.contains(entry) {
            all.push(*entry);
        }
    }
    all
}

/// Client certificates and keys of all rows, each once.
#[must_use]
pub fn clients() -> Vec<(&'static str, &'static str)> {
    let mut all = Vec::new();
    for pair in ALL.iter().flat_map(|row| row.clients) {
        if !all.contains(pair) {
            all.push(*pair);
        }
    }
    all
}

#[cfg(test)]
mod tests;
