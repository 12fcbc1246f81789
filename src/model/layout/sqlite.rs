//! k3s without an etcd: sqlite, or a database elsewhere (kine). Data only.

use super::{Keeps, Layout, May, Owner, Sign, k3s};

pub(super) const ROW: Layout = Layout {
    id: "k3s-sqlite",
    name: "k3s without etcd",
    signs: &[Sign::There("/var/lib/rancher/k3s/server/db/state.db")],
    data_dirs: &[],
    pki: &[],
    clients: &[],
    cas: &[],
    server_cas: &[],
    implied: &[],
    keeps: Keeps::Owner(Owner {
        obstacle: "this k3s has no etcd: there are no settings of etcd",
        way: "nothing is to do: sqlite and SQL databases have no quota that etcd would have",
        prevention: "this k3s has no etcd, and so no quota of etcd's",
        quota: "This k3s has no etcd, and so no quota of etcd's",
    }),
    moving: "",
    may: May::Nothing,
    why: "this k3s keeps its data in sqlite or an external SQL database: there is no etcd, so no \
          quota of it and no NOSPACE alarm, and there is nothing to recover",
    instead: &[
        "how large it is: `ls -l /var/lib/rancher/k3s/server/db/`",
        "what is wrong with k3s: `journalctl -u k3s --since -10min`",
    ],
    sharers: &[],
    not_ours: &[],
    ..k3s::ROW
};
