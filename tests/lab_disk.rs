//! A full disk below etcd: nothing is done while the new file would not fit,
//! what can go is told, and what a broken-off defragmentation left goes first.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use common::{
    alone, fill, judge, release,
    rescue::{Ran, rescue},
    until,
};
use lab::{Fill, Lab, Master, Spec};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;
const SNAP: &str = "/var/lib/etcd/member/snap";
/// Somebody else's file on etcd's disk.
const BALLAST: &str = "/var/lib/etcd/ballast";

#[test]
fn a_full_disk_stops_the_recovery_until_there_is_room() {
    let _turn = alone();
    // This release dies when the disk fills up during a defragmentation.
    let spec = Spec::new(1, &[release("3.4.23")]).quota(24 << 20).data_disk(600_000_000);
    let lab = Lab::up(spec).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-1");

    refused_without_room(&lab, first);
    told_what_can_go_and_goes_on_when_it_went(first);

    fill(&lab, Fill::churn(), "master-1");
    an_orphan_goes_first_and_a_file_in_use_stays(&lab, first);

    an_etcd_that_died_of_it_gets_its_room_back(first);
}

fn refused_without_room(lab: &Lab, first: &Master) {
    leave_free(first, BALLAST, 10 * MIB);
    let (data, revision, size) =
        (judge::data(first), judge::revision(first), judge::db_size(first));
    let (files, alarms) = (files(first), judge::alarms(lab));
    let answer = recover(first, &[]).ends(4).json();
    assert_eq!(answer["outcome"], "refused");
    assert_eq!(answer["refusals"][0]["kind"], "no_room_for_database", "{answer:#}");
    let next = answer["refusals"][0]["next"].as_str().unwrap();
    assert!(next.contains("MiB of room on /var/lib/etcd") && next.contains("known to be safe"));
    assert_eq!(answer["steps"], json!([]));
    assert!(judge::data(first) == data);
    assert_eq!((judge::revision(first), judge::db_size(first)), (revision, size));
    assert_eq!(judge::alarms(lab), alarms);
    assert_eq!(self::files(first), files);
    assert!(!judge::is_compacted(first, revision - 1));
}

/// Pods' logs on etcd's disk: what the refusal says to type makes the room.
fn told_what_can_go_and_goes_on_when_it_went(first: &Master) {
    sh(first, "mkdir -p /var/lib/etcd/pods && mount --bind /var/lib/etcd/pods /var/log/pods");
    sh(first, "mkdir -p /var/log/pods/kube-system_other_0/other && rm /var/lib/etcd/ballast");
    leave_free(first, "/var/log/pods/kube-system_other_0/other/0.log.20261123-070001", 10 * MIB);
    sh(first, "echo now > /var/log/pods/kube-system_other_0/other/0.log");

    let status = rescue(first, &["status", "-w", "json"]).ends(0).json();
    let found = &status["disk"]["freeable"][0];
    assert_eq!(found["kind"], "rotated_logs", "{status:#}");
    assert!(found["bytes"].as_u64().is_some_and(|bytes| bytes > 20 * MIB), "{status:#}");
    let human = words(&rescue(first, &["status"]).ends(0).text());
    assert!(human.contains("rotated pod logs: `find /var/log/pods"), "{human}");

    let answer = recover(first, &[]).ends(4).json();
    let command = found["command"].as_str().unwrap();
    assert!(answer["refusals"][0]["next"].as_str().unwrap().contains(command), "{answer:#}");
    sh(first, command);
    sh(first, "test -s /var/log/pods/kube-system_other_0/other/0.log");
    sh(first, "umount /var/log/pods && rm -r /var/lib/etcd/pods");
    assert_eq!(recover(first, &[]).ends(0).json()["outcome"], "recovered");
}

