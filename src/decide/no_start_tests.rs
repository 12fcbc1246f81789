//! What keeps etcd from starting, from a node in a few lines.

use super::*;
use crate::model::{
    Bytes, Container, DiskTimes, Found, LastEnd, Member, MemberId, MemberStatus, Quota, Revision,
    StoppedData,
};

const NOW_S: i64 = 1_795_402_800;
const NOW: i64 = NOW_S * 1_000_000_000;

fn node(stopped: StoppedData, last_line: &str, exit_code: i32) -> Located {
    let container = Container {
        id: "c".into(),
        name: "etcd".into(),
        pod: "etcd-master-1".into(),
        namespace: "kube-system".into(),
        state: ContainerState::Exited,
        created_at: NOW - 9_000_000_000,
        started_at: NOW - 8_000_000_000,
        finished_at: NOW - 7_000_000_000,
        exit_code,
        reason: "Error".into(),
        restarts: 3,
        image: String::new(),
        log_path: None,
        pid: None,
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
    };
    let end = LastEnd {
        started_at: NOW - 8_000_000_000,
        finished_at: NOW - 7_000_000_000,
        exit_code,
        last_lines: vec![last_line.to_owned()],
        ..LastEnd::default()
    };
    Located {
        container: Some(container),
        last_end: Some(end),
        name: Some(Found::new("master-1".to_owned(), "here")),
        stopped: Some(stopped),
        ..Located::default()
    }
}

fn told(node: &Located, world: Option<&World>) -> (Option<NoStart>, RestartCause, String) {
    let story = node_story(node, world, NOW).expect("a story");
    assert!(!story.text.ends_with('.'), "{}", story.text);
    (story.exact, story.cause, story.text)
}

const FATAL: &str = r#"{"level":"fatal","msg":"failed to read WAL, cannot be repaired","error":"wal: crc mismatch"}"#;

#[test]
fn the_log_and_the_disk_agree_or_one_speaks_alone() {
    let wal = StoppedData { wal: Some("a.wal: the record at byte 7 x".into()), ..bad() };
    let (exact, cause, text) = told(&node(wal.clone(), FATAL, 1), None);
    assert_eq!((exact, cause), (Some(NoStart::WalDamaged), RestartCause::DamagedData));
    assert!(text.contains("crc mismatch") && text.contains("The disk agrees"), "{text}");
    let (exact, _, text) = told(&node(bad(), FATAL, 1), None);
    assert_eq!(exact, Some(NoStart::WalDamaged));
    assert!(!text.contains("disk"), "{text}");
    let (exact, cause, text) = told(&node(wal, "", 1), None);
    assert_eq!((exact, cause), (Some(NoStart::WalDamaged), RestartCause::DamagedData));
    assert!(text.contains("byte 7"), "{text}");
}

fn bad() -> StoppedData {
    StoppedData { member_id: 7, cluster_id: 9, ..StoppedData::default() }
}

#[test]
fn a_torn_end_is_no_cause() {
    let torn = StoppedData { torn: Some("the last record of a.wal".into()), ..bad() };
    let (exact, cause, text) = told(&node(torn, "", 1), None);
    assert_eq!((exact, cause), (None, RestartCause::Unknown));
    assert!(text.contains("no damage"), "{text}");
}

fn member(id: u64) -> Member {
    let status = MemberStatus {
        version: None,
        version_text: String::new(),
        db_size: Bytes(0),
        db_size_in_use: Bytes(0),
        quota: Quota::DEFAULT,
        leader: Some(MemberId(2)),
        learner: false,
        alarms: Vec::new(),
        errors: Vec::new(),
        revision: Revision(1),
        raft_term: 1,
        raft_index: 1,
        raft_applied_index: 1,
    };
    Member {
        id: MemberId(id),
        name: format!("master-{id}"),
        endpoint: String::new(),
        local: false,
        learner: false,
        defragmenting: false,
        open_snapshots: None,
        disk_times: DiskTimes::default(),
        status: Ok(status),
    }
}

