//! Last words of etcd 3.4 and 3.5, recorded or as their sources write them.

use proptest::prelude::*;

use super::*;
use RestartCause as Cause;

fn log(text: &str) -> EtcdLog {
    EtcdLog::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
}

/// zap's form of a line of that level.
fn zap(level: &str, msg: &str, error: &str) -> String {
    let stack =
        "go.etcd.io/etcd/server/etcdmain.startEtcdOrProxyV2\\n\\tserver/etcdmain/etcd.go:204";
    format!(
        r#"{{"level":"{level}","ts":"2026-11-23T09:10:07.352488Z","caller":"etcdmain/etcd.go:204","msg":"{msg}","error":"{error}","stacktrace":"{stack}"}}"#
    )
}

/// capnslog's form.
fn caps(level: char, text: &str) -> String {
    format!("2026-11-23 09:08:24.540941 {level} | {text}")
}

#[test]
fn last_words_of_both_lines_of_releases_tell_the_cause() {
    let cases: Vec<(String, Cause, bool)> = vec![
        (caps('C', "mvcc/backend: cannot commit tx (write /var/lib/etcd/member/snap/db: no space left on device)"), Cause::DiskFull, false),
        (zap("fatal", "failed to commit tx", "write /var/lib/etcd/member/snap/db: no space left on device"), Cause::DiskFull, false),
        (zap("panic", "failed to create WAL", "no space left on device"), Cause::DiskFull, false),
        (caps('C', "etcdmain: walpb: crc mismatch"), Cause::DamagedData, false),
        (zap("fatal", "discovery failed", "walpb: crc mismatch"), Cause::DamagedData, false),
        (zap("fatal", "discovery failed", "wal: file not found"), Cause::DamagedData, false),
        (caps('C', "etcdserver: read wal error (wal: crc mismatch) and cannot be repaired"), Cause::DamagedData, false),
        (zap("fatal", "discovery failed", "wal: max entry size limit exceeded"), Cause::DamagedData, false),
        (caps('C', "etcdserver: recovering backend from snapshot error: failed to find database snapshot file (snap: snapshot file doesn't exist)"), Cause::DamagedData, false),
        (zap("panic", "failed to recover v3 backend from snapshot", "failed to find database snapshot file (snap: snapshot file doesn't exist)"), Cause::DamagedData, false),
        (zap("fatal", "failed to find [SNAPSHOT-INDEX].snap.db", "snap: snapshot file doesn't exist"), Cause::DamagedData, false),
        (caps('C', "mvcc/backend: cannot open database at /var/lib/etcd/member/snap/db (invalid database)"), Cause::DamagedData, false),
        (zap("panic", "failed to open database", "invalid database"), Cause::DamagedData, false),
        ("panic: tocommit(1207) is out of range [lastIndex(1003)]. Was the raft log corrupted, truncated, or lost?".to_owned(), Cause::DamagedData, false),
        (zap("fatal", "failed to sync", "sync /var/lib/etcd/member/wal/0.wal: input/output error"), Cause::DamagedData, false),
        (zap("fatal", "failed to open WAL", "fileutil: file already locked"), Cause::DataLocked, true),
        (caps('C', "etcdserver: open wal error: resource temporarily unavailable"), Cause::DataLocked, true),
        (zap("info", "db file is flocked by another process, or taking too long", ""), Cause::DataLocked, true),
        (caps('E', "etcdserver: the member has been permanently removed from the cluster"), Cause::RemovedMember, false),
        (zap("warn", "the member has been permanently removed from the cluster", ""), Cause::RemovedMember, false),
        (zap("fatal", "discovery failed", "member 8e9e05c52164694d has already been bootstrapped"), Cause::RemovedMember, false),
        ("flag provided but not defined: -snapshot-cuont\nUsage:\n\n  etcd [flags]\n".to_owned(), Cause::WrongSettings, false),
        (zap("warn", "failed to verify flags", "error setting up initial cluster: URL scheme must be http"), Cause::WrongSettings, false),
        (caps('C', "etcdmain: open /etc/kubernetes/pki/etcd/serverx.crt: no such file or directory"), Cause::WrongSettings, false),
        (zap("fatal", "listener failed", "open /etc/kubernetes/pki/etcd/serverx.crt: no such file or directory"), Cause::WrongSettings, false),
        (zap("fatal", "discovery failed", "detected disallowed custom content in v2store for stage --v2-deprecation=write-only"), Cause::WrongSettings, false),
        (zap("fatal", "discovery failed", "membership: too many learner members in cluster"), Cause::WrongSettings, false),
        (zap("fatal", "discovery failed", "tls: private key does not match public key"), Cause::WrongSettings, false),
        (caps('C', "etcdmain: listen tcp 10.0.0.11:2380: bind: address already in use"), Cause::WrongSettings, true),
        (zap("fatal", "discovery failed", "listen tcp 10.0.0.9:2380: bind: cannot assign requested address"), Cause::WrongSettings, false),
        ("runtime: out of memory: cannot allocate 4194304-byte block\nfatal error: out of memory".to_owned(), Cause::OutOfMemory, true),
        (caps('C', "mvcc/backend: cannot open database at /var/lib/etcd/member/snap/db (cannot allocate memory)"), Cause::OutOfMemory, true),
        (caps('C', "rafthttp: something nobody thought of"), Cause::Panic, true),
        (zap("panic", "unexpected type", "x"), Cause::Panic, true),
        ("panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:".to_owned(), Cause::Panic, true),
    ];
    for (text, cause, passes) in cases {
        let around = format!("{}\n{text}\nexit", zap("info", "serving client traffic", ""));
        let Some(found) = log(&around).finding() else { panic!("nothing in {text}") };
        assert_eq!((found.cause, found.passes), (cause, passes), "{text}");
        assert!(found.quote.chars().count() <= QUOTE, "{}", found.quote);
    }
}

