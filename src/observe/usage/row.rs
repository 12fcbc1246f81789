//! One row of etcd's `key` bucket: a revision of a key. Reads numbers and
//! lengths; a value is never looked at, and never copied.
//!
//! Sources: etcd server/storage/mvcc/revision.go (a row's key: main and sub
//! revision big-endian with `_` between, and `t` behind for a deletion);
//! api/mvccpb/kv.proto (`KeyValue`: key 1, create_revision 2, mod_revision 3,
//! version 4, value 5, lease 6).

use super::live_keys::LiveKey;

/// A row as it lies in the file.
#[derive(Clone, Copy, Debug)]
pub struct RawRow<'a> {
    /// The row's key: its revision.
    pub key: &'a [u8],
    /// The beginning of its value, at least 2048 bytes where it has as many.
    pub head: &'a [u8],
    /// The last bytes of its value, at least 16 where it has as many.
    pub tail: &'a [u8],
    /// Length of its value.
    pub value_len: u64,
}

/// What a row tells, without the value in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The revision: one transaction.
    pub main: i64,
    /// The number of the change inside the transaction.
    pub sub: i64,
    /// Whether it records a deletion.
    pub tombstone: bool,
    /// The key written, or the beginning of one that is longer than
    /// `LONGEST_SEEN`: the same in each of its rows, wherever they lie.
    pub key: &'a [u8],
    /// Its whole length.
    pub key_len: u64,
    /// Length of the value written.
    pub value: u64,
    /// Writes of the key since it was made; 0 when not seen.
    pub version: i64,
    /// The lease the key hangs on; 0 = none.
    pub lease: i64,
    /// Length of the record around all this.
    pub record: u64,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadRow {
    /// Its key is no revision.
    Revision,
    /// Its value is no `KeyValue`.
    Value,
}

/// What is taken of a key. A row's beginning always shows that much of it;
/// Kubernetes' longest keys have 900 bytes.
const LONGEST_SEEN: usize = 2000;

const MAIN: std::ops::Range<usize> = 0..8;
const SUB: std::ops::Range<usize> = 9..17;

impl<'a> Row<'a> {
    /// Decodes a row. An empty key is what `etcdutl snapshot restore
    /// --bump-revision` leaves: a revision that nothing was written in.
    pub(super) fn decode(raw: RawRow<'a>) -> Result<Row<'a>, BadRow> {
        let (main, sub, tombstone) = revision(raw.key).ok_or(BadRow::Revision)?;
        let mut row = Row {
            main,
            sub,
            tombstone,
            key: &[],
            key_len: 0,
            value: 0,
            version: 0,
            lease: 0,
            record: raw.value_len,
        };
        row.fields(raw).ok_or(BadRow::Value)?;
        Ok(row)
    }

    /// An existing key as etcd answers it: only what is needed to list it.
    pub(super) fn live(key: &LiveKey<'a>) -> Row<'a> {
        Row {
            main: key.modified,
            sub: 0,
            tombstone: false,
            key: key.key,
            key_len: key.key.len() as u64,
            value: key.value,
            version: key.version,
            lease: key.lease,
            record: key.record,
        }
    }

    fn fields(&mut self, raw: RawRow<'a>) -> Option<()> {
        let mut at = 0;
        while at < raw.value_len {
            let (bytes, base) = visible(raw, at)?;
            let mut field = Field { bytes, at: usize::try_from(at - base).ok()? };
            let tag = field.varint()?;
            let number = field.varint()?;
            at = base + field.at as u64;
            match tag {
                KEY => {
                    self.key_len = number;
                    self.key = field.seen(number);
                }
                VERSION => self.version = number.cast_signed(),
                VALUE => self.value = number,
                LEASE => self.lease = number.cast_signed(),
                CREATED | MODIFIED => {}
                _ => return None,
            }
            if matches!(tag, KEY | VALUE) {
                at = at.checked_add(number)?;
                if at > raw.value_len {
                    return None;
                }
                if tag == KEY && at > raw.head.len() as u64 {
                    // Too long to see what is behind it; nearly all is value.
                    self.value = raw.value_len - at;
                    return Some(());
                }
            }
        }
        Some(())
    }
}

/// Tags of the fields: number << 3 | wire type.
const KEY: u64 = 1 << 3 | 2;
const CREATED: u64 = 2 << 3;
const MODIFIED: u64 = 3 << 3;
const VERSION: u64 = 4 << 3;
const VALUE: u64 = 5 << 3 | 2;
const LEASE: u64 = 6 << 3;

/// Main and sub revision, and whether it is a deletion.
pub(super) fn revision(key: &[u8]) -> Option<(i64, i64, bool)> {
    let tombstone = match key.len() {
        17 => false,
        18 if key[17] == b't' => true,
        _ => return None,
    };
    if key[8] != b'_' {
        return None;
    }
    let main = i64::from_be_bytes(key[MAIN].try_into().ok()?);
    let sub = i64::from_be_bytes(key[SUB].try_into().ok()?);
    (main >= 0 && sub >= 0).then_some((main, sub, tombstone))
}

/// The part of the value that holds the byte at `at`, and where it begins.
fn visible<'a>(raw: RawRow<'a>, at: u64) -> Option<(&'a [u8], u64)> {
    if at < raw.head.len() as u64 {
        return Some((raw.head, 0));
    }
    let begin = raw.value_len.checked_sub(raw.tail.len() as u64)?;
    (at >= begin).then_some((raw.tail, begin))
}

struct Field<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Field<'a> {
    fn varint(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        while shift < 64 {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }

    /// As many bytes as wanted, if not too many, or as are there.
    fn seen(&self, wanted: u64) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(LONGEST_SEEN);
        &rest[..wanted.min(rest.len())]
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
