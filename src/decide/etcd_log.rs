//! What the last lines of an etcd's log say about its end: pure reading of
//! zap's JSON (3.5 and later), capnslog's text (3.4) and what Go writes when a
//! program dies. Any text is a line.

use serde_json::Value;

use crate::model::{NoStart, RestartCause};

use super::etcd_signs::{Counts, SIGNS};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// Whether the program ends with it.
    deadly: bool,
    /// The message with what explains it, without time and caller.
    text: String,
}

/// The log of one attempt, oldest line first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EtcdLog(Vec<Line>);

/// A line that tells the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) cause: RestartCause,
    /// What it is exactly, where that tells the way out.
    pub(super) exact: Option<NoStart>,
    /// What that means.
    pub(super) meaning: &'static str,
    /// Whether the next attempt may end differently.
    pub(super) passes: bool,
    /// The line, trimmed.
    pub(super) quote: String,
}

impl EtcdLog {
    /// Reads the lines of one attempt.
    pub(super) fn read(lines: &[String]) -> Self {
        Self(lines.iter().map(|line| Line::read(line)).collect())
    }

    /// The cause it wrote down itself before it died.
    pub(super) fn finding(&self) -> Option<Finding> {
        let known = SIGNS.iter().find_map(|sign| {
            if sign.counts == Counts::BeforeDeath && !self.0.iter().any(|line| line.deadly) {
                return None;
            }
            let line = self.0.iter().rev().find(|line| sign.is_in(&line.text, line.deadly))?;
            Some(Finding {
                cause: sign.cause,
                exact: sign.exact,
                meaning: sign.meaning,
                passes: sign.passes,
                quote: quote(&line.text),
            })
        });
        known.or_else(|| {
            // What follows the first one is its echo.
            let line = self.0.iter().find(|line| line.deadly)?;
            Some(Finding {
                cause: RestartCause::Panic,
                exact: None,
                meaning: "it gave up",
                passes: true,
                quote: quote(&line.text),
            })
        })
    }

    /// The line that says that its data are locked: it waits for them, and
    /// says so long before something ends it.
    pub(super) fn waits_for_lock(&self) -> Option<Finding> {
        self.finding().filter(|finding| finding.cause == RestartCause::DataLocked)
    }

    /// Whether it was asked to end and did.
    pub(super) fn was_asked_to_end(&self) -> bool {
        self.0.iter().any(|line| {
            let text = line.text.to_lowercase();
            ["received", "signal", "shutting down"].iter().all(|word| text.contains(word))
        })
    }

    /// Whether a defragmentation began and did not end.
    pub(super) fn was_defragmenting(&self) -> bool {
        let last =
            |is: fn(&str) -> bool| self.0.iter().rposition(|line| is(&line.text.to_lowercase()));
        let ended =
            |text: &str| text.contains("finished defrag") || text.starts_with("defragmented");
        let began = |text: &str| {
            text.contains("starting defragment")
                || text.contains("starting to defragment")
                || text.starts_with("defragmenting")
        };
        last(began).is_some_and(|began| last(ended).is_none_or(|ended| ended < began))
    }

    /// Whether its health check failed because of NOSPACE when it was asked
    /// last.
    pub(super) fn failed_for_nospace(&self) -> bool {
        self.last_health().is_some_and(|text| text.contains("nospace"))
    }

    /// Whether its health check failed for want of a leader when it was asked
    /// last.
    pub(super) fn failed_for_no_leader(&self) -> bool {
        self.last_health().is_some_and(|text| text.contains("no leader"))
    }

    fn last_health(&self) -> Option<String> {
        let mut texts = self.0.iter().rev().map(|line| line.text.to_lowercase());
        texts.find(|text| text.contains("/health"))
    }

    /// Its last line, trimmed.
    pub(super) fn last(&self) -> Option<String> {
        self.0.iter().rev().map(|line| quote(&line.text)).find(|quote| !quote.is_empty())
    }
}

impl Line {
    fn read(line: &str) -> Self {
        json(line).or_else(|| capnslog(line)).unwrap_or_else(|| {
            let text = line.trim();
            let starts = ["panic: ", "fatal error: ", "unexpected fault address", "[signal "];
            // A line too long to be kept whole is no JSON any more.
            let cut = ["{\"level\":\"fatal\"", "{\"level\":\"panic\""];
            let deadly = starts.iter().chain(&cut).any(|start| text.starts_with(start));
            Self { deadly, text: text.to_owned() }
        })
    }
}

/// zap's JSON: the message, and the fields that explain it.
fn json(line: &str) -> Option<Line> {
    let value: Value =
        serde_json::from_slice(line.starts_with('{').then_some(line.as_bytes())?).ok()?;
    let field = |name: &str| value.get(name)?.as_str();
    let mut text = field("msg")?.trim().to_owned();
    for explains in ["error", "signal", "alarm", "output", "reason"] {
        if let Some(more) = field(explains).filter(|more| !more.is_empty()) {
            text.push_str(": ");
            text.push_str(more.trim());
        }
    }
    let deadly = matches!(field("level"), Some("fatal" | "panic" | "dpanic"));
    Some(Line { deadly, text })
}

/// `2026-11-23 03:45:44.727585 C | etcdmain: message`: the letter is the
/// level, C a fatal error or a panic.
fn capnslog(line: &str) -> Option<Line> {
    let (head, text) = line.split_once(" | ")?;
    let (time, letter) = head.rsplit_once(' ')?;
    let known = letter.len() == 1 && "CEWNIDT".contains(letter);
    let timed = time.len() >= 19 && time.starts_with(|c: char| c.is_ascii_digit());
    (known && timed).then(|| Line { deadly: letter == "C", text: text.trim().to_owned() })
}

/// Longest piece of a line that is shown, in characters.
const QUOTE: usize = 160;

/// The line short enough for a sentence.
pub(super) fn quote(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= QUOTE {
        return text;
    }
    let kept: String = text.chars().take(QUOTE - 3).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
#[path = "etcd_log_tests.rs"]
mod tests;
