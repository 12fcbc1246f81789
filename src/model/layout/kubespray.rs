//! kubespray's etcd as a service of the host, also the one that runs a container
//! (kubernetes-sigs/kubespray roles/etcd). With `etcd_deployment_type: kubeadm` it
//! is like kubeadm's. Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, SharerKind, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "kubespray",
    name: "kubespray, etcd as a service",
    signs: &[
        Sign::Path("/etc/ssl/etcd/ssl"),
        Sign::Path("/etc/etcd.env"),
        Sign::There("/etc/etcd.env"),
    ],
    comms: &["etcd"],
    sockets: &["/run/containerd/containerd.sock", "/run/crio/crio.sock"],
    data_dirs: &["/var/lib/etcd", "/var/lib/etcd-events"],
    pki: &["/etc/ssl/etcd/ssl"],
    clients: &[("admin-*.pem", "admin-*-key.pem")],
    cas: &["ca.pem"],
    server_cas: &["/etc/kubernetes/ssl/ca.crt"],
    manifests: &[],
    env_files: &["/etc/etcd.env"],
    implied: &[],
    client_port: 2379,
    metrics_port: 0,
    unit: "etcd",
    kubelet: KubeletIs::Apart("kubelet"),
    kubelet_log: "journalctl -u kubelet -n 50",
    keeps: Keeps::Lines(Lines {
        obstacle: "etcd of this node is no static pod: there is no manifest to edit",
        head: "on every master, in etcd's environment file, /etc/etcd.env (`systemctl cat etcd` \
               names it):",
        before: &[],
        written: Written::Variable,
        tail: "then `systemctl restart etcd`, one master at a time; kubespray writes the file anew, \
               so the same in its group variables: etcd_compaction_retention, \
               etcd_quota_backend_bytes",
        place: "in etcd's environment file, /etc/etcd.env (and etcd_quota_backend_bytes in \
                kubespray's group variables), then `systemctl restart etcd`",
    }),
    moving: "on one master at a time: `systemctl stop etcd`; {move}; `systemctl start etcd`",
    // roles/etcd/files/make-ssl-etcd.sh: the CA that is there signs what is missing
    renewal: "on the first master move the old files of /etc/ssl/etcd/ssl away (not ca.pem and \
              ca-key.pem: the CA stays), then, on the machine kubespray runs on, its `cluster.yml` \
              with `--tags etcd`; what is there: `openssl x509 -enddate -noout -in FILE`",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[
        ("/var/lib/etcd", SharerKind::Database),
        ("/var/lib/etcd-events", SharerKind::Database),
    ],
    not_ours: &[],
};
