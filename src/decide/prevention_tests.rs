//! The advice on each kind of installation.

use super::*;
use crate::model::{
    Container, ContainerState, Found, Manifest, Member, MemberId, MemberStatus, Process,
    QuotaSource, Revision,
};

fn pod(path: &str, args: &[&str]) -> World {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut world = World::default();
    world.node.manifest = Some(Manifest { path: path.into(), args, probes: Vec::new() });
    world
}

fn process(comm: &str, env: &[&str]) -> World {
    let env = env.iter().map(|name| (*name).to_owned()).collect();
    let mut world = World::default();
    world.node.process = Some(Process { pid: 5, args: vec![comm.into()], env, comm: comm.into() });
    world
}

fn container(namespace: &str) -> Container {
    Container {
        id: "abc".into(),
        name: "etcd".into(),
        pod: "etcd-master-1".into(),
        namespace: namespace.into(),
        state: ContainerState::Running,
        created_at: 0,
        started_at: 0,
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
    }
}

fn advice(world: &World) -> String {
    prevention(world).join("\n")
}

const KUBEADM: &str = "/etc/kubernetes/manifests/etcd.yaml";
const RKE2: &str = "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml";

#[test]
fn a_manifest_of_ours_to_edit_has_a_command() {
    for path in [KUBEADM, "/srv/manifests/etcd.yaml"] {
        let text = advice(&pod(path, &["etcd"]));
        for part in ["`etcd-rescue usage`", "`etcd-rescue prevent`", "`etcd-rescue rules`"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("--auto-compaction"), "{text}");
    }
}

#[test]
fn rancher_writes_the_manifest_itself() {
    let mut by_data = World::default();
    by_data.node.data_dir = Some(Found::new("/var/lib/rancher/rke2/server/db/etcd".into(), ""));
    for (world, file) in [
        (pod(RKE2, &["etcd", "--config-file=/x"]), "/etc/rancher/rke2/config.yaml"),
        (by_data, "/etc/rancher/rke2/config.yaml"),
        (process("k3s-server", &[]), "/etc/rancher/k3s/config.yaml"),
    ] {
        let text = advice(&world);
        let lines = "    etcd-arg:\n    - auto-compaction-mode=periodic\n    - \
                     auto-compaction-retention=1h\n";
        assert!(text.contains(file) && text.contains(lines), "{text}");
        assert!(!text.contains("prevent") && !text.contains("manifest"), "{text}");
    }
}

#[test]
fn k0s_has_a_file_of_its_own() {
    let mut world = World::default();
    world.node.data_dir = Some(Found::new("/var/lib/k0s/etcd".into(), ""));
    let text = advice(&world);
    assert!(text.contains("/etc/k0s/k0s.yaml") && text.contains("extraArgs:"), "{text}");
}

#[test]
fn on_openshift_there_is_nothing_to_edit() {
    let mut world = pod("/etc/kubernetes/manifests/etcd-pod.yaml", &[]);
    world.node.container = Some(container("openshift-etcd"));
    let text = advice(&world);
    assert!(text.contains("nothing to edit") && !text.contains("prevent"), "{text}");
}

#[test]
fn a_service_has_an_environment_file() {
    let text = advice(&process("etcd", &["ETCD_NAME=m1"]));
    assert!(text.contains("environment file") && text.contains("systemctl cat etcd"), "{text}");
    assert!(text.contains("    ETCD_AUTO_COMPACTION_MODE=periodic\n"), "{text}");
    assert!(text.contains("    ETCD_AUTO_COMPACTION_RETENTION=1h\n"), "{text}");
}

#[test]
fn what_is_on_already_is_seen_wherever_it_is_set() {
    let mut by_file = World::default();
    by_file.node.compaction = Some(Found::new("8h".into(), "etcd.conf"));
    let mut by_container = World::default();
    by_container.node.container = Some(Container {
        env: vec!["ETCD_AUTO_COMPACTION_RETENTION=30m".into()],
        ..container("kube-system")
    });
    for on in [
        pod(KUBEADM, &["etcd", "--auto-compaction-retention=1h"]),
        pod(KUBEADM, &["etcd", "-auto-compaction-retention", "10"]),
        pod(KUBEADM, &["sh", "-c", "exec etcd --auto-compaction-retention=\"5m\" --name=x"]),
        process("etcd", &["ETCD_AUTO_COMPACTION_RETENTION=1h"]),
        by_file,
        by_container,
    ] {
        let text = advice(&on);
        assert!(text.contains("already on"), "{:?}: {text}", on.node);
    }
    for off in ["0", "0h", "0h0m"] {
        let flag = format!("--auto-compaction-retention={off}");
        let text = advice(&pod(KUBEADM, &["etcd", &flag]));
        assert!(!text.contains("already on"), "{off}: {text}");
    }
}

#[test]
fn a_quota_fits_into_half_of_the_memory() {
    let keeper = Keeps::Manifest;
    let advised = |gib: u64| quota(&keeper, Some(Bytes(gib << 30)));
    assert!(advised(64).contains("`etcd-rescue prevent --quota 8GiB` raises it to 8 GiB"));
    assert!(advised(8).contains("--quota 4GiB` raises it to 4 GiB (half of"), "{}", advised(8));
    assert!(advised(4).contains("allows no more"), "{}", advised(4));
    assert!(quota(&keeper, None).contains("8 GiB") && quota(&keeper, None).contains("half"));
}

fn member(quota: Bytes) -> Member {
    let quota = Quota { limit: Some(quota), source: QuotaSource::Metric };
    Member {
        id: MemberId(1),
        name: "master-1".into(),
        endpoint: String::new(),
        local: true,
        learner: false,
        defragmenting: false,
        open_snapshots: None,
        disk_times: crate::model::DiskTimes::default(),
        status: Ok(MemberStatus {
            version: None,
            version_text: String::new(),
            db_size: quota.limit.unwrap_or_default(),
            db_size_in_use: Bytes(0),
            quota,
            leader: None,
            learner: false,
            alarms: Vec::new(),
            errors: Vec::new(),
            revision: Revision(1),
            raft_term: 1,
            raft_index: 1,
            raft_applied_index: 1,
        }),
    }
}

#[test]
fn a_quota_is_raised_where_its_keeper_has_it_and_not_beyond_reason() {
    let with = |world: World, quota: u64, memory: Option<u64>| {
        let mut world = world;
        world.node.memory = memory.map(|gib| Bytes(gib << 30));
        world.members = vec![member(Bytes(quota << 30))];
        raise_quota(&world)
    };
    let kubeadm = || pod("/etc/kubernetes/manifests/etcd.yaml", &[]);
    let told = with(kubeadm(), 2, Some(32));
    let command = "`etcd-rescue prevent --quota 4GiB`";
    assert!(told.contains(command) && told.contains("one at a time"), "{told}");
    assert!(with(kubeadm(), 2, Some(6)).contains("--quota 3GiB`"));
    assert!(with(kubeadm(), 8, None).contains("no way here"));
    assert!(with(kubeadm(), 2, Some(4)).contains("no way here"));
    let rancher = pod("/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml", &[]);
    let told = with(rancher, 2, None);
    assert!(told.contains("quota-backend-bytes=4294967296 as `etcd-arg` in /etc/rancher/rke2"));
    let mut operator = World::default();
    operator.node.container = Some(container("openshift-etcd"));
    assert!(with(operator, 8, None).contains("delete first"));
}
