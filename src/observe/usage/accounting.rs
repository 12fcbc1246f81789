//! Rows of the `key` bucket, the newest first, become accounts. The first row
//! seen of a key is the one that counts, all later ones are old revisions. When
//! there are more keys than the table holds, half of them are put off to
//! another pass over the same rows.

use crate::{
    model::{
        Bytes, Revision,
        usage::{Account, Leases, Usage},
    },
    observe::bolt_size::BoltSize,
};

use super::{
    groups::Groups,
    key_hash::KeyHash,
    limits::Limits,
    ranking::{Biggest, Standing},
    rewritten::Rewritten,
    row::{RawRow, Row},
    seen_keys::{SeenKey, SeenKeys, TAG_BITS, Tag},
};

/// The keys whose tags lie between two, and the rows of them that were counted
/// by an earlier pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: Tag,
    last: Tag,
    counted: u64,
}

const ALL: Part = Part { first: 0, last: (1 << TAG_BITS) - 1, counted: 0 };

impl Part {
    fn has(&self, tag: Tag) -> bool {
        (self.first..=self.last).contains(&tag)
    }
}

/// The accounts so far. Give it every row, the newest first; while
/// [`Accounting::another_pass`] says so, give it every row again; then
/// [`Accounting::finish`].
#[derive(Debug)]
pub struct Accounting {
    limits: Limits,
    compacted: Option<Revision>,
    hash: KeyHash,
    groups: Groups,
    seen: SeenKeys,
    rewritten: Rewritten,
    biggest: Biggest,
    packed: BoltSize,
    leases: Leases,
    /// The keys this pass is about, and those put off.
    part: Part,
    parts: Vec<Part>,
    passes: u64,
    /// Rows of this pass so far.
    rows: u64,
    newest: Option<i64>,
    before: (i64, i64),
    bad_rows: u64,
    disorder: u64,
}

impl Accounting {
    /// Nothing counted yet, in a database that was compacted at a revision.
    #[must_use]
    pub fn new(limits: Limits, compacted: Option<Revision>) -> Self {
        Self {
            limits,
            compacted,
            hash: KeyHash::new(),
            groups: Groups::new(limits),
            seen: SeenKeys::new(limits.table),
            rewritten: Rewritten::new(),
            biggest: Biggest::default(),
            packed: BoltSize::default(),
            leases: Leases::default(),
            part: ALL,
            parts: Vec::new(),
            passes: 1,
            rows: 0,
            newest: None,
            before: (i64::MAX, i64::MAX),
            bad_rows: 0,
            disorder: 0,
        }
    }

    /// Counts a row.
    pub fn row(&mut self, raw: RawRow<'_>) {
        self.rows += 1;
        let row = match Row::decode(raw) {
            Ok(row) => row,
            Err(_) => {
                self.bad_rows += u64::from(self.passes == 1);
                return;
            }
        };
        if self.passes == 1 {
            self.newest = self.newest.max(Some(row.main));
            self.disorder += u64::from((row.main, row.sub) >= self.before);
            self.before = (row.main, row.sub);
        }
        if row.key_len > 0 {
            self.written(&row);
        }
    }

    fn written(&mut self, row: &Row<'_>) {
        let tag = self.hash.tag(row.key, row.key_len);
        let live_bytes = u32::try_from(row.key_len + row.value).unwrap_or(u32::MAX);
        let seen = loop {
            if !self.part.has(tag) {
                return;
            }
            match self.seen.add(tag, row.tombstone, live_bytes) {
                Ok(seen) => break seen,
                Err(_) => self.put_off(),
            }
        };
        self.rewritten.note(tag, row, &seen);
        if self.rows > self.part.counted {
            self.count(row, tag, &seen);
        }
    }

    /// Leaves half of the keys to another pass, which counts on where this one
    /// stopped with them.
    fn put_off(&mut self) {
        let Part { first, last, counted } = self.part;
        let middle = first + (last - first) / 2;
        let counted_so_far = counted.max(self.rows - 1);
        self.parts.push(Part { first: middle + 1, last, counted: counted_so_far });
        self.part.last = middle;
        let part = self.part;
        self.seen.retain(|tag| part.has(tag));
        self.rewritten.retain(|tag| !(middle + 1..=last).contains(&tag));
    }

