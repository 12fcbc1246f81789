//! The plan as a person reads it at 80 columns.

use super::*;
use crate::model::Undo;
use crate::say::human::testing::{self, assert_fits, world};

#[test]
fn a_full_recovery_at_80_columns() {
    let text = plan(&testing::plan(), &world(), 80);
    assert_fits(&text, 80);
    assert_eq!(
        text,
        "\
Cause  The database of master-1 reached its quota of 64.0 MiB, so etcd raised
       NOSPACE and refuses every write. 95 % of it are free pages that only a
       defragmentation gives back.

Plan 3f9a2c: 7 steps, at revision 18231
 1. snapshot of master-2 (62.1 MiB) to /var/backups/etcd-rescue/before.db
    $ etcdctl --endpoints https://10.0.0.12:2379 snapshot save \\
        /var/backups/etcd-rescue/before.db
 2. compact history up to revision 18231, on every member
    $ etcdctl --endpoints https://10.0.0.11:2379 --command-timeout 10m compact \\
        --physical 18231
 3. defragment master-2 (follower): 62.1 MiB -> 3.2 MiB or less
    stalls up to 4 s; meanwhile 2 of 3 members serve (quorum 2)
    $ etcdctl --endpoints https://10.0.0.12:2379 --command-timeout 10m defrag
 4. defragment master-3 (follower): 63.9 MiB -> 3.2 MiB or less
    stalls up to 4 s; meanwhile 2 of 3 members serve (quorum 2)
    $ etcdctl --endpoints https://10.0.0.13:2379 --command-timeout 10m defrag
 5. defragment master-1 (leader): 64.1 MiB -> 3.2 MiB or less
    stalls up to 4 s; meanwhile 2 of 3 members serve (quorum 2)
    $ etcdctl --endpoints https://10.0.0.11:2379 --command-timeout 10m defrag
 6. disarm NOSPACE of master-1, once every member is under its quota
    $ etcdctl --endpoints https://10.0.0.11:2379 alarm disarm
 7. verify: a write is accepted, alarms stay off, members are equal
    $ etcdctl --endpoints https://10.0.0.11:2379 lease grant 60
    $ etcdctl --endpoints https://10.0.0.11:2379 endpoint hashkv --cluster

Undo   1: delete the file
       2: cannot be undone (current values stay);
       /var/backups/etcd-rescue/before.db holds the history
       3, 4, 5: not needed, no key changes; the snapshot holds everything
       6: not needed; etcd raises NOSPACE again when a quota is reached
By hand: each etcdctl line above also takes
       --cacert /etc/kubernetes/pki/etcd/ca.crt \\
       --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \\
       --key /etc/kubernetes/pki/etcd/healthcheck-client.key
WARN   The liveness probe of this node fails while NOSPACE is on: the kubelet
       may restart etcd in the middle of it."
    );
}

#[test]
fn a_follower_in_full() {
    let text = step(&testing::plan(), 2, &world(), 80);
    assert_fits(&text, 80);
    assert_eq!(
        text,
        "\
Step 3 of 7: defragment master-2 (follower): 62.1 MiB -> 3.2 MiB or less
  member     master-2, https://10.0.0.12:2379, follower, db 62.1 MiB, 3.2 MiB in
             use, quota 64.0 MiB
  disk       unknown from here; the new file is written beside the old one
  stall      up to 4 s
  meanwhile  2 of 3 members serve (quorum 2); an API server usually talks to its
             local member only, so the one on that master waits
  undo       not needed, no key changes; the snapshot holds everything
  by hand    etcdctl --endpoints https://10.0.0.12:2379 \\
               --cacert /etc/kubernetes/pki/etcd/ca.crt \\
               --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt \\
               --key /etc/kubernetes/pki/etcd/healthcheck-client.key \\
               --command-timeout 10m defrag"
    );
}

#[test]
fn the_leader_and_the_alarm_in_full() {
    let leader = step(&testing::plan(), 4, &world(), 80);
    assert_fits(&leader, 80);
    assert!(leader.contains("it usually keeps the lead"), "{leader}");
    assert!(leader.contains("3.1 GiB available on /var/lib/etcd"), "{leader}");
    let disarm = step(&testing::plan(), 5, &world(), 80);
    assert_fits(&disarm, 80);
    assert!(disarm.contains("alarm      NOSPACE raised by master-1"), "{disarm}");
    assert!(disarm.contains("etcdctl clears every alarm"), "{disarm}");
    assert_eq!(step(&testing::plan(), 99, &world(), 80), "");
}

#[test]
fn a_single_member_serves_nothing_meanwhile() {
    let mut world = world();
    world.members.truncate(1);
    let mut plan_of_one = testing::plan();
    plan_of_one.steps.retain(|step| !["defrag:master-2", "defrag:master-3"].contains(&&*step.id));
    let text = plan(&plan_of_one, &world, 80);
    assert_fits(&text, 80);
    assert!(text.contains("meanwhile nothing serves"), "{text}");
}

#[test]
fn a_snapshot_that_comes_later_is_no_way_back() {
    let mut quick = testing::plan();
    // Compaction, a defragmentation, and only then the snapshot.
    quick.steps[..3].rotate_left(1);
    let text = plan(&quick, &world(), 80);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("history is gone"), "{text}");
    assert!(flat.contains("untouched copies: master-"), "{text}");
    assert!(!flat.contains("holds the history"), "{text}");
}

#[test]
fn a_snapshot_from_before_the_deletes_is_the_way_back() {
    let mut short = testing::plan();
    short.steps.remove(0);
    short.saved = Some("/backups/deleted.db".into());
    let text = plan(&short, &world(), 80);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("/backups/deleted.db holds the history"), "{text}");
    assert!(!flat.contains("no snapshot"), "{text}");
}

#[test]
fn a_member_that_does_not_answer_has_no_expected_size() {
    let mut world = world();
    world.members[1].status = Err("timed out".into());
    let text = plan(&testing::plan(), &world, 80);
    assert!(text.contains("62.1 MiB -> unknown"), "{text}");
    assert!(text.contains("meanwhile 1 of 3 members serves (quorum 2)"), "{text}");
    assert!(text.contains("snapshot of master-2 (unknown)"), "{text}");
}

#[test]
fn questions_name_what_they_are_about() {
    let questions: Vec<String> = testing::plan().steps.iter().map(question).collect();
    assert_eq!(
        questions[1..6],
        [
            "Drop all history up to revision 18231 on every member?",
            "Defragment master-2 now?",
            "Defragment master-3 now?",
            "Defragment master-1, the leader, now?",
            "Take 1 NOSPACE alarm off?",
        ]
    );
}

#[test]
fn a_hard_link_is_the_undo_where_there_is_one() {
    let mut plan = testing::plan();
    let told =
        |plan: &Plan| step(plan, 2, &world(), 80).split_whitespace().collect::<Vec<_>>().join(" ");
    let set = |plan: &mut Plan, to: Undo| match &mut plan.steps[2].kind {
        StepKind::Defragment { undo, .. } => *undo = to,
        other => panic!("{other:?}"),
    };
    set(&mut plan, Undo::Link("/var/lib/etcd-rescue/undo-1-2-3Z.db".into()));
    let wanted = "undo a hard link to the old file, /var/lib/etcd-rescue/undo-1-2-3Z.db";
    assert!(told(&plan).contains(wanted), "{}", told(&plan));
    set(&mut plan, Undo::None("no room"));
    let wanted = "undo not needed, no key changes; the snapshot holds everything (no room)";
    assert!(told(&plan).contains(wanted), "{}", told(&plan));
}
