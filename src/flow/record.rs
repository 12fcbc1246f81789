//! What has happened so far in this run: kept so that any ending, also a
//! signal, can tell the state.

use std::time::Instant;

use crate::{
    failure::{Exit, Failure},
    model::{Outcome, Plan, Refusal, StepReport, StepStatus, World},
    say::json::{ControlPlaneAnswer, LeftMember, RecoveryAnswer, SnapshotAnswer},
};

/// The step under way and what to say if we are stopped in it.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its id.
    pub id: String,
    /// Its member.
    pub member: Option<crate::model::MemberId>,
    /// When it began.
    pub since: Instant,
    /// What goes on without us, one sentence.
    pub goes_on: String,
}

/// Everything the answer of a recovery is made of.
#[derive(Debug)]
pub struct Record {
    /// When the run began.
    pub started: Instant,
    /// The plan, once there is one.
    pub plan: Option<Plan>,
    /// The world the plan was made for.
    pub before: Option<World>,
    /// The latest look.
    pub after: Option<World>,
    /// The verified snapshot.
    pub snapshot: Option<SnapshotAnswer>,
    /// Ended steps.
    pub steps: Vec<StepReport>,
    /// The step under way.
    pub running: Option<Running>,
    /// Whether a request that changes etcd was sent, whatever became of it.
    pub changed_anything: bool,
    /// When the first write was accepted, since the start.
    pub writable_after_ms: Option<u64>,
    /// The API server of this node.
    pub control_plane: Option<ControlPlaneAnswer>,
    /// Members that could not be reached.
    pub left: Vec<LeftMember>,
    /// How to prevent it next time.
    pub prevention: Option<String>,
    /// The gates that are closed.
    pub refusals: Vec<Refusal>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            plan: None,
            before: None,
            after: None,
            snapshot: None,
            steps: Vec::new(),
            running: None,
            changed_anything: false,
            writable_after_ms: None,
            control_plane: None,
            left: Vec::new(),
            prevention: None,
            refusals: Vec::new(),
        }
    }
}

impl Record {
    /// Milliseconds since the run began.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        millis(self.started)
    }

    /// One sentence about the state of the cluster, from what was done.
    #[must_use]
    pub fn state(&self) -> String {
        let done: Vec<&str> = self
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::Done)
            .map(|step| step.id.as_str())
            .collect();
        let mut state = if done.is_empty() && !self.changed_anything {
            "Nothing was changed in etcd.".to_owned()
        } else if done.is_empty() {
            "No step was finished.".to_owned()
        } else {
            format!("Done so far: {}.", done.join(", "))
        };
        if let Some(snapshot) = &self.snapshot {
            state.push_str(&format!(" The snapshot is safe at {}.", snapshot.path));
        }
        if let Some(running) = self.running.as_ref().filter(|running| !running.goes_on.is_empty()) {
            state.push(' ');
            state.push_str(&running.goes_on);
        }
        state
    }

    /// Ends the step under way.
    pub fn end_step(&mut self, status: StepStatus, detail: impl Into<String>) {
        if let Some(running) = self.running.take() {
            self.steps.push(StepReport {
                id: running.id,
                member: running.member,
                status,
                elapsed_ms: millis(running.since),
                detail: detail.into(),
            });
        }
    }

    /// The document for `-w json`.
    #[must_use]
    pub fn answer(
        &self,
        outcome: Outcome,
        exit: Exit,
        failure: Option<&Failure>,
    ) -> RecoveryAnswer {
        let mut answer = RecoveryAnswer::new(outcome, exit);
        if let (Some(plan), Some(before)) = (&self.plan, &self.before) {
            answer = answer.plan(plan, before);
        }
        if let Some(before) = &self.before {
            answer = answer.sizes(before, self.after.as_ref());
        }
        if let Some(failure) = failure {
            answer = answer.refusals(&self.refusals).failure(failure);
        }
        answer.snapshot = self.snapshot.clone();
        if !self.steps.is_empty() {
            answer.steps = self.steps.clone();
        }
        answer.writable_after_ms = self.writable_after_ms;
        answer.elapsed_ms = self.elapsed_ms();
        answer.control_plane = self.control_plane.clone();
        answer.left = self.left.clone();
        answer.prevention = self.prevention.clone();
        answer
    }
}

/// Milliseconds since a moment.
#[must_use]
pub fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
