//! What goes wrong in the quick order, at each of its points, against the real
//! binary and a scripted cluster: as long as no snapshot is saved, one member
//! alone is touched, and the next run ends well.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use cluster::Cluster;
use fake::etcd::{Act, ClusterState, Rpc};
use stage::Said;
use tonic::Code;

const FULL: i64 = 64 << 20;

/// What changes something, without the trial writes, and not repeated: settling
/// is the same call as compaction.
fn changes(cluster: &Cluster) -> Vec<String> {
    let mut calls = cluster.changes();
    calls.retain(|call| !call.contains("Lease"));
    calls.dedup();
    calls
}

/// The members in the order of their defragmentations.
fn defragmented(cluster: &Cluster) -> Vec<String> {
    let calls = cluster.etcd.calls().into_iter();
    calls.filter_map(|call| Some(call.strip_suffix(" Defragment()")?.to_owned())).collect()
}

/// Where in the calls this one was made first.
#[track_caller]
fn place(cluster: &Cluster, call: &str) -> usize {
    let calls = cluster.etcd.calls();
    calls.iter().position(|made| made.contains(call)).unwrap_or_else(|| panic!("{call}: {calls:?}"))
}

/// It stopped part-way, with the alarm on, no file left, and nobody but
/// `touched` another than before; the parts of the error.
#[track_caller]
fn stopped(said: &Said, cluster: &Cluster, touched: u64) -> [String; 3] {
    let document = said.json();
    assert_eq!(document["outcome"], "partial", "{document:#}");
    let full: Vec<bool> =
        cluster.etcd.state().members.iter().map(|m| m.db_size == FULL || m.id == touched).collect();
    assert!(full.iter().all(|full| *full), "{full:?}");
    assert_eq!(cluster.etcd.state().alarms, [(1, 1)]);
    assert_eq!(cluster.files_left(), [""; 0]);
    ["what", "state", "next"].map(|part| document["error"][part].as_str().unwrap().to_owned())
}

