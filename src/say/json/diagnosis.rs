//! The answer of `diagnose -w json`: the verdict with its findings, and every
//! raw number behind them. Keys carry their units; times of day are RFC 3339,
//! ids hex; what is not known is null.

mod disk;
mod drive;
mod members;
mod past;

use crate::model::Timestamp;
use serde::Serialize;

use self::{
    disk::{DiskBelowAnswer, ProbeAnswer},
    drive::DriveHealthAnswer,
    members::MemberViewAnswer,
    past::{KernelAnswer, LogAnswer, SymptomAnswer},
};
use crate::{
    failure::Exit,
    model::diagnosis::{Account, Finding, Unseen, Verdict},
};

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct DiagnosisAnswer {
    exit_code: u8,
    /// When the look ended.
    at: Option<String>,
    elapsed_ms: u64,
    verdict: Verdict,
    findings: Vec<Finding>,
    /// null when nobody answers.
    cluster_id: Option<String>,
    /// Empty when nobody answers: see `unseen`.
    members: Vec<MemberViewAnswer>,
    /// null when it was not seen.
    log: Option<LogAnswer>,
    symptoms: Vec<SymptomAnswer>,
    disk: Option<DiskBelowAnswer>,
    drives: Vec<DriveHealthAnswer>,
    kernel: Option<KernelAnswer>,
    /// null when it was not asked for.
    probe: Option<ProbeAnswer>,
    unseen: Vec<UnseenAnswer>,
}

/// A part that could not be looked at.
#[derive(Clone, Debug, Serialize)]
struct UnseenAnswer {
    what: String,
    why: String,
    /// A capability or a command; null when it is not known what would help.
    needs: Option<String>,
}

impl DiagnosisAnswer {
    /// Everything seen and found.
    #[must_use]
    pub fn new(account: &Account, exit: Exit) -> Self {
        let examined = &account.examined;
        let world = examined.world.as_ref();
        let id = world.map(|world| world.cluster_id).filter(|id| *id != 0);
        Self {
            exit_code: exit as u8,
            at: time(examined.at),
            elapsed_ms: account.elapsed_ms,
            verdict: account.diagnosis.verdict.clone(),
            findings: account.diagnosis.findings.clone(),
            cluster_id: id.map(|id| format!("{id:x}")),
            members: MemberViewAnswer::all(account),
            log: examined.log.as_ref().map(LogAnswer::new),
            symptoms: examined.symptoms.iter().map(SymptomAnswer::new).collect(),
            disk: examined.below.as_ref().map(DiskBelowAnswer::new),
            drives: DriveHealthAnswer::all(account),
            kernel: examined.kernel.as_ref().map(KernelAnswer::new),
            probe: examined.probe.as_ref().map(ProbeAnswer::new),
            unseen: examined.unseen.iter().map(UnseenAnswer::new).collect(),
        }
    }
}

impl UnseenAnswer {
    fn new(unseen: &Unseen) -> Self {
        let Unseen { what, why, needs } = unseen.clone();
        Self { what, why, needs: Some(needs).filter(|needs| !needs.is_empty()) }
    }
}

/// Nanoseconds since the epoch as RFC 3339; 0 is no time.
fn time(nanos: i64) -> Option<String> {
    (nanos != 0).then(|| Timestamp::from_nanosecond(nanos).to_string())
}

#[cfg(test)]
#[path = "diagnosis/tests.rs"]
mod tests;
