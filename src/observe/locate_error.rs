//! Why this node's etcd was not found, and what to type next.

use std::path::PathBuf;

use thiserror::Error;

use super::{container::Candidate, runtime};
use crate::{
    model::{
        Process,
        layout::{Detected, KubeletIs, Layout},
    },
    wire::cri::CriError,
};

/// Why `locate` has nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LocateError {
    /// The runtime's socket, /proc and the keys are for root.
    #[error("not root: the container runtime's socket and etcd's keys are readable by root only")]
    NotRoot,
    /// What has to be read does not answer.
    #[error("{} does not answer: reading it took longer than {} s; the disk below it may hang", .path.display(), .after.as_secs())]
    Hangs {
        /// The directory or file.
        path: PathBuf,
        /// How long was waited.
        after: std::time::Duration,
    },
    /// Neither a runtime answers nor an etcd process runs.
    #[error("no etcd was found: no container runtime answers and no etcd process runs here")]
    NoRuntimeAndNoProcess {
        /// Sockets that were tried, with the reason.
        tried: Vec<(PathBuf, CriError)>,
    },
    /// A runtime answers, but nothing here is an etcd.
    #[error("no etcd was found: this node has no etcd container, process or manifest")]
    NoEtcd {
        /// Sockets of the runtimes that were asked.
        asked: Vec<PathBuf>,
        /// What an etcd that ran here left: its data, its certificates.
        traces: Vec<PathBuf>,
    },
    /// This installation has no etcd, or none of this node's to look at.
    #[error("no etcd was found: this looks like {}", .0.layout.name)]
    NotEtcd(Detected),
    /// This installation's etcd does not run.
    #[error("no etcd runs here, although this looks like {}", .0.layout.name)]
    Down(Detected),
    /// A k3s server, and nothing says where it keeps its data.
    #[error("k3s runs here (pid {pid}), but where it keeps its data cannot be told")]
    K3sUntold {
        /// Its pid.
        pid: i32,
    },
    /// Several pods have an etcd container.
    #[error("several pods on this node have an etcd container")]
    SeveralContainers(Vec<Candidate>),
    /// Several etcd processes, none of them known by a container.
    #[error("several etcd processes run on this node")]
    SeveralProcesses {
        /// They.
        several: Vec<Process>,
        /// Whether each is in a container, which a runtime would tell.
        contained: bool,
    },
    /// A runtime endpoint given by hand is no unix socket path.
    #[error("--runtime-endpoint {endpoint} is not a unix socket")]
    RuntimeEndpointUnreadable {
        /// As it was typed.
        endpoint: String,
    },
    /// A runtime endpoint given by hand cannot be used.
    #[error("the container runtime at --runtime-endpoint {endpoint} cannot be used")]
    RuntimeEndpointBad {
        /// As it was typed.
        endpoint: String,
        /// Why.
        source: CriError,
    },
    /// No container, or several, have the id given by hand.
    #[error("--container {id}: {reason}")]
    ContainerNotFound {
        /// As it was typed.
        id: String,
        /// "no container has this id" and the like.
        reason: String,
    },
}

impl LocateError {
    /// What happened, with the evidence; may hold several lines.
    #[must_use]
    pub fn what(&self) -> String {
        let mut lines = vec![self.to_string()];
        match self {
            Self::NoRuntimeAndNoProcess { tried } if tried.is_empty() => {
                lines.push(format!("looked for {}", runtime::well_known().join(", ")));
            }
            Self::NoRuntimeAndNoProcess { tried } => {
                lines.extend(tried.iter().map(|(socket, error)| match error {
                    CriError::TimedOut { .. }
                    | CriError::Unimplemented { .. }
                    | CriError::NotFound { .. }
                    | CriError::Rpc { .. } => format!("{}: {error}", socket.display()),
                    at_connect => at_connect.to_string(),
                }));
            }
            Self::NoEtcd { asked, traces } => {
                lines.extend(asked.iter().map(|socket| format!("asked {}", socket.display())));
                lines.extend(
                    traces.iter().map(|path| {
                        format!("{} is here: an etcd ran on this node", path.display())
                    }),
                );
            }
            Self::SeveralContainers(several) => {
                lines.extend(several.iter().map(|it| {
                    format!("{} {}/{} {}", it.short_id(), it.namespace, it.pod, it.state)
                }))
            }
            Self::SeveralProcesses { several, .. } => lines.extend(several.iter().map(|process| {
                let args = process.args.iter().take(4).cloned().collect::<Vec<_>>().join(" ");
                format!("pid {} {args}", process.pid)
            })),
            Self::NotEtcd(detected) | Self::Down(detected) => {
                lines.extend(detected.evidence.iter().cloned());
                lines.extend(Some(detected.layout.why.to_owned()).filter(|why| !why.is_empty()));
            }
            Self::RuntimeEndpointBad { source, .. } => lines.push(source.to_string()),
            Self::NotRoot
            | Self::Hangs { .. }
            | Self::RuntimeEndpointUnreadable { .. }
            | Self::K3sUntold { .. }
            | Self::ContainerNotFound { .. } => {}
        }
        lines.join("\n  ")
    }

