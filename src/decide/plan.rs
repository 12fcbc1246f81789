//! World and wishes in, plan or refusals out.

use std::path::PathBuf;

use crate::model::{
    Alarm, AlarmKind, Member, MemberStatus, Plan, Refusal, RefusalKind, Revision, Scope, Step,
    StepKind, Undo, Wishes, World, order::InOrder,
};

use super::{
    advice, digest,
    gates::{leader_index, refusals},
    left_overs, live, sick,
    stall::stall,
    steps::{Draft, steps},
    streams,
    verdict::{disarm_refusals, is_nearly_full, still_large},
};

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing; the sentence says why.
    NothingToDo(String),
    /// This.
    Go(Plan),
    /// Nothing may be done.
    Refused(Vec<Refusal>),
}

/// Decides what is to be done about the world as seen.
#[must_use]
pub fn decide(world: &World, wishes: &Wishes) -> Decision {
    if wishes.scope == Scope::Recover && !needs_recovery(world) {
        // A cluster without quorum, or with a member out of sight, is not
        // "nothing to do": say what is wrong instead.
        let mut refusals = refusals(world, wishes);
        // A bug of a step that is not taken is none.
        refusals.retain(|refusal| refusal.kind != RefusalKind::Version);
        return if refusals.is_empty() {
            let mut why = "no alarm is on, and every member is well below its quota".to_owned();
            why.push_str(&still_large(world));
            why.push_str(&left_overs::told(world));
            Decision::NothingToDo(why)
        } else {
            Decision::Refused(refusals)
        };
    }
    if wishes.scope == Scope::Disarm && world.alarms().is_empty() {
        return Decision::NothingToDo("no alarm is on".to_owned());
    }
    let mut refusals = refusals(world, wishes);
    refusals.extend(bad_revision(world, wishes));
    if wishes.scope == Scope::Disarm {
        refusals.extend(disarm_refusals(world));
    }
    refusals.extend(live::refusal(world, wishes));
    refusals.extend(streams::refusals(world, wishes));
    if !refusals.is_empty() {
        return Decision::Refused(refusals);
    }
    match steps(world, wishes) {
        Ok(Draft { steps, said, order }) => Decision::Go(Plan {
            id: digest::plan_id(&steps),
            cause: advice::cause(world),
            revision: target_revision(world, wishes),
            order,
            saved: wishes.snapshot.clone(),
            steps,
            cautions: said,
        }),
        Err(refusal) => Decision::Refused(vec![refusal]),
    }
}

pub(super) fn answering(world: &World) -> impl Iterator<Item = (&Member, &MemberStatus)> {
    world.members.iter().filter_map(|member| Some((member, member.status.as_ref().ok()?)))
}

/// An alarm of any kind, or a member at nine tenths of its quota.
pub(super) fn needs_recovery(world: &World) -> bool {
    !world.alarms().is_empty() || world.members.iter().any(is_nearly_full)
}

pub(super) fn target_revision(world: &World, wishes: &Wishes) -> Revision {
    wishes.revision.unwrap_or_else(|| world.revision())
}

fn bad_revision(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let asked = wishes.revision?;
    let current = world.revision();
    let what = if asked > current {
        format!("revision {asked} is in the future: the cluster is at revision {current}")
    } else if asked.0 < 1 {
        format!("revision {asked} does not exist: revisions begin at 1")
    } else {
        return None;
    };
    Some(Refusal {
        kind: RefusalKind::Revision,
        flag: None,
        what,
        next: format!(
            "`etcd-rescue compact` without --revision compacts at the current one, {current}"
        ),
    })
}

pub(super) fn nospace(world: &World) -> Vec<Alarm> {
    world.alarms().into_iter().filter(|alarm| alarm.kind == AlarmKind::NoSpace).collect()
}

pub(super) fn step(id: &str, member: &Member, kind: StepKind) -> Step {
    Step {
        id: id.to_owned(),
        member: Some(member.id),
        member_name: member.label(),
        endpoint: member.endpoint.clone(),
        kind,
    }
}

