//! The lab proves itself: real outages can be made in it, etcdctl sees them, and
//! nothing is left on the machine afterwards. Needs root and `scripts/setup lab`.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use lab::{Fill, Lab, Layout, Probes, Release, Spec, Until, release, releases};

/// Two cores bear one lab at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|broken| broken.into_inner())
}

fn line(line: &str) -> Release {
    release(line).expect("scripts/setup lab fetches it")
}

fn until(what: &str, patience: u64, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(patience);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {patience} s");
        thread::sleep(Duration::from_millis(100));
    }
}

fn succeeds(lab: &Lab, args: &[&str]) -> bool {
    lab.etcdctl(args).is_ok_and(|out| out.status.success())
}

#[test]
fn three_masters_fill_up_and_bear_faults() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(3, &[line("3.5")]).quota(32 << 20).speed(10)).unwrap();
    assert!(succeeds(&lab, &["put", "kept", "value"]));
    let report = lab.fill(Fill::churn(), Until::Alarm).unwrap();
    assert!(report.refusal.is_some(), "{report}");
    let refused = lab.etcdctl(&["put", "a", "b"]).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("database space exceeded"));
    let alarms = lab.etcdctl(&["alarm", "list"]).unwrap();
    assert!(String::from_utf8_lossy(&alarms.stdout).contains("NOSPACE"));

    lab.move_leader("master-2").unwrap();
    assert_eq!(lab.leader().unwrap(), "master-2");

    let (first, third) = (lab.master("master-1"), lab.master("master-3"));
    let seen = first.command("/bin/hostname").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&seen.stdout).trim(), "master-1");
    assert!(first.path("/etc/kubernetes/manifests/etcd.yaml").is_file());
    assert!(first.path("/etc/hostname").is_file());

    let before = first.pid_of("etcd").unwrap();
    first.kill_etcd().unwrap();
    until("etcd starts again", 20, || first.pid_of("etcd").is_some_and(|pid| pid != before));

    first.signal("kubelet", "STOP").unwrap();
    until("the kubelet stops", 5, || first.state_of("kubelet") == Some('T'));
    first.signal("kubelet", "CONT").unwrap();
    until("the kubelet goes on", 5, || first.state_of("kubelet") != Some('T'));

    third.power_cut().unwrap();
    assert_eq!(third.init_pid(), None);
    third.boot().unwrap();
    third.wait_serving(Duration::from_secs(60)).unwrap();

    third.cut_network().unwrap();
    assert!(!third.etcdctl(&["get", "kept"]).unwrap().status.success());
    third.heal_network().unwrap();
    lab.wait_serving(Duration::from_secs(60)).unwrap();
    lab.down().unwrap();
}

#[test]
fn a_probe_of_old_kubeadm_makes_a_crash_loop() {
    let _turn = alone();
    let lab =
        Lab::up(Spec::new(1, &[line("3.4")]).quota(32 << 20).probes(Probes::Health).speed(20))
            .unwrap();
    lab.fill(Fill::churn(), Until::Alarm).unwrap();
    let log = || std::fs::read_to_string(lab.masters()[0].log("kubelet")).unwrap_or_default();
    until("the third attempt", 90, || log().contains("etcd attempt 2"));
    assert!(log().contains("failed liveness probe, will be restarted"), "{}", log());
    assert!(log().contains("container etcd ended with 0"), "{}", log());
}

#[test]
fn a_mixed_cluster_fills_up_like_kubernetes_does() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(3, &[line("3.4"), line("3.5.16")]).quota(32 << 20)).unwrap();
    let report = lab.fill(Fill::Kubernetes, Until::Alarm).unwrap();
    assert!(report.keys > 500, "{report}");
    let pods = lab
        .etcdctl(&["get", "/registry/pods/", "--prefix", "--count-only", "-w", "fields"])
        .unwrap();
    assert!(String::from_utf8_lossy(&pods.stdout).contains("\"Count\""));
    let versions: Vec<_> =
        lab.statuses().unwrap().iter().map(|(_, status)| status["version"].to_string()).collect();
    assert!(versions.iter().any(|version| version.contains("3.4")), "{versions:?}");
    assert!(versions.iter().any(|version| version.contains("3.5")), "{versions:?}");
}

#[test]
fn a_small_disk_is_the_masters_own_and_a_manifest_rules_its_pod() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[releases().pop().unwrap()]).data_disk(220 << 20)).unwrap();
    let master = &lab.masters()[0];
    assert!(master.path("/var/lib/etcd/member/snap/db").is_file());
    let df = master.command("/bin/df").args(["--output=size", "/var/lib/etcd"]).output().unwrap();
    let kilobytes: u64 =
        String::from_utf8_lossy(&df.stdout).lines().nth(1).unwrap().trim().parse().unwrap();
    assert!(kilobytes < 220 << 10);
    let report = lab.fill(Fill::churn(), Until::Bytes(10 << 20)).unwrap();
    assert!(report.db_size >= 10 << 20 && report.refusal.is_none());

    let manifest = master.path("/etc/kubernetes/manifests/etcd.yaml");
    let aside = master.path("/etc/kubernetes/etcd.yaml");
    std::fs::rename(&manifest, &aside).unwrap();
    until("the pod ends", 30, || master.pid_of("etcd").is_none());
    std::fs::rename(&aside, &manifest).unwrap();
    master.wait_serving(Duration::from_secs(60)).unwrap();
    let dir = lab::site::lab(&lab.spec().name);
    drop(lab);
    assert!(!dir.exists());
    for path in ["/etc/kubernetes", "/var/lib/etcd", "/var/log/pods"] {
        let ours = Path::new(path).exists() && !Path::new("/usr/bin/kubelet").exists();
        assert!(!ours, "{path} is left");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(dir.to_str().unwrap()));
}

#[test]
fn a_layout_leaves_nothing_where_the_machine_has_no_place_for_it() {
    let _turn = alone();
    for (layout, place, inside) in [
        (Layout::Talos, "/system", "secrets/etcd/ca.crt"),
        (Layout::Microk8s, "/var/snap", "microk8s/current/args/k8s-dqlite"),
    ] {
        let place = Path::new(place);
        assert!(!place.exists(), "{} is here already", place.display());
        let lab = Lab::up(Spec::new(1, &[line("3.5")]).layout(layout)).unwrap();
        let (master, dir) = (&lab.masters()[0], lab::site::lab(&lab.spec().name));
        let seen = master.command("/bin/cat").arg(place.join(inside)).output().unwrap();
        assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
        assert!(!place.exists(), "{} is the machine's now", place.display());
        // The lab's own directory is still the machine's.
        assert!(master.log("init").is_file() && dir.is_dir());
        drop(lab);
        assert!(!dir.exists());
    }
}
