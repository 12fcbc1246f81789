//! What goes wrong in the middle of a recovery, one fault at a time, against
//! the real binary and a scripted cluster: nothing is lost, nothing is sent
//! twice without need, and the alarm stays on while anything is in doubt.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::time::Duration;

use cluster::{Cluster, LOCAL};
use common::until;
use fake::{
    etcd::{Act, Rpc},
    gate::Gate,
    pki::{self, BOTH},
};
use stage::Said;
use tokio::io::AsyncWriteExt;
use tonic::Code;

/// What comes by itself comes within this time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom a plan takes the snapshot from and sends compaction and disarm to: the
/// first follower.
const SOURCE: u64 = 2;

/// Everything is saved before anything is changed.
const FULL_FIRST: [&str; 2] = ["--snapshot", "full-first"];

/// The flags of both orders, and what each has done before the second
/// defragmentation.
const ORDERS: [(&[&str], &str); 2] = [
    (&[], "compact, defrag:master-2, compare, snapshot"),
    (&FULL_FIRST, "snapshot, compact, defrag:master-2"),
];

/// The members in the order of their defragmentations.
fn defragmented(cluster: &Cluster) -> Vec<String> {
    let calls = cluster.etcd.calls().into_iter();
    calls.filter_map(|call| Some(call.strip_suffix(" Defragment()")?.to_owned())).collect()
}

/// Whether an alarm was taken off or should have been.
fn disarmed(cluster: &Cluster) -> bool {
    cluster.etcd.calls().iter().any(|call| call.contains("Alarm(2 "))
}

