//! Whose file etcd's settings are in, and how they are written there.

use std::path::PathBuf;

use crate::{
    decide::manifest_edit::variable,
    model::{Located, Obstacle},
};

/// Whose file etcd's settings are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::decide) enum Keeper {
    /// A static pod of kubeadm.
    Kubeadm(PathBuf),
    /// A static pod of somebody else.
    StaticPod(PathBuf),
    /// RKE2 or k3s, which write etcd's configuration themselves.
    Rancher(&'static str),
    /// k0s, which starts etcd itself.
    K0s,
    /// OpenShift's etcd operator.
    Operator,
    /// A service: its environment file or command line.
    Service,
}

/// Whose it is on this node.
pub(in crate::decide) fn keeper(node: &Located) -> Keeper {
    if node.container.as_ref().is_some_and(|container| container.namespace == "openshift-etcd") {
        return Keeper::Operator;
    }
    let manifest = node.manifest.as_ref().map(|manifest| manifest.path.as_path());
    let data = node.data_dir.as_ref().map(|found| found.value.as_path());
    let below = |root: &str| manifest.into_iter().chain(data).any(|path| path.starts_with(root));
    let k3s = node.process.as_ref().is_some_and(|process| process.comm.starts_with("k3s"));
    if k3s || below("/var/lib/rancher/k3s") {
        return Keeper::Rancher("/etc/rancher/k3s/config.yaml");
    }
    if below("/var/lib/rancher") {
        return Keeper::Rancher("/etc/rancher/rke2/config.yaml");
    }
    if below("/var/lib/k0s") {
        return Keeper::K0s;
    }
    match manifest {
        Some(path) if path.starts_with("/etc/kubernetes/manifests") => {
            Keeper::Kubeadm(path.to_owned())
        }
        Some(path) => Keeper::StaticPod(path.to_owned()),
        None => Keeper::Service,
    }
}

impl Keeper {
    /// Whether there is a manifest that nobody writes anew.
    pub(in crate::decide) fn is_editable(&self) -> bool {
        matches!(self, Self::Kubeadm(_) | Self::StaticPod(_))
    }

    /// Why there is nothing to edit, and the right way with the lines to write;
    /// `None` when the manifest may be edited.
    pub(in crate::decide) fn obstacle(&self, flags: &[(String, String)]) -> Option<Obstacle> {
        let what = match self {
            Self::Kubeadm(_) | Self::StaticPod(_) => return None,
            Self::Operator => {
                "OpenShift's etcd operator owns etcd's manifest and would write it anew".to_owned()
            }
            Self::Rancher(config) => {
                format!("{} writes etcd's settings anew at each of its own starts", rancher(config))
            }
            Self::K0s => "k0s starts etcd itself: there is no manifest to edit".to_owned(),
            Self::Service => {
                "etcd of this node is no static pod: there is no manifest to edit".to_owned()
            }
        };
        Some(Obstacle { what, next: self.way(flags).join("\n") })
    }

    /// How to set flags there, line by line; those to write are indented.
    pub(in crate::decide) fn way(&self, flags: &[(String, String)]) -> Vec<String> {
        let lines = |line: fn(&str, &str) -> String| -> Vec<String> {
            flags.iter().map(|(flag, value)| format!("    {}", line(flag, value))).collect()
        };
        let (head, written, tail) = match self {
            Self::Operator => (
                "its settings go through the operator, on a cluster whose API server writes: `oc \
                 edit etcd cluster`"
                    .to_owned(),
                Vec::new(),
                None,
            ),
            Self::Rancher(config) => (
                format!("in {config}, on every server:"),
                std::iter::once("    etcd-arg:".to_owned())
                    .chain(lines(|flag, value| format!("- {flag}={value}")))
                    .collect(),
                Some(format!("then `systemctl restart {}`, one server at a time", unit(config))),
            ),
            Self::K0s => (
                "in /etc/k0s/k0s.yaml, on every controller:".to_owned(),
                ["spec:", "  storage:", "    etcd:", "      extraArgs:"]
                    .iter()
                    .map(|line| format!("    {line}"))
                    .chain(lines(|flag, value| format!("        {flag}: \"{value}\"")))
                    .collect(),
                Some("then `k0s stop` and `k0s start`, one controller at a time".to_owned()),
            ),
            Self::Service => (
                "on every master, in etcd's environment file (`systemctl cat etcd` names it):"
                    .to_owned(),
                lines(|flag, value| format!("{}={value}", variable(flag))),
                Some("then `systemctl restart etcd`, one master at a time".to_owned()),
            ),
            Self::Kubeadm(path) | Self::StaticPod(path) => (
                format!("on every master, one at a time, in {}:", path.display()),
                lines(|flag, value| format!("- --{flag}={value}")),
                None,
            ),
        };
        std::iter::once(head).chain(written).chain(tail).collect()
    }
}

fn rancher(config: &str) -> &'static str {
    if config.contains("k3s") { "k3s" } else { "RKE2" }
}

fn unit(config: &str) -> &'static str {
    if config.contains("k3s") { "k3s" } else { "rke2-server" }
}
