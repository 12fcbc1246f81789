//! OpenShift: a static pod that the etcd operator writes, in a namespace of its own
//! (openshift/cluster-etcd-operator bindata/etcd, pkg/etcdenvvar). Data only.

use super::{Keeps, KubeletIs, Layout, May, Owner, Sign};

pub(super) const ROW: Layout = Layout {
    id: "openshift",
    name: "OpenShift",
    signs: &[
        Sign::Namespace("openshift-etcd"),
        Sign::Path("/etc/kubernetes/manifests/etcd-pod.yaml"),
        Sign::There("/etc/kubernetes/static-pod-resources/etcd-certs"),
    ],
    comms: &["etcd"],
    sockets: &["/var/run/crio/crio.sock", "/run/crio/crio.sock"],
    data_dirs: &["/var/lib/etcd"],
    pki: &["/etc/kubernetes/static-pod-resources/etcd-certs"],
    // Their names are in the containers' ETCDCTL_* variables.
    clients: &[],
    cas: &[],
    server_cas: &[],
    manifests: &["/etc/kubernetes/manifests"],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 9978,
    unit: "",
    kubelet: KubeletIs::Apart("kubelet"),
    kubelet_log: "journalctl -u kubelet -n 50",
    keeps: Keeps::Owner(Owner {
        obstacle: "OpenShift's etcd operator owns etcd's manifest and would write it anew",
        way: "its settings go through the operator, on a cluster whose API server writes: `oc edit \
              etcd cluster`",
        prevention: "OpenShift's etcd operator owns etcd's settings: there is nothing to edit on a \
                     node. Delete what fills etcd, and see that the operator is well: `oc get \
                     clusteroperator etcd`",
        quota: "Raising the quota goes through OpenShift's API, which takes no writes now: delete \
                first",
    }),
    moving: "mount the disk on /var/lib/etcd by a MachineConfig, as OpenShift's documentation \
             describes (\"Moving etcd to a different disk\")",
    renewal: "the operators renew them; after a long time off, once nodes answer: `oc get csr`, \
              `oc adm certificate approve NAME`",
    may: May::Look,
    why: "this is OpenShift: its etcd operator owns etcd, writes the manifest and defragments by \
          itself, and etcd-rescue changes nothing beside it",
    instead: &[
        "save it first: `/usr/local/bin/cluster-backup.sh /home/core/assets/backup` (or \
         `etcd-rescue snapshot save PATH`)",
        "on one master, in its etcdctl container: `C=$(crictl ps -q --name '^etcdctl$' --label \
         io.kubernetes.pod.namespace=openshift-etcd)`",
        "how large, and who leads: `crictl exec $C etcdctl endpoint status --cluster -w table`",
        "what is on: `crictl exec $C etcdctl alarm list`",
        "drop the history: `crictl exec $C sh -c 'etcdctl compact --physical $(etcdctl endpoint \
         status -w json | grep -o \"\\\"revision\\\":[0-9]*\" | head -1 | grep -o \"[0-9]*$\")'`",
        "then on each master, the leader's last, one after the other: `crictl exec $C sh -c 'unset \
         ETCDCTL_ENDPOINTS; etcdctl --command-timeout=60s --endpoints=https://localhost:2379 \
         defrag'`",
        "only when every member is below its quota and NOSPACE alone is on: `crictl exec $C etcdctl alarm disarm`",
        "once the API server is back: `oc get clusteroperator etcd`, `oc -n openshift-etcd get \
         pods`, `oc -n openshift-etcd-operator logs deploy/etcd-operator`",
        "with the quorum lost: `/usr/local/bin/quorum-restore.sh`; from a backup: \
         `/usr/local/bin/cluster-restore.sh /home/core/assets/backup`",
    ],
    sharers: &[],
    not_ours: &[],
};
