//! The main job on every containerd there is: the master's container is found, looked
//! into and recovered whatever release runs it. etcdctl judges. CRI-O and cri-dockerd
//! are in `runtimes`, by a scripted server.

mod common;

use std::time::Duration;

use common::{alone, fill, judge, rescue::rescue, until};
use lab::{Containerd, Fill, Lab, Master, Spec, releases, runtimes};

/// The lines that are supported.
const LINES: [&str; 3] = ["1.6.", "1.7.", "2."];

#[test]
fn a_master_on_every_containerd_recovers() {
    let _turn = alone();
    let all = runtimes();
    assert!(!all.is_empty(), "scripts/setup lab installs one");
    for runtime in &all {
        recovers(runtime);
    }
    for line in LINES.iter().filter(|line| !all.iter().any(|one| one.version.starts_with(*line))) {
        eprintln!("SKIPPED containerd {line}x: not here; CONTAINERD_RELEASES=DIR may name one");
    }
}

fn recovers(runtime: &Containerd) {
    let etcd = releases().pop().expect("scripts/setup lab fetches releases");
    eprintln!("{runtime} with {etcd}");
    let spec = Spec::new(1, &[etcd]).quota(24 << 20).containerd(runtime.clone());
    let lab = Lab::up(spec).unwrap();
    let master = lab.master("master-1");
    runs_its_own_shim(master, runtime);
    is_found(master, runtime);
    is_looked_into(master);

    fill(&lab, Fill::churn(), "master-1");
    let before = judge::data(master);
    let answer = rescue(master, &["recover", "--yes", "-w", "json"]).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    assert_eq!(judge::alarms(&lab), "");
    judge::same_data(&before, [master]);
    judge::small(&before, [master]);
    judge::stays_writable(&lab, &[master]);
    an_end_is_told(master);
}

/// Else another release's would be tested.
fn runs_its_own_shim(master: &Master, runtime: &Containerd) {
    let pid = master.pid_of("containerd-shim").expect("a shim");
    let link = format!("/proc/{pid}/exe");
    let exe = master.command("/bin/readlink").arg(link).output().expect("readlink runs");
    let exe = String::from_utf8_lossy(&exe.stdout).into_owned();
    let own = runtime.dir.join("containerd-shim-runc-v2").canonicalize().expect("there");
    assert_eq!(exe.trim(), own.to_str().expect("text"));
}

fn is_found(master: &Master, runtime: &Containerd) {
    let found = rescue(master, &["locate", "-w", "json"]).ends(0).json();
    let told = &found["runtime"];
    assert_eq!((&told["name"], &told["api"]), (&"containerd".into(), &"v1".into()));
    let version = told["version"].as_str().expect("a version").trim_start_matches('v');
    assert!(version.starts_with(&runtime.version), "{version}, not {runtime}");
    assert_eq!(told["socket"]["value"], "/run/containerd/containerd.sock");
    assert_eq!(found["container"]["state"], "running");
    assert_eq!(found["data_dir"]["value"], "/var/lib/etcd");
    assert_eq!(found["quota"]["value"], 24 << 20);
    assert_eq!(found["version"]["value"], master.release().version.as_str());
    assert_eq!(found["process"]["pid"].as_u64(), master.pid_of("etcd").map(u64::from));
    assert_eq!(found["complaints"], serde_json::json!([]));
}

/// `logs` and `exec`.
fn is_looked_into(master: &Master) {
    let log = rescue(master, &["logs", "--tail", "3"]).ends(0).text();
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.contains("\"caller\""), "{log}");
    let version = rescue(master, &["exec", "--", "etcdctl", "version"]).ends(0).text();
    assert!(version.contains(&master.release().version), "{version}");
    rescue(master, &["exec", "--", "/bin/no-such-program"]).ends(7);
}

/// The attempt before the running one, and its log.
fn an_end_is_told(master: &Master) {
    let before = master.pid_of("etcd");
    master.kill_etcd().unwrap();
    until("etcd starts again", Duration::from_secs(60), || {
        master.pid_of("etcd").is_some_and(|pid| Some(pid) != before)
    });
    master.wait_serving(Duration::from_secs(60)).unwrap();
    let found = rescue(master, &["locate", "-w", "json"]).ends(0).json();
    assert_eq!(found["container"]["restarts"], 1, "{found:#}");
    let log = rescue(master, &["logs", "--previous"]).ends(0).text();
    assert!(log.contains("alarm disarmed"), "{log}");
}
