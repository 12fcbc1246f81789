//! What keeps it from happening again, in a few lines at the end of a
//! recovery: the commands that do it, or the file it belongs into where this
//! program has nothing to edit.

use super::settings_advice::{
    Keeper, LARGEST_GIB, WHY_COMPACTION, keeper, largest_gib, retention, smallest, usual_flags,
};
use crate::model::{Behaviour, Bytes, Quota, World};

/// How to keep it from happening again, line by line.
#[must_use]
pub fn prevention(world: &World) -> Vec<String> {
    let keeper = keeper(&world.node);
    let mut lines = vec!["what filled it: `etcd-rescue usage`".to_owned()];
    if keeper == Keeper::Operator {
        lines.push(
            "OpenShift's etcd operator owns etcd's settings: there is nothing to edit on a node. \
             Delete what fills etcd, and see that the operator is well: `oc get clusteroperator \
             etcd`"
                .to_owned(),
        );
    } else {
        lines.extend(compaction(world, &keeper));
        if smallest(world).is_some_and(|quota| quota.limit == Quota::DEFAULT.limit) {
            lines.push(quota(&keeper, world.node.memory));
        }
    }
    lines.push("to be warned the next time: `etcd-rescue rules` for Prometheus".to_owned());
    if keeper.is_editable() {
        lines.push("never leave a backup file in the manifests directory".to_owned());
    }
    lines
}

/// What makes etcd drop its history by itself.
fn compaction(world: &World, keeper: &Keeper) -> Vec<String> {
    if let Some(value) = retention(&world.node) {
        return vec![format!("auto-compaction is already on, with a retention of {value}")];
    }
    let mut lines = if keeper.is_editable() {
        let version =
            world.members.iter().filter_map(|member| member.status.as_ref().ok()?.version).min();
        let defrag = version.filter(|version| version.has(Behaviour::BootstrapDefrag)).map(|_| {
            "  with `--bootstrap-defrag 100` it also defragments at each start when 100 MB or \
             more are free"
                .to_owned()
        });
        let prevent = "let etcd drop its history by itself, on every master, one at a time: \
                       `etcd-rescue prevent`";
        std::iter::once(prevent.to_owned()).chain(defrag).collect()
    } else {
        keeper.way(&usual_flags())
    };
    lines.push(format!("  why: {WHY_COMPACTION}"));
    lines
}

/// How to raise the quota by hand when the data do not fit below it.
pub(super) fn raise_quota(world: &World) -> String {
    let keeper = keeper(&world.node);
    if keeper == Keeper::Operator {
        return "Raising the quota goes through OpenShift's API, which takes no writes now: delete \
                first"
            .to_owned();
    }
    let largest = largest_gib(world.node.memory) << 30;
    let now = smallest(world).and_then(|quota| quota.limit).unwrap_or_default();
    if now.0 >= largest {
        return format!(
            "Raising the quota is no way here: {now} is already what this machine bears (at most 8 \
             GiB, and half of the memory), so only deleting helps"
        );
    }
    // Twice as much is room to clean up in; more is asked for only by choice.
    let wanted = (now.0.saturating_mul(2)).min(largest);
    let how = match &keeper {
        Keeper::Kubeadm(_) | Keeper::StaticPod(_) => {
            format!("`etcd-rescue prevent --quota {}`", typed(wanted))
        }
        Keeper::Rancher(path) => format!(
            "quota-backend-bytes={wanted} as `etcd-arg` in {path}, then restart that server"
        ),
        Keeper::K0s => format!(
            "quota-backend-bytes: \"{wanted}\" as spec.storage.etcd.extraArgs in \
             /etc/k0s/k0s.yaml, then restart k0s"
        ),
        Keeper::Service | Keeper::Operator => format!(
            "ETCD_QUOTA_BACKEND_BYTES={wanted} in etcd's environment file (`systemctl cat etcd` \
             names it), then restart etcd"
        ),
    };
    format!(
        "Or raise the quota on every master, one at a time: {how}; wait until `etcd-rescue status` \
         shows the member again before the next one. At most {} (8 GiB, and half of the memory)",
        Bytes(largest)
    )
}

/// A size as one types it.
fn typed(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 30) => format!("{}GiB", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ => bytes.to_string(),
    }
}

/// How far the default quota can be raised.
fn quota(keeper: &Keeper, memory: Option<Bytes>) -> String {
    let gib = largest_gib(memory);
    if gib <= 2 {
        return "  the quota is etcd's default of 2 GiB, and this node's memory allows no more: \
                etcd maps the whole database into memory"
            .to_owned();
    }
    let why = match memory {
        Some(memory) if gib < LARGEST_GIB => {
            format!("half of this node's {memory} of memory, as etcd maps the whole database")
        }
        Some(_) => "the advised maximum".to_owned(),
        None => "the advised maximum; never more than half of the memory".to_owned(),
    };
    let how = if keeper.is_editable() {
        format!("`etcd-rescue prevent --quota {gib}GiB`")
    } else {
        format!("quota-backend-bytes={} there", gib << 30)
    };
    format!(
        "  the quota is etcd's default of 2 GiB: {how} raises it to {gib} GiB ({why}; the same on \
         every master)"
    )
}

#[cfg(test)]
#[path = "prevention_tests.rs"]
mod tests;
