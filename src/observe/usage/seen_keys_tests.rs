//! The table against a plain map.

use std::collections::HashMap;

use super::*;

/// Tags that look like hashes.
fn tags(count: u64) -> impl Iterator<Item = Tag> {
    (1..=count).map(|n| n.wrapping_mul(0xd134_2543_de82_ef95) >> (64 - TAG_BITS))
}

#[test]
fn it_counts_what_a_map_counts() {
    let (mut table, mut map) = (SeenKeys::new(1 << 20), HashMap::new());
    for (n, tag) in tags(40_000).chain(tags(20_000)).chain(tags(7)).enumerate() {
        let dead = n % 3 == 0;
        let expected = map.entry(tag).or_insert(SeenKey {
            rows: 0,
            dead,
            deleted_before: false,
            live_bytes: if dead { 0 } else { n as u32 },
        });
        expected.rows += 1;
        let seen = table.add(tag, dead, n as u32).expect("room");
        assert_eq!(seen, *expected);
        expected.deleted_before |= dead;
    }
    assert!(map.iter().all(|(tag, seen)| table.rows(*tag) == seen.rows));
    assert_eq!(table.rows(12_345), 0);
}

#[test]
fn rows_beyond_what_a_slot_holds_are_counted_beside_it() {
    let mut table = SeenKeys::new(0);
    for n in 1..=10_000_u64 {
        assert_eq!(table.add(5, false, 1).map(|seen| seen.rows), Ok(n));
    }
    assert_eq!(table.rows(5), 10_000);
    table.retain(|_| false);
    assert_eq!(table.rows(5), 0);
}

#[test]
fn it_is_full_at_its_limit_and_holds_again_what_was_let_go() {
    let bytes = 1 << 20;
    let mut table = SeenKeys::new(bytes);
    let full = tags(200_000).position(|tag| table.add(tag, false, 1) == Err(Full));
    let held = full.expect("a limit");
    // Twelve bytes a key, four fifths taken at most.
    assert!((60_000..70_000).contains(&held), "{held}");
    assert!(tags(held as u64).all(|tag| table.rows(tag) == 1));
    table.retain(|tag| tag % 2 == 0);
    for tag in tags(held as u64) {
        assert_eq!(table.rows(tag), u64::from(tag % 2 == 0));
    }
    assert!(table.add(1, false, 1).is_ok());
}

#[test]
fn the_tag_zero_is_a_key_like_others() {
    let mut table = SeenKeys::new(0);
    assert_eq!(table.rows(0), 0);
    assert_eq!(table.add(0, true, 9).map(|seen| (seen.rows, seen.dead)), Ok((1, true)));
    assert_eq!(table.add(0, false, 9).map(|seen| (seen.rows, seen.dead)), Ok((2, true)));
}
