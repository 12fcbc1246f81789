//! The numbers that are kept of a group of keys.

/// What a group of keys takes. Bytes are those of keys and values, as etcdctl
/// shows them; what the file adds to each (numbers, page headers, room left in
/// pages) is not in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Existing keys.
    pub keys: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Values that were overwritten or deleted since, and are still kept.
    pub old_revisions: u64,
    /// Their bytes.
    pub old_bytes: u64,
    /// Records of deletions that are still kept.
    pub tombstones: u64,
    /// Writes and deletions among the newest revisions.
    pub recent: u64,
}

impl Account {
    /// Live and old bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.live_bytes.saturating_add(self.old_bytes)
    }

    /// Adds another group.
    pub fn add(&mut self, other: &Account) {
        self.keys += other.keys;
        self.live_bytes += other.live_bytes;
        self.old_revisions += other.old_revisions;
        self.old_bytes += other.old_bytes;
        self.tombstones += other.tombstones;
        self.recent += other.recent;
    }
}
