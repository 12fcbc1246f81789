//! An etcd that does not run on this node: reached by flags, or where the API
//! server's flags say. Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, Written, plain};

pub(super) const ROW: Layout = Layout {
    id: "external",
    name: "an etcd that runs elsewhere",
    sockets: &[],
    env_files: &[],
    kubelet: KubeletIs::Uninvolved,
    keeps: Keeps::Lines(Lines {
        obstacle: "etcd does not run on this node: its settings are on its own machines",
        head: "on each machine of etcd's: `etcd-rescue prevent` there, or in its environment file \
               (`systemctl cat etcd` names it):",
        before: &[],
        written: Written::Variable,
        tail: "then `systemctl restart etcd`, one machine at a time",
        place: "in etcd's environment file on its own machines (`systemctl cat etcd` names it), \
                then restart etcd there",
    }),
    moving: "run `etcd-rescue relocate` on the machine whose etcd is to move",
    may: May::Full,
    ..plain::ROW
};
