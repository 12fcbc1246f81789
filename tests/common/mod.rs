//! What the suites with real masters share: taking turns, the program under
//! test inside a master, and the judges, which are etcd's own tools.
#![allow(dead_code)] // every suite uses another part

pub mod judge;
pub mod rescue;
pub mod snapshot;

use std::{
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use lab::{Fill, Lab, Release, Spec, Until};

/// Two cores bear one lab at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// A release that `scripts/setup` fetches.
pub fn release(wanted: &str) -> Release {
    lab::release(wanted).expect("scripts/setup lab fetches it")
}

/// Three masters of one release.
pub fn three(wanted: &str, quota: u64) -> Spec {
    Spec::new(3, &[release(wanted)]).quota(quota)
}

/// Writes until etcd itself refuses, then gives the lead to a master.
pub fn fill(lab: &Lab, pattern: Fill, leader: &str) {
    let report = lab.fill(pattern, Until::Alarm).expect("filled");
    eprintln!("{report}");
    if lab.masters().len() > 1 {
        lab.move_leader(leader).expect("the leader moves");
    }
    assert!(judge::alarms(lab).contains("NOSPACE"));
    assert!(!judge::put(lab.master("master-1"), "refused"), "a write is refused");
}

/// Waits for something that comes by itself.
#[track_caller]
pub fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
