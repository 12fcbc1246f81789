//! The biggest objects: of all, of each resource, of each namespace in it. All
//! lists together stay below a number of entries: when there are too many
//! lists, each gets shorter.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use crate::model::usage::ObjectUsage;

use super::{key_text::key_text, row::Row, seen_keys::Tag};

/// Bytes that few keys of Kubernetes have.
const USUAL_KEY: usize = 160;

/// An object that may stand in a list. The order is that of the lists: by
/// bytes, of those alike the newest, then by key. Rows come newest first, so
/// that of many alike few ever enter a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    bytes: u64,
    revision: (i64, i64),
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
            revision: (row.main, row.sub),
            key: Reverse(shown.into()),
            tag,
            version: row.version,
            revisions: 1,
        }
    }

    /// How many entries with keys of the usual length take as much room.
    fn weight(&self) -> usize {
        1 + self.key.0.len() / USUAL_KEY
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
    weight: usize,
}

impl Biggest {
    /// Whether an object would stand in a list of so many. Asked for each row,
    /// so it copies nothing.
    pub(super) fn wants(&self, row: &Row<'_>, most: usize) -> bool {
        let Some(Reverse(least)) = self.heap.peek().filter(|_| self.heap.len() >= most) else {
            return most > 0;
        };
        let bytes = row.key_len + row.value;
        if bytes != least.bytes {
            return bytes > least.bytes;
        }
        let revision = (row.main, row.sub);
        revision > least.revision || (revision == least.revision && row.key < &*least.key.0)
    }

    /// Puts it in.
    pub(super) fn put(&mut self, standing: Standing, most: usize) {
        self.weight += standing.weight();
        self.heap.push(Reverse(standing));
        self.cut(most);
    }

    /// Leaves so many; what they weigh.
    pub(super) fn cut(&mut self, most: usize) -> usize {
        while self.heap.len() > most
            && let Some(Reverse(gone)) = self.heap.pop()
        {
            self.weight -= gone.weight();
        }
        self.weight
    }

    /// How much room its entries take, in usual ones.
    pub(super) fn weight(&self) -> usize {
        self.weight
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
