//! Whole files, written in memory, into accounts.

use std::io::Write;

use super::*;
use crate::{
    model::usage::Leases,
    observe::{
        bolt::testing::{Row, Writer},
        usage::testing::{History, revision},
    },
};

const PAGE: usize = 4096;

fn history() -> History {
    let mut history = History::default();
    (0..3000_u64).for_each(|n| {
        let lease = if n % 10 == 0 { 4711 } else { 0 };
        history.put(format!("/registry/events/shop/e{}", n % 900).as_bytes(), 700, lease);
    });
    (0..50_u64).for_each(|n| history.put(format!("/registry/pods/shop/p{n}").as_bytes(), 9000, 0));
    (0..9_u64).for_each(|n| history.delete(format!("/registry/pods/shop/p{n}").as_bytes()));
    history
}

fn writer(history: &History) -> Writer {
    let mut writer = Writer::new(PAGE);
    let rows = history.newest_first().into_iter().rev();
    writer.bucket("key", rows.map(|row| (0, row.key, row.value)).collect());
    let meta: Row = (0, b"finishedCompactRev".to_vec(), revision(17, 0));
    writer.inline("meta", &[(0, b"consistent_index".to_vec(), vec![0; 8]), meta]);
    // Two leases of an hour and of five minutes.
    let lease = |id: u8, ttl: [u8; 2]| -> Row {
        (0, vec![0, 0, 0, 0, 0, 0, 0, id], [&[0x08, id, 0x10][..], &ttl].concat())
    };
    writer.inline("lease", &[lease(1, [0x90, 0x1c]), lease(2, [0xac, 0x02])]);
    writer.free(40);
    writer
}

fn read_bytes(bytes: &[u8], limits: Limits) -> (Result<Usage, ReadError>, Vec<Progress>) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let mut told = Vec::new();
    let usage = BoltFile::open(file.path())
        .map_err(ReadError::from)
        .and_then(|file| read_database(&file, limits, &mut |progress| told.push(progress)));
    (usage, told)
}

#[test]
fn a_snapshot_is_counted_and_its_checksum_compared() {
    let history = history();
    let bytes = writer(&history).snapshot();
    let (usage, told) = read_bytes(&bytes, Limits::default());
    let usage = usage.expect("accounts");
    let live: Vec<usize> = history.live().map(|(key, value, ..)| key.len() + value).collect();
    assert_eq!(usage.total.keys, live.len() as u64);
    assert_eq!(usage.total.live_bytes, live.iter().sum::<usize>() as u64);
    assert_eq!(
        (usage.total.tombstones, usage.total.old_revisions, usage.total.old_bytes),
        history.old()
    );
    assert_eq!((usage.revision.0, usage.compacted), (history.revision, Some(Revision(17))));
    let leased = history.live().filter(|(.., lease)| *lease != 0);
    let sizes: Vec<u64> = leased.map(|(key, value, ..)| (key.len() + value) as u64).collect();
    let (keys, bytes_leased) = (sizes.len() as u64, sizes.iter().sum());
    let leases = Leases { granted: 2, keys, bytes: bytes_leased, longest_ttl_s: 3600 };
    assert_eq!(usage.leases, Some(leases));
    let database = usage.database.expect("a file");
    let size = (bytes.len() - 32) as u64;
    assert_eq!((database.size.0, database.checksum), (size, Some(true)));
    // All that is not free: exactly.
    assert_eq!(database.in_use.0, size - 40 * PAGE as u64);
    assert_eq!(usage.damage, None);
    let last = told.last().expect("progress");
    assert_eq!((last.pass, last.passes, last.size), (1, 1, database.size));
    assert!(last.read.0 > size / 2 && last.read.0 < size);
}

#[test]
fn a_database_file_has_no_checksum() {
    let (usage, _) = read_bytes(&writer(&history()).finish(), Limits::default());
    let database = usage.expect("accounts").database.expect("a file");
    assert_eq!(database.checksum, None);
}

