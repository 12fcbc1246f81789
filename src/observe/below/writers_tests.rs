//! Writers of a recorded tree, counted twice.

use std::{thread, time::Duration};

use super::*;
use crate::observe::{
    below::{block_device::BlockDevice, filesystem::Ground, leaf, recorded::Recorded},
    mounts::Mounts,
};

const POD: &str = "/kubepods/burstable/pod3f2b8c1d4e5f60718293a4b5c6d7e8f9";
const LONGHORN: &str = "/kubepods/besteffort/pod0a1b2c3d-0000-4000-8000-0123456789ab";

fn tree() -> Recorded {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/partition"));
    recorded.write("/proc/self/mountinfo", "40 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw");
    for (pid, comm, cgroup) in
        [(100, "etcd", format!("{POD}/abc")), (200, "longhorn", format!("{LONGHORN}/def"))]
    {
        recorded.write(&format!("/proc/{pid}/comm"), comm);
        recorded.write(&format!("/proc/{pid}/cgroup"), &format!("0::{cgroup}"));
    }
    recorded
}

/// Both have written so much since they started.
fn count(recorded: &Recorded, etcd: u64, longhorn: u64) {
    for (pid, pod, bytes) in [(100, POD, etcd), (200, LONGHORN, longhorn)] {
        let io = recorded.host().path(format!("/proc/{pid}/io"));
        fs::write(io, format!("write_bytes: {bytes}\ncancelled_write_bytes: 0\n"))
            .expect("written");
        let stat = recorded.host().path(format!("/sys/fs/cgroup{pod}/io.stat"));
        fs::create_dir_all(stat.parent().expect("a parent")).expect("made");
        let lines = format!("8:0 rbytes=0 wbytes={bytes} wios={}\n9:9 wbytes=7\n", bytes / 4096);
        fs::write(stat, lines).expect("written");
    }
}

#[test]
fn processes_and_pods_are_told_with_etcd_marked() {
    let recorded = tree();
    let host = recorded.host();
    let mounts = Mounts::read_in(&host);
    let ground = Ground { host: &host, mounts: &mounts };
    count(&recorded, 1 << 20, 1 << 20);
    let first = Counted::now(ground);
    thread::sleep(Duration::from_millis(20));
    count(&recorded, 3 << 20, 9 << 20);
    let last = Counted::now(ground);
    let pods = cgroup::pods_by_logs(&[
        "kube-system_etcd-master-1_3f2b8c1d4e5f60718293a4b5c6d7e8f9".to_owned(),
    ]);
    let disk = BlockDevice::by_name(&host, "sda").expect("a disk");
    let leaves = [leaf::leaf(&host, &disk)];
    let known = Known { host: &host, etcd: Some(100), pods: &pods, leaves: &leaves };
    let told = writers(known, &first, &last);
    let mut seen: Vec<_> = told.iter().map(|w| (w.who.as_str(), w.cgroup, w.etcd)).collect();
    seen[..2].sort_unstable();
    seen[2..].sort_unstable();
    let uid = "0a1b2c3d-0000-4000-8000-0123456789ab";
    assert_eq!(
        seen,
        [
            (format!("longhorn (pid 200, pod {uid})").as_str(), false, false),
            (format!("pod {uid}").as_str(), true, false),
            ("etcd (pid 100, pod kube-system/etcd-master-1)", false, true),
            ("pod kube-system/etcd-master-1", true, true),
        ]
    );
    let pod = told.iter().find(|writer| writer.cgroup && writer.etcd).expect("etcd's pod");
    assert_eq!(pod.disk.as_deref(), Some("sda"));
    let mean = pod.bytes_per_s / pod.writes_per_s.expect("counted");
    assert!((mean - 4096.0).abs() < 0.1, "{mean}");
}

#[test]
fn only_the_first_ones_and_etcd_are_told() {
    let writer = |bytes: u32, etcd| Writer {
        who: String::new(),
        cgroup: false,
        etcd,
        disk: None,
        bytes_per_s: bytes.into(),
        writes_per_s: None,
    };
    let mut all: Vec<Writer> = (100..200).map(|bytes| writer(bytes, false)).collect();
    all.push(writer(1, true));
    let told = most(all);
    assert_eq!((told.len(), told[0].bytes_per_s, told[MOST].etcd), (MOST + 1, 199.0, true));
}
