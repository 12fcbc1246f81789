//! `usage` against the real binary: files of every bad kind, pipes, and a
//! scripted cluster whose members compact, fall silent or send rubbish.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;
#[path = "../src/observe/bolt/testing.rs"]
#[allow(dead_code)]
mod testing;

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use cluster::Cluster;
use common::until;
use etcd_rescue::wire::proto::mvccpb::KeyValue;
use fake::etcd::{Act, Rpc};
use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::Signal,
};
use prost::Message;
use serde_json::Value;
use stage::{Refusal, Rescue, Said, refuses, rescue};
use testing::{Row, Writer, revision};
use tonic::Code;

/// Bytes of each value.
const VALUE: usize = 3000;

/// So many events, and one lease that was written three times.
fn database(events: u64) -> Writer {
    let mut rows: Vec<Row> = (0..events).map(|n| row(n + 2, &key(n), VALUE)).collect();
    let lease = "/registry/leases/kube-system/controller";
    rows.extend((0..3).map(|n| row(events + 2 + n, lease, 10)));
    let mut file = Writer::new(4096);
    file.bucket("key", rows);
    file
}

fn key(number: u64) -> String {
    format!("/registry/events/default/e{number:06}")
}

fn row(main: u64, key: &str, value: usize) -> Row {
    let revision_of = main.cast_signed();
    let record = KeyValue {
        key: key.as_bytes().to_vec(),
        value: vec![b'x'; value],
        mod_revision: revision_of,
        create_revision: revision_of,
        version: 1,
        lease: 0,
    };
    (0, revision(main), record.encode_to_vec())
}

/// A directory with a file in it.
fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.db");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn from(path: &Path) -> Rescue {
    rescue(&["usage", "--from", path.to_str().unwrap()])
}

fn json(rescue: &Rescue, code: i32) -> (Value, Said) {
    let said = rescue.clone().and(&["-w", "json"]).run().code(code);
    (said.json(), said)
}

/// Fails unless the events are first, with exactly these bytes.
#[track_caller]
fn tells_events(answer: &Value, events: u64) {
    let first = &answer["resources"][0];
    assert_eq!(first["name"], "events", "{answer:#}");
    assert_eq!(first["keys"], events);
    assert_eq!(first["live_bytes"], events * (key(0).len() + VALUE) as u64);
}

#[test]
fn a_snapshot_and_a_database_are_read() {
    for (bytes, kind, sum) in [
        (database(50).snapshot(), "snapshot_file", Value::Bool(true)),
        (database(50).finish(), "database_file", Value::Null),
    ] {
        let (_dir, path) = written(&bytes);
        let (answer, _) = json(&from(&path), 0);
        tells_events(&answer, 50);
        assert_eq!(answer["source"]["kind"], kind);
        assert_eq!(answer["database"]["checksum_ok"], sum);
        assert_eq!(answer["resources"][1]["old_revisions"], 2);
        assert_eq!((&answer["complete"], &answer["revision"]), (&true.into(), &54.into()));
        let human = from(&path).run().code(0);
        stage::too_wide(&human.out);
        assert!(
            human.out.contains("\nevents ") && human.out.contains("\n  default "),
            "{}",
            human.out
        );
        assert!(!human.out.contains("xxx"), "a value was shown");
    }
}

#[test]
fn what_is_no_whole_database_is_refused_by_what_it_is() {
    let whole = database(50).snapshot();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let gzip = [&[0x1f, 0x8b, 8, 0][..], &[7; 4096]].concat();
    for (bytes, what, next) in [
        (&changed[..], "its checksum is wrong", "snapshot save FILE"),
        (&whole[..100_000], "cut: ", "snapshot save FILE"),
        (&whole[..whole.len() - 1], "cut: ", "snapshot save FILE"),
        (b"apiVersion: v1\nkind: Pod\n", "not an etcd database", "name a snapshot"),
        (&gzip, "not an etcd database", "name a snapshot"),
        (b"", "not an etcd database", "name a snapshot"),
    ] {
        let (_dir, path) = written(bytes);
        let name = path.display().to_string();
        let wanted = Refusal { code: 4, outcome: "refused", what: &[what], next: &[next] };
        let (_, document) = refuses(&from(&path), &wanted);
        assert!(document["error"]["what"].as_str().unwrap().starts_with(&name), "{document}");
    }
    let (dir, path) = written(b"");
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, what, next) in [
        (dir.path(), "a directory", "/member/snap/db"),
        (&*fifo, "a pipe", "`COMMAND | etcd-rescue usage --from -`"),
        (&*path.with_extension("no"), "No such file", "check the path"),
    ] {
        let wanted = Refusal { code: 4, outcome: "refused", what: &[what], next: &[next] };
        refuses(&from(path), &wanted);
    }
}