/// The next run ends well, and touches at most one member before its snapshot.
#[track_caller]
fn the_next_run_recovers(cluster: &Cluster) -> Said {
    cluster.etcd.state().calls.clear();
    let said = cluster.unattended("recover").run().code(0);
    assert_eq!(said.json()["outcome"], "recovered");
    assert_eq!(cluster.files_left().len(), 1, "one snapshot, and no part of one");
    assert_eq!(cluster.etcd.state().alarms, []);
    assert!(cluster.etcd.state().members.iter().all(|member| member.db_size < FULL));
    let calls = cluster.etcd.calls();
    let before = &calls[..place(cluster, "Snapshot()")];
    assert!(before.iter().filter(|call| call.contains("Defragment")).count() <= 1, "{before:?}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_small_and_saved_before_the_others_are_touched() {
    let cluster = Cluster::start(3).await;
    let said = cluster.unattended("recover").run().code(0);
    let order = [
        "master-2 Compact(1000)",
        "master-2 Defragment()",
        "master-2 Compact(1000)",
        "master-2 Snapshot()",
        "master-3 Compact(1000)",
        "master-3 Defragment()",
        "master-1 Compact(1000)",
        "master-1 Defragment()",
        "master-2 Alarm(2 1 1)",
    ];
    assert_eq!(changes(&cluster), order);
    let steps = said.json()["steps"].clone();
    let ids: Vec<&str> =
        steps.as_array().unwrap().iter().flat_map(|it| it["id"].as_str()).collect();
    let first = ["compact", "defrag:master-2", "compare", "snapshot"];
    assert_eq!(
        ids,
        [&first[..], &["defrag:master-3", "defrag:master-1", "disarm", "verify"]].concat()
    );
    for words in ["quick: the 3 members hold the same data", "untouched copies: master-1, master-3"]
    {
        assert!(said.told().contains(words), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_differs_after_its_defragmentation_stops_it() {
    let itself = |state: &mut ClusterState| state.member(2).hash = 0xBEEF;
    let another = |state: &mut ClusterState| state.member(3).hash = 0xBEEF;
    for (odd, change) in [(2, itself as fn(&mut ClusterState)), (3, another)] {
        let cluster = Cluster::start(3).await;
        // What etcd hashed while it compacted comes after an earlier compaction
        // like any other hash, and is the same for all.
        cluster.etcd.state().compacted = 500;
        cluster.etcd.then(2, Rpc::Defragment, change);
        let said = cluster.unattended("recover").run().code(5);
        let [what, state, next] = stopped(&said, &cluster, 2);
        let name = format!("master-{odd} 0000beef");
        assert!(what.contains("hold different data") && what.contains(&name), "{what}");
        assert!(state.contains("Nobody else was defragmented: master-1, master-3 keep"), "{state}");
        assert!(
            next.contains("etcd-rescue snapshot save PATH-master-1 --member master-1"),
            "{next}"
        );
        assert!(next.contains("`etcd-rescue recover --endpoints"), "{next}");
        assert_eq!(defragmented(&cluster), ["master-2"]);
        assert!(!changes(&cluster).iter().any(|call| call.contains("Snapshot")));
        // Unequal from the start now: everything is saved first.
        cluster.etcd.state().calls.clear();
        cluster.unattended("recover").run().code(6);
        assert!(changes(&cluster)[0].contains("Snapshot()"), "{:?}", changes(&cluster));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_cannot_be_compared_any_more_stop_it() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.then(2, Rpc::Defragment, |state| {
        for _ in 0..6 {
            state.script(3, Rpc::HashKv, Act::fail(Code::Unavailable, "etcdserver: no luck"));
        }
    });
    let said = cluster.unattended("recover").run().code(5);
    let [what, state, _] = stopped(&said, &cluster, 2);
    assert!(what.contains("could not be proven equal"), "{what}");
    assert!(state.contains("master-1, master-3 keep their files"), "{state}");
    the_next_run_recovers(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_snapshot_that_does_not_come_whole_leaves_the_others_full() {
    for act in [
        Act::FailAfter(2, Code::Unknown, "read db: input/output error".to_owned()),
        Act::Spoil,
        Act::EndAfter(0),
    ] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.script(2, Rpc::Snapshot, act.clone());
        let said = cluster.unattended("recover").run().code(5);
        let [_, state, next] = stopped(&said, &cluster, 2);
        assert!(state.contains("Done so far: compact, defrag:master-2, compare."), "{state}");
        assert!(state.contains("No half-written file"), "{state}");
        assert!(next.contains("etcd-rescue "), "{next}");
        assert_eq!(defragmented(&cluster), ["master-2"]);
        // The small one is known by its size, and is saved as it is.
        the_next_run_recovers(&cluster);
        let snapshot = place(&cluster, "master-2 Snapshot()");
        assert!(snapshot < place(&cluster, "Defragment()"), "{:?}", changes(&cluster));
    }
}

/// However often a run is ended before its snapshot, and whatever part of the
/// data is live: it is never the last full copy whose turn comes.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_end_before_the_snapshot_touch_one_member_in_all() {
    for live in [1 << 20, 40 << 20, 54 << 20] {
        let cluster = Cluster::start(3).await;
        for member in &mut cluster.etcd.state().members {
            member.live_size = live;
        }
        for leader in [1, 3, 2] {
            cluster.etcd.state().leader = leader;
            for id in 1..=3 {
                cluster.etcd.script(id, Rpc::Snapshot, Act::fail(Code::Unknown, "disk i/o error"));
            }
            // The second run finds all compacted, so that it changes nothing.
            let said = cluster.unattended("recover").run();
            assert!(matches!(said.code, Some(4 | 5)), "{}", said.all());
            let state = &mut cluster.etcd.state();
            assert_eq!((state.member(1).db_size, state.member(3).db_size), (FULL, FULL));
            // What was not asked for is scripted still.
            (1..=3).for_each(|id| state.forget(id, Rpc::Snapshot));
        }
        assert_eq!(defragmented(&cluster), ["master-2"]);
        the_next_run_recovers(&cluster);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_one_dies_in_its_defragmentation_and_comes_back() {
    // With its new file, and without.
    for (act, times) in [(Act::DoThenCut, 1), (Act::Cut, 2)] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.script(2, Rpc::Defragment, act.clone());
        let said = cluster.unattended("recover").run().code(0);
        assert!(said.told().contains("the answer of master-2 got lost"), "{}", said.err);
        let mut order = vec!["master-2"; times];
        order.extend(["master-3", "master-1"]);
        assert_eq!(defragmented(&cluster), order, "{act:?}");
        assert!(place(&cluster, "master-2 Snapshot()") < place(&cluster, "master-3 Defragment()"));
    }
    // It leads afterwards, so that its turn comes last, and may have been touched.
    let cluster = Cluster::start(3).await;
    cluster.etcd.script(2, Rpc::Defragment, Act::Cut);
    let run = cluster.unattended("recover").spawn();
    let asked = || defragmented(&cluster).len() == 1;
    common::until("the first defragmentation", std::time::Duration::from_secs(60), asked);
    cluster.etcd.state().leader = 2;
    let said = run.finish().code(5);
    let [what, _, next] = stopped(&said, &cluster, 2);
    assert!(what.contains("is not defragmented before a snapshot is saved"), "{what}");
    assert!(next.contains("--snapshot full-first"), "{next}");
    the_next_run_recovers(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_voter_that_dies_before_the_comparison_stops_it() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.then(2, Rpc::Defragment, |state| {
        for _ in 0..200 {
            state.script(3, Rpc::Status, Act::fail(Code::Unavailable, "etcdserver: no leader"));
        }
    });
    let said = cluster.unattended("recover").and(&["--wait", "2s"]).run().code(5);
    let [what, ..] = stopped(&said, &cluster, 2);
    assert!(what.contains("master-3"), "{what}");
    cluster.etcd.state().forget(3, Rpc::Status);
    the_next_run_recovers(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_leader_changes_who_is_first_and_who_is_saved() {
    // Before its turn: the next follower is made small, compared and saved.
    let before = Cluster::start(3).await;
    before.etcd.then(2, Rpc::Compact, |state| state.leader = 2);
    // Between its turn and the snapshot, and after the snapshot.
    let between = Cluster::start(3).await;
    between.etcd.then(2, Rpc::Defragment, |state| state.leader = 2);
    let after = Cluster::start(3).await;
    after.etcd.then(3, Rpc::Compact, |state| state.leader = 3);
    for (cluster, order) in [
        (before, ["master-3", "master-1", "master-2"]),
        (between, ["master-2", "master-3", "master-1"]),
        (after, ["master-2", "master-3", "master-1"]),
    ] {
        let said = cluster.unattended("recover").run().code(0);
        let first = order[0];
        assert_eq!(defragmented(&cluster), order, "{}", said.err);
        let snapshot = place(&cluster, &format!("{first} Snapshot()"));
        assert!(snapshot < place(&cluster, &format!("{} Defragment()", order[1])));
        let path = said.json()["snapshot"]["path"].as_str().unwrap().to_owned();
        assert!(path.contains(first), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_are_enough_and_one_is_not() {
    let two = Cluster::start(2).await;
    two.unattended("recover").run().code(0);
    assert_eq!(defragmented(&two), ["master-2", "master-1"]);
    let snapshot = place(&two, "master-2 Snapshot()");
    assert!(place(&two, "master-2 Defragment()") < snapshot);
    assert!(snapshot < place(&two, "master-1 Defragment()"));

    let one = Cluster::start(1).await;
    let said = one.unattended("recover").run().code(0);
    assert_eq!(changes(&one)[0], "master-1 Snapshot()");
    assert!(
        said.told().contains("there is only one copy of the data that answers"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_left_on_small_members_goes_first() {
    let cluster = Cluster::start(3).await;
    for member in &mut cluster.etcd.state().members {
        (member.db_size, member.db_size_in_use) = (2 << 20, 1 << 20);
    }
    cluster.unattended("recover").run().code(0);
    assert_eq!(changes(&cluster)[0], "master-2 Alarm(2 1 1)");
    assert!(place(&cluster, "LeaseGrant") < place(&cluster, "Snapshot()"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_can_wait_is_done_while_etcd_takes_writes() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().member(3).db_size = 50 << 20;
    cluster.unattended("recover").run().code(0);
    assert_eq!(defragmented(&cluster), ["master-2", "master-1", "master-3"]);
    assert!(place(&cluster, "LeaseGrant") < place(&cluster, "master-3 Defragment()"));
    assert!(cluster.etcd.state().members.iter().all(|member| member.db_size == 1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_parallel_the_others_follow_the_snapshot_at_once() {
    let cluster = Cluster::start(5).await;
    let said = cluster.unattended("recover").and(&["--parallel"]).run().code(0);
    let done = defragmented(&cluster);
    let mut middle = done[1..4].to_vec();
    middle.sort();
    assert_eq!((done[0].as_str(), done[4].as_str()), ("master-2", "master-1"));
    assert_eq!(middle, ["master-3", "master-4", "master-5"]);
    let snapshot = place(&cluster, "master-2 Snapshot()");
    assert!(middle.iter().all(|name| snapshot < place(&cluster, &format!("{name} Defragment()"))));
    assert!(said.told().contains("master-3, master-4, master-5 at the same time"), "{}", said.err);
}
