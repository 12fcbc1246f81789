//! k3s with its embedded etcd: no container and no process of etcd's own; kubelet,
//! API server and etcd are one process (k3s-io/k3s pkg/etcd/etcd.go). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, SharerKind, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "k3s",
    name: "k3s with its embedded etcd",
    signs: &[
        Sign::Comm("k3s"),
        Sign::Path("/var/lib/rancher/k3s"),
        Sign::There("/var/lib/rancher/k3s/server/db/etcd"),
    ],
    comms: &["k3s", "k3s-server"],
    sockets: &["/run/k3s/containerd/containerd.sock"],
    data_dirs: &["/var/lib/rancher/k3s/server/db/etcd"],
    pki: &["/var/lib/rancher/k3s/server/tls/etcd"],
    clients: &[("server-client.crt", "server-client.key")],
    cas: &["server-ca.crt"],
    server_cas: &["/var/lib/rancher/k3s/server/tls/server-ca.crt"],
    manifests: &[],
    env_files: &[],
    implied: &[
        ("data-dir", "/var/lib/rancher/k3s/server/db/etcd"),
        ("cert-file", "/var/lib/rancher/k3s/server/tls/etcd/server-client.crt"),
        ("key-file", "/var/lib/rancher/k3s/server/tls/etcd/server-client.key"),
        ("trusted-ca-file", "/var/lib/rancher/k3s/server/tls/etcd/server-ca.crt"),
        ("listen-client-urls", "https://127.0.0.1:2379"),
        ("listen-metrics-urls", "http://127.0.0.1:2381"),
    ],
    client_port: 2379,
    metrics_port: 2381,
    unit: "k3s",
    kubelet: KubeletIs::Etcd,
    kubelet_log: "journalctl -u k3s -n 50",
    keeps: Keeps::Lines(Lines {
        obstacle: "k3s writes etcd's settings anew at each of its own starts",
        head: "in /etc/rancher/k3s/config.yaml, on every server:",
        before: &["etcd-arg:"],
        written: Written::Item,
        tail: "then `systemctl restart k3s`, one server at a time",
        place: "as `etcd-arg` in /etc/rancher/k3s/config.yaml, then restart that server",
    }),
    // Not k3s-killall.sh: until 2024 it unmounts what is below (k3s-io/k3s 8527).
    moving: "on one server at a time: `systemctl stop k3s` (etcd is in it; what runs on the node goes \
             on); {move}; `systemctl start k3s`",
    // docs.k3s.io/cli/certificate
    renewal: "a start renews what has expired: `systemctl restart k3s`, one server at a time; if it \
              does not: `systemctl stop k3s`, `k3s certificate rotate`, `systemctl start k3s`",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[
        ("/var/lib/rancher/k3s/storage", SharerKind::LocalVolumes),
        ("/var/lib/rancher/k3s/agent/containerd", SharerKind::ContainerRuntime),
    ],
    not_ours: &["/var/lib/rancher/k3s/agent"],
};
