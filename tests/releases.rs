//! One recovery after the other against a scripted cluster that answers as each line
//! of etcd does, from 3.4 to 3.7, the real binary before it: what Status tells of the
//! quota, the hash's revision, codes that changed, answers without a header. Real
//! members of each release that can be had are in `lab_recover`.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use cluster::Cluster;
use fake::etcd::{Act, Rpc};
use tonic::Code;

const DEFAULT: i64 = 2 << 30;
const SET: i64 = 64 << 20;

/// A release, its quota, what Status tells of it, and what the metrics do.
type Words = (&'static str, i64, i64, Option<i64>);

const RELEASES: [Words; 8] = [
    ("3.4.23", SET, 0, Some(SET)),
    ("3.5.1", SET, 0, Some(SET)),
    ("3.5.30", DEFAULT, 0, Some(DEFAULT)),
    // The flag as it was given: 0 is the default.
    ("3.6.0", DEFAULT, 0, None),
    ("3.6.5", SET, SET, None),
    ("3.6.14", DEFAULT, DEFAULT, None),
    ("3.7.1", SET, SET, None),
    ("3.7.1", i64::MAX, -1, None),
];

/// Three full members of that release.
async fn cluster_of((version, quota, told, metric): Words) -> Cluster {
    let cluster = Cluster::start(3).await;
    let mut state = cluster.etcd.state();
    for member in &mut state.members {
        member.version = version.to_owned();
        (member.quota, member.told_quota, member.metric_quota) = (quota, told, metric);
        member.db_size = if quota == i64::MAX { SET } else { quota };
        member.db_size_in_use = member.db_size;
    }
    drop(state);
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_etcd_is_understood_and_recovers() {
    for words in RELEASES {
        let (version, quota, ..) = words;
        let cluster = cluster_of(words).await;
        let status = cluster.rescue(&["status", "-w", "json"]).run().code(0).json();
        for member in status["members"].as_array().expect("members") {
            assert_eq!(member["version"], version);
            let limit = (quota != i64::MAX).then_some(quota);
            assert_eq!(member["quota"].as_i64(), limit, "{version}: {member:#}");
            assert_eq!(member["learner"], false);
        }
        // Where a release has a known bug, somebody has said that this is known.
        let run = cluster.unattended("recover").and(&["--accept-version-risk"]);
        let answer = run.run().code(0).json();
        assert_eq!(answer["outcome"], "recovered", "{version}: {answer:#}");
        let state = cluster.etcd.state();
        assert!(state.alarms.is_empty(), "{version}");
        assert!(state.members.iter().all(|member| member.db_size == member.live_size), "{version}");
    }
}

/// "not capable", until the cluster's version is known after a start, and what a
/// learner refuses, have other codes since 3.6.
#[tokio::test(flavor = "multi_thread")]
async fn codes_may_change_as_long_as_texts_do_not() {
    for (version, code) in [("3.5.30", Code::Unavailable), ("3.6.14", Code::FailedPrecondition)] {
        let cluster = cluster_of((version, SET, SET, None)).await;
        let not_yet = Act::fail(code, "etcdserver: not capable");
        cluster.etcd.script(3, Rpc::Compact, not_yet);
        let answer = cluster.unattended("recover").run().code(0).json();
        assert_eq!(answer["outcome"], "recovered", "{version}: {answer:#}");
        let asked = |call: &&String| call.starts_with("master-3 Compact");
        assert!(cluster.etcd.calls().iter().filter(asked).count() > 1, "it was asked again");

        let cluster = cluster_of((version, SET, SET, None)).await;
        cluster.etcd.state().member(3).learner = true;
        let refusal = Act::fail(code, "etcdserver: rpc not supported for learner");
        for rpc in [Rpc::MemberList, Rpc::Alarm, Rpc::HashKv, Rpc::Compact, Rpc::Defragment] {
            cluster.etcd.always(3, rpc, refusal.clone());
        }
        let answer = cluster.unattended("recover").run().code(4).json();
        assert_eq!(answer["refusals"][0]["kind"], "learner_over_quota", "{version}: {answer:#}");
        cluster.etcd.state().member(3).db_size = 1 << 20;
        let answer = cluster.unattended("recover").run().code(0).json();
        assert_eq!(answer["outcome"], "recovered", "{version}: {answer:#}");
        let touched = |call: &String| call.starts_with("master-3 Defragment");
        assert!(!cluster.etcd.calls().iter().any(touched), "{version}");
    }
}
