//! Ctrl-C and its kin at the worst moments, against a scripted cluster: the
//! code of the signal, what goes on without us, and no half-written file.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::time::Duration;

use cluster::Cluster;
use common::until;
use fake::etcd::{Act, Rpc};
use nix::sys::signal::Signal;
use stage::Said;

const PATIENCE: Duration = Duration::from_secs(60);

/// Everything is saved before anything is changed.
const FULL_FIRST: [&str; 2] = ["--snapshot", "full-first"];

/// Lets `recover` run until this call was made, then sends the signal.
fn interrupted(
    cluster: &Cluster,
    (order, json): (&[&str], bool),
    call: &str,
    signal: Signal,
) -> Said {
    let mut rescue = cluster.rescue(&["recover", "--yes"]).and(&cluster.snapshot_flags());
    rescue = rescue.and(order);
    if json {
        rescue = rescue.and(&["-w", "json"]);
    }
    let run = rescue.spawn();
    until(call, PATIENCE, || cluster.etcd.calls().iter().any(|made| made.contains(call)));
    run.signal(signal);
    run.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn before_anything_is_changed() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.always(2, Rpc::Snapshot, Act::HangAfter(1));
        let said = interrupted(&cluster, (&FULL_FIRST, true), "Snapshot", signal).code(code);
        let document = said.json();
        assert_eq!(document["exit_code"], code, "{document:#}");
        assert_eq!(document["outcome"], "failed", "{document:#}");
        let error = |part: &str| document["error"][part].as_str().unwrap().to_owned();
        assert!(error("state").contains("Nothing was changed in etcd."), "{document:#}");
        assert!(error("next").contains("`etcd-rescue recover --endpoints"), "{document:#}");
        assert_eq!(cluster.changes(), ["master-2 Snapshot()"]);
        assert_eq!(cluster.files_left(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_nohup_the_terminal_may_go_away() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.always(2, Rpc::Snapshot, Act::HangAfter(1));
    let rescue = cluster.rescue(&["recover", "--yes"]).and(&cluster.snapshot_flags());
    let run = rescue.setup("trap '' HUP").spawn();
    let asked = || cluster.etcd.calls().iter().any(|made| made.contains("Snapshot"));
    until("Snapshot", PATIENCE, asked);
    run.signal(Signal::SIGHUP);
    tokio::time::sleep(Duration::from_millis(300)).await;
    run.signal(Signal::SIGTERM);
    run.finish().code(143);
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_defragmentation_the_server_goes_on() {
    for json in [false, true] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.always(2, Rpc::Defragment, Act::Hang);
        let said =
            interrupted(&cluster, (&FULL_FIRST, json), "Defragment", Signal::SIGINT).code(130);
        let told = said.told();
        for text in [
            "master-2 keeps defragmenting inside the server",
            "do not restart it",
            "Done so far: snapshot, compact.",
            "The snapshot is safe at",
            "`etcd-rescue status --endpoints",
            "`etcd-rescue recover --endpoints",
        ] {
            assert!(told.contains(text), "`{text}` is not in {}", said.err);
        }
        if json {
            let document = said.json();
            assert_eq!(document["outcome"], "partial");
            assert_eq!(document["exit_code"], 130);
            let state = document["error"]["state"].as_str().unwrap();
            assert!(state.contains("keeps defragmenting inside the server"), "{document:#}");
            assert!(document["snapshot"]["path"].is_string(), "{document:#}");
        }
        assert_eq!(cluster.etcd.state().alarms, [(1, 1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_compaction_is_under_way() {
    for order in [&[][..], &FULL_FIRST] {
        let cluster = Cluster::start(3).await;
        cluster.etcd.always(2, Rpc::Compact, Act::Hang);
        let said = interrupted(&cluster, (order, true), "Compact", Signal::SIGINT).code(130);
        let document = said.json();
        assert_eq!(document["outcome"], "partial", "{document:#}");
        let state = document["error"]["state"].as_str().unwrap();
        assert_eq!(state.contains("snapshot"), !order.is_empty(), "{state}");
        assert!(!state.contains("Nothing was changed"), "{state}");
    }
}

/// What the quick order leaves when it is stopped between its first
/// defragmentation and the snapshot: the others are untouched, and it says so
/// by what was done.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_small_snapshot() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.script(2, Rpc::Snapshot, Act::HangAfter(1));
    let said = interrupted(&cluster, (&[], true), "Snapshot", Signal::SIGINT).code(130);
    let document = said.json();
    assert_eq!(document["outcome"], "partial", "{document:#}");
    let state = document["error"]["state"].as_str().unwrap();
    assert!(state.contains("Done so far: compact, defrag:master-2, compare."), "{state}");
    assert_eq!(cluster.files_left(), [""; 0]);
    let large = |id: u64| cluster.etcd.state().member(id).db_size == 64 << 20;
    assert!(large(1) && large(3) && !large(2));
    assert_eq!(cluster.etcd.state().alarms, [(1, 1)]);
    cluster.unattended("recover").run().code(0);
    assert_eq!(cluster.files_left().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_proof_is_under_way() {
    let cluster = Cluster::start(3).await;
    let said = interrupted(&cluster, (&[], true), "LeaseRevoke", Signal::SIGINT).code(130);
    let document = said.json();
    let state = document["error"]["state"].as_str().unwrap();
    assert!(state.contains("disarm"), "{state}");
    assert_eq!(cluster.etcd.state().alarms, []);
}
