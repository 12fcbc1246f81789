//! `diagnose` with three real members: a disk that is slow to sync is found and
//! named from anywhere, with and without somebody who writes; a healthy cluster
//! is left in peace.

mod common;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use common::{alone, judge, rescue::rescue, three};
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
