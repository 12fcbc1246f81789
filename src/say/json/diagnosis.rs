//! The answer of `diagnose -w json`: raw numbers, each key with its unit.

use serde::Serialize;

use crate::{
    failure::Exit,
    model::diagnosis::{Account, Finding, Verdict},
};

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct DiagnosisAnswer {
    exit_code: u8,
    elapsed_ms: u64,
    verdict: Verdict,
    findings: Vec<Finding>,
}

impl DiagnosisAnswer {
    /// Everything seen and found.
    #[must_use]
    pub fn new(account: &Account, exit: Exit) -> Self {
        Self {
            exit_code: exit as u8,
            elapsed_ms: account.elapsed_ms,
            verdict: account.diagnosis.verdict.clone(),
            findings: account.diagnosis.findings.clone(),
        }
    }
}
