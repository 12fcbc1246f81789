//! A step of a plan in `recover -w json`. Decides nothing.

use serde::Serialize;

use crate::{
    model::{MemberId, Step, StepKind, World},
    say::etcdctl,
};

/// A step as planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Step id.
    pub id: String,
    /// "hold_kubelet", "remove_left_overs", "snapshot", "compact", "compare",
    /// "defrag", "defrag_together", "disarm" or "verify".
    pub kind: &'static str,
    /// The member it talks to.
    pub member: Option<MemberId>,
    /// Its name.
    pub member_name: Option<String>,
    /// Its client URL.
    pub endpoint: Option<String>,
    /// Database size before, bytes; only for "defrag".
    pub db_size: Option<u64>,
    /// Upper bound of the size after it, bytes; only for "defrag".
    pub expected_db_size: Option<u64>,
    /// Upper bound of the stall, milliseconds; only for "defrag".
    pub expected_stall_ms: Option<u64>,
    /// What was measured of that member's disk and makes it so long.
    pub stall_basis: Option<String>,
    /// The file; only for "snapshot".
    pub path: Option<String>,
    /// The hard link that keeps the old file of this node's member; only for
    /// "defrag" and "defrag_together".
    pub undo_path: Option<String>,
    /// The etcdctl commands that would do the same.
    pub etcdctl: Vec<Vec<String>>,
}

impl PlannedStep {
    /// As that look at the world shows it.
    pub(super) fn new(step: &Step, world: &World) -> Self {
        let mut planned = Self {
            id: step.id.clone(),
            kind: "",
            member: step.member,
            member_name: Some(step.member_name.clone()).filter(|name| !name.is_empty()),
            endpoint: Some(step.endpoint.clone()).filter(|url| !url.is_empty()),
            db_size: None,
            expected_db_size: None,
            expected_stall_ms: None,
            stall_basis: None,
            path: None,
            undo_path: None,
            etcdctl: etcdctl::lines(step, world),
        };
        match &step.kind {
            StepKind::HoldKubelet { .. } => planned.kind = "hold_kubelet",
            StepKind::RemoveLeftOvers { .. } => planned.kind = "remove_left_overs",
            StepKind::Snapshot { path, .. } => {
                planned.kind = "snapshot";
                planned.path = Some(super::text(path));
            }
            StepKind::Compact { .. } => planned.kind = "compact",
            StepKind::Defragment { db_size, expected_stall_ms, stall_basis, undo, .. } => {
                let member = step.member.and_then(|id| world.member(id));
                let status = member.and_then(|member| member.status.as_ref().ok());
                planned.kind = "defrag";
                planned.db_size = Some(db_size.0);
                planned.expected_db_size = status.map(|status| status.db_size_in_use.0);
                planned.expected_stall_ms = Some(*expected_stall_ms);
                planned.stall_basis.clone_from(stall_basis);
                planned.undo_path = undo.link().map(|path| super::text(path));
            }
            StepKind::Compare => planned.kind = "compare",
            StepKind::DefragmentTogether { expected_stall_ms, undo, .. } => {
                planned.kind = "defrag_together";
                planned.undo_path = undo.link().map(|path| super::text(path));
                planned.expected_stall_ms = Some(*expected_stall_ms);
            }
            StepKind::Disarm { .. } => planned.kind = "disarm",
            StepKind::Verify => planned.kind = "verify",
        }
        planned
    }
}
