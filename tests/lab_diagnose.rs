//! `diagnose` with three real members: a disk that is slow to sync is found and
//! named from anywhere, with and without somebody who writes; a healthy cluster
//! is left in peace.

mod common;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use common::{alone, judge, rescue::rescue, switch_off, switch_on, three};
use lab::{Lab, Master, Probes};
use serde_json::Value;

/// How late every fdatasync of the slow member begins.
const LATE: Duration = Duration::from_millis(300);

/// The answer of a run in a master that has to end with this code.
#[track_caller]
fn diagnose(master: &Master, args: &[&str], code: i32) -> Value {
    let answer = rescue(master, &[&["diagnose", "-w", "json"], args].concat()).ends(code).json();
    assert_eq!(answer["exit_code"], code);
    answer
}

/// Does something while small writes come in through a member, as an API server
/// makes them.
fn while_somebody_writes<T>(through: &Master, what: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                judge::put(through, "/registry/leases/kube-node-lease/master-1");
                thread::sleep(Duration::from_millis(50));
            }
        });
        let result = what();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// Its findings above "info".
fn findings(answer: &Value) -> Vec<&Value> {
    let all = answer["findings"].as_array().expect("findings").iter();
    all.filter(|finding| finding["severity"] != "info").collect()
}

#[test]
fn a_healthy_cluster_gets_no_finding() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20)).unwrap();
    let first = lab.master("master-1");
    for _ in 0..3 {
        let answer = diagnose(first, &[], 0);
        assert!(findings(&answer).is_empty(), "{answer:#}");
        assert_eq!(answer["verdict"]["slow_member"], Value::Null, "{answer:#}");
    }
    let answer = while_somebody_writes(first, || diagnose(first, &[], 0));
    assert!(findings(&answer).is_empty(), "{answer:#}");
}

#[test]
fn the_slow_member_is_named_from_another_master() {
    let _turn = alone();
    // No probe: a kubelet that kills a slow etcd is a fault of its own.
    let lab = Lab::up(three("3.5", 64 << 20).probes(Probes::None)).unwrap();
    for leader in ["master-2", "master-3"] {
        lab.move_leader(leader).unwrap();
        let slow = lab.master("master-3").slow_sync(LATE).unwrap();
        the_third_is_named(&lab, || diagnose(lab.master("master-1"), &[], 8));
        the_third_is_named(&lab, || {
            while_somebody_writes(lab.master("master-2"), || {
                diagnose(lab.master("master-1"), &["--passive"], 8)
            })
        });
        drop(slow);
    }
}

/// And etcdctl calls it healthy all the time.
#[track_caller]
fn the_third_is_named(lab: &Lab, diagnosed: impl FnOnce() -> Value) {
    healthy(lab);
    let answer = diagnosed();
    healthy(lab);
    let verdict = &answer["verdict"];
    assert_eq!(verdict["slow_member"], "master-3", "{answer:#}");
    let sentence = verdict["sentence"].as_str().expect("a sentence");
    for word in ["master-3", "256", "512 ms"] {
        assert!(sentence.contains(word), "{word} is not in: {sentence}\n{answer:#}");
    }
    eprintln!("{sentence}");
}

/// Fails unless etcdctl calls every member healthy.
#[track_caller]
fn healthy(lab: &Lab) {
    let text = judge::said(lab.etcdctl(&["endpoint", "health", "-w", "json"]));
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(all.len(), lab.masters().len());
    assert!(all.iter().all(|member| member["health"] == true), "{text}");
}

