//! A big outage: 512 MB in tens of thousands of revisions, so that members are
//! still compacting when others are done, and so that memory would show.

mod common;

use common::{alone, fill, judge, rescue::rescue, snapshot, three};
use lab::{Fill, Lab};

/// What a rescue may take on a master that has little to give.
const MEMORY_KIB: u64 = 32 << 10;

/// What a snapshot may take, of whatever size it is.
const SNAPSHOT_KIB: u64 = 16 << 10;

/// Many small revisions: compaction deletes a thousand at a time with pauses, so
/// it takes each member seconds, and not the same.
const PATTERN: Fill = Fill::Churn { keys: 16, value_bytes: 8_000 };

#[test]
fn half_a_gigabyte_shrinks_on_every_member_in_little_memory() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 512 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);

    let saved = rescue(first, &["snapshot", "save", "/var/lib/judge.db", "-w", "json"]).ends(0);
    eprintln!("snapshot save: {} KiB", saved.peak_kib);
    let file = first.path("/var/lib/judge.db");
    assert!(file.metadata().unwrap().len() > 512 << 20);
    assert!((1..SNAPSHOT_KIB).contains(&saved.peak_kib), "{} KiB", saved.peak_kib);
    assert_eq!(saved.json()["sha256"], snapshot::sha256(&file));

    let ran = rescue(first, &["recover", "--yes", "-w", "json"]).ends(0);
    eprintln!("recover: {} KiB\n{}", ran.peak_kib, ran.stderr);
    assert!((1..MEMORY_KIB).contains(&ran.peak_kib), "{} KiB", ran.peak_kib);
    assert_eq!(ran.json()["outcome"], "recovered");
    judge::small(&before, lab.masters());
    judge::same_data(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
    judge::equal_hashes(&lab);
}
