//! `recover -w json`, and the single steps.

use serde::Serialize;

use super::{ErrorAnswer, LayoutAnswer, PlannedStep, PurgedAnswer, purge::EventsAnswer};
use crate::{
    failure::{Exit, Failure},
    model::{Member, MemberId, Outcome, Plan, Refusal, RefusalKind, Revision, StepReport, World},
};

/// The answer of `recover`. Fields are filled as the story goes on.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryAnswer {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of the process.
    pub exit_code: u8,
    /// The plan's id; null when none was made.
    pub plan_id: Option<String>,
    /// The revision everything is compacted at.
    pub revision: Option<Revision>,
    /// The verified snapshot.
    pub snapshot: Option<SnapshotAnswer>,
    /// Every member's database before and after.
    pub members: Vec<MemberSizes>,
    /// What was done, in order.
    pub steps: Vec<StepReport>,
    /// From the start until the first accepted write, milliseconds.
    pub writable_after_ms: Option<u64>,
    /// The whole run, milliseconds.
    pub elapsed_ms: u64,
    /// The old database file of this node's member, where it is kept as the run
    /// did not prove all well; null when there is none.
    pub undo_path: Option<String>,
    /// The Markdown report; the journal has the same name with `.jsonl`.
    pub report_path: Option<String>,
    /// Why it did not succeed.
    pub error: Option<ErrorAnswer>,
    /// The installation, where that is why.
    #[serde(flatten)]
    pub layout: Option<LayoutAnswer>,
    /// Why etcd refuses writes, in two sentences.
    pub cause: Option<String>,
    /// When the snapshot is taken, and why that is safe; null when none is.
    pub order: Option<String>,
    /// What the plan says is to be done.
    pub plan: Vec<PlannedStep>,
    /// What to know before saying yes.
    pub cautions: Vec<String>,
    /// The live data; null when they were not counted.
    pub live_data: Option<LiveDataAnswer>,
    /// The gates that forbid it.
    pub refusals: Vec<RefusalAnswer>,
    /// This node's API server; null when there is none.
    pub control_plane: Option<ControlPlaneAnswer>,
    /// Keys that were deleted to make room in the same run; null when none
    /// were.
    pub purge: Option<PurgedAnswer>,
    /// How to keep it from happening again.
    pub prevention: Option<String>,
    /// Members that could not be reached and wait to be healed.
    pub left: Vec<LeftMember>,
}

/// A member that could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftMember {
    /// Its name.
    pub name: String,
    /// Why it could not be reached from here.
    pub error: String,
    /// What to type for it.
    pub next: String,
}

/// A verified snapshot file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotAnswer {
    /// Its path.
    pub path: String,
    /// Its size, the trailing hash included.
    pub bytes: u64,
    /// SHA-256 of the whole file, hex.
    pub sha256: String,
    /// Whether it was copied from this node's own database file, held still by etcd,
    /// and not streamed.
    pub from_file: bool,
}

/// A member's database before and after, bytes; null when it did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberSizes {
    /// Member id.
    pub id: MemberId,
    /// Name.
    pub name: String,
    /// `dbSize` when we came.
    pub db_size_before: Option<u64>,
    /// `dbSize` when we left.
    pub db_size_after: Option<u64>,
}

/// The latest values of existing keys: what compaction and defragmentation
/// leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveDataAnswer {
    /// Existing keys.
    pub keys: u64,
    /// Their keys and values, bytes.
    pub bytes: u64,
    /// A database file with only them, as predicted, bytes.
    pub db_size: u64,
    /// Whether counting was ended early; the numbers are lower bounds then.
    pub partial: bool,
    /// Kubernetes' events among them; null when they could not be counted.
    pub events: Option<EventsAnswer>,
}

/// A gate that forbids the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusalAnswer {
    /// Which gate, one stable word.
    pub kind: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do or type next.
    pub next: String,
}

/// How this node's API server came back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ControlPlaneAnswer {
    /// State of the kube-apiserver container, by the runtime.
    pub container_state: Option<String>,
    /// Whether /livez said ok.
    pub livez: Option<bool>,
    /// Whether /readyz said ok.
    pub readyz: Option<bool>,
    /// From the disarm until /readyz said ok, milliseconds.
    pub ready_after_ms: Option<u64>,
    /// Why it could not be looked at; null when it could.
    pub unknown: Option<String>,
}

impl From<&Refusal> for RefusalAnswer {
    fn from(refusal: &Refusal) -> Self {
        Self { kind: gate(refusal.kind), what: refusal.what.clone(), next: refusal.next.clone() }
    }
}

impl RecoveryAnswer {
    /// An answer with an end and nothing else yet.
    #[must_use]
    pub fn new(outcome: Outcome, exit: Exit) -> Self {
        Self {
            outcome,
            exit_code: exit as u8,
            plan_id: None,
            revision: None,
            snapshot: None,
            members: Vec::new(),
            steps: Vec::new(),
            writable_after_ms: None,
            elapsed_ms: 0,
            undo_path: None,
            report_path: None,
            error: None,
            layout: None,
            cause: None,
            order: None,
            plan: Vec::new(),
            cautions: Vec::new(),
            live_data: None,
            refusals: Vec::new(),
            control_plane: None,
            purge: None,
            prevention: None,
            left: Vec::new(),
        }
    }

    /// With what was planned from that look at the world.
    #[must_use]
    pub fn plan(mut self, plan: &Plan, world: &World) -> Self {
        self.plan_id = Some(plan.id.clone());
        self.revision = Some(plan.revision);
        self.cause = Some(plan.cause.clone());
        self.order.clone_from(&plan.order);
        self.plan = plan.steps.iter().map(|step| PlannedStep::new(step, world)).collect();
        self.cautions.clone_from(&plan.cautions);
        self
    }

