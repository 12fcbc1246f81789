//! MicroK8s: dqlite instead of etcd, so that no etcd is found. Data only.

use super::{Keeps, KubeletIs, Layout, May, Owner, SharerKind, Sign};

pub(super) const ROW: Layout = Layout {
    id: "microk8s",
    name: "MicroK8s",
    signs: &[Sign::There("/var/snap/microk8s/current")],
    comms: &["etcd"],
    sockets: &["/var/snap/microk8s/common/run/containerd.sock"],
    data_dirs: &[],
    pki: &[],
    clients: &[],
    cas: &[],
    server_cas: &[],
    manifests: &[],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 0,
    unit: "snap.microk8s.daemon-k8s-dqlite",
    kubelet: KubeletIs::Etcd,
    kubelet_log: "journalctl -u snap.microk8s.daemon-kubelite -n 50",
    keeps: Keeps::Owner(Owner {
        obstacle: "MicroK8s keeps its data in dqlite: there are no settings of etcd",
        way: "dqlite has no quota; see `microk8s inspect`",
        prevention: "MicroK8s keeps its data in dqlite, which has no quota",
        quota: "MicroK8s keeps its data in dqlite, which has no quota",
    }),
    moving: "MicroK8s keeps its data in dqlite, in \
             /var/snap/microk8s/current/var/kubernetes/backend",
    renewal: "`microk8s refresh-certs --check`, then `microk8s refresh-certs -e server.crt`",
    may: May::Nothing,
    why: "this is MicroK8s: it keeps its data in dqlite, which has no quota and no NOSPACE alarm, so \
          there is no etcd to recover",
    instead: &[
        "what is wrong: `microk8s inspect`, `journalctl -u snap.microk8s.daemon-k8s-dqlite --since \
         -10min`",
        "how large its data are: `du -sh /var/snap/microk8s/current/var/kubernetes/backend`",
        "a copy: `microk8s dbctl backup -o FILE`; back: `microk8s dbctl restore FILE`",
        "with the quorum lost: MicroK8s' documentation, \"Recover from lost quorum\" \
         (https://microk8s.io/docs/restore-quorum)",
    ],
    sharers: &[("/var/snap/microk8s/common/default-storage", SharerKind::LocalVolumes)],
    not_ours: &["/var/snap"],
};
