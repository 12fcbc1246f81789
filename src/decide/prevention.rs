//! What keeps it from happening again: the settings for this release, and the
//! file they belong into on this kind of installation.

use std::path::{Path, PathBuf};

use crate::model::{Bytes, EtcdVersion, Located, Quota, World};

/// Whose file etcd's settings are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// A static pod of kubeadm.
    Kubeadm(PathBuf),
    /// A static pod of somebody else.
    StaticPod(PathBuf),
    /// RKE2 or k3s, which write etcd's configuration themselves.
    Rancher(&'static str),
    /// OpenShift's etcd operator.
    Operator,
    /// A service: its environment file or command line.
    Service,
}

/// How to keep it from happening again, line by line.
#[must_use]
pub fn prevention(world: &World) -> Vec<String> {
    let keeper = keeper(&world.node);
    if keeper == Keeper::Operator {
        return vec![
            "OpenShift's etcd operator owns etcd's settings: there is nothing to edit on a node. \
             Delete what fills etcd, and see that the operator is well: `oc get clusteroperator \
             etcd`"
                .to_owned(),
        ];
    }
    let mut lines = compaction(&world.node, &keeper);
    let version =
        world.members.iter().filter_map(|member| member.status.as_ref().ok()?.version).min();
    if let Some(flag) = version.and_then(bootstrap_defrag_flag) {
        let setting = setting(&keeper, flag, "100");
        lines.push(format!(
            "  and {setting} defragments at each start when 100 MB or more are free"
        ));
    }
    if smallest_quota(world).is_some_and(|quota| quota.limit == Quota::DEFAULT.limit) {
        lines.push(quota(&keeper, world.node.memory));
    }
    if let Keeper::Kubeadm(_) = keeper {
        lines.push(
            "  keep it over upgrades: put the same under etcd.local.extraArgs of the kubeadm-config \
             ConfigMap"
                .to_owned(),
        );
    }
    if let Keeper::Kubeadm(_) | Keeper::StaticPod(_) = keeper {
        lines.push("  never leave a backup file in the manifests directory".to_owned());
    }
    lines
}

pub(super) fn keeper(node: &Located) -> Keeper {
    if node.container.as_ref().is_some_and(|container| container.namespace == "openshift-etcd") {
        return Keeper::Operator;
    }
    let manifest = node.manifest.as_ref().map(|manifest| manifest.path.as_path());
    let data = node.data_dir.as_ref().map(|found| found.value.as_path());
    let below = |root: &str| manifest.into_iter().chain(data).any(|path| path.starts_with(root));
    let k3s = node.process.as_ref().is_some_and(|process| process.comm.starts_with("k3s"));
    if k3s || below("/var/lib/rancher/k3s") {
        return Keeper::Rancher("/etc/rancher/k3s/config.yaml");
    }
    if below("/var/lib/rancher") {
        return Keeper::Rancher("/etc/rancher/rke2/config.yaml");
    }
    match manifest {
        Some(path) if path.starts_with("/etc/kubernetes/manifests") => {
            Keeper::Kubeadm(path.to_owned())
        }
        Some(path) => Keeper::StaticPod(path.to_owned()),
        None => Keeper::Service,
    }
}

/// What makes etcd drop its history by itself.
fn compaction(node: &Located, keeper: &Keeper) -> Vec<String> {
    if let Some(value) = retention(node) {
        return vec![format!("auto-compaction is already on, with a retention of {value}")];
    }
    // A bare number means hours in periodic mode; the unit makes it plain.
    let wanted = [("auto-compaction-mode", "periodic"), ("auto-compaction-retention", "1h")];
    let add = |place: &Path| {
        let mut lines =
            vec![format!("on every master, add to {}, one master at a time:", place.display())];
        lines.extend(wanted.map(|(flag, value)| format!("    - {}", setting(keeper, flag, value))));
        lines
    };
    let mut lines = match keeper {
        Keeper::Kubeadm(path) | Keeper::StaticPod(path) => add(path),
        Keeper::Rancher(path) => vec![
            format!("on every server, in {path}, then restart it, one server at a time:"),
            "    etcd-arg: [auto-compaction-mode=periodic, auto-compaction-retention=1h]"
                .to_owned(),
        ],
        Keeper::Service | Keeper::Operator => {
            let mut lines = vec![
                "on every master, in etcd's environment file (`systemctl cat etcd` names it), then \
                 restart etcd, one master at a time:"
                    .to_owned(),
            ];
            lines.extend(
                wanted.map(|(flag, value)| format!("    {}", setting(keeper, flag, value))),
            );
            lines
        }
    };
    lines.push(
        "  why: the API server's own compaction writes a key first, so it stops exactly when \
         NOSPACE is on"
            .to_owned(),
    );
    lines
}

/// The retention etcd runs or is to run with; nothing and zero mean that
/// auto-compaction is off.
fn retention(node: &Located) -> Option<String> {
    let words = [
        node.manifest.as_ref().map(|manifest| manifest.args.as_slice()),
        node.container.as_ref().map(|container| container.args.as_slice()),
        node.container.as_ref().map(|container| container.env.as_slice()),
        node.process.as_ref().map(|process| process.args.as_slice()),
        node.process.as_ref().map(|process| process.env.as_slice()),
    ];
    let told = node.compaction.as_ref().map(|found| found.value.clone());
    told.into_iter()
        .chain(words.into_iter().flatten().filter_map(|words| spoken(&words.join(" "))))
        .find(|value| !is_zero(value))
}

