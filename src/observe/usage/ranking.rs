//! The biggest objects: of all, of each resource, of each namespace in it. All
//! lists together stay below a number of entries: when there are too many
//! lists, each gets shorter.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use crate::model::usage::ObjectUsage;

use super::{key_text::key_text, row::Row, seen_keys::Tag};

/// An object that may stand in a list. The order is that of the lists: by
/// bytes, then by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    bytes: u64,
    key: Reverse<Arc<[u8]>>,
    tag: Tag,
    version: i64,
    revisions: u64,
}

impl Standing {
    pub(super) fn new(row: &Row<'_>, tag: Tag) -> Self {
        let shown = &row.key[..row.key.len().min(super::key_text::LONGEST + 1)];
        Self {
            bytes: row.key_len + row.value,
            key: Reverse(shown.into()),
            tag,
            version: row.version,
            revisions: 1,
        }
    }

    fn object(&self) -> ObjectUsage {
        ObjectUsage {
            key: key_text(&self.key.0),
            live: true,
            live_bytes: self.bytes,
            revisions: self.revisions,
            version: self.version,
        }
    }
}

/// The biggest of one group.
#[derive(Debug, Default)]
pub(super) struct Biggest {
    /// The smallest first.
    heap: BinaryHeap<Reverse<Standing>>,
}

impl Biggest {
    /// Whether something of this size would stand in a list of so many.
    pub(super) fn wants(&self, bytes: u64, most: usize) -> bool {
        let least = self.heap.peek().map_or(0, |least| least.0.bytes);
        self.heap.len() < most || bytes >= least
    }

    /// Puts it in; by how many entries the list grew.
    pub(super) fn put(&mut self, standing: Standing, most: usize) -> usize {
        let before = self.heap.len();
        self.heap.push(Reverse(standing));
        self.cut(most);
        self.heap.len() - before.min(self.heap.len())
    }

    /// Leaves so many; how many are left.
    pub(super) fn cut(&mut self, most: usize) -> usize {
        while self.heap.len() > most {
            self.heap.pop();
        }
        self.heap.len()
    }

    /// Asks for the rows of the objects that `rows` knows.
    pub(super) fn count_rows(&mut self, rows: impl Fn(Tag) -> Option<u64>) {
        let standings = std::mem::take(&mut self.heap).into_iter().map(|Reverse(mut standing)| {
            standing.revisions = rows(standing.tag).unwrap_or(standing.revisions);
            Reverse(standing)
        });
        self.heap = standings.collect();
    }

    /// The biggest first.
    pub(super) fn objects(self) -> Vec<ObjectUsage> {
        self.heap.into_sorted_vec().iter().map(|standing| standing.0.object()).collect()
    }
}
