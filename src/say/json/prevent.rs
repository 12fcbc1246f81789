//! `prevent -w json`.

use serde::Serialize;

use super::{DiffLineAnswer, ErrorAnswer, SettingAdviceAnswer};
use crate::{
    failure::{Exit, Failure},
    model::Outcome,
};

/// The answer of `prevent`. Fields are filled as the story goes on.
#[derive(Clone, Debug, Serialize)]
pub struct PreventAnswer {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code of the process.
    pub exit_code: u8,
    /// This node's member.
    pub member: Option<String>,
    /// etcd's manifest.
    pub manifest: Option<String>,
    /// Where the manifest from before the change is kept.
    pub backup: Option<String>,
    /// What is configured and what is wanted.
    pub settings: Vec<SettingAdviceAnswer>,
    /// The difference of the manifests, line by line.
    pub diff: Vec<DiffLineAnswer>,
    /// The new etcd; null when none was started.
    pub restarted: Option<RestartedAnswer>,
    /// What usually follows: the line for the next master.
    pub next: Option<String>,
    /// Only with `--quota`.
    pub quota: Option<QuotaAnswer>,
    /// What to know before saying yes.
    pub cautions: Vec<String>,
    /// How to keep the settings over an upgrade.
    pub persist: Option<String>,
    /// The last lines of an etcd that did not run well.
    pub log: Vec<String>,
    /// Why it did not succeed.
    pub error: Option<ErrorAnswer>,
}

/// A restart by the changed manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestartedAnswer {
    /// Container that ran before; null when none did.
    pub container_before: Option<String>,
    /// Container that runs now.
    pub container_after: String,
    /// From the change until the member served steadily, milliseconds.
    pub elapsed_ms: u64,
}

/// The quota on every member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuotaAnswer {
    /// Bytes asked for.
    pub wanted: u64,
    /// Every member's own.
    pub members: Vec<MemberQuotaAnswer>,
    /// Whether NOSPACE is still on.
    pub alarm_on: bool,
    /// Whether this run took it off.
    pub disarmed: bool,
}

/// A member's quota; null when it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberQuotaAnswer {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub quota: Option<u64>,
    /// Bytes.
    pub db_size: Option<u64>,
}

impl Default for PreventAnswer {
    fn default() -> Self {
        Self {
            outcome: Outcome::Failed,
            exit_code: Exit::Internal as u8,
            member: None,
            manifest: None,
            backup: None,
            settings: Vec::new(),
            diff: Vec::new(),
            restarted: None,
            next: None,
            quota: None,
            cautions: Vec::new(),
            persist: None,
            log: Vec::new(),
            error: None,
        }
    }
}

impl PreventAnswer {
    /// The same with its end.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome, exit: Exit, failure: Option<&Failure>) -> Self {
        self.outcome = outcome;
        self.exit_code = exit as u8;
        self.error = failure.map(ErrorAnswer::from);
        self
    }
}
