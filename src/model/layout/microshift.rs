//! MicroShift: one node, etcd in a process of its own that takes no flags
//! (openshift/microshift etcd/cmd/microshift-etcd). Data only.

use super::{Keeps, KubeletIs, Layout, May, Owner, Sign};

pub(super) const ROW: Layout = Layout {
    id: "microshift",
    name: "MicroShift",
    signs: &[
        Sign::Comm("microshift-etcd"),
        Sign::Path("/var/lib/microshift"),
        Sign::There("/var/lib/microshift/etcd"),
    ],
    comms: &["microshift-etcd"],
    sockets: &["/var/run/crio/crio.sock", "/run/crio/crio.sock"],
    data_dirs: &["/var/lib/microshift/etcd"],
    pki: &["/var/lib/microshift/certs/etcd-signer/etcd-serving"],
    clients: &[("../apiserver-etcd-client/client.crt", "../apiserver-etcd-client/client.key")],
    cas: &["../ca.crt"],
    server_cas: &[],
    manifests: &[],
    env_files: &[],
    implied: &[
        ("data-dir", "/var/lib/microshift/etcd"),
        ("cert-file", "/var/lib/microshift/certs/etcd-signer/etcd-serving/peer.crt"),
        ("key-file", "/var/lib/microshift/certs/etcd-signer/etcd-serving/peer.key"),
        ("trusted-ca-file", "/var/lib/microshift/certs/etcd-signer/ca.crt"),
        ("listen-client-urls", "https://localhost:2379"),
        ("listen-metrics-urls", "https://localhost:2381"),
    ],
    client_port: 2379,
    metrics_port: 2381,
    unit: "microshift-etcd.scope",
    kubelet: KubeletIs::Uninvolved,
    kubelet_log: "journalctl -u microshift -n 50",
    keeps: Keeps::Owner(Owner {
        obstacle: "MicroShift starts etcd itself, with settings of its own: it takes no flags for it",
        way: "delete what fills etcd; MicroShift gives free pages back at each of its starts: \
              `systemctl restart microshift`",
        prevention: "MicroShift sets etcd's quota itself and defragments at each start and now and \
                     then; delete what fills it",
        quota: "MicroShift sets etcd's quota itself: delete first",
    }),
    moving: "`systemctl stop microshift`; {move}; `systemctl start microshift`",
    renewal: "`systemctl restart microshift`: it makes new ones before they expire, and at a start",
    may: May::Full,
    why: "",
    instead: &[],
    sharers: &[],
    not_ours: &[],
};
