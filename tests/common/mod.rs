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

use lab::{Fill, Lab, Master, Release, Spec, Until};

/// An etcd is down or up again within this time.
const SWITCHING: Duration = Duration::from_secs(60);

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

/// Ends its etcd for good: nobody starts it again.
pub fn switch_off(master: &Master) {
    master.signal("kubelet", "STOP").unwrap();
    until("the kubelet stops", SWITCHING, || master.state_of("kubelet") == Some('T'));
    master.kill_etcd().unwrap();
    until("etcd ends", SWITCHING, || master.pid_of("etcd").is_none());
}

/// Lets the kubelet start it again, and waits until it serves.
pub fn switch_on(master: &Master) {
    master.signal("kubelet", "CONT").unwrap();
    master.wait_serving(SWITCHING).unwrap();
}
