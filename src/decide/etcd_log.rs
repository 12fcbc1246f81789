//! What the last lines of an etcd's log say about its end: pure reading of
//! zap's JSON (3.5 and later), capnslog's text (3.4) and what Go writes when a
//! program dies. Any text is a line.

use serde_json::Value;

use crate::model::RestartCause;

/// How bad a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Anything up to an error.
    Ordinary,
    /// The program ends with it.
    Deadly,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    level: Level,
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
    /// What that means.
    pub(super) meaning: &'static str,
    /// Whether the next attempt may end differently.
    pub(super) passes: bool,
    /// The line, trimmed.
    pub(super) quote: String,
}

/// Words that tell the cause, in lower case, the most telling first.
struct Sign {
    cause: RestartCause,
    meaning: &'static str,
    passes: bool,
    /// Any of them.
    words: &'static [&'static str],
    /// Whether the line has to be one the program ends with: these words are
    /// also written by members that go on.
    deadly: bool,
}

const fn sign(cause: RestartCause, meaning: &'static str, words: &'static [&'static str]) -> Sign {
    Sign { cause, meaning, passes: false, words, deadly: false }
}

/// Texts of etcd 3.4 to 3.6, bbolt and Go.
const SIGNS: [Sign; 12] = [
    Sign {
        passes: true,
        ..sign(
            RestartCause::FailedDefragmentation,
            "it died of a defragmentation that failed (etcd before 3.4.35 and 3.5.17 does when \
             there is no room for the new file); the data are whole",
            &["failed to defragment", "unexpected panic during defrag"],
        )
    },
    sign(
        RestartCause::DiskFull,
        "the disk of its data is full",
        &["no space left on device", "disk quota exceeded"],
    ),
    sign(
        RestartCause::DamagedData,
        "the disk of its data does not read or write",
        &["input/output error", "read-only file system", "structure needs cleaning"],
    ),
    sign(
        RestartCause::RemovedMember,
        "the cluster does not have this member any more",
        &["permanently removed"],
    ),
    sign(
        RestartCause::RemovedMember,
        "its data directory is empty, but the cluster knows it: was its disk mounted?",
        &["has already been bootstrapped"],
    ),
    Sign {
        deadly: true,
        ..sign(
            RestartCause::RemovedMember,
            "its data are another cluster's",
            &["cluster id mismatch", "cluster-id mismatch"],
        )
    },
    Sign {
        deadly: true,
        ..sign(
            RestartCause::DamagedData,
            "it cannot use its data",
            &[
                "snap.db",
                "failed to recover v3 backend",
                "failed to find database snapshot",
                "crc mismatch",
                "wal:",
                "walpb:",
                "failed to read wal",
                "read wal error",
                "failed to open wal",
                "snap:",
                "failed to load snapshot",
                "invalid database",
                "checksum error",
                "version mismatch",
                "file size too small",
                "failed to open database",
                "cannot open database",
                "is out of range [lastindex",
                "freepages:",
                "unexpected page type",
                "page expected to be",
                "fatal error: fault",
                "unexpected fault address",
                "sigbus",
                "unexpected eof",
            ],
        )
    },
    Sign {
        passes: true,
        ..sign(
            RestartCause::DataLocked,
            "another process holds its data: does a second etcd run on this node?",
            &[
                "resource temporarily unavailable",
                "file already locked",
                "flocked by another process",
                "holds the file lock",
            ],
        )
    },
    Sign {
        passes: true,
        deadly: true,
        ..sign(
            RestartCause::OutOfMemory,
            "it got no more memory",
            &["cannot allocate memory", "out of memory"],
        )
    },
    Sign {
        passes: true,
        deadly: true,
        ..sign(
            RestartCause::WrongSettings,
            "another process has its port: does a second etcd run on this node?",
            &["address already in use"],
        )
    },
    sign(
        RestartCause::WrongSettings,
        "it does not understand its flags",
        &[
            "flag provided but not defined",
            "error verifying flags",
            "failed to verify flags",
            "invalid value \"",
            "invalid boolean value",
            "conflicting environment variable",
        ],
    ),
    Sign {
        deadly: true,
        ..sign(
            RestartCause::WrongSettings,
            "it cannot start with its settings",
            &[
                "no such file or directory",
                "permission denied",
                "is a directory",
                "cannot assign requested address",
                "tls: ",
                "x509: ",
                "pem data",
                "couldn't find local name",
                "has different advertised",
                "advertise-peer-urls",
            ],
        )
    },
];

impl EtcdLog {
    /// Reads the lines of one attempt.
    pub(super) fn read(lines: &[String]) -> Self {
        Self(lines.iter().map(|line| Line::read(line)).collect())
    }

    /// The cause it wrote down itself before it died.
    pub(super) fn finding(&self) -> Option<Finding> {
        let known = SIGNS.iter().find_map(|sign| {
            let line = self.0.iter().rev().find(|line| sign.is_in(line))?;
            Some(Finding {
                cause: sign.cause,
                meaning: sign.meaning,
                passes: sign.passes,
                quote: quote(&line.text),
            })
        });
        known.or_else(|| {
            // What follows the first one is its echo.
            let line = self.0.iter().find(|line| line.level == Level::Deadly)?;
            Some(Finding {
                cause: RestartCause::Panic,
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

impl Sign {
    fn is_in(&self, line: &Line) -> bool {
        let text = line.text.to_lowercase();
        (!self.deadly || line.level == Level::Deadly)
            && self.words.iter().any(|words| text.contains(words))
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
            Self { level: level(deadly), text: text.to_owned() }
        })
    }
}

fn level(deadly: bool) -> Level {
    if deadly { Level::Deadly } else { Level::Ordinary }
}

/// zap's JSON: the message, and the fields that explain it.
fn json(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line.starts_with('{').then_some(line)?).ok()?;
    let field = |name: &str| value.get(name)?.as_str();
    let mut text = field("msg")?.trim().to_owned();
    for explains in ["error", "signal", "alarm", "output", "reason"] {
        if let Some(more) = field(explains).filter(|more| !more.is_empty()) {
            text.push_str(": ");
            text.push_str(more.trim());
        }
    }
    let deadly = matches!(field("level"), Some("fatal" | "panic" | "dpanic"));
    Some(Line { level: level(deadly), text })
}

/// `2026-11-23 03:45:44.727585 C | etcdmain: message`: the letter is the
/// level, C a fatal error or a panic.
fn capnslog(line: &str) -> Option<Line> {
    let (head, text) = line.split_once(" | ")?;
    let (time, letter) = head.rsplit_once(' ')?;
    let known = letter.len() == 1 && "CEWNIDT".contains(letter);
    let timed = time.len() >= 19 && time.starts_with(|c: char| c.is_ascii_digit());
    (known && timed).then(|| Line { level: level(letter == "C"), text: text.trim().to_owned() })
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
