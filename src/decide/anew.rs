//! What of a plan changes when members go and come back while it is carried
//! out. Pure.

use crate::model::{Plan, Revision, Scope, Step, StepKind, Wishes, World};

use super::plan::{answering, any_voter, defrag_step, is_asked, snapshot_name, snapshot_source};

/// Steps for voters that answer now and have none in the plan: they were
/// missing when it was made.
#[must_use]
pub fn came_back(plan: &Plan, world: &World, wishes: &Wishes) -> Vec<Step> {
    let settle_at = match wishes.scope {
        Scope::Recover => plan.revision,
        Scope::Defragment => Revision(1),
        Scope::Compact | Scope::Disarm | Scope::Purge => return Vec::new(),
    };
    let is_planned = |id| plan.steps.iter().any(|step| is_defragmentation(step, id));
    answering(world)
        .filter(|(member, _)| !member.learner && is_asked(member, wishes))
        .filter(|(member, _)| !is_planned(member.id))
        .map(|(member, status)| defrag_step(member, status, settle_at))
        .collect()
}

fn is_defragmentation(step: &Step, member: crate::model::MemberId) -> bool {
    match &step.kind {
        StepKind::Defragment { .. } => step.member == Some(member),
        StepKind::DefragmentTogether { members, .. } => members.contains(&member),
        _ => false,
    }
}

/// Gives a step that any member can do to one that answers, when its own does
/// not.
pub fn replace_silent(step: &mut Step, world: &World, wishes: &Wishes) {
    let any_will_do = !matches!(
        step.kind,
        StepKind::Defragment { .. }
            | StepKind::DefragmentTogether { .. }
            | StepKind::Compare
            | StepKind::HoldKubelet { .. }
            | StepKind::RemoveLeftOvers { .. }
    );
    let answers = step.member.and_then(|id| world.member(id)).is_some_and(|it| it.status.is_ok());
    let best = match step.kind {
        StepKind::Snapshot { .. } => snapshot_source(world),
        _ => any_voter(world),
    };
    let Ok((member, status)) = best else { return };
    if !any_will_do || answers {
        return;
    }
    step.member = Some(member.id);
    step.member_name = member.label();
    step.endpoint.clone_from(&member.endpoint);
    if let StepKind::Snapshot { path, .. } = &mut step.kind {
        // The name says whose data they are.
        path.set_file_name(snapshot_name(world, member, status, wishes));
    }
}
