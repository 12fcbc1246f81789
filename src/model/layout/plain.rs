//! Any other etcd: a service, or a static pod somebody wrote. Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, Written};

pub(super) const ROW: Layout = Layout {
    id: "plain",
    name: "an etcd set up by hand",
    signs: &[],
    comms: &["etcd"],
    sockets: &["/run/containerd/containerd.sock"],
    data_dirs: &["/var/lib/etcd"],
    pki: &["/etc/etcd/pki"],
    clients: &[("client.crt", "client.key"), ("client.pem", "client-key.pem")],
    cas: &["ca.crt", "ca.pem"],
    server_cas: &[],
    manifests: &[],
    env_files: &["/etc/default/etcd", "/etc/etcd/etcd.conf"],
    implied: &[],
    client_port: 2379,
    metrics_port: 0,
    unit: "etcd",
    kubelet: KubeletIs::Apart("kubelet"),
    kubelet_log: "journalctl -u kubelet -n 50",
    keeps: Keeps::Lines(Lines {
        obstacle: "etcd of this node is no static pod: there is no manifest to edit",
        head: "on every master, in etcd's environment file (`systemctl cat etcd` names it):",
        before: &[],
        written: Written::Variable,
        tail: "then `systemctl restart etcd`, one master at a time",
        place: "in etcd's environment file (`systemctl cat etcd` names it), then restart etcd",
    }),
    moving: "with systemd, on one master at a time: `systemctl stop etcd`; {move}; `systemctl start \
             etcd`",
    renewal: "with what made it (`openssl x509 -issuer -enddate -noout -in FILE` says who and \
              until when); kubeadm's: `kubeadm certs check-expiration`, then `kubeadm certs renew \
              all`",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[],
    not_ours: &[],
};