/// The value behind the flag or variable, also inside a shell's script.
fn spoken(text: &str) -> Option<String> {
    let names = ["auto-compaction-retention", "ETCD_AUTO_COMPACTION_RETENTION"];
    let after = names.iter().find_map(|name| text.split_once(name)).map(|(_, after)| after)?;
    let value = after.trim_start_matches(['=', ' ', '"', '\'']);
    let end = value.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(value.len());
    Some(value[..end].to_owned()).filter(|value| !value.is_empty())
}

/// "0", "0h", "0h0m".
fn is_zero(value: &str) -> bool {
    !value.contains(|c: char| c.is_ascii_digit() && c != '0')
}

/// A setting as its keeper writes it.
fn setting(keeper: &Keeper, flag: &str, value: &str) -> String {
    match keeper {
        Keeper::Rancher(_) => format!("{flag}={value}"),
        Keeper::Service => format!("ETCD_{}={value}", flag.to_uppercase().replace('-', "_")),
        _ => format!("--{flag}={value}"),
    }
}

/// The flag's name by release: 3.5.0 brought it as experimental, 3.6 renamed
/// it (etcd CHANGELOG-3.5, CHANGELOG-3.6).
pub(super) fn bootstrap_defrag_flag(version: EtcdVersion) -> Option<&'static str> {
    if version >= EtcdVersion::new(3, 6, 0) {
        Some("bootstrap-defrag-threshold-megabytes")
    } else if version >= EtcdVersion::new(3, 5, 0) {
        Some("experimental-bootstrap-defrag-threshold-megabytes")
    } else {
        None
    }
}

/// etcd's advised maximum.
const LARGEST_QUOTA_GIB: u64 = 8;

/// How far a quota can be raised, in GiB: etcd maps the whole database into
/// memory, which it shares with the rest of the control plane.
fn largest_quota_gib(memory: Option<Bytes>) -> u64 {
    let half_gib = memory.map_or(LARGEST_QUOTA_GIB, |memory| (memory.0 / 2) >> 30);
    half_gib.min(LARGEST_QUOTA_GIB)
}

/// How to raise the quota by hand when the data do not fit below it.
pub(super) fn raise_quota(world: &World) -> String {
    let keeper = keeper(&world.node);
    if keeper == Keeper::Operator {
        return "Raising the quota goes through OpenShift's API, which takes no writes now: delete \
                first"
            .to_owned();
    }
    let largest = largest_quota_gib(world.node.memory) << 30;
    let now = smallest_quota(world).and_then(|quota| quota.limit).unwrap_or_default();
    if now.0 >= largest {
        return format!(
            "Raising the quota is no way here: {now} is already what this machine bears (at most 8 \
             GiB, and half of the memory), so only deleting helps"
        );
    }
    // Twice as much is room to clean up in; more is asked for only by choice.
    let wanted = (now.0.saturating_mul(2)).min(largest);
    let setting = setting(&keeper, "quota-backend-bytes", &wanted.to_string());
    let place = match &keeper {
        Keeper::Kubeadm(path) | Keeper::StaticPod(path) => {
            format!("in {}, where the kubelet then restarts etcd by itself", path.display())
        }
        Keeper::Rancher(path) => format!("as `etcd-arg` in {path}, then restart that server"),
        Keeper::Service | Keeper::Operator => {
            "in etcd's environment file (`systemctl cat etcd` names it), then restart etcd"
                .to_owned()
        }
    };
    format!(
        "Or raise the quota on every master, one at a time: {setting} {place}; wait until \
         `etcd-rescue status` shows the member again before the next one. At most {} (8 GiB, and \
         half of the memory)",
        Bytes(largest)
    )
}

/// How far the default quota can be raised.
fn quota(keeper: &Keeper, memory: Option<Bytes>) -> String {
    let gib = largest_quota_gib(memory);
    if gib <= 2 {
        return "  the quota is etcd's default of 2 GiB, and this node's memory allows no more: \
                etcd maps the whole database into memory"
            .to_owned();
    }
    let setting = setting(keeper, "quota-backend-bytes", &(gib << 30).to_string());
    let why = match memory {
        Some(memory) if gib < LARGEST_QUOTA_GIB => {
            format!("half of this node's {memory} of memory, as etcd maps the whole database")
        }
        Some(_) => "the advised maximum".to_owned(),
        None => "the advised maximum; never more than half of the memory".to_owned(),
    };
    format!(
        "  the quota is etcd's default of 2 GiB: {setting} raises it to {gib} GiB ({why}; the same \
         on every master)"
    )
}

fn smallest_quota(world: &World) -> Option<Quota> {
    world
        .members
        .iter()
        .filter_map(|member| member.status.as_ref().ok())
        .map(|status| status.quota)
        .min_by_key(|quota| quota.limit.map_or(u64::MAX, |limit| limit.0))
}

#[cfg(test)]
#[path = "prevention_tests.rs"]
mod tests;