    /// With the sizes of every member, `after` being the last look, if any.
    #[must_use]
    pub fn sizes(mut self, before: &World, after: Option<&World>) -> Self {
        let size = |member: &Member| member.status.as_ref().ok().map(|status| status.db_size.0);
        self.members = before
            .members
            .iter()
            .map(|member| MemberSizes {
                id: member.id,
                name: member.name.clone(),
                db_size_before: size(member),
                db_size_after: after.and_then(|world| world.member(member.id)).and_then(size),
            })
            .collect();
        self.live_data = before.live.as_ref().map(|live| LiveDataAnswer {
            keys: live.keys,
            bytes: live.bytes.0,
            db_size: live.file_size.0,
            partial: live.partial,
            events: live.events.as_ref().map(EventsAnswer::from),
        });
        self
    }

    /// With why it failed; outcome and exit code become the failure's.
    #[must_use]
    pub fn failure(mut self, failure: &Failure) -> Self {
        self.outcome = failure.exit.outcome();
        self.exit_code = failure.exit as u8;
        self.error = Some(failure.into());
        self.layout = failure.layout.as_ref().map(LayoutAnswer::from);
        self
    }

    /// With the gates that forbid it.
    #[must_use]
    pub fn refusals(mut self, refusals: &[Refusal]) -> Self {
        self.refusals = refusals.iter().map(RefusalAnswer::from).collect();
        self
    }
}

/// A gate as one stable word.
fn gate(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::Layout => "layout",
        RefusalKind::Corrupt => "corrupt",
        RefusalKind::NoQuorum => "no_quorum",
        RefusalKind::MissingVoter => "missing_voter",
        RefusalKind::LearnerOverQuota => "learner_over_quota",
        RefusalKind::Lagging => "lagging",
        RefusalKind::DiskHangs => "disk_hangs",
        RefusalKind::NoRoomForSnapshot => "no_room_for_snapshot",
        RefusalKind::SickDisk => "sick_disk",
        RefusalKind::NoRoomForDatabase => "no_room_for_database",
        RefusalKind::Version => "version",
        RefusalKind::LastCopy => "last_copy",
        RefusalKind::StillOverQuota => "still_over_quota",
        RefusalKind::LiveDataOverQuota => "live_data_over_quota",
        RefusalKind::SnapshotStreams => "snapshot_streams",
        RefusalKind::Revision => "revision",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::StepStatus,
        say::human::testing::{plan, world},
    };

    fn value(answer: &RecoveryAnswer) -> Value {
        serde_json::to_value(answer).unwrap()
    }

    #[test]
    fn the_promised_keys_are_there() {
        let (before, mut after) = (world(), world());
        after.members[1].status = Err("timed out".into());
        let mut answer = RecoveryAnswer::new(Outcome::Recovered, Exit::Ok)
            .plan(&plan(), &before)
            .sizes(&before, Some(&after));
        answer.snapshot = Some(SnapshotAnswer {
            path: "/b/x.db".into(),
            bytes: 544,
            sha256: "ab".into(),
            from_file: false,
        });
        answer.steps.push(StepReport {
            id: "compact".into(),
            member: None,
            status: StepStatus::Done,
            elapsed_ms: 12,
            detail: "compacted".into(),
        });
        let json = value(&answer);
        assert_eq!(json["outcome"], "recovered");
        assert_eq!(json["exit_code"], 0);
        assert_eq!(json["plan_id"], "3f9a2c");
        assert_eq!(json["revision"], 18_231);
        assert_eq!(
            json["snapshot"],
            json!({"path": "/b/x.db", "bytes": 544, "from_file": false, "sha256": "ab"})
        );
        assert_eq!(
            json["members"][0],
            json!({"id": "8e9e05c52164694d", "name": "master-1",
                   "db_size_before": 67_213_722, "db_size_after": 67_213_722})
        );
        assert_eq!(json["members"][1]["db_size_after"], Value::Null);
        assert_eq!(
            json["steps"],
            json!([{"id": "compact", "member": null, "status": "done", "elapsed_ms": 12,
                    "detail": "compacted"}])
        );
        let keys = ["writable_after_ms", "elapsed_ms", "report_path", "undo_path", "error"];
        for key in keys.into_iter().chain(["control_plane"]) {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["plan"][2]["kind"], "defrag");
        assert_eq!(json["plan"][2]["expected_stall_ms"], 4_000);
        assert_eq!(json["plan"][2]["expected_db_size"], 3_355_444);
        assert_eq!(json["plan"][5]["etcdctl"][0][0], "etcdctl");
    }

    #[test]
    fn a_refusal_carries_its_gates_and_the_failure() {
        let failure = Failure::new(Exit::Refused, "no quorum", "nothing changed", "wait");
        let refusal = Refusal {
            kind: RefusalKind::NoQuorum,
            flag: None,
            what: "no quorum".into(),
            next: "start etcd".into(),
        };
        let json = value(
            &RecoveryAnswer::new(Outcome::Planned, Exit::Ok).refusals(&[refusal]).failure(&failure),
        );
        assert_eq!(json["outcome"], "refused");
        assert_eq!(json["exit_code"], 4);
        assert_eq!(json["snapshot"], Value::Null);
        assert_eq!(json["refusals"][0]["kind"], "no_quorum");
        assert_eq!(json["error"]["next"], "wait");
    }
}
