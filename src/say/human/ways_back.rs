//! How to undo what a plan does, step by step and in one line per way back. Pure.

use std::path::Path;

use super::copies;
use crate::{
    model::{Plan, StepKind, Undo},
    say::text::hang,
};

/// One line per way back, with the numbers of the steps it is for.
pub(super) fn lines(plan: &Plan, width: usize) -> Vec<String> {
    let mut ways: Vec<(String, Vec<String>)> = Vec::new();
    for (index, step) in plan.steps.iter().enumerate() {
        if step.kind == StepKind::Verify {
            continue;
        }
        let way = of(plan, index);
        let number = (index + 1).to_string();
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, numbers)) => numbers.push(number),
            None => ways.push((way, vec![number])),
        }
    }
    ways.iter()
        .enumerate()
        .map(|(index, (way, numbers))| {
            let label = if index == 0 { "Undo   " } else { "       " };
            hang(label, &format!("{}: {way}", numbers.join(", ")), width)
        })
        .collect()
}

/// How one step is undone.
pub(super) fn of(plan: &Plan, index: usize) -> String {
    let backup = snapshot_before(plan, index);
    match plan.steps.get(index).map(|step| &step.kind) {
        Some(StepKind::HoldKubelet { .. }) => {
            "not needed: the kubelet goes on by itself when this run ends in any way, also when it \
             is killed"
                .to_owned()
        }
        Some(StepKind::RemoveLeftOvers { .. }) => {
            "cannot be undone; etcd removes such files itself when it starts".to_owned()
        }
        Some(StepKind::Snapshot { .. }) => "delete the file".to_owned(),
        Some(StepKind::Compact { .. }) => match backup {
            Some(path) => format!(
                "cannot be undone (current values stay); {} holds the history",
                path.display()
            ),
            None if copies::comes_later(plan, index) => {
                "cannot be undone: only the current value of each key stays, and history is gone \
                 (--snapshot full-first saves it before)"
                    .to_owned()
            }
            None => {
                "cannot be undone (current values stay); no snapshot holds the history".to_owned()
            }
        },
        Some(StepKind::Defragment { undo, .. } | StepKind::DefragmentTogether { undo, .. }) => {
            let without = match backup {
                Some(_) => "not needed, no key changes; the snapshot holds everything",
                None if copies::comes_later(plan, index) => {
                    "not needed, no key changes; the other members hold everything"
                }
                None => "not needed, no key changes; no snapshot is taken before",
            };
            match undo {
                Undo::Link(path) => format!("a hard link to the old file, {}", path.display()),
                Undo::None(why) => format!("{without} ({why})"),
                Undo::Elsewhere => without.to_owned(),
            }
        }
        Some(StepKind::Compare) => "nothing to undo: it only reads".to_owned(),
        Some(StepKind::Disarm { .. }) => {
            "not needed; etcd raises NOSPACE again when a quota is reached".to_owned()
        }
        Some(StepKind::Verify) => "nothing to undo; a lease is granted and revoked".to_owned(),
        None => String::new(),
    }
}

/// The file of the last snapshot step before `index`; else the one from earlier
/// in this run.
fn snapshot_before(plan: &Plan, index: usize) -> Option<&Path> {
    let taken = plan.steps.iter().take(index).rev().find_map(|step| match &step.kind {
        StepKind::Snapshot { path, .. } => Some(path.as_path()),
        _ => None,
    });
    taken.or(plan.saved.as_deref())
}