/// The parts of the error, and that outcome and code belong together.
#[track_caller]
fn error(said: &Said, outcome: &str) -> [String; 3] {
    let document = said.json();
    assert_eq!(document["outcome"], outcome, "{document:#}");
    assert_eq!(document["exit_code"], said.code.unwrap(), "{document:#}");
    ["what", "state", "next"].map(|part| document["error"][part].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_does_not_come_whole_stops_everything() {
    let full = "read /var/lib/etcd/member/snap/db: input/output error";
    for (act, what) in [
        (Act::FailAfter(2, Code::Unknown, full.to_owned()), "input/output error"),
        (Act::Spoil, "checksum does not match"),
        (Act::EndAfter(4), "does not end with a checksum"),
        (Act::EndAfter(0), "does not end with a checksum"),
    ] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.script(SOURCE, Rpc::Snapshot, act.clone());
        let said = cluster.unattended("recover").and(&FULL_FIRST).run().code(4);
        let [told, state, next] = error(&said, "refused");
        assert!(told.contains(what), "{act:?}: {told}");
        assert!(state.contains("Nothing was changed") && state.contains("No half-written file"));
        assert!(next.contains("etcd-rescue "), "{next}");
        assert_eq!(cluster.files_left(), [""; 0], "{act:?}");
        assert_eq!(cluster.changes(), ["master-2 Snapshot()"], "{act:?}");
    }
}

/// Each of these goes on by itself: the state is read anew, and the step, which
/// may be repeated, is done again.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_in_a_step_is_waited_for_and_the_step_done_again() {
    for (rpc, act) in [
        (Rpc::Snapshot, Act::CutAfter(2)),
        (Rpc::Compact, Act::DoThenCut),
        (Rpc::Alarm, Act::DoThenCut),
    ] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.script(SOURCE, rpc, act.clone());
        let said = cluster.unattended("recover").run().code(0);
        let document = said.json();
        assert_eq!(document["outcome"], "recovered", "{act:?}: {document:#}");
        assert!(said.told().contains("once more"), "{act:?}: {}", said.err);
        assert_eq!(cluster.etcd.state().alarms, []);
        assert_eq!(cluster.etcd.state().leases, [0; 0], "trial leases are revoked");
        assert_eq!(defragmented(&cluster), ["master-2", "master-3", "master-1"]);
        assert_eq!(cluster.files_left().len(), 1, "the snapshot and no part of one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_every_time_ends_it_and_a_rerun_finishes() {
    for (flags, _) in ORDERS {
        let cluster = Cluster::start(3).await;
        for _ in 0..5 {
            cluster.etcd.script(SOURCE, Rpc::Compact, Act::DoThenCut);
        }
        let said = cluster.unattended("recover").and(flags).run().code(5);
        let [_, state, next] = error(&said, "partial");
        assert!(state.contains("Whether this step took effect is not known"), "{state}");
        assert_eq!(state.contains("The snapshot is safe at"), !flags.is_empty(), "{state}");
        assert!(next.contains("etcd-rescue recover --endpoints https://127.0.0.1:"), "{next}");
        assert!(!disarmed(&cluster) && defragmented(&cluster).is_empty());
        let said = cluster.unattended("recover").and(flags).run().code(0);
        assert_eq!(said.json()["outcome"], "recovered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_defragmentation_is_watched_not_repeated() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().compacted = 900;
    cluster.etcd.script(2, Rpc::Defragment, Act::DoThenCut);
    let said = cluster.unattended("defrag").run().code(0);
    assert!(said.told().contains("the answer of master-2 got lost"), "{}", said.err);
    assert_eq!(defragmented(&cluster), ["master-2", "master-3", "master-1"]);
    assert!(cluster.etcd.state().members.iter().all(|member| member.db_size == 1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_stays_big_is_settled_and_defragmented_again() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().compacted = 900;
    cluster.etcd.then(3, Rpc::Defragment, |state| state.member(3).db_size = 40 << 20);
    let said = cluster.unattended("defrag").run().code(0);
    assert_eq!(defragmented(&cluster), ["master-2", "master-3", "master-3", "master-1"]);
    let settled = cluster.etcd.calls().iter().filter(|call| call.contains("master-3 Comp")).count();
    assert_eq!(settled, 2, "{:?}", cluster.changes());
    assert!(said.told().contains("master-3 is still big"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_stays_big_whatever_is_done_keeps_the_alarm_on() {
    for (flags, done) in ORDERS {
        let cluster = Cluster::start(3).await;
        for _ in 0..9 {
            cluster.etcd.then(3, Rpc::Defragment, |state| state.member(3).db_size = 40 << 20);
        }
        let said = cluster.unattended("recover").and(flags).run().code(5);
        let [what, state, next] = error(&said, "partial");
        assert!(what.contains("master-3 stays big"), "{what}");
        assert!(state.contains(&format!("Done so far: {done}.")), "{state}");
        assert!(next.contains("etcd-rescue status --endpoints"), "{next}");
        assert!(defragmented(&cluster).len() <= 4 && !disarmed(&cluster));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alarm_stays_on_while_a_member_is_over_its_quota() {
    for (flags, _) in ORDERS {
        let data = Cluster::start(3).await;
        for member in &mut data.etcd.state().members {
            member.live_size = member.quota;
        }
        let grown = Cluster::start(3).await;
        grown.etcd.then(1, Rpc::Defragment, |state| state.member(2).db_size = 64 << 20);
        let live = "master-2 holds 64.0 MiB of live data, which is not under its quota of 64.0 MiB";
        let still = "master-2: 64.0 MiB is still not under its quota of 64.0 MiB";
        for (cluster, text, touched) in [(data, live, 1), (grown, still, 3)] {
            let said = cluster.unattended("recover").and(flags).run().code(5);
            let [what, state, next] = error(&said, "partial");
            assert!(what.contains(text), "{what}");
            let saved = touched > 1 || !flags.is_empty();
            assert_eq!(state.contains("The snapshot is safe at"), saved, "{state}");
            assert!(next.contains("prevent --quota SIZE"), "{next}");
            assert_eq!(defragmented(&cluster).len(), touched);
            assert!(!disarmed(&cluster));
            assert_eq!(cluster.etcd.state().alarms, [(1, 1)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_comes_back_is_not_called_recovered() {
    let at_once = Cluster::start(3).await;
    at_once.etcd.then(SOURCE, Rpc::Alarm, |state| state.alarms.push((1, 1)));
    let later = Cluster::start(3).await;
    for _ in 0..2 {
        later.etcd.then(3, Rpc::LeaseRevoke, |state| {
            if state.leases.is_empty() && !state.alarms.contains(&(3, 1)) {
                state.alarms.push((3, 1));
            }
        });
    }
    for (cluster, disarmed) in [(at_once, false), (later, true)] {
        let said = cluster.unattended("recover").run().code(6);
        let [what, state, next] = error(&said, "unverified");
        assert!(what.contains("NOSPACE is still on, or on again"), "{what}");
        assert_eq!(state.contains("disarm"), disarmed, "{state}");
        assert!(next.contains("etcd-rescue status --endpoints"), "{next}");
        assert_eq!(cluster.etcd.state().leases, [0; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_in_the_middle_stops_and_nothing_more_is_touched() {
    let corrupt = |state: &mut fake::etcd::ClusterState| state.alarms.push((3, 2));
    for (flags, done) in ORDERS {
        let early = Cluster::start(3).await;
        early.etcd.then(SOURCE, Rpc::Compact, corrupt);
        let before = done.split(", defrag").next().unwrap();
        let middle = Cluster::start(3).await;
        middle.etcd.then(2, Rpc::Defragment, corrupt);
        let late = Cluster::start(3).await;
        late.etcd.then(1, Rpc::Defragment, corrupt);
        let first = "compact, defrag:master-2";
        for (cluster, touched, done) in [(early, 0, before), (middle, 1, first), (late, 3, done)] {
            let said = cluster.unattended("recover").and(flags).run().code(5);
            let [what, state, next] = error(&said, "partial");
            assert!(what.contains("CORRUPT alarm for member master-3"), "{what}");
            assert!(state.contains("Done so far: ") && state.contains(done), "{state}");
            assert!(next.contains("etcd-rescue snapshot save"), "{next}");
            assert_eq!(defragmented(&cluster).len(), touched);
            assert!(!disarmed(&cluster));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_last_also_when_another_leads_in_the_middle() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().compacted = 900;
    cluster.etcd.then(2, Rpc::Defragment, |state| state.leader = 3);
    cluster.unattended("defrag").run().code(0);
    assert_eq!(defragmented(&cluster), ["master-2", "master-1", "master-3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_restarts_between_steps_is_waited_for() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().compacted = 900;
    cluster.etcd.then(2, Rpc::Defragment, |state| {
        for _ in 0..3 {
            state.script(3, Rpc::MemberList, Act::Cut);
        }
        state.script(3, Rpc::Status, Act::fail(Code::Unavailable, "etcdserver: no leader"));
        // It comes back far behind.
        state.member(3).raft_applied_index = 100;
    });
    let run = cluster.unattended("defrag").spawn();
    let behind = "master-3 was asked while it was behind";
    let asked =
        || cluster.etcd.calls().iter().rev().take(20).any(|call| call == "master-3 Status()");
    until(behind, PATIENCE, || defragmented(&cluster) == ["master-2"] && asked());
    cluster.etcd.state().member(3).raft_applied_index = 5000;
    let said = run.finish().code(0);
    assert_eq!(defragmented(&cluster), ["master-2", "master-3", "master-1"], "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_with_different_data_are_not_called_recovered() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().member(3).hash = 0xBEEF;
    let said = cluster.unattended("recover").run().code(6);
    let [what, _, next] = error(&said, "unverified");
    let hashes = "master-1 0000abcd, master-2 0000abcd, master-3 0000beef";
    assert!(what.contains("hold different data") && what.contains(hashes), "{what}");
    // So the quick order is not taken, and it says why.
    assert_eq!(cluster.changes()[0], "master-2 Snapshot()");
    let order = said.told();
    assert!(
        order.contains("saved before anything is changed") && order.contains(hashes),
        "{order}"
    );
    assert!(next.contains("change nothing more") && next.contains("hashkv"), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nospace_is_ever_taken_off() {
    let corrupt = Cluster::start(3).await;
    corrupt.etcd.state().alarms = vec![(1, 1), (2, 2)];
    let unknown = Cluster::start(3).await;
    unknown.etcd.state().alarms.clear();
    unknown.etcd.state().member(2).errors.push("memberID:2 alarm:BURNING ".to_owned());
    for cluster in [corrupt, unknown] {
        for member in &mut cluster.etcd.state().members {
            member.db_size = 1 << 20;
        }
        for command in ["disarm", "recover"] {
            let said = cluster.unattended(command).run().code(4);
            let [what, state, _] = error(&said, "refused");
            assert!(what.contains("alarm for member master-2"), "{what}");
            assert!(state.contains("Nothing was changed"), "{state}");
            assert_eq!(cluster.changes(), [""; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_a_defragmentation_stops_and_says_where_to_make_room() {
    for (flags, done) in ORDERS {
        let cluster = Cluster::start(3).await;
        let text = "write /var/lib/etcd/member/snap/db.tmp.12: no space left on device";
        cluster.etcd.script(2, Rpc::Defragment, Act::fail(Code::Unknown, text));
        let said = cluster.unattended("recover").and(flags).run().code(5);
        let [what, state, next] = error(&said, "partial");
        assert!(what.contains("master-2: its disk is full"), "{what}");
        let done = done.split(", defrag").next().unwrap();
        assert!(state.contains(&format!("Done so far: {done}.")), "{state}");
        assert!(next.contains("make room") && next.contains("etcd-rescue recover"), "{next}");
        assert_eq!(defragmented(&cluster), ["master-2"]);
        assert!(!disarmed(&cluster));
    }
}

/// It takes connections, and that is all: to us it is as missing as one that is
/// off, and is named with the ways to reach it.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_answers_nothing_or_garbage_is_missing() {
    let hanging = Cluster::start(3).await;
    hanging.etcd.always(3, Rpc::Status, Act::Hang);
    let garbled = Cluster::start(3).await;
    let server = garbled.ca.issue("etcd", LOCAL);
    let tls = pki::server(&server, Some(&garbled.ca), &["h2", "http/1.1"], BOTH);
    let (gate, mut incoming) = Gate::open(Some(tls)).await;
    garbled.etcd.state().member(3).endpoint = format!("https://{}", gate.address);
    tokio::spawn(async move {
        while let Some(Ok(mut stream)) = incoming.recv().await {
            let _ = stream.write_all(&[0xA5; 4096]).await;
            let _ = stream.shutdown().await;
        }
    });
    for cluster in [hanging, garbled] {
        let said = cluster.unattended("recover").and(&["--timeout", "1s"]).run().code(4);
        let document = said.json();
        assert_eq!(document["refusals"][0]["kind"], "missing_voter", "{document:#}");
        assert!(error(&said, "refused")[0].contains("master-3"), "{document:#}");
        assert_eq!(cluster.changes(), [""; 0]);
        // Full and alive it would raise the alarm again with the trial write.
        cluster.etcd.state().member(3).db_size = 1 << 20;
        let allowed = ["--timeout", "1s", "--allow-missing", "master-3"];
        let said = cluster.unattended("recover").and(&allowed).run().code(0);
        assert!(said.json()["left"].to_string().contains("master-3"), "{}", said.err);
        assert_eq!(defragmented(&cluster), ["master-2", "master-1"]);
    }
}

/// The stream is given up after a minute of silence and begun anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stream_that_falls_silent_is_begun_anew() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.script(SOURCE, Rpc::Snapshot, Act::HangAfter(2));
    let said = cluster.unattended("recover").run().code(0);
    assert!(said.told().contains("once more"), "{}", said.err);
    assert_eq!(cluster.files_left().len(), 1, "the snapshot and no part of one");
}
