//! What the suites with real masters share: taking turns, the program under
//! test inside a master, and the judges, which are etcd's own tools.
#![allow(dead_code)] // every suite uses another part

pub mod judge;
pub mod rescue;
pub mod snapshot;

use std::{
    fs,
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use lab::{Fill, Lab, Master, Release, Spec, Until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

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

/// Whether a defragmentation has begun and not ended, or left its file.
pub fn has_new_file(master: &Master) -> bool {
    rescue::files(master, "/var/lib/etcd/member/snap")
        .iter()
        .any(|path| path.to_string_lossy().contains("db.tmp."))
}

/// Freezes a member while its new file is growing; fails when its
/// defragmentation was over before.
#[track_caller]
pub fn freeze_in_defragmentation(master: &Master) {
    let mut etcd = etcd_outside(master);
    until("a frozen defragmentation", SWITCHING, || {
        let Some(pid) = etcd.filter(|pid| kill(*pid, None).is_ok()) else {
            etcd = etcd_outside(master);
            return false;
        };
        if !has_new_file(master) || kill(pid, Signal::SIGSTOP).is_err() {
            return false;
        }
        has_new_file(master) || {
            kill(pid, Signal::SIGCONT).unwrap();
            false
        }
    });
}

/// The pid of its etcd as this process sees it: a defragmentation may be over
/// before a program inside the master has sent a signal.
fn etcd_outside(master: &Master) -> Option<Pid> {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let own = network(&master.init_pid()?.to_string())?;
    let pids = fs::read_dir("/proc").ok()?.flatten();
    pids.map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.trim() == "etcd") && network(pid).as_ref() == Some(&own)
        })
        .find_map(|pid| Some(Pid::from_raw(pid.parse().ok()?)))
}
