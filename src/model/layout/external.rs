//! An etcd that does not run on this node: reached by flags, or where the API
//! server's flags say. Data only.

use super::{Keeps, KubeletIs, Layout, May, Owner, plain};

pub(super) const ROW: Layout = Layout {
    id: "external",
    name: "an etcd that runs elsewhere",
    sockets: &[],
    env_files: &[],
    kubelet: KubeletIs::Uninvolved,
    keeps: Keeps::Owner(Owner {
        obstacle: "etcd does not run on this node: its settings are on its own machines",
        way: "run `etcd-rescue prevent` on each machine of etcd's, without --endpoints",
        prevention: "etcd's settings are on its own machines: `etcd-rescue prevent` on each of them",
        quota: "Or raise the quota on etcd's own machines, one at a time: `etcd-rescue prevent \
                --quota SIZE` on each",
    }),
    moving: "run `etcd-rescue relocate` on the machine whose etcd is to move",
    may: May::Full,
    ..plain::ROW
};
