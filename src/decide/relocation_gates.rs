//! Whether a member can be moved by editing its manifest, and what it means
//! that it is down meanwhile. Pure.

use crate::model::{
    ContainerState, Located, Obstacle, World,
    layout::{self, Keeps, Lines, Owner},
};

use super::{one_master::kubelet_obstacle, settings_advice::keeps};

/// Why this node's etcd is not moved by editing its manifest, and the right way.
#[must_use]
pub fn layout_obstacle(node: &Located) -> Option<Obstacle> {
    let obstacle =
        |what: &str, next: &str| Some(Obstacle { what: what.to_owned(), next: next.to_owned() });
    if let Keeps::Lines(Lines { obstacle: what, .. }) | Keeps::Owner(Owner { obstacle: what, .. }) =
        keeps(node)
    {
        let row = node.layout();
        let row = if row.moving.is_empty() { layout::plain() } else { row };
        let data = node.data_dir.as_ref().map(|found| found.value.as_path());
        return obstacle(what, &row.moving(data));
    }
    let running = node.container.as_ref().is_some_and(|it| it.state == ContainerState::Running);
    if !running {
        return obstacle(
            "the etcd container of this node does not run, and only a member that is well is moved",
            "find out why: `etcd-rescue locate` and `etcd-rescue logs --previous --tail 30`",
        );
    }
    kubelet_obstacle(node.kubelet.as_ref()).or_else(|| wal_obstacle(node))
}

fn wal_obstacle(node: &Located) -> Option<Obstacle> {
    let wal = node.wal_dir.as_ref()?;
    Some(Obstacle {
        what: format!(
            "etcd keeps its raft log apart from its data, in {} ({}): moving one of the two is not \
             done here",
            wal.value.display(),
            wal.source
        ),
        next: "the raft log is what needs the fast disk: if it has one, nothing is to do; else \
               take --wal-dir out of the manifest by hand, with etcd stopped and its files moved \
               to member/wal"
            .to_owned(),
    })
}

/// What it means for the cluster while this member is down, one sentence each.
#[must_use]
pub fn downtime_cautions(world: &World) -> Vec<String> {
    let voters = world.voters().count();
    let left = voters.saturating_sub(1);
    let mut all = Vec::new();
    if voters == 1 {
        all.push(
            "it is the only member: etcd and the API server are down meanwhile; what runs on the \
             nodes goes on running"
                .to_owned(),
        );
    } else if left < world.quorum() {
        all.push(format!(
            "{left} of {voters} members are no quorum: nothing can be written to etcd meanwhile, \
             and the API server answers errors"
        ));
    }
    if left > 0 && world.members.iter().any(|member| member.local && member.is_leader()) {
        all.push("it leads now: another member is elected, which takes a second or two".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Container, Found, KubeletProcess, Manifest};

    type Change = (fn(&mut Located), &'static str);

    fn node() -> Located {
        Located {
            manifest: Some(Manifest {
                path: "/etc/kubernetes/manifests/etcd.yaml".into(),
                args: Vec::new(),
                probes: Vec::new(),
            }),
            container: Some(Container {
                id: "1".to_owned(),
                name: "etcd".to_owned(),
                pod: "etcd-m1".to_owned(),
                namespace: "kube-system".to_owned(),
                state: ContainerState::Running,
                created_at: 1,
                started_at: 1,
                finished_at: 0,
                exit_code: 0,
                reason: String::new(),
                restarts: 0,
                image: String::new(),
                log_path: None,
                pid: None,
                args: Vec::new(),
                env: Vec::new(),
                mounts: Vec::new(),
            }),
            kubelet: Some(KubeletProcess { pid: 7, start_time: 1, stopped: false, held_by: None }),
            ..Located::default()
        }
    }

    #[test]
    fn only_a_static_pod_of_our_own_is_moved() {
        assert_eq!(layout_obstacle(&node()), None);
        let changes: [Change; 6] = [
            (|node| node.container.as_mut().unwrap().namespace = "openshift-etcd".into(), "OpenSh"),
            (
                |node| {
                    node.data_dir =
                        Some(Found::new("/var/lib/rancher/rke2/server/db/etcd".into(), "x"));
                },
                "RKE2",
            ),
            (|node| node.manifest = None, "no static pod"),
            (|node| node.container.as_mut().unwrap().state = ContainerState::Exited, "not run"),
            (|node| node.kubelet = None, "kubelet"),
            (|node| node.wal_dir = Some(Found::new("/wal".into(), "flag --wal-dir")), "/wal"),
        ];
        let mut rke2 = node();
        rke2.data_dir = Some(Found::new("/data/rke2/server/db/etcd".into(), "x"));
        let next = layout_obstacle(&rke2).map(|it| it.next).unwrap_or_default();
        assert!(next.contains("mv /data/rke2/server/db/etcd /data/rke2/server/db/etcd.old"));
        for (change, part) in changes {
            let mut node = node();
            change(&mut node);
            let found = layout_obstacle(&node);
            assert!(found.as_ref().is_some_and(|it| it.what.contains(part)), "{part}: {found:?}");
        }
    }
}