#[test]
fn what_a_damaged_file_still_has_is_shown_as_incomplete() {
    let mut bytes = database(50).finish();
    // A leaf in the middle: its page header.
    let at = 20 * 4096;
    bytes[at..at + 16].fill(0xff);
    let (_dir, path) = written(&bytes);
    let (answer, said) = json(&from(&path), 4);
    assert_eq!((&answer["complete"], &answer["exit_code"]), (&false.into(), &4.into()));
    assert!(answer["error"]["what"].as_str().is_some_and(|what| !what.is_empty()), "{answer}");
    let keys = answer["resources"][0]["keys"].as_u64().unwrap();
    assert!((1..50).contains(&keys), "{keys}");
    assert!(said.err.contains("FAIL"), "{}", said.err);
    let human = from(&path).run().code(4);
    assert!(human.out.starts_with("INCOMPLETE  "), "{}", human.out);
    assert!(human.out.contains("lower bounds"), "{}", human.out);
    assert!(human.err.contains("\nNext "), "{}", human.err);
}

#[test]
fn a_database_in_use_is_refused_with_the_way_to_read_it() {
    let (_dir, path) = written(&database(50).finish());
    let held = Flock::lock(File::open(&path).unwrap(), FlockArg::LockExclusive).unwrap();
    let wanted = Refusal {
        code: 4,
        outcome: "refused",
        what: &["a running etcd holds it"],
        next: &[
            "`etcd-rescue usage` reads the running member",
            "`etcd-rescue snapshot save - | etcd-rescue usage --from -`",
            "`etcd-rescue snapshot save FILE`, then `etcd-rescue usage --from FILE`",
        ],
    };
    refuses(&from(&path), &wanted);
    drop(held);
    from(&path).run().code(0);
}

#[test]
fn a_pipe_is_read_and_leaves_nothing() {
    let (dir, path) = written(&database(50).snapshot());
    let place = dir.path().join("place");
    fs::create_dir(&place).unwrap();
    let pipe = rescue(&["usage", "--from", "-", "--snapshot-dir", place.to_str().unwrap()]);
    let (answer, _) = json(&pipe.clone().stdin_from(&path), 0);
    tells_events(&answer, 50);
    assert_eq!(answer["source"]["kind"], "pipe");

    let again = ["etcd-rescue snapshot save - | etcd-rescue usage --from -"];
    let refused = |what| Refusal { code: 4, outcome: "refused", what, next: &again };
    refuses(&pipe, &refused(&["nothing came through the pipe"]));
    fs::write(&path, &database(50).snapshot()[..100_000]).unwrap();
    refuses(&pipe.clone().stdin_from(&path), &refused(&["what came through the pipe", "cut: "]));
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
}

#[test]
fn a_pipe_without_room_says_so() {
    let (_dir, path) = written(&database(1000).snapshot());
    let pipe = rescue(&["usage", "--from", "-", "--snapshot-dir", "/run/small"])
        .setup("mkdir /run/small && mount -t tmpfs -o size=2m none /run/small")
        .stdin_from(&path);
    let wanted = Refusal {
        code: 4,
        outcome: "refused",
        what: &["/run/small: there is room for 1.8 MiB, and more came"],
        next: &["`etcd-rescue usage --from - --snapshot-dir DIR`", "snapshot save FILE"],
    };
    let (_, document) = refuses(&pipe, &wanted);
    assert!(document["error"]["state"].as_str().unwrap().contains("Nothing was left on disk"));
}

