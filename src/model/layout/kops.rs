//! kOps: etcd-manager pods start etcd, one for everything and one for events, told
//! by environment variables (kopeio/etcd-manager pkg/etcd/etcdprocess.go). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "kops",
    name: "kOps (etcd-manager)",
    signs: &[
        Sign::Pod("etcd-manager"),
        Sign::Path("/rootfs/mnt"),
        Sign::Path("/mnt/master-vol-"),
        Sign::Path("/etc/kubernetes/pki/etcd-manager-main"),
        Sign::There("/etc/kubernetes/pki/etcd-manager-main"),
    ],
    comms: &["etcd"],
    sockets: &["/run/containerd/containerd.sock"],
    data_dirs: &[],
    pki: &["/etc/kubernetes/pki/etcd-manager-main"],
    clients: &[],
    cas: &[],
    server_cas: &["/srv/kubernetes/ca.crt", "/srv/kubernetes/kube-apiserver/ca.crt"],
    manifests: &[],
    env_files: &[],
    implied: &[],
    client_port: 4001,
    metrics_port: 0,
    unit: "",
    kubelet: KubeletIs::Apart("kubelet"),
    kubelet_log: "journalctl -u kubelet -n 50",
    keeps: Keeps::Lines(Lines {
        obstacle: "etcd-manager starts etcd itself: there is no manifest of etcd's to edit",
        head: "on the machine kops runs on, `kops edit cluster`:",
        before: &["etcdClusters:", "- name: main", "  manager:", "    env:"],
        written: Written::Named("    "),
        tail: "then `kops update cluster --yes` and `kops rolling-update cluster --yes`",
        place: "in spec.etcdClusters[].manager.env (`kops edit cluster`), then `kops update cluster \
                --yes` and `kops rolling-update cluster --yes`",
    }),
    moving: "kOps keeps etcd on volumes of its own (spec.etcdClusters[].etcdMembers): give it a \
             faster kind there",
    renewal: "etcd-manager renews them by itself when it starts: `crictl stop` its container, and \
              the kubelet starts it again",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[],
    not_ours: &[],
};
