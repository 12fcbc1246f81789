//! MicroK8s after `microk8s disable ha-cluster`: a real etcd as a service
//! (canonical/microk8s microk8s-resources/wrappers/run-etcd-with-args). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, Sign, Written, microk8s};

pub(super) const ROW: Layout = Layout {
    id: "microk8s-etcd",
    name: "MicroK8s with etcd",
    // dqlite is no process called etcd.
    signs: &[Sign::Path("/var/snap/microk8s")],
    data_dirs: &["/var/snap/microk8s/common/var/run/etcd"],
    cas: &["ca.crt"],
    client_port: 12379,
    unit: "snap.microk8s.daemon-etcd",
    kubelet: KubeletIs::Uninvolved,
    keeps: Keeps::Lines(Lines {
        obstacle: "MicroK8s starts etcd itself: there is no manifest to edit",
        head: "in /var/snap/microk8s/current/args/etcd:",
        before: &[],
        written: Written::Flag,
        tail: "then `snap restart microk8s.daemon-etcd`",
        place: "in /var/snap/microk8s/current/args/etcd, then `snap restart microk8s.daemon-etcd`",
    }),
    moving: "`microk8s stop`; {move}; `microk8s start`",
    may: May::Full,
    why: "",
    instead: &[],
    ..microk8s::ROW
};