#[test]
fn a_terminal_is_no_pipe() {
    let (running, mut terminal) = rescue(&["usage", "--from", "-"]).spawn_in_terminal();
    let mut said = Vec::new();
    // The terminal's end is an error of its own kind.
    let _ended = terminal.read_to_end(&mut said);
    running.finish().code(2);
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("stdin is a terminal"), "{said}");
}

/// Three members; master-1 leads. All have the same keys, and the database of
/// these events.
async fn cluster_with(events: u64) -> Cluster {
    let cluster = Cluster::start(3).await;
    let mut state = cluster.etcd.state();
    state.keys = (0..events).map(|n| (key(n).into_bytes(), vec![b'x'; VALUE])).collect();
    for member in &mut state.members {
        member.database = database(events).finish();
        member.db_size = member.database.len() as i64;
    }
    drop(state);
    cluster
}

fn live(cluster: &Cluster, args: &[&str]) -> Rescue {
    cluster.rescue(&[&["usage"], args].concat()).and(&cluster.snapshot_flags())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followers_snapshot_is_read_and_nothing_is_left() {
    let cluster = cluster_with(60).await;
    let (answer, _) = json(&live(&cluster, &[]), 0);
    tells_events(&answer, 60);
    assert_eq!(answer["source"]["kind"], "snapshot_stream");
    assert_ne!(answer["source"]["member"], "master-1", "the leader has enough to do");
    assert_eq!(answer["revisions_per_s"], 0.0);
    let (answer, _) = json(&live(&cluster, &["--member", "master-1", "--dry-run"]), 0);
    assert_eq!(answer["source"]["member"], "master-1");
    json(&live(&cluster, &["--member", "nobody"]), 2);
    let changes = cluster.changes();
    assert!(changes.iter().all(|call| call.contains("Snapshot")), "{changes:?}");
    assert_eq!(cluster.files_left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_stream_is_replaced_by_pages_unless_asked_for() {
    let cluster = cluster_with(60).await;
    for id in 1..=3 {
        cluster.etcd.always(id, Rpc::Snapshot, Act::Spoil);
    }
    let (answer, said) = json(&live(&cluster, &[]), 0);
    tells_events(&answer, 60);
    assert_eq!(answer["source"]["kind"], "pages");
    assert_eq!(answer["total"]["old_bytes"], Value::Null);
    assert!(said.told().contains("its checksum does not match its content"), "{}", said.err);
    json(&live(&cluster, &["--read", "snapshot"]), 4);
    assert_eq!(cluster.files_left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_behind_a_compaction_and_end_with_what_they_have() {
    let cluster = cluster_with(60).await;
    let pages = live(&cluster, &["--read", "pages", "--member", "master-2"]);
    let compacted =
        || Act::fail(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted");
    let instant = || Act::Delay(Duration::ZERO);
    cluster.etcd.script(2, Rpc::Range, instant()).script(2, Rpc::Range, compacted());
    let (answer, _) = json(&pages, 0);
    tells_events(&answer, 60);

    cluster.etcd.script(2, Rpc::Range, instant());
    cluster.etcd.script(2, Rpc::Range, Act::fail(Code::Internal, "etcdserver: disk on fire"));
    let (answer, said) = json(&pages, 7);
    assert_eq!(answer["complete"], false);
    let keys = answer["total"]["keys"].as_u64().unwrap();
    assert!((1..60).contains(&keys), "{keys}");
    assert!(said.told().contains("the reading ended after"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_leaves_nothing() {
    let cluster = cluster_with(60).await;
    for id in 1..=3 {
        cluster.etcd.always(id, Rpc::Snapshot, Act::HangAfter(1));
    }
    let running = live(&cluster, &[]).spawn();
    until("the stream begins", Duration::from_secs(20), || {
        (1..=3).any(|id| cluster.etcd.open_streams(id) > 0)
    });
    running.signal(Signal::SIGINT);
    let said = running.finish().code(130);
    assert!(said.told().contains("Nothing was changed in etcd"), "{}", said.err);
    assert_eq!(cluster.files_left(), [""; 0]);
}
