//! The steps of a plan whose gates are open, one after the other, and what to
//! say about them. In which order is `order`'s.

use crate::model::{
    Bytes, DataDir, Member, MemberStatus, Refusal, Revision, Scope, SnapshotPlace, Step, StepKind,
    Wishes, World,
};

use super::{
    cautions, hold, left_overs, live,
    order::{self, Small, Voice},
    plan::{
        any_voter, cannot_defragment, defrag_order, defrag_step, nospace, snapshot_name,
        snapshot_source, step, target_revision,
    },
    room, sick, undo,
};

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What is done, in order.
    pub(super) steps: Vec<Step>,
    /// What to know before saying yes.
    pub(super) said: Vec<String>,
    /// Which order it is, for a recovery.
    pub(super) order: Option<String>,
}

/// What the person asked for, cut down to what steps need.
struct Parts<'a> {
    world: &'a World,
    wishes: &'a Wishes,
    revision: Revision,
    /// What is freed on etcd's filesystem before anything else.
    freed: Bytes,
}

/// Every step.
///
/// # Errors
/// A refusal when there is no room, or nobody to do it with.
pub(super) fn steps(world: &World, wishes: &Wishes) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let rewrites = matches!(wishes.scope, Scope::Recover | Scope::Defragment);
    let compacts = matches!(wishes.scope, Scope::Recover | Scope::Compact);
    let all = if rewrites { defrag_order(world, wishes) } else { Vec::new() };
    if rewrites || compacts {
        // First: from here on nothing may kill etcd.
        let (held, kubelets) = hold::of_kubelets(world, wishes, &all);
        draft.steps.extend(held);
        draft.said.extend(kubelets);
    }
    let disk = left_overs::of_this_node(world).filter(|_| rewrites);
    let freed = disk.map_or(Bytes(0), DataDir::freed_by_orphans);
    draft.steps.extend(disk.map(left_overs::removal));
    let parts = Parts { world, wishes, revision: target_revision(world, wishes), freed };
    match wishes.scope {
        Scope::Recover => parts.recover(&mut draft, &all)?,
        _ => parts.one_after_the_other(&mut draft, &all)?,
    }
    draft.said.extend(live::caution(world, wishes));
    draft.said.extend(cautions::of_members(world));
    undo::plan(&mut draft.steps, world, wishes, freed);
    Ok(draft)
}

