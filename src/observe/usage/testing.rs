//! A small etcd for tests: puts, deletions and compactions become the rows of
//! its bucket `key`. It knows the encoding by itself.

use std::collections::BTreeMap;

use super::row::RawRow;

/// A row as it would lie in the file.
#[derive(Clone, Debug)]
pub struct StoredRow {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl StoredRow {
    /// As a reader hands it out that shows so many bytes of the beginning.
    pub fn seen(&self, head: usize) -> RawRow<'_> {
        RawRow {
            key: &self.key,
            head: &self.value[..self.value.len().min(head)],
            tail: &self.value[self.value.len().saturating_sub(16)..],
            value_len: self.value.len() as u64,
        }
    }
}

/// What is written of a key.
#[derive(Clone, Debug)]
struct Written {
    main: i64,
    user: Vec<u8>,
    /// Length of the value; `None` for a deletion.
    value: Option<usize>,
    version: i64,
    created: i64,
    lease: i64,
}

/// The history of a database.
#[derive(Clone, Debug, Default)]
pub struct History {
    rows: Vec<Written>,
    latest: BTreeMap<Vec<u8>, Written>,
    pub revision: i64,
}

impl History {
    pub fn put(&mut self, user: &[u8], value: usize, lease: i64) {
        self.revision += 1;
        let main = self.revision;
        let alive = self.latest.get(user).filter(|latest| latest.value.is_some());
        let (version, created) =
            alive.map_or((1, main), |latest| (latest.version + 1, latest.created));
        let user = user.to_vec();
        self.write(Written { main, user, value: Some(value), version, created, lease });
    }

    pub fn delete(&mut self, user: &[u8]) {
        if self.latest.get(user).is_some_and(|latest| latest.value.is_some()) {
            self.revision += 1;
            let (main, user) = (self.revision, user.to_vec());
            self.write(Written { main, user, value: None, version: 0, created: 0, lease: 0 });
        }
    }

    fn write(&mut self, written: Written) {
        self.latest.insert(written.user.clone(), written.clone());
        self.rows.push(written);
    }

    /// Leaves of the rows up to a revision the latest of each key, if it is
    /// no deletion.
    pub fn compact(&mut self, at: i64) {
        let latest_at = |row: &Written| {
            let later = |other: &Written| other.main > row.main && other.main <= at;
            !self.rows.iter().any(|other| other.user == row.user && later(other))
        };
        let kept = |row: &&Written| row.main > at || (latest_at(row) && row.value.is_some());
        self.rows = self.rows.iter().filter(kept).cloned().collect();
    }

    /// The rows, the newest first.
    pub fn newest_first(&self) -> Vec<StoredRow> {
        self.rows.iter().rev().map(Written::stored).collect()
    }

    /// Of each existing key its name, length of value, version and lease.
    pub fn live(&self) -> impl Iterator<Item = (&[u8], usize, i64, i64)> {
        self.latest
            .values()
            .filter_map(|row| Some((row.user.as_slice(), row.value?, row.version, row.lease)))
    }

    /// The revision of an existing key's last write.
    pub fn modified(&self, user: &[u8]) -> i64 {
        self.latest[user].main
    }

    /// Rows kept of each key.
    pub fn rows_of(&self, user: &[u8]) -> usize {
        self.rows.iter().filter(|row| row.user == user).count()
    }

    /// Deletions kept, old values kept, and the bytes of those with their keys.
    pub fn old(&self) -> (u64, u64, u64) {
        let (mut tombstones, mut old, mut bytes) = (0, 0, 0);
        for row in &self.rows {
            match row.value {
                None => tombstones += 1,
                Some(value) if self.latest[&row.user].main != row.main => {
                    old += 1;
                    bytes += (row.user.len() + value) as u64;
                }
                Some(_) => {}
            }
        }
        (tombstones, old, bytes)
    }
}

impl Written {
    fn stored(&self) -> StoredRow {
        let mut key = revision(self.main, 0);
        let Some(value) = self.value else {
            key.push(b't');
            return StoredRow { key, value: key_value(&self.user, &[], 0, &[]) };
        };
        let numbers = [(2, self.created), (3, self.main), (4, self.version)];
        let value = vec![b'v'; value];
        StoredRow { key, value: key_value(&self.user, &numbers, self.lease, &value) }
    }
}

/// The key of a row.
pub fn revision(main: i64, sub: i64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat()
}

/// A marshalled `KeyValue`; what is zero or empty is left out.
pub fn key_value(key: &[u8], numbers: &[(u64, i64)], lease: i64, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let put_bytes = |bytes: &mut Vec<u8>, field: u64, content: &[u8]| {
        if !content.is_empty() {
            varint(bytes, field << 3 | 2);
            varint(bytes, content.len() as u64);
            bytes.extend(content);
        }
    };
    let put_number = |bytes: &mut Vec<u8>, field: u64, number: i64| {
        if number != 0 {
            varint(bytes, field << 3);
            varint(bytes, number as u64);
        }
    };
    put_bytes(&mut bytes, 1, key);
    numbers.iter().for_each(|(field, number)| put_number(&mut bytes, *field, *number));
    put_bytes(&mut bytes, 5, value);
    put_number(&mut bytes, 6, lease);
    bytes
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
