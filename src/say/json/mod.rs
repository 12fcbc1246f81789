//! The answers of `-w json`: one serde struct each, raw bytes and integers,
//! times in milliseconds, ids in hex. Keys are a promise to scripts: add, but
//! never rename. What is not known is null.

mod diagnosis;
mod located;
mod planned_step;
mod prevent;
mod purge;
mod recovery;
mod relocation;
mod restart;
mod settings_advice;
mod status;
mod usage;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use diagnosis::DiagnosisAnswer;
pub use located::LocatedAnswer;
pub use planned_step::PlannedStep;
pub use prevent::{MemberQuotaAnswer, PreventAnswer, QuotaAnswer, RestartedAnswer};
pub use purge::{EventsAnswer, PurgeAnswer, PurgedAnswer};
pub use recovery::{
    ControlPlaneAnswer, LeftMember, MemberSizes, RecoveryAnswer, RefusalAnswer, SnapshotAnswer,
};
pub use relocation::{RelocationAnswer, SyncAnswer};
pub use restart::RestartAnswer;
pub use settings_advice::{DiffLineAnswer, SettingAdviceAnswer};
pub use status::{AlarmAnswer, MemberAnswer, StatusAnswer};
pub use usage::UsageAnswer;

use crate::{
    failure::Failure,
    model::{Freeable, KubeletProcess, Located, Outcome, layout::Detected},
};

/// What happened, what state the cluster is in now, what to type next.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorAnswer {
    what: String,
    state: String,
    next: String,
}

impl From<&Failure> for ErrorAnswer {
    fn from(failure: &Failure) -> Self {
        Self {
            what: failure.what.clone(),
            state: failure.state.clone(),
            next: failure.next.clone(),
        }
    }
}

/// The installation of this node; a part of other documents.
#[derive(Clone, Debug, Serialize)]
pub struct LayoutAnswer {
    /// Its id.
    layout: &'static str,
    /// What it was told by, in sentences.
    layout_evidence: Vec<String>,
}

impl From<&Detected> for LayoutAnswer {
    fn from(detected: &Detected) -> Self {
        Self { layout: detected.layout.id, layout_evidence: detected.evidence.clone() }
    }
}

/// The answer of a command that failed and has none of its own.
#[derive(Clone, Debug, Serialize)]
pub struct FailureAnswer {
    outcome: Outcome,
    exit_code: u8,
    #[serde(flatten)]
    layout: Option<LayoutAnswer>,
    error: ErrorAnswer,
}

impl FailureAnswer {
    /// The failure as a document.
    #[must_use]
    pub fn new(failure: &Failure, outcome: Outcome) -> Self {
        Self {
            outcome,
            exit_code: failure.exit as u8,
            layout: failure.layout.as_ref().map(LayoutAnswer::from),
            error: failure.into(),
        }
    }
}

/// The data directory of this node and its filesystem; sizes in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct DiskAnswer {
    data_dir: String,
    mount_point: String,
    kind: String,
    size: u64,
    available: u64,
    used: u64,
    db_file: Option<u64>,
    leftovers: Vec<LeftoverAnswer>,
    freeable: Vec<FreeableAnswer>,
}

/// Something that could be deleted to make room; only told when room is short.
#[derive(Clone, Debug, Serialize)]
struct FreeableAnswer {
    /// "left_over", "old_snapshots", "rotated_logs", "unused_images" or
    /// "journal".
    kind: &'static str,
    bytes: u64,
    /// The largest files; names of images.
    paths: Vec<String>,
    command: String,
}

#[derive(Clone, Debug, Serialize)]
struct LeftoverAnswer {
    path: String,
    bytes: u64,
    /// Whether no defragmentation is writing it.
    orphaned: bool,
}

impl DiskAnswer {
    /// The data directory of this node; `None` when there is none.
    fn of(node: &Located) -> Option<Self> {
        let disk = node.disk.as_ref()?;
        let freeable = |freeable: &Freeable| FreeableAnswer {
            kind: freeable.kind.word(),
            bytes: freeable.bytes.0,
            paths: freeable.paths.iter().map(|path| text(path)).collect(),
            command: freeable.command.clone(),
        };
        let leftover = |(path, size): &(PathBuf, crate::model::Bytes)| LeftoverAnswer {
            path: text(path),
            bytes: size.0,
            orphaned: disk.orphans.iter().any(|(orphan, _)| orphan == path),
        };
        Some(Self {
            data_dir: text(&disk.path),
            mount_point: text(&disk.filesystem.mount_point),
            kind: disk.filesystem.kind.clone(),
            size: disk.filesystem.size.0,
            available: disk.filesystem.available.0,
            used: disk.used.0,
            db_file: disk.db_file.map(|size| size.0),
            leftovers: disk.leftovers.iter().map(leftover).collect(),
            freeable: node.freeable.iter().map(freeable).collect(),
        })
    }
}

/// The kubelet process of this node.
#[derive(Clone, Debug, Serialize)]
pub struct KubeletAnswer {
    pid: i32,
    /// State T: nothing on this node is started, stopped or probed.
    stopped: bool,
    /// Pid of the guardian of ours that stopped it.
    held_by: Option<i32>,
    /// Whether that guardian still runs, and will let it go.
    held_by_runs: Option<bool>,
}

impl From<&KubeletProcess> for KubeletAnswer {
    fn from(kubelet: &KubeletProcess) -> Self {
        Self {
            pid: kubelet.pid,
            stopped: kubelet.stopped,
            held_by: kubelet.held_by.map(|guardian| guardian.pid),
            held_by_runs: kubelet.held_by.map(|guardian| guardian.runs),
        }
    }
}

/// A path as text. JSON is UTF-8; serde would refuse any other path.
fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn a_failure_says_what_state_and_next() {
        let failure = Failure::new(Exit::Unreachable, "no etcd", "nothing changed", "look");
        let json =
            serde_json::to_value(FailureAnswer::new(&failure, Outcome::Unreachable)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "outcome": "unreachable", "exit_code": 7,
                "error": {"what": "no etcd", "state": "nothing changed", "next": "look"}
            })
        );
        let evidence = vec!["/etc/os-release says talos".to_owned()];
        let detected = Detected { layout: crate::model::layout::plain(), evidence };
        let failure = Failure { layout: Some(detected), ..failure };
        let json = serde_json::to_value(FailureAnswer::new(&failure, Outcome::Refused)).unwrap();
        assert_eq!(json["layout"], "plain");
        assert_eq!(json["layout_evidence"][0], "/etc/os-release says talos");
    }
}
