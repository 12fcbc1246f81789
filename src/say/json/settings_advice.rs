//! Settings and the lines of a difference in `-w json`.

use serde::Serialize;

use crate::model::{DiffKind, DiffLine, SettingAdvice};

/// One setting of etcd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingAdviceAnswer {
    /// The flag without dashes, or "liveness probe".
    name: String,
    /// Its value; null = unset, or not known.
    now: Option<String>,
    /// Where that is said.
    source: String,
    /// What it should be; null = fine as it is.
    wanted: Option<String>,
    /// Why; empty when there is nothing to say.
    why: String,
}

impl From<&SettingAdvice> for SettingAdviceAnswer {
    fn from(advice: &SettingAdvice) -> Self {
        Self {
            name: advice.name.clone(),
            now: advice.now.clone(),
            source: advice.source.clone(),
            wanted: advice.wanted.clone(),
            why: advice.why.clone(),
        }
    }
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffLineAnswer {
    /// "same", "removed" or "added".
    kind: &'static str,
    /// From 1; of an added line in the new text.
    number: usize,
    text: String,
}

impl From<&DiffLine> for DiffLineAnswer {
    fn from(line: &DiffLine) -> Self {
        let kind = match line.kind {
            DiffKind::Same => "same",
            DiffKind::Removed => "removed",
            DiffKind::Added => "added",
        };
        Self { kind, number: line.number, text: line.text.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_promise() {
        let line = DiffLine { kind: DiffKind::Added, number: 7, text: "- --a=1".into() };
        let advice = SettingAdvice {
            name: "snapshot-count".into(),
            now: None,
            source: "default".into(),
            wanted: Some("10000".into()),
            why: "memory".into(),
            edit: None,
        };
        let json =
            serde_json::json!([DiffLineAnswer::from(&line), SettingAdviceAnswer::from(&advice)]);
        assert_eq!(
            json,
            serde_json::json!([
                {"kind": "added", "number": 7, "text": "- --a=1"},
                {"name": "snapshot-count", "now": null, "source": "default", "wanted": "10000",
                 "why": "memory"}
            ])
        );
    }
}
