//! When a few writes of our own are called for.

use super::{super::super::testing, write_through};
use crate::model::{MemberId, diagnosis::MemberView};

fn views(fsyncs: [usize; 3]) -> Vec<MemberView> {
    let voters = (1..).zip(fsyncs);
    voters.map(|(id, fsyncs)| testing::view(id, &vec![2.0; fsyncs])).collect()
}

#[test]
fn a_quiet_etcd_is_written_to_through_its_leader() {
    let world = testing::world(3);
    let through = write_through(&world, &views([30, 30, 3]), 0).unwrap();
    assert_eq!(through.id, MemberId(1));
    assert_eq!(through.endpoint, world.members[0].endpoint);
    assert_eq!(write_through(&world, &views([30, 30, 20]), 0), None);
}

#[test]
fn a_slow_voter_is_waited_for_until_it_has_a_few() {
    let world = testing::world(3);
    assert!(write_through(&world, &views([60, 60, 7]), 40).is_some());
    assert_eq!(write_through(&world, &views([60, 60, 8]), 40), None);
}

#[test]
fn nothing_is_written_where_it_would_show_nothing() {
    let mut world = testing::world(3);
    let mut silent = views([0, 0, 0]);
    for view in &mut silent {
        view.second = None;
    }
    assert_eq!(write_through(&world, &silent, 0), None, "no fsyncs are told");
    for member in &mut world.members {
        member.status.as_mut().unwrap().leader = None;
    }
    assert_eq!(write_through(&world, &views([0, 0, 0]), 0), None, "no leader");
}

#[test]
fn a_release_that_does_not_bear_it_is_left_alone() {
    let mut world = testing::world(3);
    world.members[2].status.as_mut().unwrap().version = "3.5.4".parse().ok();
    assert_eq!(write_through(&world, &views([0, 0, 0]), 0), None);
}

#[test]
fn a_leader_that_does_not_answer_is_not_asked_and_learners_do_not_count() {
    let mut world = testing::world(4);
    world.members[3].learner = true;
    let mut views = views([60, 60, 60]);
    views.push(testing::view(4, &[]));
    assert_eq!(write_through(&world, &views, 0), None);
    world.members[0].status = Err("gone".into());
    views[1] = testing::view(2, &[]);
    assert_eq!(write_through(&world, &views, 0).unwrap().id, MemberId(2));
}
