//! `purge -w json`, and what other answers tell about keys that could be, or
//! were, deleted.

use serde::Serialize;

use super::{ErrorAnswer, RecoveryAnswer, RefusalAnswer, SnapshotAnswer};
use crate::model::{Bytes, Outcome, Purge, Purgeable, Revision};

/// A number of keys and their bytes, values included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AmountAnswer {
    /// Keys.
    pub keys: u64,
    /// Their bytes and those of their values.
    pub bytes: u64,
}

impl AmountAnswer {
    fn new(keys: u64, bytes: Bytes) -> Self {
        Self { keys, bytes: bytes.0 }
    }
}

/// Some of the keys: of events, a namespace's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupAnswer {
    /// What stands behind the prefix.
    pub name: String,
    /// Keys.
    pub keys: u64,
    /// Their bytes and those of their values.
    pub bytes: u64,
}

/// The database file after compaction and defragmentation, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PredictedAnswer {
    /// With all keys; null when not all could be counted.
    pub file_size_before: Option<u64>,
    /// Without those to be deleted; null likewise.
    pub file_size_after: Option<u64>,
    /// The smallest quota; null when there is none.
    pub quota: Option<u64>,
    /// Whether that is below nine tenths of the quota; null when not known.
    pub enough: Option<bool>,
}

impl From<&Purge> for PredictedAnswer {
    fn from(purge: &Purge) -> Self {
        Self {
            file_size_before: purge.file_size.map(|size| size.0),
            file_size_after: purge.found.file_size_without.map(|size| size.0),
            quota: purge.quota.map(|size| size.0),
            enough: purge.is_enough(),
        }
    }
}

/// Keys that were deleted in a run of another command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PurgedAnswer {
    /// Below these.
    pub prefixes: Vec<String>,
    /// What was found.
    pub counted: AmountAnswer,
    /// What etcd said it deleted.
    pub deleted: AmountAnswer,
}

impl From<&Purge> for PurgedAnswer {
    fn from(purge: &Purge) -> Self {
        Self {
            prefixes: purge.found.prefixes.clone(),
            counted: AmountAnswer::new(purge.found.keys, purge.found.bytes),
            deleted: AmountAnswer::new(purge.deleted_keys, purge.deleted_bytes),
        }
    }
}

/// Events among the live data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventsAnswer {
    /// Below these.
    pub prefixes: Vec<String>,
    /// How many.
    pub keys: u64,
    /// Their bytes and those of their values.
    pub bytes: u64,
    /// A database file without them, as predicted, bytes; null when not all
    /// keys could be counted.
    pub db_size_without: Option<u64>,
    /// Whether counting was ended early; the numbers are lower bounds then.
    pub partial: bool,
}

impl From<&Purgeable> for EventsAnswer {
    fn from(events: &Purgeable) -> Self {
        Self {
            prefixes: events.prefixes.clone(),
            keys: events.keys,
            bytes: events.bytes.0,
            db_size_without: events.file_size_without.map(|size| size.0),
            partial: events.partial,
        }
    }
}

/// The answer of `purge`.
#[derive(Clone, Debug, Serialize)]
pub struct PurgeAnswer {
    outcome: Outcome,
    exit_code: u8,
    /// Below these; empty when nothing was looked for.
    prefixes: Vec<String>,
    /// The revision the keys were counted at.
    revision: Option<Revision>,
    /// What was found; null when nothing was counted.
    counted: Option<AmountAnswer>,
    /// The same by what stands behind the prefix, the biggest first.
    groups: Vec<GroupAnswer>,
    /// What etcd said it deleted; null when no deletion was begun.
    deleted: Option<AmountAnswer>,
    /// Keys below the prefixes afterwards; null when nobody looked.
    left: Option<u64>,
    snapshot: Option<SnapshotAnswer>,
    predicted: Option<PredictedAnswer>,
    /// What to type next.
    next: Option<String>,
    elapsed_ms: u64,
    report_path: Option<String>,
    error: Option<ErrorAnswer>,
    refusals: Vec<RefusalAnswer>,
    /// The recovery that followed in the same run.
    recovery: Option<Box<RecoveryAnswer>>,
}

impl PurgeAnswer {
    /// Made from what was counted and deleted so far, and from what every
    /// changing command answers; `recovered` = a recovery followed.
    #[must_use]
    pub fn new(
        purge: Option<&Purge>,
        answer: RecoveryAnswer,
        next: Option<String>,
        recovered: bool,
    ) -> Self {
        let group = |group: &crate::model::PurgeGroup| GroupAnswer {
            name: group.name.clone(),
            keys: group.keys,
            bytes: group.bytes.0,
        };
        let found = purge.map(|purge| &purge.found);
        let begun = purge.filter(|purge| purge.begun);
        Self {
            outcome: answer.outcome,
            exit_code: answer.exit_code,
            prefixes: found.map(|found| found.prefixes.clone()).unwrap_or_default(),
            revision: purge.map(|purge| purge.revision),
            counted: found.map(|found| AmountAnswer::new(found.keys, found.bytes)),
            groups: found.iter().flat_map(|found| found.groups.iter().map(group)).collect(),
            deleted: begun.map(|it| AmountAnswer::new(it.deleted_keys, it.deleted_bytes)),
            left: purge.and_then(|purge| purge.left),
            snapshot: answer.snapshot.clone(),
            predicted: purge.map(PredictedAnswer::from),
            next,
            elapsed_ms: answer.elapsed_ms,
            report_path: answer.report_path.clone(),
            error: answer.error.clone(),
            refusals: answer.refusals.clone(),
            recovery: recovered.then(|| Box::new(answer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{failure::Exit, model::PurgeGroup};

    #[test]
    fn the_promised_keys_are_there() {
        let purge = Purge {
            found: Purgeable {
                prefixes: vec!["/registry/events/".into()],
                keys: 10,
                bytes: Bytes(900),
                file_size_without: Some(Bytes(80)),
                groups: vec![PurgeGroup { name: "web".into(), keys: 10, bytes: Bytes(900) }],
                ..Purgeable::default()
            },
            revision: Revision(7),
            quota: Some(Bytes(100)),
            file_size: Some(Bytes(120)),
            ..Purge::default()
        };
        let answer = || RecoveryAnswer::new(Outcome::Planned, Exit::Ok);
        let value = |answer| serde_json::to_value(answer).unwrap();
        let told: Value = value(PurgeAnswer::new(Some(&purge), answer(), None, false));
        assert_eq!(told["counted"], json!({"keys": 10, "bytes": 900}));
        assert_eq!((&told["deleted"], &told["recovery"]), (&Value::Null, &Value::Null));
        assert_eq!(
            told["predicted"],
            json!({"file_size_before": 120, "file_size_after": 80, "quota": 100, "enough": true})
        );
        assert_eq!(told["groups"], json!([{"name": "web", "keys": 10, "bytes": 900}]));
        for key in ["outcome", "exit_code", "prefixes", "snapshot", "next", "elapsed_ms", "error"] {
            assert!(told.get(key).is_some(), "{key}");
        }
        let begun = Purge { begun: true, deleted_keys: 3, deleted_bytes: Bytes(270), ..purge };
        let told: Value = value(PurgeAnswer::new(Some(&begun), answer(), None, true));
        assert_eq!(told["deleted"], json!({"keys": 3, "bytes": 270}));
        assert_eq!(told["recovery"]["outcome"], "planned");
    }
}
