//! Which copies of the data are there while a member is rewritten: the snapshot,
//! or the members that nobody has touched yet. Pure.

use crate::model::{Member, MemberId, Plan, StepKind, World};

/// Whether a snapshot comes only after this step.
pub(super) fn comes_later(plan: &Plan, index: usize) -> bool {
    plan.steps.iter().skip(index + 1).any(|step| matches!(step.kind, StepKind::Snapshot { .. }))
}

/// The copies at a step that rewrites, compares or saves before there is a
/// snapshot; `None` for other steps.
pub(super) fn at(plan: &Plan, index: usize, world: &World) -> Option<String> {
    let step = plan.steps.get(index)?;
    let matters = match step.kind {
        StepKind::Defragment { .. } | StepKind::Compare => comes_later(plan, index),
        StepKind::Snapshot { small, .. } => small,
        _ => false,
    };
    if !matters {
        return None;
    }
    let touched: Vec<MemberId> = plan
        .steps
        .iter()
        .take(index + 1)
        .filter(|step| matches!(step.kind, StepKind::Defragment { .. }))
        .filter_map(|step| step.member)
        .collect();
    let untouched: Vec<String> = world
        .voters()
        .filter(|member| member.status.is_ok() && !touched.contains(&member.id))
        .map(Member::label)
        .collect();
    (!untouched.is_empty()).then(|| format!("untouched copies: {}", untouched.join(", ")))
}
