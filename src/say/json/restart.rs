//! The key `restart` of `locate -w json` and `status -w json`.

use crate::model::Timestamp;
use serde::Serialize;

use crate::model::{LastEnd, NoStart, RestartCause, RestartStory};

/// Most lines of the log that are handed on.
const LINES: usize = 40;

/// Why this node's etcd ended the last time. Null as a whole when it never
/// did.
#[derive(Clone, Debug, Serialize)]
pub struct RestartAnswer {
    cause: &'static str,
    /// Which of the things that keep etcd from starting it is exactly; null
    /// when it is none of those.
    exact: Option<&'static str>,
    text: String,
    /// Whether the next start may end differently.
    passes: bool,
    /// Seconds until the kubelet starts it again, at the latest; null when it
    /// runs, or when nothing starts it.
    next_start_in_s: Option<i64>,
    exit_code: Option<i32>,
    reason: Option<String>,
    finished_at: Option<String>,
    last_lines: Vec<String>,
}

impl RestartAnswer {
    /// The verdict and what it was made from, as a document.
    #[must_use]
    pub fn new(story: &RestartStory, end: Option<&LastEnd>, now: Timestamp) -> Self {
        let in_seconds = |next| Timestamp::from_nanosecond(next).as_second() - now.as_second();
        let lines = end.map(|end| end.last_lines.as_slice()).unwrap_or_default();
        Self {
            cause: word(story.cause),
            exact: story.exact.map(NoStart::word),
            text: story.text.clone(),
            passes: story.passes,
            next_start_in_s: story.next_start.map(in_seconds).map(|seconds| seconds.max(0)),
            exit_code: end.map(|end| end.exit_code),
            reason: end.map(|end| end.reason.clone()).filter(|reason| !reason.is_empty()),
            finished_at: end
                .filter(|end| end.finished_at > 0)
                .map(|end| Timestamp::from_nanosecond(end.finished_at).to_string()),
            last_lines: lines[lines.len().saturating_sub(LINES)..].to_vec(),
        }
    }
}

fn word(cause: RestartCause) -> &'static str {
    match cause {
        RestartCause::ProbeKill => "probe_kill",
        RestartCause::OutOfMemory => "out_of_memory",
        RestartCause::DiskFull => "disk_full",
        RestartCause::DamagedData => "damaged_data",
        RestartCause::DataLocked => "data_locked",
        RestartCause::WrongSettings => "wrong_settings",
        RestartCause::RemovedMember => "removed_member",
        RestartCause::Panic => "panic",
        RestartCause::FailedDefragmentation => "failed_defragmentation",
        RestartCause::NeverStarted => "never_started",
        RestartCause::Stopped => "stopped",
        RestartCause::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_promised_keys_are_there() {
        let now = Timestamp::from_second(1_795_402_800).unwrap();
        let at = |seconds: i64| (1_795_402_800 + seconds) * 1_000_000_000;
        let story = RestartStory {
            cause: RestartCause::ProbeKill,
            exact: None,
            text: "because".into(),
            passes: true,
            next_start: Some(at(40)),
        };
        let end = LastEnd {
            reason: "Completed".into(),
            finished_at: at(-3),
            last_lines: (0..50).map(|n| n.to_string()).collect(),
            ..LastEnd::default()
        };
        let json = serde_json::to_value(RestartAnswer::new(&story, Some(&end), now)).unwrap();
        for (key, value) in [
            ("cause", json!("probe_kill")),
            ("text", json!("because")),
            ("passes", json!(true)),
            ("next_start_in_s", json!(40)),
            ("exit_code", json!(0)),
            ("reason", json!("Completed")),
            ("finished_at", json!("2026-11-23T02:59:57Z")),
        ] {
            assert_eq!(json.get(key), Some(&value), "{key}");
        }
        let lines = json["last_lines"].as_array().unwrap();
        assert_eq!((lines.len(), &lines[39]), (40, &json!("49")));
        let story = RestartStory { next_start: None, ..story };
        let json = serde_json::to_value(RestartAnswer::new(&story, None, now)).unwrap();
        for key in ["next_start_in_s", "exit_code", "reason", "finished_at"] {
            assert_eq!(json.get(key), Some(&json!(null)), "{key}");
        }
    }
}
