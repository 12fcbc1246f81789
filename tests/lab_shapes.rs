//! Clusters that are not three equal masters: a single member, whose API server
//! hangs as well, and one in the middle of an upgrade.

mod common;

use common::{
    alone, fill, judge, release,
    rescue::{Rescue, Signal, rescue},
    snapshot,
};
use lab::{Fill, Lab, Spec};

#[test]
fn a_single_member_recovers_and_its_api_server_is_watched_coming_back() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.5.16")]).quota(32 << 20).apiserver(true)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::Kubernetes, "master-1");
    let before = judge::data(first);
    first.signal("kube-apiserver", "STOP").unwrap();

    let args = ["recover", "--yes", "-w", "json", "--timeout", "2s"];
    let mut run = Rescue::start(first, &args);
    run.await_line("waiting for kube-apiserver");
    first.signal("kube-apiserver", "CONT").unwrap();
    let answer = run.finish().ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    assert_eq!(answer["steps"][0]["id"], "snapshot", "it was the only copy");
    let seen = &answer["control_plane"];
    assert_eq!(seen["container_state"], "running");
    assert_eq!((&seen["livez"], &seen["readyz"]), (&true.into(), &true.into()));
    assert!(seen["ready_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{seen}");

    judge::same_data(&before, [first]);
    judge::small(&before, [first]);
    let file = first.path(answer["snapshot"]["path"].as_str().unwrap());
    assert!(snapshot::restored(first, &file) == before);
    judge::stays_writable(&lab, &[first]);
}

#[test]
fn a_single_member_is_not_touched_without_a_snapshot() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.4")]).quota(32 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-1");
    let revision = judge::revision(first);
    let answer = rescue(first, &["recover", "--yes", "--no-snapshot", "-w", "json"]).ends(4).json();
    assert_eq!(answer["outcome"], "refused");
    assert!(!judge::is_compacted(first, revision - 1));
    assert!(judge::alarms(&lab).contains("NOSPACE"));
}

#[test]
fn members_of_two_releases_recover_together_and_the_new_leader_comes_last() {
    let _turn = alone();
    let releases = [release("3.4"), release("3.5.16")];
    let lab = Lab::up(Spec::new(3, &releases).quota(32 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-2");
    let before = judge::data(first);

    let mut run = Rescue::start(first, &["recover", "--yes", "-w", "json"]);
    run.await_line("Step 2 of");
    run.signal(Signal::SIGSTOP);
    lab.move_leader("master-1").unwrap();
    run.signal(Signal::SIGCONT);
    let answer = run.finish().ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    let last = |key: &str| {
        let ids = answer[key].as_array().unwrap().iter().filter_map(|it| it["id"].as_str());
        ids.rev().find(|id| id.starts_with("defrag:")).map(str::to_owned)
    };
    assert_eq!(last("plan").as_deref(), Some("defrag:master-2"), "it led when the plan was made");
    assert_eq!(last("steps").as_deref(), Some("defrag:master-1"), "it leads now");
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
    judge::equal_hashes(&lab);
}