impl Parts<'_> {
    /// The single steps of a recovery, each behind its snapshot.
    fn one_after_the_other(&self, draft: &mut Draft, all: &[Voice<'_>]) -> Result<(), Refusal> {
        let scope = self.wishes.scope;
        let beside = match scope {
            Scope::Disarm => Bytes(0),
            _ => self.snapshot_first(draft)?,
        };
        if scope == Scope::Compact {
            self.compact(draft, any_voter(self.world)?.0);
        }
        if scope == Scope::Defragment {
            self.room(draft, all, beside)?;
            // Settling at revision 1 waits for every earlier compaction.
            draft.steps.extend(all.iter().map(|(m, s)| defrag_step(m, s, Revision(1))));
        }
        if scope == Scope::Disarm {
            self.disarm(draft)?;
        }
        Ok(())
    }

    /// The whole recovery: those that must shrink, the alarm, and then those
    /// that can wait.
    fn recover(&self, draft: &mut Draft, all: &[Voice<'_>]) -> Result<(), Refusal> {
        let (mut must, can_wait) = order::parted(all);
        let saves = !self.wishes.no_snapshot && self.wishes.snapshot.is_none();
        let why_full = order::why_full_first(self.world, self.wishes);
        let quick = saves && why_full.is_none();
        let small = order::small(self.world, &must, &can_wait).filter(|_| quick);
        let alarm_first = quick && small.is_none();
        draft.said.extend(cautions::of_differing(self.world).filter(|_| saves));
        if saves {
            draft.order = Some(order::told(self.world, small, why_full.as_deref()));
        }
        if alarm_first {
            self.disarm(draft)?;
        }
        let beside = match small {
            Some(small) => self.small_first(draft, small, &mut must)?,
            None => {
                let beside = self.snapshot_first(draft)?;
                self.compact(draft, any_voter(self.world)?.0);
                beside
            }
        };
        self.room(draft, all, beside)?;
        self.defragment(draft, &must);
        if !alarm_first {
            self.disarm(draft)?;
        }
        draft.steps.extend(can_wait.iter().map(|(m, s)| defrag_step(m, s, self.revision)));
        let (member, _) = any_voter(self.world)?;
        draft.steps.push(step("verify", member, StepKind::Verify));
        Ok(())
    }

    /// Compaction, one small member, the proof that it is equal to those nobody
    /// has touched, and its snapshot. Takes that member out of `must`.
    fn small_first(
        &self,
        draft: &mut Draft,
        small: Small<'_>,
        must: &mut Vec<Voice<'_>>,
    ) -> Result<Bytes, Refusal> {
        let (member, status) = small.voice();
        self.compact(draft, member);
        must.retain(|(other, _)| Some(other.id) != small.first());
        if small.first().is_some() {
            draft.steps.push(defrag_step(member, status, self.revision));
        }
        draft.steps.push(step("compare", member, StepKind::Compare));
        let expected = match small {
            Small::Already(_) => status.db_size,
            Small::First(_) => order::expected(self.world, status),
        };
        self.snapshot(draft, (member, status), expected, true)
    }

    /// The members that must shrink, one by one; the followers at once where
    /// the person wants that and nothing is accepted anyway.
    fn defragment(&self, draft: &mut Draft, must: &[Voice<'_>]) {
        let leader = self.world.leader();
        let (leaders, followers): (Vec<Voice>, Vec<Voice>) =
            must.iter().copied().partition(|(member, _)| Some(member.id) == leader);
        let together = self.wishes.parallel && self.world.has_nospace() && followers.len() > 1;
        if together {
            draft.steps.push(order::together(&followers, self.revision));
        } else {
            draft.steps.extend(followers.iter().map(|(m, s)| defrag_step(m, s, self.revision)));
        }
        draft.steps.extend(leaders.iter().map(|(m, s)| defrag_step(m, s, self.revision)));
        if self.wishes.parallel && !together {
            draft.said.push(order::not_together(self.world).to_owned());
        }
    }

    fn compact(&self, draft: &mut Draft, member: &Member) {
        draft.steps.push(step("compact", member, StepKind::Compact { revision: self.revision }));
    }

    fn disarm(&self, draft: &mut Draft) -> Result<(), Refusal> {
        let alarms = nospace(self.world);
        if !alarms.is_empty() {
            let (member, _) = any_voter(self.world)?;
            draft.steps.push(step("disarm", member, StepKind::Disarm { alarms }));
        }
        Ok(())
    }

    /// The snapshot of everything before anything is changed, or why there is
    /// none; how much room it takes beside etcd's own files.
    fn snapshot_first(&self, draft: &mut Draft) -> Result<Bytes, Refusal> {
        if let Some(path) = &self.wishes.snapshot {
            draft.said.push(format!(
                "no second snapshot is taken: {} was taken just before the deletes, and NOSPACE has \
                 let nothing be written since",
                path.display()
            ));
            return Ok(Bytes(0));
        }
        if self.wishes.no_snapshot {
            draft.said.push("no snapshot will be taken (--no-snapshot)".to_owned());
            return Ok(Bytes(0));
        }
        let source = snapshot_source(self.world)?;
        self.snapshot(draft, source, source.1.db_size, false)
    }

    fn snapshot(
        &self,
        draft: &mut Draft,
        (member, status): Voice<'_>,
        expected: Bytes,
        small: bool,
    ) -> Result<Bytes, Refusal> {
        let (step, place) = self.snapshot_step(member, status, expected, small)?;
        draft.steps.push(step);
        if !place.shares_data_dir {
            return Ok(Bytes(0));
        }
        draft.said.push(cautions::own_filesystem(place));
        Ok(expected)
    }

    /// The snapshot, and where it goes.
    fn snapshot_step(
        &self,
        member: &Member,
        status: &MemberStatus,
        expected: Bytes,
        small: bool,
    ) -> Result<(Step, &SnapshotPlace), Refusal> {
        let (world, freed) = (self.world, self.freed);
        let place = room::choose_place(&world.snapshot_places, &world.sick_disks, expected, freed)
            .ok_or_else(|| room::no_place(world, expected, freed))?;
        let path = place.directory.join(snapshot_name(world, member, status, self.wishes));
        let sick_disk = sick::to_be_typed(place, world, self.wishes)?;
        let kind = StepKind::Snapshot { path, sick_disk, expected, small };
        Ok((step("snapshot", member, kind), place))
    }

    /// Whether there is room for the new files, and what else to say of
    /// defragmenting.
    fn room(
        &self,
        draft: &mut Draft,
        all: &[Voice<'_>],
        beside_database: Bytes,
    ) -> Result<(), Refusal> {
        cannot_defragment(self.world, self.wishes)?;
        draft.said.extend(room::room_beside(self.world, beside_database, self.freed)?);
        draft.said.extend(cautions::of_defragmenting(self.world, all));
        let here = all.iter().any(|(member, _)| member.local);
        let sick = self.world.sick_disks.iter().filter(|_| here);
        draft.said.extend(sick.map(sick::caution));
        Ok(())
    }
}
