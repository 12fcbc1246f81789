//! What was found, and the one sentence that says it.

use serde::Serialize;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; no finding for the exit code.
    Info,
    /// Should be mended.
    Warning,
    /// Must be mended now.
    Critical,
}

/// What kind of evidence it is: a disk is condemned by two independent kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Measured slowness: histograms, reads, flushes, the probe.
    Latency,
    /// The drive's firmware.
    Firmware,
    /// The kernel log.
    KernelLog,
    /// Age and wear.
    Wear,
    /// etcd's log.
    EtcdLog,
    /// What lives or writes on the same disk.
    Sharing,
    /// Arrays, filesystems, links.
    Storage,
    /// The cluster: leaders, quota, silence.
    Cluster,
    /// What etcd's clients suffer.
    Symptom,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// A word that scripts may look for ("fsync_slow").
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What kind of evidence.
    pub kind: EvidenceKind,
    /// The member it is about, by name.
    pub member: Option<String>,
    /// The leaf disk it is about.
    pub disk: Option<String>,
    /// One sentence.
    pub what: String,
    /// The numbers and lines behind it.
    pub evidence: Vec<String>,
    /// What to do about this one.
    pub next: Option<String>,
}

impl Finding {
    /// A finding without more than its sentence.
    #[must_use]
    pub fn new(
        code: &'static str,
        severity: Severity,
        kind: EvidenceKind,
        what: impl Into<String>,
    ) -> Self {
        let (what, evidence) = (what.into(), Vec::new());
        Self { code, severity, kind, member: None, disk: None, what, evidence, next: None }
    }

    /// About this member.
    #[must_use]
    pub fn of(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// About this leaf disk.
    #[must_use]
    pub fn on(mut self, disk: impl Into<String>) -> Self {
        self.disk = Some(disk.into());
        self
    }

    /// With these numbers and lines behind it.
    #[must_use]
    pub fn because(mut self, evidence: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn then(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// The answer to "why is etcd slow?".
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// One sentence with device or member, evidence, and what to do.
    pub sentence: String,
    /// From the bottom up, in plain words.
    pub chain: Vec<String>,
    /// What to do now, in order.
    pub now: Vec<String>,
    /// What stays unknown, and how to get to know it.
    pub unknown: Vec<String>,
    /// The member that slows the others down.
    pub slow_member: Option<String>,
    /// The disk to be replaced.
    pub replace: Option<String>,
}

/// Findings, the worst first, and what they come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Findings, the worst first.
    pub findings: Vec<Finding>,
    /// What they come to.
    pub verdict: Verdict,
}

impl Diagnosis {
    /// Whether anything has to be mended: exit code 8.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity > Severity::Info)
    }
}
