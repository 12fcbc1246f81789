//! minikube: kubeadm with directories of its own. Data only.

use super::{Layout, Sign, kubeadm};

pub(super) const ROW: Layout = Layout {
    id: "minikube",
    name: "minikube",
    signs: &[Sign::Path("/var/lib/minikube"), Sign::There("/var/lib/minikube/certs/etcd")],
    data_dirs: &["/var/lib/minikube/etcd"],
    pki: &["/var/lib/minikube/certs/etcd"],
    server_cas: &["/var/lib/minikube/certs/ca.crt"],
    renewal: "on your own machine: `minikube stop`, then `minikube start`, which makes new ones",
    sharers: &[],
    not_ours: &[],
    ..kubeadm::ROW
};
