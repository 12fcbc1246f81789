//! Whose turn it is: how the steps that are left change while the plan is
//! walked, as members go, come back and take the lead. Acts on nothing.

use std::collections::VecDeque;

use crate::{
    decide,
    model::{Plan, Step, StepKind, Wishes, World},
};

use super::session::Session;

/// Members that were missing when the plan was made and answer now: they are
/// defragmented as well, before the alarm is taken off.
pub(super) fn pick_up(
    session: &Session,
    plan: &mut Plan,
    left: &mut VecDeque<Step>,
    step: &mut Step,
    world: &World,
    wishes: &Wishes,
) {
    let healing = matches!(
        step.kind,
        StepKind::Defragment { .. } | StepKind::Disarm { .. } | StepKind::Verify
    );
    // Not while the snapshot is still to come: one single member is touched
    // before that.
    let unsaved = left.iter().any(|step| matches!(step.kind, StepKind::Snapshot { .. }));
    if !healing || unsaved {
        return;
    }
    for back in decide::came_back(plan, world, wishes) {
        session.voice.say(&format!("{} answers again: it is defragmented too", back.member_name));
        let at = plan.steps.iter().position(|known| known.id == step.id).unwrap_or_default();
        plan.steps.insert(at, back.clone());
        left.push_front(std::mem::replace(step, back));
    }
}

/// Takes over who leads and where the member is reached now. What any member
/// can do is done by another one when the planned one is silent.
pub(super) fn refresh(session: &Session, step: &mut Step, world: &World, wishes: &Wishes) {
    let planned = step.member_name.clone();
    decide::replace_silent(step, world, wishes);
    decide::undo_now(step, world);
    if step.member_name != planned {
        session.voice.warn(&format!(
            "{planned} does not answer: {} takes its place for `{}`",
            step.member_name, step.id
        ));
    }
    let Some(member) = step.member.and_then(|id| world.member(id)) else { return };
    step.endpoint.clone_from(&member.endpoint);
    if let (StepKind::Defragment { leader, db_size, .. }, Ok(status)) =
        (&mut step.kind, &member.status)
    {
        *leader = world.leader() == Some(member.id);
        *db_size = status.db_size;
    }
}

/// Whether it is the leader's defragmentation.
pub(super) fn leads(step: &Step) -> bool {
    matches!(step.kind, StepKind::Defragment { leader: true, .. })
}

/// Puts the leader's defragmentation behind the last follower's of those that
/// go before the alarm, or after it; false when there is none left to go first.
/// Where a snapshot comes after it, the next follower takes its place, so that
/// there is a small member to save.
pub(super) fn defer(left: &mut VecDeque<Step>, step: &Step) -> bool {
    let is_defrag = |step: &Step| matches!(step.kind, StepKind::Defragment { .. });
    let is_disarm = |step: &Step| matches!(step.kind, StepKind::Disarm { .. });
    let end = left.iter().position(is_disarm).unwrap_or(left.len());
    let Some(last) = left.iter().take(end).rposition(is_defrag) else { return false };
    left.insert(last + 1, step.clone());
    let saved_after = left.iter().position(|step| matches!(step.kind, StepKind::Snapshot { .. }));
    let next = left.iter().position(is_defrag);
    if let (Some(saved_after), Some(next)) = (saved_after, next)
        && saved_after < next
        && let Some(next) = left.remove(next)
    {
        left.push_front(next);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Revision};

    fn step(id: &str) -> Step {
        let kind = match id {
            "compare" => StepKind::Compare,
            "disarm" => StepKind::Disarm { alarms: Vec::new() },
            "snapshot" => StepKind::Snapshot {
                path: "/b/x.db".into(),
                sick_disk: None,
                expected: Bytes(1),
                small: true,
            },
            _ => StepKind::Defragment {
                revision: Revision(1),
                db_size: Bytes(1),
                expected_stall_ms: 1,
                stall_basis: None,
                leader: false,
                undo: crate::model::Undo::Elsewhere,
            },
        };
        Step {
            id: id.to_owned(),
            member: None,
            member_name: id.to_owned(),
            endpoint: String::new(),
            kind,
        }
    }

    fn deferred(left: &[&str], leader: &str) -> Option<String> {
        let mut left: VecDeque<Step> = left.iter().map(|id| step(id)).collect();
        let ids = |left: VecDeque<Step>| left.into_iter().map(|step| step.id).collect::<Vec<_>>();
        defer(&mut left, &step(leader)).then(|| ids(left).join(" "))
    }

    #[test]
    fn the_leader_goes_last_of_those_on_its_side_of_the_alarm() {
        let told = |left: &[&str]| deferred(left, "lead");
        assert_eq!(told(&["a", "disarm", "b"]).as_deref(), Some("a lead disarm b"));
        assert_eq!(told(&["disarm", "b"]), None, "the alarm cannot go before it");
        assert_eq!(told(&["a", "b"]).as_deref(), Some("a b lead"));
        assert_eq!(told(&["disarm"]), None);
    }

    #[test]
    fn a_follower_takes_the_leaders_place_before_the_snapshot() {
        let told = deferred(&["compare", "snapshot", "a", "b", "disarm"], "lead");
        assert_eq!(told.as_deref(), Some("a compare snapshot b lead disarm"));
        assert_eq!(
            deferred(&["compare", "snapshot", "disarm"], "lead"),
            None,
            "it is the only one"
        );
    }
}
