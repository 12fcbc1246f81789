//! The accounts of a live etcd that is read page by page: its existing keys,
//! each once. What was overwritten is not visible this way.

use crate::model::{
    Revision,
    usage::{Account, Leases, Usage},
};

use super::{
    groups::Groups,
    limits::Limits,
    ranking::{Biggest, Standing},
    row::Row,
};
use crate::observe::bolt_size::BoltSize;

/// An existing key, without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveKey<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Length of its value.
    pub value: u64,
    /// Length of the whole `KeyValue` as etcd sent it.
    pub record: u64,
    /// Writes since it was made.
    pub version: i64,
    /// The revision of its last write.
    pub modified: i64,
    /// The lease it hangs on; 0 = none.
    pub lease: i64,
}

/// The accounts so far.
#[derive(Debug)]
pub struct LiveKeys {
    limits: Limits,
    groups: Groups,
    biggest: Biggest,
    packed: BoltSize,
    leases: Leases,
    keys: u64,
    bytes: u64,
}

impl LiveKeys {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            groups: Groups::new(limits),
            biggest: Biggest::default(),
            packed: BoltSize::default(),
            leases: Leases::default(),
            keys: 0,
            bytes: 0,
        }
    }

    /// Counts one answer.
    pub fn page<'a>(&mut self, keys: impl IntoIterator<Item = LiveKey<'a>>) {
        keys.into_iter().for_each(|key| self.key(&key));
    }

    fn key(&mut self, key: &LiveKey<'_>) {
        let bytes = key.key.len() as u64 + key.value;
        self.keys += 1;
        self.bytes += bytes;
        self.packed.add(key.record);
        let row = Row::live(key);
        let place = self.groups.place(key.key);
        self.groups.add(place, &Account { keys: 1, live_bytes: bytes, ..Account::default() });
        if self.biggest.wants(&row, self.limits.objects) {
            self.biggest.put(Standing::new(&row, 0), self.limits.objects);
        }
        self.groups.list(place, &row, 0);
        if key.lease != 0 {
            self.leases.keys += 1;
            self.leases.bytes += bytes;
        }
    }

    /// Keys and their bytes so far.
    #[must_use]
    pub fn counted(&self) -> (u64, u64) {
        (self.keys, self.bytes)
    }

    /// The accounts at the revision that was read. The leases themselves were
    /// not counted: `granted` is 0 and `longest_ttl_s`, too.
    #[must_use]
    pub fn finish(self, revision: Revision) -> Usage {
        let (total, resources, kinds) = self.groups.finish();
        Usage {
            revision,
            total,
            resources,
            kinds,
            biggest: self.biggest.objects(),
            leases: Some(self.leases),
            packed: self.packed.file_size(),
            ..Usage::default()
        }
    }
}