pub(super) fn defrag_step(member: &Member, status: &MemberStatus, revision: Revision) -> Step {
    let stall = stall(member, status);
    let kind = StepKind::Defragment {
        revision,
        db_size: status.db_size,
        expected_stall_ms: stall.ms,
        stall_basis: stall.basis,
        leader: member.is_leader(),
        undo: Undo::Elsewhere,
    };
    step(&format!("defrag:{}", member.label()), member, kind)
}

/// Whom the whole snapshot is taken from: a voter that has applied everything; this
/// node's member before others, whose data would come over the network, unless the disk
/// here is failing or hangs; a follower before the leader.
///
/// # Errors
/// A refusal when no voter answers.
pub fn snapshot_source(world: &World) -> Result<(&Member, &MemberStatus), Refusal> {
    let sick = world.sick_disks.iter().any(sick::is_failing) || world.node.data_dir_hangs();
    let rank: fn(&Member) -> (bool, bool) = match sick {
        true => |member| (member.local, member.is_leader()),
        false => |member| (!member.local, member.is_leader()),
    };
    best_voter(world, rank)
}

/// Whom what any member can do is asked of: a voter that has applied everything, a
/// follower before the leader, this node's member before others.
///
/// # Errors
/// A refusal when no voter answers.
pub fn any_voter(world: &World) -> Result<(&Member, &MemberStatus), Refusal> {
    best_voter(world, |member| (member.is_leader(), !member.local))
}

fn best_voter(
    world: &World,
    rank: fn(&Member) -> (bool, bool),
) -> Result<(&Member, &MemberStatus), Refusal> {
    let best_index = leader_index(world);
    answering(world)
        .filter(|(member, _)| !member.learner)
        .min_by_key(|(member, status)| {
            (best_index.saturating_sub(status.raft_applied_index) > 100, rank(member))
        })
        .ok_or_else(|| Refusal {
            kind: RefusalKind::NoQuorum,
            flag: None,
            what: "no voting member answers".to_owned(),
            next: "look at this node with `etcd-rescue locate`".to_owned(),
        })
}

/// The name of a snapshot's file: which cluster, whose data, up to when.
#[must_use]
pub fn snapshot_name(
    world: &World,
    member: &Member,
    status: &MemberStatus,
    wishes: &Wishes,
) -> PathBuf {
    // A member name is free text of the cluster's operator; keep it from
    // meaning anything in a path.
    let safe: String = member
        .label()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .collect();
    PathBuf::from(format!(
        "etcd-{:x}-{safe}-rev{}-{}.db",
        world.cluster_id, status.revision, wishes.stamp
    ))
}

/// Followers first, the fullest of them first; the leader last. Learners and
/// members that do not answer cannot be defragmented.
pub(super) fn defrag_order<'a>(
    world: &'a World,
    wishes: &Wishes,
) -> Vec<(&'a Member, &'a MemberStatus)> {
    let leader = world.leader();
    let mut order: Vec<_> = answering(world)
        .filter(|(member, _)| !member.learner && is_asked(member, wishes))
        .collect();
    order.order_by_key(|(member, status)| {
        (Some(member.id) == leader, std::cmp::Reverse(status.db_size))
    });
    order
}

/// Whether the person means this member: by name, or all of them.
pub(super) fn is_asked(member: &Member, wishes: &Wishes) -> bool {
    wishes.members.is_empty() || wishes.members.iter().any(|name| member.is_called(name))
}

/// A member asked for by name that no defragmentation can reach.
pub(super) fn cannot_defragment(world: &World, wishes: &Wishes) -> Result<(), Refusal> {
    for member in wishes.members.iter().filter_map(|name| world.member_called(name)) {
        let (kind, why) = match &member.status {
            Err(error) => (RefusalKind::MissingVoter, format!("it does not answer ({error})")),
            Ok(_) if member.learner => {
                (RefusalKind::LearnerOverQuota, "etcd refuses that of a learner".to_owned())
            }
            Ok(_) => continue,
        };
        return Err(Refusal {
            kind,
            flag: None,
            what: format!("{} cannot be defragmented: {why}", member.label()),
            next: "leave it out: `etcd-rescue status` shows the others".to_owned(),
        });
    }
    Ok(())
}
