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
    if !healing {
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

/// Puts the leader's defragmentation behind the last follower's; false when
/// there is none left to go first.
pub(super) fn defer(left: &mut VecDeque<Step>, step: &Step) -> bool {
    let is_defrag = |step: &Step| matches!(step.kind, StepKind::Defragment { .. });
    let Some(last) = left.iter().rposition(is_defrag) else { return false };
    left.insert(last + 1, step.clone());
    true
}