#[test]
fn a_failed_defragmentation_counts_only_when_it_was_deadly() {
    let why = "write /var/lib/etcd/member/snap/db.tmp.77: no space left on device";
    let failed = [
        caps(
            'E',
            &format!("etcdserver/api/v3rpc: failed to defragment the storage backend ({why})"),
        ),
        zap("error", "failed to defragment", why),
    ];
    for failed in failed {
        assert_eq!(log(&failed).finding(), None, "that member lives on");
        let dead = format!(
            "{failed}\npanic: runtime error: invalid memory address or nil pointer dereference\n\
             [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x8f1b2c]\n"
        );
        let found = log(&dead).finding().expect("a cause");
        assert_eq!((found.cause, found.passes), (Cause::FailedDefragmentation, true));
        assert!(found.quote.contains("db.tmp.77"), "{}", found.quote);
    }
}

#[test]
fn what_members_that_go_on_also_write_is_no_cause() {
    for text in [
        zap("warn", "apply request took too long", "request cluster ID mismatch"),
        zap("warn", "rejected connection", "tls: bad certificate"),
        caps('W', "rafthttp: health check for peer could not connect: no such file or directory"),
        zap("info", "restored last compact revision", "wal: crc mismatch"),
        "WARNING: 2026/11/23 09:08:01 [core] grpc: addrConn.createTransport failed".to_owned(),
    ] {
        assert_eq!(log(&text).finding(), None, "{text}");
    }
}

#[test]
fn a_defragmentation_without_its_end_is_seen() {
    let begun =
        [zap("info", "starting defragment", ""), zap("info", "defragmenting", "")].join("\n");
    assert!(log(&begun).was_defragmenting());
    let over = format!(
        "{begun}\n{}\n{}",
        zap("info", "finished defragmenting directory", ""),
        zap("info", "finished defragment", "")
    );
    assert!(!log(&over).was_defragmenting());
    assert!(log(&format!("{over}\n{begun}")).was_defragmenting());
    let old = caps('N', "etcdserver/api/v3rpc: starting to defragment the storage backend...");
    assert!(log(&old).was_defragmenting());
    let done = caps('N', "etcdserver/api/v3rpc: finished defragmenting the storage backend");
    assert!(!log(&format!("{old}\n{done}")).was_defragmenting());
    assert!(!log("").was_defragmenting());
}

#[test]
fn recorded_ends_are_read() {
    for text in [
        include_str!("../../tests/recorded/restart/3.4-probe-kill.log"),
        include_str!("../../tests/recorded/restart/3.5-probe-kill.log"),
    ] {
        let log = log(text);
        assert!(log.was_asked_to_end() && log.failed_for_nospace());
        assert!(!log.failed_for_no_leader());
    }
    for text in [
        include_str!("../../tests/recorded/restart/3.4-truncated-db.log"),
        include_str!("../../tests/recorded/restart/3.5-truncated-db.log"),
    ] {
        let found = log(text).finding().expect("a cause");
        assert_eq!(found.cause, Cause::DamagedData);
        assert!(found.quote.starts_with("[signal SIGBUS"), "{}", found.quote);
        assert!(!log(text).was_asked_to_end());
    }
}

#[test]
fn a_health_check_that_recovered_counts_no_more() {
    let no_leader = zap("warn", "serving /health false; no leader", "");
    assert!(log(&no_leader).failed_for_no_leader());
    let alarm =
        caps('W', "etcdserver/api/etcdhttp: /health error due to memberID:1 alarm:NOSPACE ");
    let both = format!("{no_leader}\n{alarm}");
    assert!(log(&both).failed_for_nospace() && !log(&both).failed_for_no_leader());
}

#[test]
fn a_line_too_long_to_be_json_still_counts() {
    let cut = r#"{"level":"fatal","ts":"x","msg":"discovery failed","error":"walpb: crc mismatch","stack"#;
    assert_eq!(log(cut).finding().map(|found| found.cause), Some(Cause::DamagedData));
}

proptest! {
    #[test]
    fn never_panics(lines in prop::collection::vec(".{0,200}", 0..6)) {
        let log = EtcdLog::read(&lines);
        let _ = (log.finding(), log.last(), log.was_defragmenting(), log.was_asked_to_end());
    }

    #[test]
    fn never_panics_on_almost_lines(
        text in r#"(\{"level":"(fatal|info)",)?("msg":")?[a-zA-Z0-9 |:é-]{0,200}("\})?"#,
    ) {
        let _ = EtcdLog::read(&[text]).finding();
    }
}
