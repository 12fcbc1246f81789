//! What etcd's buckets beside `key` tell.
//!
//! Sources: etcd server/storage/schema/meta.go (`finishedCompactRev`,
//! `scheduledCompactRev`: a row's key each), server/lease/leasepb/lease.proto
//! (`Lease`: ID 1, TTL 2, RemainingTTL 3).

use crate::observe::bolt::Record;

use super::row::revision;

/// The revision of a compaction that was done or begun; `None` for what else is
/// in bucket `meta`.
pub(super) fn compaction(record: &Record<'_>) -> Option<i64> {
    if !matches!(record.key, b"finishedCompactRev" | b"scheduledCompactRev") {
        return None;
    }
    let (main, _, _) = revision(record.head)?;
    // Neither is there before the first one.
    (main > 0).then_some(main)
}

/// A lease's time to live, in seconds, as it was granted.
pub(super) fn lease_ttl_s(record: &Record<'_>) -> Option<i64> {
    if record.key.len() != 8 || record.head.len() as u64 != record.value_len {
        return None;
    }
    let (mut bytes, mut ttl) = (record.head.iter(), 0);
    while let Some(tag) = bytes.next() {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        match tag {
            0x10 => ttl = number.cast_signed(),
            0x08 | 0x18 => {}
            _ => return None,
        }
    }
    Some(ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(key: &'a [u8], value: &'a [u8]) -> Record<'a> {
        Record { key, head: value, tail: value, value_len: value.len() as u64 }
    }

    #[test]
    fn a_compaction_is_a_revision() {
        let revision = *b"\0\0\0\0\0\0\x01\x02_\0\0\0\0\0\0\0\0";
        assert_eq!(compaction(&record(b"finishedCompactRev", &revision)), Some(258));
        assert_eq!(compaction(&record(b"consistent_index", &revision[..8])), None);
        assert_eq!(compaction(&record(b"scheduledCompactRev", b"what")), None);
    }

    #[test]
    fn a_lease_tells_how_long_it_lives() {
        // ID 1000, TTL 3600.
        let value = [0x08, 0xe8, 0x07, 0x10, 0x90, 0x1c];
        assert_eq!(lease_ttl_s(&record(&[0; 8], &value)), Some(3600));
        assert_eq!(lease_ttl_s(&record(&[0; 8], &value[..5])), None);
        assert_eq!(lease_ttl_s(&record(&[0; 7], &value)), None);
        assert_eq!(lease_ttl_s(&record(&[0; 8], b"\xff\xff")), None);
    }
}
