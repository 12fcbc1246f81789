//! `diagnose` for people: the verdict first, then what to do, then its
//! evidence from etcd down to the drive, and last what was not seen. A tired
//! person reads the top.

mod disk;
mod drives;
mod figures;
mod members;
mod numbers;
mod page;
mod past;

use std::time::Duration;

use self::page::Page;
use super::duration;
use crate::{
    model::diagnosis::{Account, Severity, Unseen},
    say::Voice,
};

/// Columns of a severity's label.
const LABEL: usize = 10;

/// What the page is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns.
    pub width: usize,
    /// Whether figures may be drawn with block characters.
    pub blocks: bool,
    /// How often `-v` was given.
    pub verbose: u8,
}

impl Layout {
    /// What this voice's streams can show.
    #[must_use]
    pub fn of(voice: &Voice) -> Self {
        let terminal = voice.terminal();
        Self {
            width: voice.width(),
            blocks: terminal.utf8 && terminal.stdout && !terminal.dumb,
            verbose: voice.verbose(),
        }
    }
}

/// The whole answer.
#[must_use]
pub fn diagnosis(account: &Account, layout: &Layout) -> String {
    let mut page = Page::new(*layout);
    verdict(&mut page, account);
    findings(&mut page, "Findings", account, |severity| severity > Severity::Info);
    members::members(&mut page, account);
    let examined = &account.examined;
    if let Some(log) = &examined.log {
        past::log(&mut page, log);
    }
    past::symptoms(&mut page, &examined.symptoms);
    if let Some(below) = &examined.below {
        disk::below(&mut page, below);
    }
    drives::drives(&mut page, account);
    if let Some(kernel) = &examined.kernel {
        past::kernel(&mut page, kernel);
    }
    if let Some(probe) = &examined.probe {
        drives::probe(&mut page, probe);
    }
    findings(&mut page, "Good to know", account, |severity| severity == Severity::Info);
    unknown(&mut page, account);
    page.finish()
}

/// The line below one round of `--watch`.
#[must_use]
pub fn next_round(at: i64, pause: Duration) -> String {
    format!("\nSeen at {}; again in {}. Ctrl-C ends it.\n", numbers::second(at), duration(pause))
}

/// The sentence, what to do, and how one thing leads to the next.
fn verdict(page: &mut Page, account: &Account) {
    let verdict = &account.diagnosis.verdict;
    let worst = account.diagnosis.findings.iter().map(|finding| finding.severity).max();
    let label = match worst {
        Some(Severity::Info) | None if account.examined.not_admitted => "UNKNOWN",
        Some(Severity::Info) | None => "OK",
        Some(severity) => severity_text(severity),
    };
    page.labelled(&format!("{label:<LABEL$}"), &verdict.sentence);
    if !verdict.now.is_empty() {
        page.heading("What to do now");
        for (at, step) in verdict.now.iter().enumerate() {
            page.line(&format!("{}. ", at + 1), step);
        }
    }
    if !verdict.chain.is_empty() {
        page.heading("How one leads to the next");
        for (at, link) in verdict.chain.iter().enumerate() {
            page.line(if at == 0 { "   " } else { "-> " }, link);
        }
    }
}

/// The findings of these severities; those that are only good to know need no
/// label, and stand further down.
fn findings(page: &mut Page, title: &str, account: &Account, of: fn(Severity) -> bool) {
    let findings = account.diagnosis.findings.iter().filter(|finding| of(finding.severity));
    for (at, finding) in findings.enumerate() {
        if at == 0 {
            page.heading(title);
        }
        let label = match finding.severity {
            Severity::Info => "- ".to_owned(),
            severity => format!("{:<LABEL$}", severity_text(severity)),
        };
        page.line(&label, &finding.what);
        for evidence in &finding.evidence {
            page.indented(2 + label.len(), "", evidence);
        }
        if let Some(next) = &finding.next {
            let next = if next.contains('\n') { "the steps above" } else { next };
            page.indented(2 + label.len(), "Next: ", next);
        }
    }
}

fn severity_text(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    }
}

/// What stays unknown, with what would show it.
fn unknown(page: &mut Page, account: &Account) {
    let known = &account.diagnosis.verdict.unknown;
    let told = |unseen: &&Unseen| known.iter().any(|text| text.starts_with(&unseen.what));
    let rest = account.examined.unseen.iter().filter(|unseen| !told(unseen));
    let rest: Vec<String> = rest.map(Unseen::told).collect();
    if !(known.is_empty() && rest.is_empty()) {
        page.heading("What stays unknown");
    }
    for text in known.iter().chain(&rest) {
        page.line("- ", text);
    }
    page.blank();
    let took = duration(Duration::from_millis(account.elapsed_ms));
    let until = numbers::minute(account.examined.at);
    page.labelled("", &format!("Looked for {took}, until {until}."));
}

#[cfg(test)]
#[path = "diagnosis/tests.rs"]
mod tests;
