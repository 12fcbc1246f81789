//! k0s: etcd is a child of the k0s controller, listens on 127.0.0.1 alone and
//! advertises that (k0sproject/k0s pkg/component/controller/etcd.go). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, SharerKind, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "k0s",
    name: "k0s",
    // Also with another --data-dir.
    signs: &[Sign::Path("/var/lib/k0s"), Sign::Parent("k0s"), Sign::There("/var/lib/k0s/pki/etcd")],
    comms: &["etcd"],
    sockets: &["/run/k0s/containerd.sock"],
    data_dirs: &["/var/lib/k0s/etcd"],
    pki: &["/var/lib/k0s/pki/etcd"],
    clients: &[("../apiserver-etcd-client.crt", "../apiserver-etcd-client.key")],
    cas: &["ca.crt"],
    server_cas: &["/var/lib/k0s/pki/ca.crt"],
    manifests: &[],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 0,
    unit: "k0scontroller",
    // etcd and the API server are children of k0s, which probes neither.
    kubelet: KubeletIs::Uninvolved,
    kubelet_log: "journalctl -u k0scontroller -n 50",
    keeps: Keeps::Lines(Lines {
        obstacle: "k0s starts etcd itself: there is no manifest to edit",
        head: "in /etc/k0s/k0s.yaml, on every controller:",
        before: &["spec:", "  storage:", "    etcd:", "      extraArgs:"],
        written: Written::Entry("        "),
        tail: "then `k0s stop` and `k0s start`, one controller at a time",
        place: "as spec.storage.etcd.extraArgs in /etc/k0s/k0s.yaml, then restart k0s",
    }),
    moving: "on one controller at a time: `k0s stop`; {move}; `k0s start`",
    // k0s pkg/certificate/manager.go: what its own CA signed is made anew at each start
    renewal: "`k0s stop`, then `k0s start`, which makes new ones, one controller at a time (not \
              those of a CA that k0s did not make)",
    may: May::OwnNodeOnly,
    why: "etcd of k0s serves 127.0.0.1 alone: from here only the member of this node can be asked",
    instead: &[],
    sharers: &[
        ("/var/lib/k0s/containerd", SharerKind::ContainerRuntime),
        ("/var/lib/k0s/kubelet", SharerKind::Kubelet),
    ],
    not_ours: &["/var/lib/k0s/containerd", "/var/lib/k0s/kubelet"],
};
