//! Keys that can be deleted to make room: what they take, and in which ranges
//! they stand. No key's value is ever kept.

use super::{Bytes, Revision};

/// What is asked to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeTarget {
    /// Every key below one of these goes; they share no key.
    pub prefixes: Vec<String>,
    /// Whether they hold Kubernetes' events.
    pub events: bool,
    /// The word that has to be typed.
    pub word: String,
}

/// Some of the keys found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeGroup {
    /// What stands behind the prefix, up to the next slash: of events, the
    /// namespace.
    pub name: String,
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: Bytes,
}

/// What was found below the prefixes, at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purgeable {
    /// The prefixes it was counted below.
    pub prefixes: Vec<String>,
    /// Existing keys.
    pub keys: u64,
    /// Their bytes and those of their values.
    pub bytes: Bytes,
    /// What a database file holding only the other keys takes; `None` when not
    /// all of those could be counted.
    pub file_size_without: Option<Bytes>,
    /// By what stands behind the prefix, the biggest first.
    pub groups: Vec<PurgeGroup>,
    /// Some of the keys, by name.
    pub examples: Vec<String>,
    /// The first of them that must never be deleted.
    pub protected: Option<String>,
    /// Whether counting ended early; the numbers are then lower bounds.
    pub partial: bool,
}

/// Keys that stand together, to be deleted by one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key.
    pub first: Vec<u8>,
    /// The smallest key behind the last one.
    pub behind: Vec<u8>,
    /// How many were counted in it.
    pub keys: u64,
    /// Their bytes and those of their values.
    pub bytes: Bytes,
}

impl KeyRange {
    /// All that begins with `prefix`; nothing is counted in it.
    #[must_use]
    pub fn below(prefix: &[u8]) -> Self {
        Self { first: prefix.to_vec(), behind: behind_prefix(prefix), ..Self::default() }
    }

    /// Every key; nothing is counted in it.
    #[must_use]
    pub fn all() -> Self {
        Self { first: vec![0], behind: vec![0], ..Self::default() }
    }

    /// Whether the key is in it.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        // A single zero byte as the end means that there is none.
        self.first.as_slice() <= key && (self.behind == [0] || key < self.behind.as_slice())
    }
}

/// The smallest key behind all that begin with `prefix`; a zero byte, etcd's
/// word for "to the end", when there is none.
#[must_use]
pub fn behind_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

/// A deletion, from its count to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// What was found.
    pub found: Purgeable,
    /// The revision it was found at.
    pub revision: Revision,
    /// The smallest quota of the voters.
    pub quota: Option<Bytes>,
    /// What a database file takes that holds all keys, compacted and
    /// defragmented; `None` when not all could be counted.
    pub file_size: Option<Bytes>,
    /// Whether a request that deletes was sent.
    pub begun: bool,
    /// Keys that etcd said it deleted.
    pub deleted_keys: u64,
    /// Their bytes, as they were counted.
    pub deleted_bytes: Bytes,
    /// Keys below the prefixes afterwards; `None` = not looked at.
    pub left: Option<u64>,
    /// Whether NOSPACE was on when the snapshot was taken: as long as it stays
    /// on, nothing is written that is not in the snapshot.
    pub under_alarm: bool,
}

impl Purge {
    /// Whether compaction and defragmentation would be enough afterwards: the
    /// file stays below nine tenths of the quota. `None` = not known.
    #[must_use]
    pub fn is_enough(&self) -> Option<bool> {
        Some(self.found.file_size_without?.0 < self.quota?.0 / 10 * 9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(behind_prefix(b"/registry/events/"), b"/registry/events0");
        assert_eq!(behind_prefix(b"a\xff"), b"b");
        assert_eq!(behind_prefix(b"\xff\xff"), [0]);
        assert_eq!(behind_prefix(b""), [0]);
        let events = KeyRange::below(b"/registry/events/");
        assert!(events.holds(b"/registry/events/a/b"));
        assert!(!events.holds(b"/registry/events") && !events.holds(b"/registry/events0"));
        assert!(!events.holds(b"/registry/eventsx/a"));
        assert!(KeyRange::below(b"\xff").holds(b"\xff\xff"));
    }

    #[test]
    fn enough_is_nine_tenths() {
        let purge = |without, quota| Purge {
            found: Purgeable { file_size_without: without, ..Purgeable::default() },
            quota,
            ..Purge::default()
        };
        assert_eq!(purge(Some(Bytes(89)), Some(Bytes(100))).is_enough(), Some(true));
        assert_eq!(purge(Some(Bytes(90)), Some(Bytes(100))).is_enough(), Some(false));
        assert_eq!(purge(None, Some(Bytes(100))).is_enough(), None);
        assert_eq!(purge(Some(Bytes(9)), None).is_enough(), None);
    }
}