#[test]
fn a_wrong_checksum_is_an_error_of_its_own() {
    let mut bytes = writer(&history()).snapshot();
    let length = bytes.len();
    for at in [length - 1, length - 32] {
        bytes[at] ^= 1;
        let (usage, _) = read_bytes(&bytes, Limits::default());
        assert!(matches!(usage, Err(ReadError::Checksum)), "{usage:?}");
        bytes[at] ^= 1;
    }
    assert!(read_bytes(&bytes, Limits::default()).0.is_ok());
}

#[test]
fn a_damaged_page_is_left_out_and_told() {
    let history = history();
    let mut bytes = writer(&history).finish();
    let whole = read_bytes(&bytes, Limits::default()).0.expect("accounts");
    // The first page behind the metas is a leaf of bucket `key`.
    bytes[2 * PAGE..2 * PAGE + 16].fill(0xff);
    let usage = read_bytes(&bytes, Limits::default()).0.expect("accounts");
    assert!(usage.damage.as_deref().is_some_and(|damage| damage.contains("page 2")), "{usage:?}");
    let rows = |usage: &Usage| usage.total.keys + usage.total.old_revisions;
    assert!(rows(&usage) < rows(&whole) && rows(&usage) + 20 > rows(&whole));
}

#[test]
fn many_keys_are_read_in_many_passes() {
    let mut history = History::default();
    (0..5000).for_each(|n| history.put(format!("/app/{n}").as_bytes(), 100, 0));
    let bytes = writer(&history).finish();
    let (usage, told) = read_bytes(&bytes, Limits { table: 0, ..Limits::default() });
    let usage = usage.expect("accounts");
    assert_eq!((usage.total.keys, usage.total.old_revisions), (5000, 0));
    let last = told.last().expect("progress");
    assert!(last.pass > 4 && last.pass == last.passes, "{last:?}");
    assert!(told.is_sorted_by_key(|progress| (progress.pass, progress.read)));
}

#[test]
fn a_bbolt_file_of_something_else_is_told() {
    let mut writer = Writer::new(PAGE);
    writer.inline("v1", &[(0, b"content".to_vec(), b"x".to_vec())]);
    let (usage, _) = read_bytes(&writer.finish(), Limits::default());
    let error = usage.expect_err("not etcd's").to_string();
    assert_eq!(error, "a bbolt database, but not etcd's: it has no bucket `key`");
}

#[test]
fn a_live_etcd_page_by_page_counts_the_same_keys() {
    use crate::observe::usage::{LiveKey, LiveKeys};
    let history = history();
    let whole = read_bytes(&writer(&history).finish(), Limits::default()).0.expect("accounts");
    let mut live = LiveKeys::new(Limits::default());
    let keys: Vec<_> = history.live().collect();
    for page in keys.chunks(7) {
        live.page(page.iter().map(|(key, value, version, lease)| LiveKey {
            key,
            value: *value as u64,
            record: (key.len() + value + 20) as u64,
            version: *version,
            modified: history.modified(key),
            lease: *lease,
        }));
    }
    assert_eq!(live.counted(), (whole.total.keys, whole.total.live_bytes));
    let usage = live.finish(whole.revision);
    assert!(!usage.history && usage.database.is_none());
    assert_eq!((usage.total.keys, usage.total.live_bytes), live_of(&whole));
    assert_eq!(usage.resources.len(), whole.resources.len());
    for resource in &whole.resources {
        let found = usage.resources.iter().find(|found| found.name == resource.name);
        let found = found.expect("the same resource");
        assert_eq!(found.account.live_bytes, resource.account.live_bytes);
        assert_eq!(found.objects.len(), resource.objects.len());
        assert_eq!(found.objects[0].key, resource.objects[0].key);
    }
    let (one, other) = (usage.leases.unwrap_or_default(), whole.leases.unwrap_or_default());
    assert_eq!((one.keys, one.bytes), (other.keys, other.bytes));
    assert!(usage.packed.0.abs_diff(whole.packed.0) * 20 < whole.packed.0);
}

fn live_of(usage: &Usage) -> (u64, u64) {
    (usage.total.keys, usage.total.live_bytes)
}
