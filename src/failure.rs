//! The one error a command ends with: what happened, what state the cluster
//! is in now, what to type next, and the exit code. It never prints itself.

use std::fmt;

use crate::model::{Outcome, layout::Detected};

/// Exit codes; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Recovered, healthy, nothing to do, plan shown.
    Ok = 0,
    /// A bug of ours or a surprise without a better code.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A person has to decide.
    NeedsDecision = 3,
    /// A gate forbids it; nothing was changed.
    Refused = 4,
    /// Stopped part-way; a rerun resumes.
    Partial = 5,
    /// Done, but the proof failed.
    Unverified = 6,
    /// etcd was not found or does not answer.
    Unreachable = 7,
    /// `diagnose` found something.
    Findings = 8,
    /// SIGHUP.
    Hangup = 129,
    /// SIGINT.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// The `outcome` word that goes with this code.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Ok | Self::Findings => Outcome::Recovered,
            Self::Internal | Self::Usage => Outcome::Failed,
            Self::NeedsDecision => Outcome::NeedsDecision,
            Self::Refused => Outcome::Refused,
            Self::Partial | Self::Hangup | Self::Interrupted | Self::Terminated => Outcome::Partial,
            Self::Unverified => Outcome::Unverified,
            Self::Unreachable => Outcome::Unreachable,
        }
    }
}

/// Why a command did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, one or two sentences.
    pub what: String,
    /// What state the cluster (or the file) is in now.
    pub state: String,
    /// What to type or do next; may hold several lines.
    pub next: String,
    /// Whether the same may well succeed a moment later: a server that went
    /// away, an election.
    pub passing: bool,
    /// The installation, where that is why.
    pub layout: Option<Detected>,
}

impl Failure {
    /// A failure with all its parts.
    pub fn new(
        exit: Exit,
        what: impl Into<String>,
        state: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            exit,
            what: what.into(),
            state: state.into(),
            next: next.into(),
            passing: false,
            layout: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