#[test]
fn the_other_members_know_best() {
    let mut world = World { cluster_id: 9, ..World::default() };
    world.members = vec![member(2), member(3)];
    let (exact, cause, _) = told(&node(bad(), "", 0), Some(&world));
    assert_eq!((exact, cause), (Some(NoStart::MemberRemoved), RestartCause::RemovedMember));
    world.cluster_id = 10;
    let (exact, _, text) = told(&node(bad(), "", 0), Some(&world));
    assert_eq!(exact, Some(NoStart::OtherCluster));
    assert!(text.contains("cluster 9") && text.contains("is a"), "{text}");
    world.members.push(Member { status: Err("x".to_owned().into()), ..member(1) });
    let empty = StoppedData { empty: true, ..StoppedData::default() };
    assert_eq!(told(&node(empty, "", 1), Some(&world)).0, Some(NoStart::DataEmpty));
}

fn certificate(role: CertificateRole, not_before: i64, not_after: i64) -> Certificate {
    let path = "/pki/x.crt".into();
    Certificate { role, path, subject: String::new(), not_before, not_after }
}

/// `msg` of a line that etcd ended with.
fn fatal(msg: &str) -> String {
    format!(r#"{{"level":"fatal","msg":"{msg}"}}"#)
}

#[test]
fn what_the_log_ended_with_goes_before_dates_and_missing_data() {
    let lost = fatal("tocommit(5) is out of range [lastIndex(3)]. Was the raft log lost?");
    let disk = fatal("failed to open WAL: read /data/0.wal: input/output error");
    let nil = fatal("something that nobody knows");
    for (line, cause) in [
        (&lost, RestartCause::DamagedData),
        (&disk, RestartCause::DamagedData),
        (&nil, RestartCause::Panic),
    ] {
        for role in [CertificateRole::Peer, CertificateRole::Ca] {
            let mut node = node(bad(), line, 1);
            node.certificates = vec![certificate(role, 0, NOW_S - 9)];
            let (exact, told, text) = told(&node, None);
            assert_eq!((exact, told), (None, cause), "{text}");
            assert!(text.contains("Found besides: the "), "{text}");
        }
        let mut node = node(StoppedData { newest: NOW_S + 7200, ..bad() }, line, 1);
        assert_eq!(told(&node, None).1, cause);
        node.stopped = Some(StoppedData { wal: Some("a.wal: x".into()), ..bad() });
        assert_eq!(told(&node, None).0, Some(NoStart::WalDamaged));
    }
    let empty = StoppedData { empty: true, ..StoppedData::default() };
    let (exact, cause, text) = told(&node(empty, &disk, 1), None);
    assert_eq!((exact, cause), (None, RestartCause::DamagedData), "{text}");
}

#[test]
fn a_client_certificate_keeps_no_etcd_from_starting() {
    for (from, to) in [(0, NOW_S - 9), (NOW_S + 9, NOW_S + 99)] {
        let mut node = node(bad(), "", 1);
        node.certificates = vec![certificate(CertificateRole::Client, from, to)];
        let (exact, _, text) = told(&node, None);
        assert!(exact.is_none() && !text.contains("x.crt"), "{text}");
    }
}

#[test]
fn certificates_and_the_clock_are_told_with_their_times() {
    let mut node = node(bad(), "", 0);
    for (role, from, to, exact) in [
        (CertificateRole::Peer, 0, NOW_S - 9, Some(NoStart::CertificateExpired)),
        (CertificateRole::Ca, 0, NOW_S - 9, Some(NoStart::CaExpired)),
        (CertificateRole::Server, NOW_S + 9, NOW_S + 99, Some(NoStart::Clock)),
        (CertificateRole::Server, 0, NOW_S + 99, None),
    ] {
        node.certificates = vec![certificate(role, from, to)];
        assert_eq!(told(&node, None).0, exact, "{role}");
    }
    node.stopped = Some(StoppedData { newest: NOW_S + 7200, ..bad() });
    assert_eq!(told(&node, None).0, Some(NoStart::Clock));
}