#[test]
fn on_its_own_node_the_slow_disk_is_told_with_its_evidence() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20).probes(Probes::None)).unwrap();
    let first = lab.master("master-1");
    let slow = first.slow_sync(LATE).unwrap();
    let before = Fsyncs::by_hand(first);
    let answer = diagnose(first, &[], 8);
    let after = Fsyncs::by_hand(first);
    drop(slow);

    let verdict = &answer["verdict"];
    assert_eq!(verdict["slow_member"], "master-1", "{answer:#}");
    let disk = answer["disk"]["leaves"][0]["name"].as_str().expect("a disk");
    let sentence = verdict["sentence"].as_str().expect("a sentence");
    for word in ["master-1", "256", "512 ms", disk] {
        assert!(sentence.contains(word), "{word} is not in: {sentence}\n{answer:#}");
    }
    assert!(!verdict["now"].as_array().expect("steps").is_empty(), "{answer:#}");

    let members = answer["members"].as_array().expect("members");
    let own = members.iter().find(|member| member["local"] == true).expect("its own");
    let fsync = &own["fsync"];
    let n = fsync["n"].as_u64().expect("a count");
    assert!(n >= 8 && n <= after.all() - before.all(), "{n}: {before:?} {after:?}");
    let bracket = (&fsync["p99"]["over_ms"], &fsync["p99"]["upto_ms"]);
    assert_eq!(bracket, (&256.0.into(), &512.0.into()), "{fsync:#}");
    let mut reached = 0;
    for bucket in fsync["since_start"]["buckets"].as_array().expect("buckets") {
        reached += bucket["count"].as_u64().expect("a count");
        let upto_ms = bucket["upto_ms"].as_f64().unwrap_or(f64::INFINITY);
        let (then, now) = (before.upto(upto_ms), after.upto(upto_ms));
        assert!((then..=now).contains(&reached), "up to {upto_ms} ms: {then} {reached} {now}");
    }
}

/// The rows of etcd's own histogram: bound in milliseconds, and how many were
/// not longer.
#[derive(Debug)]
struct Fsyncs(Vec<(f64, u64)>);

impl Fsyncs {
    /// Off the page that etcd serves on its node, with nothing but a shell.
    fn by_hand(master: &Master) -> Self {
        let get =
            r"exec 3<>/dev/tcp/127.0.0.1/2381; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3";
        let page = judge::said(Ok(master.command("/bin/bash").args(["-c", get]).output().unwrap()));
        let rows = page.lines().filter_map(|line| {
            let row = line.strip_prefix("etcd_disk_wal_fsync_duration_seconds_bucket{le=\"")?;
            let (bound, count) = row.split_once("\"} ").expect("a row");
            let bound: f64 = bound.replace("+Inf", "inf").parse().expect("a bound");
            Some(((bound * 1e9).round() / 1e6, count.parse().expect("a count")))
        });
        Self(rows.collect())
    }

    fn upto(&self, ms: f64) -> u64 {
        self.0.iter().find(|(bound, _)| *bound >= ms).expect("a row").1
    }

    fn all(&self) -> u64 {
        self.upto(f64::INFINITY)
    }
}

#[test]
fn what_cannot_be_looked_at_is_told_and_the_rest_is_looked_at() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };

    let hung = first.hang("/var/lib/etcd").unwrap();
    let answer = rescue(first, &["diagnose", "-w", "json"]).json();
    assert_eq!(reachable(&answer), [true; 3], "{answer:#}");
    let unknown = answer["verdict"]["unknown"].to_string();
    assert!(unknown.contains("/var/lib/etcd does not answer"), "{answer:#}");
    drop(hung);

    switch_off(third);
    let answer = diagnose(first, &[], 8);
    assert_eq!(reachable(&answer), [true, true, false], "{answer:#}");
    names(&answer, "member_silent", "master-3");
    switch_on(third);

    switch_off(first);
    let answer = diagnose(first, &[], 8);
    assert_eq!(reachable(&answer), [false, true, true], "{answer:#}");
    names(&answer, "member_silent", "master-1");
    switch_off(second);
    let answer = diagnose(first, &[], 8);
    assert_eq!(reachable(&answer), [false, false, true], "{answer:#}");
    names(&answer, "member_silent", "master-2");
    let sentence = answer["verdict"]["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("too few members are left to write"), "{sentence}");
    switch_on(second);
    switch_on(first);
}

/// Of the members by name.
fn reachable(answer: &Value) -> Vec<bool> {
    let members = answer["members"].as_array().expect("members").iter();
    members.map(|member| member["reachable"] == true).collect()
}

/// Fails unless there is such a finding about that member.
#[track_caller]
fn names(answer: &Value, code: &str, member: &str) {
    let is = |finding: &&Value| finding["code"] == code && finding["member"] == member;
    assert_eq!(findings(answer).into_iter().filter(is).count(), 1, "{answer:#}");
}