    /// What to type or do next; may hold several lines.
    #[must_use]
    pub fn next(&self) -> String {
        const BY_HAND: &str =
            "`etcd-rescue --endpoints https://IP:2379 --cacert FILE --cert FILE --key FILE`";
        match self {
            Self::NotRoot => {
                format!("run it as root: `sudo etcd-rescue`\nor name everything by hand: {BY_HAND}")
            }
            Self::Hangs { .. } => format!(
                "is it the disk? `dmesg | tail -50`; processes that wait for it: \
                 `ps -eo state,pid,wchan,args | grep '^D'`\n\
                 the cluster without this node: run it on another master\n\
                 or with certificates on another disk: {BY_HAND}"
            ),
            Self::NoRuntimeAndNoProcess { .. } => format!(
                "run it on a master of the cluster\n\
                 is the runtime up? `systemctl status containerd crio`\n\
                 or name another socket: `etcd-rescue --runtime-endpoint /path/to.sock`\n\
                 or name etcd by hand: {BY_HAND}"
            ),
            // Somebody moved the manifest away, perhaps to stop etcd.
            Self::NoEtcd { traces, .. } if !traces.is_empty() => {
                "if its manifest was moved away, put it back: the kubelet starts etcd from \
                 /etc/kubernetes/manifests/etcd.yaml within 20 seconds\n\
                 or run it on another master\n\
                 or go in through another member: `etcd-rescue --endpoints https://IP:2379 \
                 --cacert /etc/kubernetes/pki/etcd/ca.crt \
                 --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \
                 --key /etc/kubernetes/pki/etcd/healthcheck-client.key`"
                    .to_owned()
            }
            Self::NotEtcd(detected) => detected.layout.instead.join("\n"),
            Self::Down(Detected { layout, .. }) => down(layout),
            Self::NoEtcd { .. } => {
                format!("run it on a master of the cluster\nor name etcd by hand: {BY_HAND}")
            }
            Self::K3sUntold { pid } => format!(
                "what it has open there: `ls -l /proc/{pid}/fd | grep server/db/`; its flags: \
                 `systemctl cat k3s`\n\
                 with an etcd in DIR/server/db/etcd: `etcd-rescue --endpoints \
                 https://127.0.0.1:2379 --data-dir DIR/server/db/etcd \
                 --cacert DIR/server/tls/etcd/server-ca.crt \
                 --cert DIR/server/tls/etcd/server-client.crt \
                 --key DIR/server/tls/etcd/server-client.key`\n\
                 with a DIR/server/db/state.db, or an SQL database as its `--datastore-endpoint`, \
                 it has no etcd, and there is nothing to recover"
            ),
            Self::SeveralContainers(_) => "name the one that is meant: --container ID".to_owned(),
            Self::SeveralProcesses { contained: true, .. } => {
                format!("start the container runtime, or name etcd by hand: {BY_HAND}")
            }
            Self::SeveralProcesses { .. } => {
                format!("where each listens: `ss -ltnp | grep etcd`; name the one meant: {BY_HAND}")
            }
            Self::RuntimeEndpointUnreadable { .. } | Self::RuntimeEndpointBad { .. } => {
                "write it like unix:///run/containerd/containerd.sock, or leave it out (and unset \
                 CONTAINER_RUNTIME_ENDPOINT)"
                    .to_owned()
            }
            Self::ContainerNotFound { .. } => {
                "`etcd-rescue locate`, without --container, shows the etcd container of this node"
                    .to_owned()
            }
        }
    }
}

/// An etcd that its installation should have started.
fn down(layout: &Layout) -> String {
    let unit = match layout.kubelet {
        KubeletIs::Apart(unit) if layout.unit.is_empty() => unit,
        _ => layout.unit,
    };
    let mut lines = Vec::new();
    if !unit.is_empty() {
        lines.push(format!(
            "see why it does not run: `systemctl status {unit}`, `journalctl -u {unit} --since \
             -10min`"
        ));
    }
    lines.extend(layout.instead.iter().map(|line| (*line).to_owned()));
    lines.push("or run it on another master".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_to_do_next() {
        let tried = vec![(
            PathBuf::from("/run/x.sock"),
            CriError::PermissionDenied { socket: "/run/x.sock".into() },
        )];
        for error in [
            LocateError::NotRoot,
            LocateError::NoRuntimeAndNoProcess { tried: Vec::new() },
            LocateError::NoRuntimeAndNoProcess { tried },
            LocateError::NoEtcd { asked: vec!["/run/x.sock".into()], traces: Vec::new() },
            LocateError::NoEtcd { asked: Vec::new(), traces: vec!["/var/lib/etcd/member".into()] },
            LocateError::RuntimeEndpointUnreadable { endpoint: "tcp://x".into() },
            LocateError::ContainerNotFound { id: "abc".into(), reason: "none".into() },
            LocateError::K3sUntold { pid: 7 },
            LocateError::SeveralProcesses { several: Vec::new(), contained: true },
        ] {
            assert!(!error.next().is_empty() && error.what().contains(&error.to_string()));
        }
        // A runtime tells nothing of services of the host.
        let services = LocateError::SeveralProcesses { several: Vec::new(), contained: false };
        assert!(!services.next().contains("runtime"), "{}", services.next());
    }
}
