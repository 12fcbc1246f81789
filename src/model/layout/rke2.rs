//! RKE2 (rancher/rke2 pkg/podtemplate, pkg/etcd of k3s-io/k3s). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, SharerKind, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "rke2",
    name: "RKE2",
    // With another `data-dir` the tails are the same.
    signs: &[
        Sign::Path("/var/lib/rancher/rke2"),
        Sign::Tail("agent/pod-manifests/etcd.yaml"),
        Sign::Tail("server/db/etcd"),
        Sign::Tail("server/db/etcd/config"),
        Sign::There("/var/lib/rancher/rke2/server/db"),
    ],
    comms: &["etcd"],
    sockets: &["/run/k3s/containerd/containerd.sock"],
    data_dirs: &["/var/lib/rancher/rke2/server/db/etcd"],
    pki: &["/var/lib/rancher/rke2/server/tls/etcd"],
    clients: &[("server-client.crt", "server-client.key")],
    cas: &["server-ca.crt"],
    server_cas: &["/var/lib/rancher/rke2/server/tls/server-ca.crt"],
    manifests: &["/var/lib/rancher/rke2/agent/pod-manifests"],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 2381,
    unit: "",
    // A child of rke2-server, which starts another one only when this one ends: a
    // stopped one is left alone.
    kubelet: KubeletIs::Apart("rke2-server"),
    kubelet_log: "tail -50 /var/lib/rancher/rke2/agent/logs/kubelet.log",
    keeps: Keeps::Lines(Lines {
        obstacle: "RKE2 writes etcd's settings anew at each of its own starts",
        head: "in /etc/rancher/rke2/config.yaml, on every server:",
        before: &["etcd-arg:"],
        written: Written::Item,
        tail: "then `systemctl restart rke2-server`, one server at a time",
        place: "as `etcd-arg` in /etc/rancher/rke2/config.yaml, then restart that server",
    }),
    // The kubelet dies with rke2-server (pkg/executor/staticpod, Pdeathsig), etcd does not.
    // Not rke2-killall.sh: until 2024 it unmounts what is below (rancher/rke2 6557).
    moving: "on one server at a time: `systemctl stop rke2-server`, then end etcd itself, which \
             goes on without it: `pkill -f config-file={data}/config`, until `pgrep -af \
             config-file={data}/config` shows nothing for half a minute; {move}; `systemctl start \
             rke2-server`",
    // docs.rke2.io/security/certificates
    renewal: "a start renews what has expired: `systemctl restart rke2-server`, one server at a \
              time; if it does not: `systemctl stop rke2-server`, `rke2 certificate rotate`, \
              `systemctl start rke2-server`",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[("/var/lib/rancher/rke2/agent/containerd", SharerKind::ContainerRuntime)],
    not_ours: &["/var/lib/rancher/rke2/agent"],
};
