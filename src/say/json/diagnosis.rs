//! The answer of `diagnose -w json`: raw numbers, each key with its unit.

use serde::Serialize;

use crate::model::diagnosis::{Diagnosis, Examined, Finding, Verdict};

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct DiagnosisAnswer {
    exit_code: u8,
    verdict: Verdict,
    findings: Vec<Finding>,
}

impl DiagnosisAnswer {
    /// Everything seen and found.
    #[must_use]
    pub fn new(_examined: &Examined, diagnosis: &Diagnosis) -> Self {
        Self {
            exit_code: if diagnosis.has_findings() { 8 } else { 0 },
            verdict: diagnosis.verdict.clone(),
            findings: diagnosis.findings.clone(),
        }
    }
}
