//! Rows in etcd's own encoding, cut and broken.

use proptest::prelude::*;

use super::*;
use crate::observe::usage::testing::{StoredRow, key_value, revision};

fn stored(key: Vec<u8>, value: Vec<u8>) -> StoredRow {
    StoredRow { key, value }
}

#[test]
fn a_row_tells_its_numbers_and_the_length_of_its_value() {
    let numbers = [(2, 300), (3, 70_000), (4, 12)];
    let lease = 0x7587_0000_1234_5678;
    for length in [0, 1, 100, 500, 5000, 2_000_000] {
        let value = key_value(b"/registry/pods/a/b", &numbers, lease, &vec![b'x'; length]);
        let row = stored(revision(70_000, 3), value);
        for head in [512, usize::MAX] {
            let decoded = Row::decode(row.seen(head)).expect("a row");
            assert_eq!((decoded.main, decoded.sub, decoded.tombstone), (70_000, 3, false));
            assert_eq!((decoded.key, decoded.key_len), (&b"/registry/pods/a/b"[..], 18));
            assert_eq!((decoded.value, decoded.version), (length as u64, 12));
            assert_eq!(decoded.lease, lease, "{length}");
            assert_eq!(decoded.record, row.value.len() as u64);
        }
    }
}

#[test]
fn a_deletion_has_a_key_only() {
    let mut key = revision(9, 0);
    key.push(b't');
    let row = stored(key, key_value(b"gone", &[], 0, &[]));
    let decoded = Row::decode(row.seen(512)).expect("a row");
    assert!(decoded.tombstone);
    assert_eq!((decoded.key, decoded.value), (&b"gone"[..], 0));
}

#[test]
fn a_bumped_revision_has_no_key() {
    let row = stored(revision(1_000_000_000, 0), Vec::new());
    let decoded = Row::decode(row.seen(512)).expect("a row");
    assert_eq!((decoded.main, decoded.key_len), (1_000_000_000, 0));
}

#[test]
fn a_key_longer_than_what_is_seen_is_known_by_its_beginning() {
    let key = vec![b'k'; 3000];
    let row = stored(revision(9, 0), key_value(&key, &[(4, 1)], 0, &[b'x'; 5000]));
    // How much is seen depends on where it lies; what it is called must not.
    for head in [2048, 2500, usize::MAX] {
        let decoded = Row::decode(row.seen(head)).expect("a row");
        assert_eq!((decoded.key.len(), decoded.key_len), (2000, 3000));
        // The rest and what is between.
        assert!((5000..5020).contains(&decoded.value), "{}", decoded.value);
    }
}

#[test]
fn what_is_no_row_is_told() {
    let value = key_value(b"a", &[], 0, b"x");
    let decoded = |key: Vec<u8>, value: &[u8]| {
        Row::decode(stored(key, value.to_vec()).seen(512)).map(|row| row.main)
    };
    assert_eq!(decoded(revision(1, 0), &value), Ok(1));
    assert_eq!(decoded(b"short".to_vec(), &value), Err(BadRow::Revision));
    assert_eq!(decoded(revision(-1, 0), &value), Err(BadRow::Revision));
    let mut marked = revision(1, 0);
    marked.push(b'x');
    assert_eq!(decoded(marked, &value), Err(BadRow::Revision));
    for broken in
        [&b"\x0a"[..], b"\x0a\x05ab", b"\x3a\x01x", b"\xff\xff\xff\xff", b"\x0a\x01a\x2a\x09x"]
    {
        assert_eq!(decoded(revision(1, 0), broken), Err(BadRow::Value), "{broken:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_are_not(
        key in proptest::collection::vec(any::<u8>(), 0..20),
        value in proptest::collection::vec(any::<u8>(), 0..700),
        head in 0_usize..700,
        longer in 0_u64..u64::MAX / 2,
    ) {
        let row = stored(key, value);
        let raw = row.seen(head);
        let _ = Row::decode(raw);
        let _ = Row::decode(RawRow { value_len: raw.value_len + longer, ..raw });
        let _ = Row::decode(RawRow { key: &revision(1, 0), ..raw });
    }

    #[test]
    fn a_broken_byte_never_makes_more_than_there_is(
        at in 0_usize..60, byte in any::<u8>(), length in 0_usize..40,
    ) {
        let numbers = [(2, 300), (3, 70_000), (4, 12)];
        let mut value = key_value(b"/registry/pods/a/b", &numbers, 77, &vec![b'x'; length]);
        let at = at % value.len();
        value[at] = byte;
        let row = stored(revision(1, 0), value);
        if let Ok(decoded) = Row::decode(row.seen(512)) {
            prop_assert!(decoded.key_len + decoded.value <= 2 * decoded.record);
        }
    }
}
