//! kubeadm, and kind, whose nodes it makes (kubernetes
//! cmd/kubeadm/app/phases/etcd/local.go). Data only.

use super::{Keeps, KubeletIs, Layout, May, SharerKind, Sign};

pub(super) const ROW: Layout = Layout {
    id: "kubeadm",
    name: "kubeadm (or kind)",
    signs: &[
        Sign::Path("/etc/kubernetes/manifests"),
        Sign::Path("/etc/kubernetes/pki/etcd"),
        Sign::Path("/etc/kubernetes/ssl/etcd"),
        Sign::There("/etc/kubernetes/pki/etcd"),
    ],
    comms: &["etcd"],
    sockets: &[
        "/run/containerd/containerd.sock",
        "/var/run/crio/crio.sock",
        "/run/crio/crio.sock",
        "/run/cri-dockerd.sock",
        "/var/run/cri-dockerd.sock",
    ],
    data_dirs: &["/var/lib/etcd"],
    pki: &["/etc/kubernetes/pki/etcd", "/etc/kubernetes/ssl/etcd"],
    clients: &[
        ("healthcheck-client.crt", "healthcheck-client.key"),
        ("../apiserver-etcd-client.crt", "../apiserver-etcd-client.key"),
    ],
    cas: &["ca.crt"],
    server_cas: &["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/ssl/ca.crt"],
    manifests: &["/etc/kubernetes/manifests"],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 2381,
    unit: "",
    kubelet: KubeletIs::Apart("kubelet"),
    kubelet_log: "journalctl -u kubelet -n 50",
    keeps: Keeps::Manifest,
    moving: "",
    renewal: "`kubeadm certs check-expiration`, then `kubeadm certs renew all`; both work without \
              an API server",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[
        ("/var/lib/containerd", SharerKind::ContainerRuntime),
        ("/var/lib/docker", SharerKind::ContainerRuntime),
        ("/var/lib/containers", SharerKind::ContainerRuntime),
        ("/var/lib/kubelet", SharerKind::Kubelet),
        ("/var/lib/etcd", SharerKind::Database),
    ],
    not_ours: &[
        "/var/lib/cni",
        "/var/lib/containerd",
        "/var/lib/containers",
        "/var/lib/docker",
        "/var/lib/kubelet",
    ],
};
