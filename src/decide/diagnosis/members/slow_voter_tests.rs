//! Who is named, and when nobody is.

use super::{super::super::testing, slow_voter};
use crate::model::diagnosis::{Examined, Latencies, MemberView, SlowBy};

fn examined(views: Vec<MemberView>) -> Examined {
    let world = Some(testing::world(views.len() as u64));
    Examined { world, views, ..Examined::default() }
}

/// Members with these fsync times.
fn fsyncs(of: &[&[f64]]) -> Examined {
    examined((1..).zip(of).map(|(id, fsyncs)| testing::view(id, fsyncs)).collect())
}

fn reads(view: &mut MemberView, linearizable: f64, serializable: f64) {
    let times = |ms: f64| Latencies { millis: vec![ms; 30], ..Latencies::default() };
    view.linearizable = times(linearizable);
    view.serializable = times(serializable);
}

#[test]
fn one_slow_voter_is_named_with_its_numbers() {
    let slow = slow_voter(&fsyncs(&[&[2.0; 40], &[300.0; 12], &[3.0; 40]])).unwrap();
    assert_eq!((slow.name.as_str(), slow.leader, slow.by), ("m2", false, SlowBy::Fsync));
    let p99 = slow.fsync.unwrap().p99;
    assert_eq!((p99.over_ms, p99.upto_ms), (256.0, Some(512.0)));
    assert_eq!((slow.takes_ms, slow.others_take_ms), (Some(300.0), 3.0));
}

#[test]
fn a_slow_leader_is_named_though_reads_are_slow_through_everybody() {
    let mut examined = fsyncs(&[&[300.0; 20], &[2.0; 20], &[2.0; 20]]);
    for view in &mut examined.views {
        reads(view, 250.0, 0.4);
    }
    let slow = slow_voter(&examined).unwrap();
    assert_eq!((slow.name.as_str(), slow.leader), ("m1", true));
}

#[test]
fn a_slow_hundredth_is_enough_in_a_busy_cluster() {
    let sick = [vec![2.0; 985], vec![400.0; 15]].concat();
    let slow = slow_voter(&fsyncs(&[&[2.0; 1_000], &[2.0; 1_000], &sick])).unwrap();
    assert_eq!(slow.name, "m3");
}

#[test]
fn of_two_members_the_slow_one_is_named() {
    assert_eq!(slow_voter(&fsyncs(&[&[2.0; 20], &[40.0; 20]])).unwrap().name, "m2");
}

#[test]
fn nobody_is_named_when_nobody_stands_out() {
    let one_stall = [vec![2.0; 30], vec![900.0; 2]].concat();
    let quiet: &[&[&[f64]]] = &[
        &[&[300.0; 20], &[280.0; 20], &[310.0; 20]],
        &[&[2.0; 20], &[300.0; 20], &[310.0; 20]],
        &[&[300.0; 20]],
        &[&[2.0; 20], &[12.0; 20], &[2.0; 20]],
        &[&[9.0; 20], &[20.0; 20], &[9.0; 20]],
        &[&[2.0; 30], &one_stall, &[2.0; 30]],
        &[&[2.0; 3], &[90.0; 3], &[2.0; 3]],
        &[&[], &[], &[]],
        &[],
    ];
    for case in quiet {
        assert_eq!(slow_voter(&fsyncs(case)), None, "{case:?}");
    }
    assert_eq!(slow_voter(&Examined::default()), None);
}

#[test]
fn very_slow_fsyncs_need_not_be_many() {
    assert_eq!(slow_voter(&fsyncs(&[&[2.0; 30], &[3_000.0], &[2.0; 30]])).unwrap().name, "m2");
    assert_eq!(slow_voter(&fsyncs(&[&[2_000.0; 4], &[2.0; 4], &[2.0; 4]])).unwrap().name, "m1");
}

#[test]
fn a_restart_in_between_names_nobody() {
    let mut examined = fsyncs(&[&[2.0; 30], &[300.0; 30], &[2.0; 30]]);
    examined.views[1].second.as_mut().unwrap().started_at = Some(1_700_000_099.0);
    assert_eq!(slow_voter(&examined), None);
}

#[test]
fn a_log_that_stands_still_is_named() {
    let slow = slow_voter(&fsyncs(&[&[2.0; 30], &[2.0; 30], &[]])).unwrap();
    assert_eq!((slow.name.as_str(), slow.by, slow.fsync), ("m3", SlowBy::Standstill, None));
    assert_eq!(slow_voter(&fsyncs(&[&[2.0; 30], &[2.0; 9], &[]])), None, "hardly any writes");
}

#[test]
fn without_metrics_reads_give_it_away_unless_the_way_is_slow() {
    let mut examined = fsyncs(&[&[], &[], &[]]);
    for (view, (quorum, alone)) in
        examined.views.iter_mut().zip([(2.0, 0.5), (3.0, 0.5), (280.0, 0.6)])
    {
        (view.first, view.second) = (None, None);
        reads(view, quorum, alone);
    }
    let slow = slow_voter(&examined).unwrap();
    assert_eq!((slow.name.as_str(), slow.by, slow.takes_ms), ("m3", SlowBy::Reads, Some(280.0)));
    reads(&mut examined.views[2], 280.0, 270.0);
    assert_eq!(slow_voter(&examined), None);
}
