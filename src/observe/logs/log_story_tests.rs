//! Tests of `log_story`: logs that real members wrote while their disk was
//! slow, and files as the kubelet leaves them.

use std::{fs, time::Duration};

use proptest::prelude::*;

use super::*;

const SLOW_3_4: &str = include_str!("../../../tests/recorded/etcd_log/3.4.23-slow-leader.log");
const SLOW_3_5: &str = include_str!("../../../tests/recorded/etcd_log/3.5.30-slow-leader.log");
const FOLLOWER: &str = include_str!("../../../tests/recorded/etcd_log/3.5.30-follower.log");

fn limits() -> Limits {
    Limits::new(Duration::from_secs(100 * 365 * 86_400), Duration::from_secs(60))
}

fn count(story: &LogStory, kind: LogSignKind) -> u64 {
    story.signs.iter().find(|sign| sign.kind == kind).map_or(0, |sign| sign.count)
}

fn sign(story: &LogStory, kind: LogSignKind) -> &LogSign {
    story.signs.iter().find(|sign| sign.kind == kind).expect("this kind")
}

/// A pod's directory, with a container "etcd".
fn pods() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a directory");
    let directory = root.path().join("kube-system_etcd-m1_1111/etcd");
    fs::create_dir_all(&directory).expect("made");
    (root, directory)
}

fn slow(second: u32) -> String {
    format!(
        "2026-11-23T03:00:{second:02}Z stderr F {{\"level\":\"warn\",\"msg\":\"slow fdatasync\",\"took\":\"{second}s\"}}\n"
    )
}

#[test]
fn a_leader_with_a_slow_disk_tells_it() {
    // The one of 3.4 lost a peer for a while; both were told to end at last.
    for (log, peers) in [(SLOW_3_4, 3), (SLOW_3_5, 0)] {
        let story = read_bytes(log.as_bytes());
        assert_eq!(story.lines, log.lines().count() as u64);
        assert_eq!(count(&story, LogSignKind::SlowFdatasync), 8);
        assert_eq!(count(&story, LogSignKind::SlowApply), 8);
        assert_eq!(count(&story, LogSignKind::LateHeartbeat), 28);
        assert_eq!(count(&story, LogSignKind::LeaderLost), 1, "the start and the end count not");
        assert!(count(&story, LogSignKind::NoSpace) > 0);
        let fsync = sign(&story, LogSignKind::SlowFdatasync);
        let worst = fsync.worst_ms.expect("a time");
        assert!((1_200.0..1_300.0).contains(&worst), "{worst}");
        assert!(fsync.worst_at.is_some_and(|at| at >= fsync.first_at && at <= fsync.last_at));
        assert!(fsync.example.contains("1.20"), "{}", fsync.example);
        for sign in &story.signs {
            assert_eq!((sign.timeline.len(), sign.timeline.iter().sum()), (PIECES, sign.count));
        }
        assert_eq!(count(&story, LogSignKind::PeerTrouble), peers);
    }
}

#[test]
fn a_follower_of_a_slow_leader_tells_it() {
    let story = read_bytes(FOLLOWER.as_bytes());
    assert_eq!(count(&story, LogSignKind::SlowFdatasync), 0);
    assert_eq!(count(&story, LogSignKind::SlowReadIndex), 1);
    assert_eq!(count(&story, LogSignKind::SlowAgreement), 2);
    assert_eq!(count(&story, LogSignKind::SlowRequest), 10);
    assert_eq!(count(&story, LogSignKind::LeaderLost), 1, "an election and a loss are one");
    let agreement = sign(&story, LogSignKind::SlowAgreement);
    assert!(agreement.worst_ms.is_some_and(|worst| (845.0..846.0).contains(&worst)));
}

#[test]
fn rotated_files_earlier_attempts_and_uids_are_one_story() {
    let (root, directory) = pods();
    let earlier = root.path().join("kube-system_etcd-m1_0000/etcd");
    let foreign = root.path().join("kube-system_etcd-m10_0000/etcd");
    for directory in [&earlier, &foreign] {
        fs::create_dir_all(directory).expect("made");
        fs::write(directory.join("7.log"), slow(1)).expect("written");
    }
    fs::write(directory.join("0.log"), slow(2)).expect("written");
    fs::write(directory.join("1.log.20261123-030003"), slow(3)).expect("written");
    fs::write(directory.join("1.log"), slow(4)).expect("written");
    fs::write(directory.join("1.log.20261122-030003.gz"), "?").expect("written");
    fs::write(directory.join("1.log.20261123-030003.gz"), "half done").expect("written");
    fs::write(directory.join("notes.log"), slow(5)).expect("written");
    // The kubelet renames while we look: one file under two names.
    fs::hard_link(directory.join("1.log"), directory.join("1.log.20261123-030004"))
        .expect("linked");
    let story = read(&directory.join("1.log"), limits());
    let fsync = sign(&story, LogSignKind::SlowFdatasync);
    assert_eq!((fsync.count, fsync.worst_ms, story.lines), (4, Some(4_000.0), 4), "{story:#?}");
    assert_eq!(story.complaints.len(), 1, "{:?}", story.complaints);
    assert!(story.complaints[0].contains("1.log.20261122-030003.gz"));
    assert_eq!(fsync.timeline.iter().filter(|count| **count == 1).count(), 4);
    // The runtime does not answer: every etcd pod of the namespace.
    let story = read(root.path(), limits());
    assert_eq!(count(&story, LogSignKind::SlowFdatasync), 5);
}

