//! World and wishes in, plan or refusals out.

use std::path::PathBuf;

use crate::model::{
    Alarm, AlarmKind, Bytes, DataDir, Member, MemberStatus, Plan, Refusal, RefusalKind, Revision,
    Scope, SnapshotPlace, Step, StepKind, Wishes, World, order::InOrder,
};

use super::{
    advice, cautions, digest,
    gates::{leader_index, refusals},
    hold, left_overs, live, room, sick,
    stall::stall,
    streams,
    verdict::{disarm_refusals, is_nearly_full},
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
        let refusals = refusals(world, wishes);
        return if refusals.is_empty() {
            let mut why = "no alarm is on, and every member is well below its quota".to_owned();
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
        Ok((steps, cautions)) => Decision::Go(Plan {
            id: digest::plan_id(&steps),
            cause: advice::cause(world),
            revision: target_revision(world, wishes),
            saved: wishes.snapshot.clone(),
            steps,
            cautions,
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

fn target_revision(world: &World, wishes: &Wishes) -> Revision {
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

fn steps(world: &World, wishes: &Wishes) -> Result<(Vec<Step>, Vec<String>), Refusal> {
    let mut steps = Vec::new();
    let mut said = Vec::new();
    let revision = target_revision(world, wishes);
    let rewrites = matches!(wishes.scope, Scope::Recover | Scope::Defragment);
    let compacts = matches!(wishes.scope, Scope::Recover | Scope::Compact);
    let order = if rewrites { defrag_order(world, wishes) } else { Vec::new() };
    if rewrites || compacts {
        // First: from here on nothing may kill etcd.
        let (held, kubelets) = hold::of_kubelets(world, wishes, &order);
        steps.extend(held);
        said.extend(kubelets);
    }
    let mut beside_database = Bytes::default();
    let disk = left_overs::of_this_node(world).filter(|_| rewrites);
    let freed = disk.map_or(Bytes(0), DataDir::freed_by_orphans);
    steps.extend(disk.map(left_overs::removal));
    let changes = rewrites || compacts || wishes.scope == Scope::Purge;
    if let Some(path) = wishes.snapshot.as_ref().filter(|_| changes) {
        said.push(format!(
            "no second snapshot is taken: {} was taken just before the deletes, and NOSPACE has let \
             nothing be written since",
            path.display()
        ));
    } else if changes && !wishes.no_snapshot {
        let (snapshot, place, db_size) = snapshot_step(world, wishes, freed)?;
        if place.shares_data_dir {
            beside_database = db_size;
            said.push(cautions::own_filesystem(place));
        }
        steps.push(snapshot);
    } else if changes {
        said.push("no snapshot will be taken (--no-snapshot)".to_owned());
    }
    if compacts {
        let (member, _) = snapshot_source(world)?;
        steps.push(step("compact", member, StepKind::Compact { revision }));
    }
    if rewrites {
        cannot_defragment(world, wishes)?;
        said.extend(room::room_beside(world, beside_database, freed)?);
        said.extend(cautions::of_defragmenting(world, &order));
        let here = order.iter().any(|(member, _)| member.local);
        said.extend(world.sick_disks.iter().filter(|_| here).map(sick::caution));
        // Without a compaction of ours no new history may go, and settling at
        // revision 1 waits for every earlier compaction all the same.
        let settle_at = if compacts { revision } else { Revision(1) };
        steps.extend(order.iter().map(|(member, status)| defrag_step(member, status, settle_at)));
    }
    if matches!(wishes.scope, Scope::Recover | Scope::Disarm) {
        let alarms = nospace(world);
        if !alarms.is_empty() {
            let (member, _) = snapshot_source(world)?;
            steps.push(step("disarm", member, StepKind::Disarm { alarms }));
        }
    }
    if wishes.scope == Scope::Recover {
        let (member, _) = snapshot_source(world)?;
        steps.push(step("verify", member, StepKind::Verify));
    }
    said.extend(live::caution(world, wishes));
    said.extend(cautions::of_members(world));
    Ok((steps, said))
}

/// The snapshot, where it goes, and how big it gets.
fn snapshot_step<'a>(
    world: &'a World,
    wishes: &Wishes,
    freed: Bytes,
) -> Result<(Step, &'a SnapshotPlace, Bytes), Refusal> {
    let (member, status) = snapshot_source(world)?;
    let place =
        room::choose_place(&world.snapshot_places, &world.sick_disks, status.db_size, freed)
            .ok_or_else(|| room::no_place(world, status.db_size, freed))?;
    let path = place.directory.join(snapshot_name(world, member, status, wishes));
    let sick_disk = sick::to_be_typed(place, world, wishes)?;
    let kind = StepKind::Snapshot { path, sick_disk };
    Ok((step("snapshot", member, kind), place, status.db_size))
}

fn nospace(world: &World) -> Vec<Alarm> {
    world.alarms().into_iter().filter(|alarm| alarm.kind == AlarmKind::NoSpace).collect()
}

fn step(id: &str, member: &Member, kind: StepKind) -> Step {
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
    };
    step(&format!("defrag:{}", member.label()), member, kind)
}

/// Whom the snapshot is taken from: a voter that has applied everything, a
/// follower before the leader (streaming costs disk reads), this node's member
/// before others (no network).
///
/// # Errors
/// A refusal when no voter answers.
pub fn snapshot_source(world: &World) -> Result<(&Member, &MemberStatus), Refusal> {
    let best_index = leader_index(world);
    answering(world)
        .filter(|(member, _)| !member.learner)
        .min_by_key(|(member, status)| {
            (
                best_index.saturating_sub(status.raft_applied_index) > 100,
                member.is_leader(),
                !member.local,
            )
        })
        .ok_or_else(|| Refusal {
            kind: RefusalKind::NoQuorum,
            flag: None,
            what: "no voting member answers".to_owned(),
            next: "look at this node with `etcd-rescue locate`".to_owned(),
        })
}

pub(super) fn snapshot_name(
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
fn cannot_defragment(world: &World, wishes: &Wishes) -> Result<(), Refusal> {
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
