//! The gates that stand before and between the steps, against the real binary
//! and a scripted cluster: live data that no compaction takes away, and
//! snapshot streams that somebody else reads.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::time::Duration;

use cluster::Cluster;
use fake::etcd::{Act, Rpc};
use stage::Said;
use tonic::Code;

const QUOTA: i64 = 1 << 20;
const PAGE: i64 = 4096;

/// Three members of a small quota, all of whose pages are in use, with so many
/// keys of 3 kB: a page each in the database.
async fn with_live_keys(keys: i64) -> Cluster {
    let cluster = Cluster::start(3).await;
    let mut state = cluster.etcd.state();
    state.keys = (0..keys)
        .map(|n| (format!("/registry/events/default/{n:08}").into_bytes(), vec![b'x'; 3000]))
        .collect();
    for member in &mut state.members {
        (member.quota, member.told_quota) = (QUOTA, QUOTA);
        (member.db_size, member.db_size_in_use) = (QUOTA, QUOTA);
        member.live_size = (keys + 25) * PAGE;
    }
    drop(state);
    cluster
}

/// It was refused for this alone, and nothing was even tried.
#[track_caller]
fn refused(said: &Said, cluster: &Cluster, gate: &str) -> [String; 3] {
    let document = said.json();
    assert_eq!(document["outcome"], "refused", "{document:#}");
    assert_eq!(document["refusals"][0]["kind"], gate, "{document:#}");
    assert_eq!(document["refusals"][1], serde_json::Value::Null, "{document:#}");
    assert_eq!(document["steps"], serde_json::json!([]));
    assert_eq!(cluster.changes(), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
    ["what", "state", "next"].map(|part| document["error"][part].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn live_data_over_the_quota_are_refused_before_anything_is_done() {
    let cluster = with_live_keys(300).await;
    for flags in [&[][..], &["--accept-nearly-full"], &["--no-snapshot"]] {
        let run = cluster.rescue(&["recover", "--yes", "-w", "json"]).and(flags);
        let [what, state, next] = refused(&run.run().code(4), &cluster, "live_data_over_quota");
        assert!(what.contains("live data take 1.3 MiB of a quota of 1.0 MiB"), "{what}");
        assert!(state.contains("Nothing was changed"), "{state}");
        assert!(!next.contains("--accept-nearly-full"), "{next}");
        assert!(next.contains("300 of them take 888.6 KiB"), "{next}");
        assert!(next.contains("that would be enough"), "{next}");
        let ways = [
            "`etcd-rescue usage`",
            "`etcd-rescue purge events`",
            "del /registry/events/",
            "QUOTA_BACKEND_BYTES=2097152",
        ];
        let at = ways.map(|way| next.find(way).unwrap_or_else(|| panic!("no {way} in {next}")));
        assert!(at.is_sorted(), "{next}");
    }
    let said = cluster.unattended("recover").run().code(4);
    assert!(!said.all().contains("xxxx"), "values are nobody's business");
    // One member was read, in pages that grow, and no further than needed.
    let read: Vec<String> =
        cluster.etcd.calls().into_iter().filter(|call| call.contains("Range(")).collect();
    assert!(read.iter().all(|call| call.starts_with("master-2 ")), "{read:?}");
    assert!((4..100).contains(&read.len()), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nearly_full_of_live_data_needs_the_flag() {
    let cluster = with_live_keys(215).await;
    let said = cluster.unattended("recover").run().code(4);
    let [what, _, next] = refused(&said, &cluster, "live_data_over_quota");
    assert!(what.contains("215 keys") && what.contains("93 % full"), "{what}");
    assert!(next.contains("--snapshot-dir") && next.contains(" --accept-nearly-full`"), "{next}");
    let said = cluster.unattended("recover").and(&["--accept-nearly-full"]).run().code(0);
    assert_eq!(said.json()["outcome"], "recovered");
    assert!(said.told().contains("nine tenths of its quota"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_data_that_fit_or_cannot_be_counted_stop_nothing() {
    let fits = with_live_keys(150).await;
    let said = fits.unattended("recover").run().code(0);
    assert!(said.told().contains("live data: 150 keys"), "{}", said.err);
    let unknown = with_live_keys(150).await;
    unknown.etcd.always(2, Rpc::Range, Act::fail(Code::Unavailable, "etcdserver: no luck"));
    let said = unknown.unattended("recover").run().code(0);
    assert!(said.told().contains("live data could not be counted"), "{}", said.err);
    assert!(said.json()["cautions"].to_string().contains("could not be counted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stream_that_stays_open_is_waited_for_and_then_refused() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.open_stream(2);
    let said = cluster.unattended("recover").and(&["--wait", "2s"]).run().code(4);
    let [what, state, next] = refused(&said, &cluster, "snapshot_streams");
    assert!(what.contains("a snapshot stream of master-2 is open"), "{what}");
    assert!(state.contains("Nothing was changed"), "{state}");
    assert!(next.contains("ss -tnp | grep :2379"), "{next}");
    assert!(said.told().contains("waiting for the snapshot stream on master-2"), "{}", said.err);
    // A dry run does not wait; other members can be defragmented.
    cluster.rescue(&["recover", "--dry-run"]).run().code(4);
    let only = ["defrag", "--yes", "--member", "master-3"];
    cluster.rescue(&only).and(&cluster.snapshot_flags()).run().code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_when_the_stream_ends() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.open_stream(1);
    let run = cluster.unattended("recover").spawn();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cluster.changes(), [""; 0]);
    cluster.etcd.end_stream(1);
    let said = run.finish().code(0);
    assert_eq!(said.json()["outcome"], "recovered");
    assert!(said.told().contains("waiting for the snapshot stream on master-1"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_opened_in_the_middle_keeps_its_member_from_being_frozen() {
    let cluster = Cluster::start(3).await;
    // Right after master-3 was settled.
    cluster.etcd.then(3, Rpc::Compact, |state| state.member(3).streams_begun += 1);
    let said = cluster.unattended("recover").and(&["--wait", "2s"]).run().code(5);
    assert_eq!(said.json()["outcome"], "partial");
    assert_eq!(said.json()["refusals"][0]["kind"], "snapshot_streams");
    let frozen =
        |cluster: &Cluster| cluster.etcd.calls().iter().any(|it| it == "master-3 Defragment()");
    assert!(!frozen(&cluster), "{:?}", cluster.changes());
    assert_eq!(cluster.etcd.state().alarms, [(1, 1)]);
    cluster.etcd.end_stream(3);
    cluster.unattended("recover").run().code(0);
    assert!(frozen(&cluster));
}
