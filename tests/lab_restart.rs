//! Real ends of a real etcd, and what is said about each: killed by the
//! kubelet's probe, by a signal, by damaged files, by a wrong flag, for want of
//! memory, by a failed defragmentation, by a full disk.

mod common;

use std::{
    fs,
    os::unix::fs::FileExt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use common::{alone, fill, release, rescue::rescue, until};
use lab::{Fill, Lab, Master, Probes, Spec, Until};
use serde_json::Value;

/// Back-offs and probes at a twentieth of their time, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
const AWAY: &str = "/etc/kubernetes/etcd-away.yaml";

fn locate(master: &Master) -> Value {
    rescue(master, &["locate", "-w", "json"]).ends(0).json()
}

/// Waits until etcd is seen in that state with that cause.
#[track_caller]
fn await_cause(master: &Master, state: &str, cause: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = locate(master);
    while seen["container"]["state"] != state || seen["restart"]["cause"] != cause {
        assert!(Instant::now() < deadline, "not {state} because of {cause}: {seen:#}");
        thread::sleep(Duration::from_millis(50));
        seen = locate(master);
    }
    eprintln!("{}", seen["restart"]["text"]);
    seen["restart"].take()
}

fn text(restart: &Value) -> &str {
    restart["text"].as_str().expect("a text")
}

/// Takes the manifest away until etcd has ended, and puts it back behind
/// `change`.
fn while_away(master: &Master, change: impl FnOnce()) {
    fs::rename(master.path(MANIFEST), master.path(AWAY)).expect("moved out");
    until("etcd ends", PATIENCE, || master.pid_of("etcd").is_none());
    change();
    fs::rename(master.path(AWAY), master.path(MANIFEST)).expect("moved in");
}

fn wal(master: &Master) -> PathBuf {
    let files = fs::read_dir(master.path("/var/lib/etcd/member/wal")).expect("there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    files.sort();
    files.swap_remove(0)
}

fn every_end_is_told_apart(version: &str) {
    let _turn = alone();
    let spec = Spec::new(1, &[release(version)]).quota(16 << 20).probes(Probes::Health).speed(20);
    let lab = Lab::up(spec).unwrap();
    let first = lab.master("master-1");
    assert_eq!(locate(first)["restart"], Value::Null, "it never ended");

    first.kill_etcd().unwrap();
    let restart = await_cause(first, "running", "stopped");
    assert!(text(&restart).contains("SIGKILL"), "{restart}");
    assert_eq!((&restart["exit_code"], &restart["passes"]), (&137.into(), &true.into()));
    assert!(!restart["last_lines"].as_array().expect("lines").is_empty());

    fill(&lab, Fill::churn(), "master-1");
    let restart = await_cause(first, "running", "probe_kill");
    assert!(text(&restart).contains("GET /health fail while NOSPACE is on"), "{restart}");
    assert_eq!((&restart["exit_code"], &restart["reason"]), (&0.into(), &"Completed".into()));
    first.wait_serving(PATIENCE).unwrap();
    let status = rescue(first, &["status"]).ends(0).text();
    assert!(status.contains("\nRestart etcd on this node was restarted "), "{status}");

    while_away(first, || {
        let file = fs::File::options().write(true).open(wal(first)).expect("opened");
        file.write_all_at(b"not what was here", 20_000).expect("damaged");
    });
    let restart = await_cause(first, "exited", "damaged_data");
    assert!(text(&restart).contains("crc mismatch"), "{restart}");
    assert_eq!(restart["passes"], false);
    assert!(restart["next_start_in_s"].is_u64(), "{restart}");

    let failed = rescue(first, &["recover", "--yes", "--timeout", "2s", "--wait", "1s"]).ends(7);
    let said = failed.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["crc mismatch", "snapshot save --offline", "member add master-1"] {
        assert!(said.contains(words), "{words} in {}", failed.stderr);
    }
    assert!(!said.contains("rm "), "{}", failed.stderr);

    let mut restart = Value::Null;
    until("the kubelet is stopped between two attempts", PATIENCE, || {
        first.signal("kubelet", "STOP").unwrap();
        let mut seen = locate(first);
        restart = seen["restart"].take();
        let between = seen["container"]["state"] == "exited";
        if !between {
            first.signal("kubelet", "CONT").unwrap();
        }
        between
    });
    assert_eq!(restart["cause"], "damaged_data");
    assert!(text(&restart).contains("`kill -CONT "), "{restart}");
    assert_eq!(restart["next_start_in_s"], Value::Null);
    first.signal("kubelet", "CONT").unwrap();

    while_away(first, || {
        let away = first.path(AWAY);
        let manifest = fs::read_to_string(&away).expect("read");
        fs::write(&away, manifest.replace("--snapshot-count=", "--snapshot-cuont=")).expect("put");
    });
    let restart = await_cause(first, "exited", "wrong_settings");
    assert!(text(&restart).contains("-snapshot-cuont"), "{restart}");
    assert_eq!(restart["passes"], false);

    while_away(first, || {
        let away = first.path(AWAY);
        let manifest = fs::read_to_string(&away).expect("read");
        fs::write(&away, manifest.replace("    - etcd\n", "    - etcdx\n")).expect("put");
    });
    until("never started", PATIENCE, || {
        // Before that there is no container for a moment.
        let restart = locate(first)["restart"].take();
        restart["cause"] == "never_started" && text(&restart).contains("etcdx")
    });
}

#[test]
fn every_end_of_3_4_is_told_apart() {
    every_end_is_told_apart("3.4");
}

#[test]
fn every_end_of_3_5_is_told_apart() {
    every_end_is_told_apart("3.5.16");
}

/// Writes until etcd is another process, or none.
fn write_to_death(master: &Master) {
    let before = master.pid_of("etcd");
    let value = "v".repeat(100_000);
    until("etcd dies of it", PATIENCE, || {
        let put = |key: &u32| master.etcdctl(&["put", &format!("key-{key}"), &value]);
        (0..20).all(|key| put(&key).is_ok_and(|put| put.status.success()));
        master.pid_of("etcd") != before
    });
}

/// What takes the last room of the data disk.
const FILLER: &str = "/var/lib/etcd/filler";

fn fill_disk(master: &Master) {
    let filler = fs::File::create(master.path(FILLER)).expect("made");
    let block = vec![0x5a; 1 << 20];
    let mut size = 0;
    while filler.write_all_at(&block, size).is_ok() {
        size += block.len() as u64;
    }
    filler.sync_all().expect("synced");
}

/// A memory limit that is not enough, by cgroup v1 or v2.
const LIMIT_MEMORY: &str = "\
    set -e; root=/sys/fs/cgroup; own=/proc/$(pidof etcd)/cgroup
    group=$(sed -n 's/^[0-9]*:memory://p' $own)
    if [ -n \"$group\" ]; then echo 20M > $root/memory$group/memory.limit_in_bytes
    else echo 20M > $root$(sed -n 's/^0:://p' $own)/memory.max; fi";

#[test]
fn ends_for_want_of_memory_and_of_disk_are_told_apart() {
    let _turn = alone();
    let spec = Spec::new(1, &[release("3.4")]).probes(Probes::None).speed(20).data_disk(400 << 20);
    let lab = Lab::up(spec).unwrap();
    let first = lab.master("master-1");

    let limited = first.command("/bin/sh").args(["-c", LIMIT_MEMORY]).status();
    assert!(limited.is_ok_and(|status| status.success()));
    write_to_death(first);
    let restart = await_cause(first, "running", "out_of_memory");
    assert!(text(&restart).contains("Memory cgroup out of memory: Killed process"), "{restart}");
    first.wait_serving(PATIENCE).unwrap();

    lab.fill(Fill::churn(), Until::Bytes(40 << 20)).unwrap();
    fill_disk(first);
    let pid = first.pid_of("etcd");
    let defrag = first.etcdctl(&["defrag"]).unwrap();
    assert!(!defrag.status.success(), "there is no room for the new file");
    drop(first.etcdctl(&["put", "key", "value"]));
    until("etcd dies of it", PATIENCE, || first.pid_of("etcd") != pid);
    // With room again, it does not die of something else before it is asked.
    fs::remove_file(first.path(FILLER)).expect("removed");
    let restart = await_cause(first, "running", "failed_defragmentation");
    assert!(text(&restart).contains("the data are whole"), "{restart}");
    assert_eq!(restart["passes"], true);
    first.wait_serving(PATIENCE).unwrap();

    fill_disk(first);
    write_to_death(first);
    let mut restart = Value::Null;
    until("a full disk is told", PATIENCE, || {
        restart = locate(first)["restart"].take();
        restart["cause"] == "disk_full"
    });
    assert!(text(&restart).contains("no space left on device"), "{restart}");
    assert_eq!(restart["passes"], false);
}
