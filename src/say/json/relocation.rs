//! The answer of `relocate`.

use serde::Serialize;

use super::text;
use crate::{
    failure::Exit,
    model::{Outcome, Relocation},
};

/// What became of a relocation; sizes in bytes, times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct RelocationAnswer {
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code.
    pub exit_code: u8,
    /// Name of the member.
    pub member: String,
    /// Data directory before.
    pub from: String,
    /// Data directory to be.
    pub to: String,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many files.
    pub files: u64,
    /// How long the copy took.
    pub copy_ms: u64,
    /// How long this member did not serve; null when an earlier run stopped it.
    pub down_ms: Option<u64>,
    /// 99th percentiles of an fdatasync.
    pub fsync: SyncAnswer,
    /// Where the old data are; null when there are none any more.
    pub old_data_kept: Option<String>,
    /// Bytes that were removed.
    pub removed_bytes: Option<u64>,
    /// What to type next.
    pub next: String,
}

/// How fast the two disks sync, measured side by side; null = not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct SyncAnswer {
    /// The present disk.
    pub from_p99_ms: Option<f64>,
    /// The target.
    pub to_p99_ms: Option<f64>,
}

impl RelocationAnswer {
    /// What the record tells.
    #[must_use]
    pub fn new(outcome: Outcome, exit: Exit, record: &Relocation) -> Self {
        Self {
            outcome,
            exit_code: exit as u8,
            member: record.member.clone(),
            from: text(&record.from),
            to: text(&record.to),
            bytes: record.copied.bytes.0,
            files: record.copied.files,
            copy_ms: record.copy_ms,
            down_ms: None,
            fsync: SyncAnswer::default(),
            old_data_kept: None,
            removed_bytes: None,
            next: String::new(),
        }
    }
}