fn an_orphan_goes_first_and_a_file_in_use_stays(lab: &Lab, first: &Master) {
    let before = judge::data(first);
    let (orphan, used) = (format!("{SNAP}/db.tmp.123"), format!("{SNAP}/db.tmp.77"));
    sh(first, &format!("echo half > {used}"));
    let holder = Holder::of(first, &used);
    leave_free(first, &orphan, 10 * MIB);
    // What was written only now is not left over.
    sh(first, &format!("touch -d '1 minute ago' {orphan} {used}"));
    let answer = recover(first, &[]).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    // Before anything that needs room; only the kubelet may be held before.
    let kinds: Vec<&str> =
        answer["plan"].as_array().unwrap().iter().filter_map(|it| it["kind"].as_str()).collect();
    let place = |kind: &str| kinds.iter().position(|known| *known == kind);
    assert!(place("remove_left_overs") < place("snapshot"), "{answer:#}");
    let steps = answer["steps"].as_array().unwrap();
    let removal = steps.iter().find(|step| step["id"] == "left-overs").expect("the step");
    assert_eq!(removal["status"], "done");
    assert!(!first.path(&orphan).exists());
    assert_eq!(fs::read_to_string(first.path(&used)).unwrap(), "half\n", "a process holds it");
    drop(holder);
    judge::same_data(&before, [first]);
    judge::small(&before, [first]);
    judge::stays_writable(lab, &[first]);
    // Now nobody does.
    let answer = rescue(first, &["defrag", "--yes", "-w", "json"]).ends(0).json();
    assert_eq!(answer["steps"][0]["id"], "left-overs", "{answer:#}");
    assert!(!first.path(&used).exists());
}

fn an_etcd_that_died_of_it_gets_its_room_back(first: &Master) {
    first.signal("kubelet", "STOP").unwrap();
    until("the kubelet stops", PATIENCE, || first.state_of("kubelet") == Some('T'));
    // Its room has to do for the WAL segment that etcd may want at its start.
    let orphan = format!("{SNAP}/db.tmp.9");
    sh(first, &format!("fallocate -l 100M {orphan} && touch -d '1 minute ago' {orphan}"));
    leave_free(first, BALLAST, 0);
    until("etcd dies of its full disk", PATIENCE, || {
        let value = "x".repeat(100_000);
        let _ = first.etcdctl(&["put", "/judge/full", &value]);
        first.pid_of("etcd").is_none()
    });
    let files = self::files(first);
    let nobody = rescue(first, &["recover", "-w", "json", "--wait", "1s"]).ends(7);
    let next = text(&nobody.json()["error"]["next"]);
    assert!(next.contains("100.0 MiB, left over from a broken-off defragmentation"), "{next}");
    assert_eq!(self::files(first), files, "nobody said yes");

    let ran = recover(first, &["--wait", "1s"]);
    assert!(
        ran.stderr.contains("100.0 MiB of a broken-off defragmentation freed"),
        "{}",
        ran.stderr
    );
    assert!(!text(&ran.json()["error"]["next"]).contains("left over"), "{}", ran.text());
    let left: Vec<_> = files.into_iter().filter(|(path, _)| !path.ends_with("db.tmp.9")).collect();
    assert_eq!(self::files(first), left, "nothing else was touched");
    first.signal("kubelet", "CONT").unwrap();
    first.wait_serving(PATIENCE * 2).unwrap();
    assert!(judge::put(first, "/judge/again"));
}

fn recover(master: &Master, more: &[&str]) -> Ran {
    rescue(master, &[&["recover", "--yes", "-w", "json"], more].concat())
}

fn text(value: &Value) -> String {
    words(value.as_str().unwrap_or_default())
}

/// Without line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn sh(master: &Master, line: &str) -> String {
    let output = master.command("/bin/sh").args(["-c", line]).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Makes a file that leaves so much of etcd's disk free.
#[track_caller]
fn leave_free(master: &Master, path: &str, bytes: u64) {
    let free = sh(master, "stat -f -c '%a %S' /var/lib/etcd");
    let numbers: Vec<u64> = free.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let size = (numbers[0] * numbers[1]).checked_sub(bytes).expect("more is free");
    // An extent needs some blocks of its own.
    sh(master, &format!("fallocate -l {} {path}", size.saturating_sub(64 << 10).max(1)));
    if bytes == 0 {
        sh(master, &format!("cat /dev/zero >> {path} 2> /dev/null; true"));
    }
}

/// Every file of etcd's own with its size.
fn files(master: &Master) -> Vec<(PathBuf, u64)> {
    fn below(directory: &Path, found: &mut Vec<(PathBuf, u64)>) {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            match entry.metadata().unwrap() {
                meta if meta.is_dir() => below(&entry.path(), found),
                meta => found.push((entry.path(), meta.len())),
            }
        }
    }
    let mut found = Vec::new();
    below(&master.path("/var/lib/etcd/member"), &mut found);
    found.sort();
    found
}

/// A process inside a master that has a file open.
struct Holder(Child);

impl Holder {
    fn of(master: &Master, path: &str) -> Self {
        let mut command = master.command("/bin/sh");
        command.args(["-c", &format!("exec 9<{path}; echo open; read line")]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "open\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
