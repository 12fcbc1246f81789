//! Sums up the keys below some prefixes as they are read in order: how many,
//! whose, and in ranges that one request each can delete. Pure; no value is
//! ever seen, and memory stays small however many keys there are.

use std::collections::BTreeMap;

use crate::{
    model::{Bytes, KeyRange, PurgeGroup, Purgeable},
    wire::NamedRecord,
};

/// Keys of one range: one request is one entry of etcd's log, applied as a
/// whole while nothing else is.
const RANGE_KEYS: u64 = 500;
/// Groups told apart; more become one.
const MOST_GROUPS: usize = 1_000;
/// What the rest of the groups is called.
const OTHERS: &str = "(others)";
/// Keys named as examples.
const EXAMPLES: usize = 3;

/// The keys below some prefixes so far.
pub(super) struct Sum<'a> {
    prefixes: &'a [String],
    protected: &'a dyn Fn(&[u8]) -> bool,
    found: Purgeable,
    groups: BTreeMap<String, (u64, u64)>,
    ranges: Vec<KeyRange>,
    /// The prefix of the newest range.
    below: Option<usize>,
}

impl<'a> Sum<'a> {
    /// Nothing yet. `protected` tells keys that must never be deleted.
    pub(super) fn new(prefixes: &'a [String], protected: &'a dyn Fn(&[u8]) -> bool) -> Self {
        Self {
            prefixes,
            protected,
            found: Purgeable { prefixes: prefixes.to_vec(), ..Purgeable::default() },
            groups: BTreeMap::new(),
            ranges: Vec::new(),
            below: None,
        }
    }

    /// One more key; whether it is below a prefix. Keys come in order.
    pub(super) fn add(&mut self, record: &NamedRecord) -> bool {
        let key = record.key.as_slice();
        let is_prefix = |prefix: &String| key.starts_with(prefix.as_bytes());
        let Some(below) = self.prefixes.iter().position(is_prefix) else { return false };
        self.found.keys += 1;
        self.found.bytes = self.found.bytes.plus(Bytes(record.data));
        if self.found.examples.len() < EXAMPLES {
            self.found.examples.push(text(key));
        }
        if self.found.protected.is_none() && (self.protected)(key) {
            self.found.protected = Some(text(key));
        }
        let rest = key.get(self.prefixes[below].len()..).unwrap_or_default();
        self.add_to_group(&text(rest.split(|byte| *byte == b'/').next().unwrap_or(rest)), record);
        self.add_to_range(below, record);
        true
    }

    fn add_to_group(&mut self, name: &str, record: &NamedRecord) {
        let known = self.groups.contains_key(name) || self.groups.len() < MOST_GROUPS;
        let group = self.groups.entry(if known { name } else { OTHERS }.to_owned()).or_default();
        group.0 += 1;
        group.1 += record.data;
    }

    fn add_to_range(&mut self, below: usize, record: &NamedRecord) {
        // The smallest key behind one is that key and a zero byte.
        let behind = [record.key.as_slice(), &[0]].concat();
        match self.ranges.last_mut() {
            Some(range) if self.below == Some(below) && range.keys < RANGE_KEYS => {
                range.behind = behind;
                range.keys += 1;
                range.bytes = range.bytes.plus(Bytes(record.data));
            }
            _ => {
                let (first, bytes) = (record.key.clone(), Bytes(record.data));
                self.ranges.push(KeyRange { first, behind, keys: 1, bytes });
                self.below = Some(below);
            }
        }
    }

    /// All of it.
    pub(super) fn finish(mut self) -> (Purgeable, Vec<KeyRange>) {
        let group = |(name, (keys, bytes))| PurgeGroup { name, keys, bytes: Bytes(bytes) };
        self.found.groups = self.groups.into_iter().map(group).collect();
        self.found.groups.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        (self.found, self.ranges)
    }
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str) -> NamedRecord {
        NamedRecord { key: key.into(), data: 100, value: 120 }
    }

    #[test]
    fn keys_are_summed_by_prefix_and_group_in_ranges() {
        let prefixes = ["/a/events/".to_owned(), "/b/events/".to_owned()];
        let mut sum = Sum::new(&prefixes, &|key| key.ends_with(b"!"));
        for n in 0..700 {
            assert!(sum.add(&record(&format!("/a/events/{}/{n:04}", n / 400))));
        }
        assert!(!sum.add(&record("/a/eventsx")) && !sum.add(&record("/a/pods/x")));
        assert!(sum.add(&record("/b/events/x/1!")));
        let (found, ranges) = sum.finish();
        assert_eq!((found.keys, found.bytes), (701, Bytes(70_100)));
        let groups: Vec<_> = found.groups.iter().map(|g| (g.name.as_str(), g.keys)).collect();
        assert_eq!(groups, [("0", 400), ("1", 300), ("x", 1)]);
        assert_eq!(found.examples[0], "/a/events/0/0000");
        assert_eq!(found.protected.as_deref(), Some("/b/events/x/1!"));
        let told: Vec<_> = ranges.iter().map(|range| range.keys).collect();
        assert_eq!(told, [500, 200, 1], "no range spans two prefixes");
        assert_eq!(ranges[0].behind, b"/a/events/1/0499\0");
        assert!(ranges.iter().all(|range| range.keys <= RANGE_KEYS));
        assert!(ranges[0].holds(b"/a/events/1/0499") && !ranges[0].holds(b"/a/events/1/0500"));
    }

    #[test]
    fn groups_without_end_become_one() {
        let prefixes = ["/x/".to_owned()];
        let mut sum = Sum::new(&prefixes, &|_| false);
        (0..3_000).for_each(|n| assert!(sum.add(&record(&format!("/x/{n:05}/k")))));
        let (found, _) = sum.finish();
        assert_eq!(found.groups.len(), MOST_GROUPS + 1);
        assert_eq!((found.groups[0].name.as_str(), found.groups[0].keys), (OTHERS, 2_000));
    }
}
