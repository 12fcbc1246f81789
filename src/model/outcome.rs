//! How a run ended, in the words scripts may rely on.

use serde::Serialize;

use super::MemberId;

/// The `outcome` key of `recover -w json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Writes are accepted again and stay accepted.
    Recovered,
    /// A single step was done; it alone proves nothing about writes.
    Done,
    /// There was no alarm and no member near its quota.
    NothingToDo,
    /// `--dry-run`: the plan was shown.
    Planned,
    /// A person has to decide: no terminal and no `--yes`, or they said no.
    NeedsDecision,
    /// A gate forbids it; nothing was changed.
    Refused,
    /// Stopped part-way; a rerun goes on.
    Partial,
    /// Everything done, but the proof failed.
    Unverified,
    /// etcd did not run well with the change, which was taken back.
    RolledBack,
    /// etcd was not found or does not answer.
    Unreachable,
    /// Usage, an internal error, or interrupted before anything was changed.
    Failed,
}

/// How one step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Done and checked.
    Done,
    /// Failed; the detail says how.
    Failed,
    /// Interrupted by a signal.
    Interrupted,
    /// Shown only.
    Planned,
}

/// One line of the `steps` key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Step id of the plan.
    pub id: String,
    /// Member id, when the step talks to one.
    pub member: Option<MemberId>,
    /// How it ended.
    pub status: StepStatus,
    /// How long it took, milliseconds.
    pub elapsed_ms: u64,
    /// One sentence.
    pub detail: String,
}
