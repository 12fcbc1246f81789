//! What has happened so far in this run: kept so that any ending, also a
//! signal, can tell the state.

use std::{path::PathBuf, time::Instant};

use crate::model::Timestamp;
use serde_json::json;

use crate::{
    failure::{Exit, Failure},
    model::{MemberId, Outcome, Plan, Purge, Refusal, Step, StepReport, StepStatus, World},
    say::{
        Happening,
        json::{
            ControlPlaneAnswer, LeftMember, PreventAnswer, PurgedAnswer, RecoveryAnswer,
            SnapshotAnswer,
        },
    },
};

use super::{logbook::Logbook, undo::KeptFile};

/// The step under way and what to say if we are stopped in it.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its id.
    pub id: String,
    /// Its member.
    pub member: Option<MemberId>,
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
    /// Keys that were counted to be deleted.
    pub purge: Option<Purge>,
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
    /// When the run began, by the wall clock.
    pub began: Timestamp,
    /// What goes into the journal.
    pub logbook: Logbook,
    /// What the report tells in the order of time.
    pub timeline: Vec<Happening>,
    /// HashKV of every member compared, by name, when they were equal.
    pub hashes: Vec<(String, u32)>,
    /// What usually follows, one sentence with its command.
    pub next_step: Option<String>,
    /// The answer of `prevent`, as far as it is known.
    pub prevent: Option<PreventAnswer>,
    /// How it ended, where the exit code does not tell.
    pub outcome: Option<Outcome>,
    /// The report, once it is written.
    pub report_path: Option<PathBuf>,
    /// The old database file of this node's member.
    pub kept_file: Option<KeptFile>,
    /// A directory that a copy of a stopped etcd's data could go to.
    pub copy_place: Option<PathBuf>,
}

impl Record {
    /// An empty record of a run of `command` that begins now.
    #[must_use]
    pub fn new(command: &str) -> Self {
        let began = Timestamp::now();
        Self {
            started: Instant::now(),
            began,
            logbook: Logbook::new(command, began),
            timeline: Vec::new(),
            hashes: Vec::new(),
            next_step: None,
            prevent: None,
            outcome: None,
            report_path: None,
            kept_file: None,
            copy_place: None,
            plan: None,
            before: None,
            after: None,
            snapshot: None,
            purge: None,
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

    /// The answer of `prevent`, to fill in.
    pub fn prevent_mut(&mut self) -> &mut PreventAnswer {
        self.prevent.get_or_insert_default()
    }

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

    /// What is still to do after a run that succeeded; several lines.
    #[must_use]
    pub fn still_to_do(&self) -> Option<String> {
        let members = self
            .left
            .iter()
            .map(|it| format!("{} was not reached ({}); {}", it.name, it.error, it.next));
        let lines: Vec<String> = members.chain(self.next_step.clone()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The plan that will be walked, made from that look.
    pub fn set_plan(&mut self, plan: &Plan, world: &World) {
        self.plan = Some(plan.clone());
        self.logbook.plan(plan, world);
    }

    /// A person is asked for this step now.
    pub fn asked(&mut self, step: &Step) {
        self.logbook.event("asked", json!({"step": step.id, "member": step.member}));
    }

    /// Whose word let a step begin, or why it did not: "--yes", "a person".
    pub fn answered(&mut self, step: &Step, by: &str, answer: Result<(), String>) {
        let text = answer.as_ref().map_or_else(Clone::clone, |()| "yes".to_owned());
        self.logbook.event(
            "answered",
            json!({"step": step.id, "member": step.member, "by": by, "answer": text}),
        );
        self.timeline.push(Happening {
            at: Timestamp::now(),
            step: step.id.clone(),
            member: step.member,
            took_ms: None,
            result: format!("consent ({by}): {text}"),
        });
    }

    /// A step begins.
    pub fn begin_step(&mut self, id: &str, member: Option<MemberId>) {
        self.logbook.event("step_started", json!({"step": id, "member": member}));
        self.running = Some(Running {
            id: id.to_owned(),
            member,
            since: Instant::now(),
            goes_on: String::new(),
        });
    }

    /// Ends the step under way.
    pub fn end_step(&mut self, status: StepStatus, detail: impl Into<String>) {
        let Some(running) = self.running.take() else { return };
        let step = StepReport {
            id: running.id,
            member: running.member,
            status,
            elapsed_ms: millis(running.since),
            detail: detail.into(),
        };
        self.logbook.event(
            "step_ended",
            json!({
                "step": step.id,
                "member": step.member,
                "status": step.status,
                "elapsed_ms": step.elapsed_ms,
                "detail": step.detail,
            }),
        );
        let outcome = match status {
            StepStatus::Done => "",
            StepStatus::Failed => "failed: ",
            StepStatus::Interrupted => "interrupted: ",
            StepStatus::Planned => "planned: ",
        };
        self.timeline.push(Happening {
            at: Timestamp::now(),
            step: step.id.clone(),
            member: step.member,
            took_ms: Some(step.elapsed_ms),
            result: format!("{outcome}{}", step.detail),
        });
        self.steps.push(step);
    }

    /// The verified snapshot.
    pub fn set_snapshot(&mut self, saved: SnapshotAnswer) {
        self.logbook.event(
            "snapshot",
            json!({"path": saved.path, "bytes": saved.bytes, "sha256": saved.sha256}),
        );
        self.snapshot = Some(saved);
    }

    /// Members proven equal, with their names.
    pub fn set_hashes(&mut self, hashes: Vec<(String, u32)>) {
        let each: Vec<_> = hashes
            .iter()
            .map(|(name, hash)| json!({"name": name, "hash": format!("{hash:08x}")}))
            .collect();
        self.logbook.event("hashes", json!({"members": each}));
        self.hashes = hashes;
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
        answer.purge = self.purge.as_ref().map(PurgedAnswer::from);
        if !self.steps.is_empty() {
            answer.steps = self.steps.clone();
        }
        answer.writable_after_ms = self.writable_after_ms;
        answer.elapsed_ms = self.elapsed_ms();
        answer.control_plane = self.control_plane.clone();
        answer.left = self.left.clone();
        answer.prevention = self.prevention.clone();
        answer.undo_path = self.kept_file.as_ref().map(|kept| kept.link.display().to_string());
        answer.report_path = self.report_path.as_ref().map(|path| path.display().to_string());
        answer
    }
}

/// Milliseconds since a moment.
#[must_use]
pub fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
