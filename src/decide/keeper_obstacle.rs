//! Whether etcd's manifest on this node is ours to edit, or somebody's who
//! writes it anew. Pure.

use crate::model::{Located, Obstacle};

use super::prevention::{Keeper, keeper};

/// Why the manifest is not edited on this kind of installation, with the right
/// way; `None` = it may be. `namespace` is that of the pod in the manifest.
#[must_use]
pub fn keeper_obstacle(node: &Located, namespace: Option<&str>) -> Option<Obstacle> {
    if namespace == Some("openshift-etcd") {
        return Some(operator());
    }
    match keeper(node) {
        Keeper::Kubeadm(_) | Keeper::StaticPod(_) => None,
        Keeper::Operator => Some(operator()),
        Keeper::Rancher(config) => Some(rancher(config)),
        Keeper::Service => Some(Obstacle {
            what: "etcd of this node is no static pod: there is no manifest to edit".to_owned(),
            next: "set it where etcd is started, such as the environment file that `systemctl cat \
                   etcd` names (ETCD_AUTO_COMPACTION_MODE=periodic, \
                   ETCD_AUTO_COMPACTION_RETENTION=1h, ETCD_QUOTA_BACKEND_BYTES=...), then \
                   `systemctl restart etcd`, one master at a time; with kubespray also in its \
                   group variables (etcd_quota_backend_bytes, etcd_compaction_retention)"
                .to_owned(),
        }),
    }
}

fn operator() -> Obstacle {
    Obstacle {
        what: "OpenShift's etcd operator owns etcd's manifest and would write it anew".to_owned(),
        next: "its settings go through the operator, on a cluster whose API server writes: `oc \
               edit etcd cluster`"
            .to_owned(),
    }
}

fn rancher(config: &str) -> Obstacle {
    let (name, unit) =
        if config.contains("k3s") { ("k3s", "k3s") } else { ("RKE2", "rke2-server") };
    Obstacle {
        what: format!("{name} writes etcd's settings anew at each of its own starts"),
        next: format!(
            "put them in {config} as `etcd-arg: [auto-compaction-mode=periodic, \
             auto-compaction-retention=1h, quota-backend-bytes=...]`, then `systemctl restart \
             {unit}`, one server at a time"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Manifest, Process};

    fn with_manifest(path: &str) -> Located {
        let manifest = Manifest { path: path.into(), args: Vec::new(), probes: Vec::new() };
        Located { manifest: Some(manifest), ..Located::default() }
    }

    #[test]
    fn only_a_manifest_that_nobody_writes_anew_is_edited() {
        let kubeadm = with_manifest("/etc/kubernetes/manifests/etcd.yaml");
        assert_eq!(keeper_obstacle(&kubeadm, Some("kube-system")), None);
        let next = |node: &Located, namespace| {
            keeper_obstacle(node, namespace).map(|found| found.next).unwrap_or_default()
        };
        assert!(next(&kubeadm, Some("openshift-etcd")).contains("oc edit etcd"));
        let rke2 = with_manifest("/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml");
        assert!(next(&rke2, None).contains("/etc/rancher/rke2/config.yaml"));
        let process =
            Process { pid: 1, args: Vec::new(), env: Vec::new(), comm: "k3s-server".to_owned() };
        let k3s = Located { process: Some(process), ..Located::default() };
        assert!(next(&k3s, None).contains("restart k3s"));
        assert!(next(&Located::default(), None).contains("systemctl restart etcd"));
    }
}
