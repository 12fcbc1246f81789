//! The objects with the most revisions kept.

use std::cmp::Ordering;

use crate::model::{order::InOrder, usage::ObjectUsage};

use super::{
    key_hash::TagMap,
    key_text::{LONGEST, key_text},
    row::Row,
    seen_keys::{SeenKey, Tag},
};

/// Candidates that are kept before the list is cut.
const MOST: usize = 4096;
/// What is left then, and at the end.
const LEFT: usize = 1000;

/// A key that was seen more than once.
#[derive(Debug)]
struct Candidate {
    key: Box<[u8]>,
    live_bytes: u64,
    dead: bool,
    version: i64,
    rows: u64,
}

/// The candidates so far; a key's rows only become more.
#[derive(Debug)]
pub(super) struct Rewritten {
    candidates: TagMap<Candidate>,
    /// Rows that it takes to be one.
    least: u64,
}

impl Rewritten {
    pub(super) fn new() -> Self {
        Self { candidates: TagMap::default(), least: 2 }
    }

    /// Another row of a key.
    pub(super) fn note(&mut self, tag: Tag, row: &Row<'_>, seen: &SeenKey) {
        if seen.rows < self.least {
            return;
        }
        let candidate = self.candidates.entry(tag).or_insert_with(|| Candidate {
            key: row.key[..row.key.len().min(LONGEST + 1)].into(),
            live_bytes: seen.live_bytes.into(),
            dead: seen.dead,
            version: version(row, seen),
            rows: 0,
        });
        candidate.rows = seen.rows;
        if self.candidates.len() > MOST {
            self.cut();
        }
    }

    /// Leaves the first ones. Whoever was cut has at most as many rows as they,
    /// and comes in again with its next row beyond that.
    fn cut(&mut self) {
        let all = std::mem::take(&mut self.candidates);
        let mut all: Vec<(Tag, Candidate)> = all.into_iter().collect();
        all.order_by(|(_, one), (_, other)| one.rank(other));
        all.truncate(LEFT);
        self.least = all.last().map_or(self.least, |(_, last)| last.rows + 1);
        self.candidates.extend(all);
    }

    /// Forgets the keys whose rows were not all counted.
    pub(super) fn retain(&mut self, keep: impl Fn(Tag) -> bool) {
        self.candidates.retain(|tag, _| keep(*tag));
    }

    /// The most rewritten first.
    pub(super) fn objects(self) -> Vec<ObjectUsage> {
        let mut all: Vec<Candidate> = self.candidates.into_values().collect();
        all.order_by(Candidate::rank);
        all.truncate(LEFT);
        all.iter().map(Candidate::object).collect()
    }
}

impl Candidate {
    /// The order of the list: by rows, then by key.
    fn rank(&self, other: &Self) -> Ordering {
        other.rows.cmp(&self.rows).then_with(|| self.key.cmp(&other.key))
    }

    fn object(&self) -> ObjectUsage {
        ObjectUsage {
            key: key_text(&self.key),
            live: !self.dead,
            live_bytes: self.live_bytes,
            revisions: self.rows,
            version: self.version,
        }
    }
}

/// What etcd counts as the version of the newest row, told by an older one:
/// each row between is one write. 0 when it cannot be told: the key was deleted
/// and made again since.
fn version(row: &Row<'_>, seen: &SeenKey) -> i64 {
    if seen.dead || seen.deleted_before {
        return 0;
    }
    let since = i64::try_from(seen.rows - 1).unwrap_or(i64::MAX);
    if row.tombstone { since } else { row.version.saturating_add(since) }
}