    fn count(&mut self, row: &Row<'_>, tag: Tag, seen: &SeenKey) {
        let place = self.groups.place(row.key);
        let (newest, bytes) = (seen.rows == 1, row.key_len + row.value);
        let live = newest && !row.tombstone;
        let old = !newest && !row.tombstone;
        let account = Account {
            keys: u64::from(live),
            live_bytes: if live { bytes } else { 0 },
            old_revisions: u64::from(old),
            old_bytes: if old { bytes } else { 0 },
            tombstones: u64::from(row.tombstone),
            recent: u64::from(row.main > self.recent_after()),
        };
        self.groups.add(place, &account);
        if !live {
            return;
        }
        self.packed.add(row.record);
        if self.biggest.wants(row, self.limits.objects) {
            self.biggest.put(Standing::new(row, tag), self.limits.objects);
        }
        self.groups.list(place, row, tag);
        if row.lease != 0 {
            self.leases.keys += 1;
            self.leases.bytes += bytes;
        }
    }

    /// The newest revision. A compaction may have dropped its row: that of a
    /// deletion.
    fn newest(&self) -> i64 {
        self.newest.max(self.compacted.map(|revision| revision.0)).unwrap_or(0)
    }

    /// How many of the newest revisions are recent: not more than are kept.
    fn recent_revisions(&self) -> u64 {
        let compacted = self.compacted.map_or(0, |revision| revision.0);
        let kept = self.newest().saturating_sub(compacted);
        self.limits.recent.min(u64::try_from(kept).unwrap_or(0))
    }

    fn recent_after(&self) -> i64 {
        let recent = i64::try_from(self.recent_revisions()).unwrap_or(i64::MAX);
        self.newest().saturating_sub(recent)
    }

    /// Ends a pass: whether all rows are needed once more.
    pub fn another_pass(&mut self) -> bool {
        let (part, seen) = (self.part, &self.seen);
        let rows = |tag| part.has(tag).then(|| seen.rows(tag));
        self.groups.biggest().for_each(|biggest| biggest.count_rows(rows));
        self.biggest.count_rows(rows);
        let Some(next) = self.parts.pop() else { return false };
        self.part = next;
        self.seen = SeenKeys::new(self.limits.table);
        self.rows = 0;
        self.passes += 1;
        true
    }

    /// The pass that is running or ended, and how many there will be as far as
    /// is known.
    #[must_use]
    pub fn passes(&self) -> (u64, u64) {
        (self.passes, self.passes + self.parts.len() as u64)
    }

    /// The accounts. What only the file around the rows tells is not in them:
    /// source, database, the number of leases.
    #[must_use]
    pub fn finish(mut self) -> Usage {
        // The lists take room, too, and the table is not needed any more.
        self.seen = SeenKeys::new(0);
        let (newest, recent_revisions) = (self.newest(), self.recent_revisions());
        let damage = self.damage();
        let (total, resources, kinds) = self.groups.finish();
        Usage {
            revision: Revision(newest),
            compacted: self.compacted,
            packed: if total.keys > 0 { self.packed.file_size() } else { Bytes(0) },
            total,
            resources,
            kinds,
            biggest: self.biggest.objects(),
            most_rewritten: self.rewritten.objects(),
            recent_revisions,
            leases: Some(self.leases),
            history: true,
            damage,
            ..Usage::default()
        }
    }

    fn damage(&self) -> Option<String> {
        let mut found = Vec::new();
        if self.bad_rows > 0 {
            found.push(format!("{} rows of bucket key are no revisions of etcd", self.bad_rows));
        }
        if self.disorder > 0 {
            found.push(format!("{} rows of bucket key are out of order", self.disorder));
        }
        (!found.is_empty()).then(|| found.join("; "))
    }
}

#[cfg(test)]
#[path = "accounting_tests.rs"]
mod tests;
