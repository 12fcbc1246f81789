//! Talos: no shell on the node, etcd in a container that CRI does not show
//! (siderolabs/talos services/etcd.go). Data only.

use super::{Keeps, KubeletIs, Layout, Lines, May, Sign, Written};

pub(super) const ROW: Layout = Layout {
    id: "talos",
    name: "Talos",
    signs: &[
        Sign::Path("/system/secrets/etcd"),
        Sign::Os("talos"),
        Sign::There("/system/secrets/etcd"),
    ],
    comms: &["etcd"],
    sockets: &["/system/run/containerd/containerd.sock"],
    data_dirs: &["/var/lib/etcd"],
    pki: &["/system/secrets/etcd"],
    clients: &[("admin.crt", "admin.key")],
    cas: &["ca.crt"],
    server_cas: &[],
    manifests: &[],
    env_files: &[],
    implied: &[],
    client_port: 2379,
    metrics_port: 0,
    unit: "",
    kubelet: KubeletIs::Uninvolved,
    kubelet_log: "talosctl -n NODE logs kubelet",
    keeps: Keeps::Lines(Lines {
        obstacle: "Talos writes etcd's settings from its machine configuration",
        head: "`talosctl -n NODE edit machineconfig`, on every control-plane node:",
        before: &["cluster:", "  etcd:", "    extraArgs:"],
        written: Written::Entry("      "),
        tail: "then `talosctl -n NODE reboot`, one control-plane node at a time",
        place: "as cluster.etcd.extraArgs in the machine configuration (`talosctl -n NODE edit \
                machineconfig`), then `talosctl -n NODE reboot`, one control-plane node at a time",
    }),
    moving: "Talos keeps etcd on its EPHEMERAL partition: its place is in the machine configuration",
    // Its API restarts no etcd.
    renewal: "Talos renews them by itself; `talosctl -n NODE reboot` takes them up, one \
              control-plane node at a time",
    may: May::Look,
    why: "this is Talos: its own API looks after etcd, and etcd-rescue changes nothing beside it",
    instead: &[
        "from your own machine, NODE being each control-plane node in turn:",
        "`talosctl -n NODE etcd status`, `talosctl -n NODE etcd alarm list`",
        "save it first: `talosctl -n NODE etcd snapshot db.snapshot`",
        "one node after the other, the leader's last: `talosctl -n NODE etcd defrag`",
        "still above its quota: raise quota-backend-bytes (cluster.etcd.extraArgs, `talosctl -n NODE \
         edit machineconfig`), then `talosctl -n NODE reboot`, one node after the other",
        "only when every member is below its quota and NOSPACE alone is on: `talosctl -n NODE etcd alarm disarm`",
    ],
    sharers: &[],
    not_ours: &[],
};
