//! Whether etcd's manifest on this node is ours to edit, or somebody's who
//! writes it anew. Pure.

use crate::model::{
    Located, Obstacle,
    layout::{ALL, Sign},
};

use super::settings_advice::{keeps, usual_flags};

/// Why the manifest is not edited on this kind of installation, with the right
/// way; `None` = it may be. `namespace` is that of the pod in the manifest.
#[must_use]
pub fn keeper_obstacle(node: &Located, namespace: Option<&str>) -> Option<Obstacle> {
    // The pod in the file counts where no container was found.
    let told = |sign: &Sign| matches!(sign, Sign::Namespace(name) if namespace == Some(name));
    let row = ALL.iter().find(|row| row.signs.iter().any(told));
    let keeps = row.map_or_else(|| keeps(node), |row| row.keeps);
    keeps.obstacle(&usual_flags())
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