#[test]
fn lines_before_the_time_asked_for_are_left_out() {
    let (_root, directory) = pods();
    let path = directory.join("0.log");
    fs::write(&path, slow(1) + &slow(2) + &slow(3)).expect("written");
    let mut limits = limits();
    limits.since = nanoseconds("2026-11-23T03:00:02Z").expect("a time");
    let story = read(&path, limits);
    assert_eq!((story.lines, story.from), (2, limits.since));
    let none = read(&directory.join("gone/9.log"), limits);
    assert_eq!((none.lines, none.piece, none.complaints.len()), (0, 0, 1));
    limits.deadline = std::time::Instant::now();
    let late = read(&path, limits);
    assert!(late.complaints.iter().any(|text| text.contains("left out")), "{late:?}");
}

#[test]
fn pieces_of_a_line_are_one_and_a_cut_one_counts() {
    let log = "\
2026-11-23T03:00:01Z stderr P {\"level\":\"warn\",\"msg\":\"slow fdata
2026-11-23T03:00:01Z stderr F sync\",\"took\":\"2s\",\"expected-duration\":\"1s\"}
2026-11-23T03:00:02Z stderr P {\"level\":\"warn\",\"msg\":\"slow fdatasync\",\"took\":\"3s\",\"exp
";
    let story = read_bytes(log.as_bytes());
    let fsync = sign(&story, LogSignKind::SlowFdatasync);
    assert_eq!((fsync.count, fsync.worst_ms), (2, Some(3_000.0)));
}

#[test]
fn a_start_is_no_trouble_and_what_follows_it_is() {
    let line = |second: u32, message: &str| {
        format!("2026-11-23T03:00:{second:02}Z stderr F {{\"msg\":\"{message}\"}}\n")
    };
    let lost = "raft.node: a lost leader b at term 2";
    let log = line(1, "starting an etcd server")
        + &line(2, lost)
        + &line(3, "prober detected unhealthy status")
        + &line(20, lost)
        + &line(30, "received signal; shutting down")
        + &line(31, lost)
        + &line(32, "starting an etcd server")
        + &line(48, "a is starting a new election at term 3");
    let story = read_bytes(log.as_bytes());
    assert_eq!(count(&story, LogSignKind::LeaderLost), 2);
    assert_eq!(count(&story, LogSignKind::PeerTrouble), 0);
}

#[test]
fn without_a_container_it_is_said_where_the_log_is() {
    let process = |comm: &str| crate::model::Process {
        pid: 1,
        args: Vec::new(),
        env: Vec::new(),
        comm: comm.to_owned(),
    };
    let node = Located { process: Some(process("etcd")), ..Located::default() };
    assert!(place(&node).is_err_and(|text| text.contains("`journalctl -u etcd`")));
    let mut node = Located { process: Some(process("k3s")), ..Located::default() };
    assert!(place(&node).is_err_and(|text| text.contains("`journalctl -u k3s`")));
    assert_eq!(place(&Located::default()), Ok(PathBuf::from(PODS)));
    // A static pod whose runtime does not answer.
    let (path, args, probes) = ("etcd.yaml".into(), Vec::new(), Vec::new());
    node.manifest = Some(crate::model::Manifest { path, args, probes });
    assert_eq!(place(&node), Ok(PathBuf::from(PODS)));
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let story = read_bytes(&bytes);
        assert!(story.from <= story.to);
    }

    #[test]
    fn never_panics_on_almost_logs(at in 0..SLOW_3_5.len(), length in 0..2_000_usize, year in 0..9999_u32) {
        let bytes = SLOW_3_5.as_bytes();
        let piece = bytes.get(at..(at + length).min(bytes.len())).unwrap_or_default();
        let odd = format!("{year:04}-11-23T03:00:00Z stderr F {{\"msg\":\"slow fdatasync\"}}\n");
        let story = read_bytes(&[odd.as_bytes(), piece].concat());
        for sign in &story.signs {
            assert_eq!(sign.timeline.iter().sum::<u64>(), sign.count);
        }
    }
}
