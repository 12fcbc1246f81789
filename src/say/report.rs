//! The report of a run for the post-mortem: Markdown that also reads well in
//! `less`. Pure; names and messages of the cluster are escaped (`markdown`).

use std::{path::Path, time::Duration};

use crate::model::Timestamp;

use super::{
    human::{alarms, duration},
    json::RecoveryAnswer,
};
use crate::{
    failure::Failure,
    model::{Bytes, MemberId, Outcome, World},
};

mod markdown;
mod parts;

use markdown::{code, prose, table};

/// Something that happened, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When it was over.
    pub at: Timestamp,
    /// The step.
    pub step: String,
    /// Its member.
    pub member: Option<MemberId>,
    /// How long it took, milliseconds.
    pub took_ms: Option<u64>,
    /// What came of it.
    pub result: String,
}

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The answer of the run.
    pub answer: &'a RecoveryAnswer,
    /// Why it did not succeed.
    pub failure: Option<&'a Failure>,
    /// The first look.
    pub before: Option<&'a World>,
    /// The last look.
    pub after: Option<&'a World>,
    /// Host name of this node.
    pub host: &'a str,
    /// The command line, without secrets.
    pub command: &'a str,
    /// Whether `--yes` was given.
    pub unattended: bool,
    /// When the run began.
    pub began: Timestamp,
    /// What happened, in order.
    pub timeline: &'a [Happening],
    /// HashKV by member, when all were equal.
    pub hashes: &'a [(String, u32)],
    /// What usually follows.
    pub left: Option<&'a str>,
    /// The journal.
    pub journal: &'a Path,
}

/// The report as a text with a line end at the end.
#[must_use]
pub fn report(report: &Report<'_>) -> String {
    let parts = [
        Some(format!("# etcd-rescue on {}: {}", prose(report.host), headline(report))),
        Some(facts(report)),
        Some(parts::what_happened(report)),
        parts::timeline(report),
        parts::members(report),
        parts::snapshot(report),
        parts::proof(report),
        parts::by_hand(report),
        parts::next(report),
        parts::prevention(report),
        Some(written_by()),
    ];
    let mut text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

/// The end of the run in a few words.
fn headline(report: &Report<'_>) -> &'static str {
    match report.answer.outcome {
        Outcome::Recovered => "recovered",
        Outcome::Done => "done",
        Outcome::NothingToDo => "nothing to do",
        Outcome::Planned => "planned",
        Outcome::NeedsDecision => "stopped, a person has to decide",
        Outcome::Refused => "refused, nothing was changed",
        Outcome::Partial => "stopped part-way",
        Outcome::Unverified => "done, but not proven",
        Outcome::RolledBack => "taken back",
        Outcome::Unreachable => "etcd is not reachable",
        Outcome::Failed => "ended before anything was changed",
    }
}

fn facts(report: &Report<'_>) -> String {
    let answer = report.answer;
    let elapsed = Duration::from_millis(answer.elapsed_ms);
    let mut rows = vec![
        row("Node", prose(report.host)),
        row("Began", report.began.strftime("%Y-%m-%d %H:%M:%S UTC")),
        row("Took", duration(elapsed)),
        row("Command", code(report.command)),
        row("Consent", if report.unattended { "`--yes`: nobody was asked" } else { "asked" }),
        row("Ended", format!("{}, exit code {}", headline(report), answer.exit_code)),
    ];
    if let Some(world) = report.before {
        rows.push(row("Cluster", format!("{:x}, {}", world.cluster_id, members(world))));
    }
    if let (Some(id), Some(revision)) = (&answer.plan_id, answer.revision) {
        rows.push(row("Plan", format!("{}, compacts at revision {revision}", prose(id))));
    }
    let gone =
        if report.journal.starts_with("/run") { " (in memory: gone after a reboot)" } else { "" };
    let journal = report.journal.display().to_string();
    rows.push(row("Journal", format!("{}{gone}", code(&journal))));
    table(&["", ""], &rows)
}

fn row(name: &str, text: impl Into<String>) -> Vec<String> {
    vec![name.to_owned(), text.into()]
}

fn written_by() -> String {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("ETCD_RESCUE_COMMIT"));
    format!("Written by etcd-rescue {version} (commit {commit}).")
}

fn members(world: &World) -> String {
    match world.members.len() {
        1 => "1 member".to_owned(),
        many => format!("{many} members"),
    }
}

/// A size, or a sign that it is not known.
fn size(bytes: Option<Bytes>) -> String {
    bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string())
}

#[cfg(test)]
mod tests;
