//! k0s without an etcd: sqlite by kine, as with `--single` (k0sproject/k0s
//! pkg/component/controller/kine.go). Data only.

use super::{Keeps, Layout, May, Owner, Sign, k0s};

pub(super) const ROW: Layout = Layout {
    id: "k0s-kine",
    name: "k0s without etcd",
    signs: &[Sign::There("/var/lib/k0s/db/state.db")],
    data_dirs: &[],
    pki: &[],
    clients: &[],
    cas: &[],
    server_cas: &[],
    keeps: Keeps::Owner(Owner {
        obstacle: "this k0s has no etcd: there are no settings of etcd",
        way: "nothing is to do: sqlite has no quota that etcd would have",
        prevention: "this k0s has no etcd, and so no quota of etcd's",
        quota: "This k0s has no etcd, and so no quota of etcd's",
    }),
    moving: "",
    may: May::Nothing,
    why: "this k0s keeps its data in sqlite: there is no etcd, so no quota of it and no NOSPACE \
          alarm, and there is nothing to recover",
    instead: &[
        "how large it is: `ls -l /var/lib/k0s/db/`",
        "what is wrong with k0s: `journalctl -u k0scontroller --since -10min`",
    ],
    sharers: &[],
    not_ours: &[],
    ..k0s::ROW
};
