//! Accounts of random histories against a plain count of the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    model::usage::{ObjectUsage, key_place},
    observe::usage::testing::{History, StoredRow},
};

const TINY: Limits = Limits {
    table: 0,
    resources: 1000,
    namespaces: 1000,
    names: 1 << 20,
    objects: 1000,
    objects_each: 20,
    objects_together: 20_000,
    recent: 10_000,
};

fn read(rows: &[StoredRow], limits: Limits, compacted: Option<Revision>) -> (Usage, u64) {
    let mut accounting = Accounting::new(limits, compacted);
    loop {
        rows.iter().for_each(|row| accounting.row(row.seen(512)));
        if !accounting.another_pass() {
            let (passes, _) = accounting.passes();
            return (accounting.finish(), passes);
        }
    }
}

/// What does not depend on how many passes it took.
fn settled(mut usage: Usage) -> Usage {
    usage.packed = Bytes(0);
    usage.resources.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    for resource in &mut usage.resources {
        resource.namespaces.sort_by(|one, other| one.name.cmp(&other.name));
    }
    usage.kinds.sort_by(|one, other| one.resource.cmp(&other.resource));
    // Who comes last among equals, and the version of a key that was made again.
    let last = usage.most_rewritten.last().map_or(0, |last| last.revisions);
    usage.most_rewritten.retain(|object| object.revisions > last);
    usage.most_rewritten.iter_mut().for_each(|object| object.version = 0);
    usage
}

fn key(n: u32) -> String {
    match n % 5 {
        0 => format!("/registry/leases/kube-node-lease/n{n}"),
        1 => format!("/registry/secrets/ns{}/sh.helm.release.v1.r.v{n}", n % 3),
        2 => format!("/registry/clusterroles/r{n}"),
        3 => format!("/registry/wgpolicyk8s.io/policyreports/ns{}/p{n}", n % 7),
        _ => format!("/app/{n}"),
    }
}

fn history(steps: &[(u32, u16)]) -> History {
    let mut history = History::default();
    for (n, what) in steps {
        let key = key(*n);
        match what % 16 {
            0..3 => history.delete(key.as_bytes()),
            // Some by a lease.
            3 => history.put(key.as_bytes(), usize::from(*what), 99),
            _ => history.put(key.as_bytes(), usize::from(*what), 0),
        }
    }
    history
}

fn check(history: &History, usage: &Usage) {
    let (mut keys, mut bytes, mut leased) = (0, 0, 0);
    let mut by_place: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for (key, value, _, lease) in history.live() {
        let size = (key.len() + value) as u64;
        (keys, bytes) = (keys + 1, bytes + size);
        leased += u64::from(lease != 0);
        let place = key_place(key);
        let namespace = place.namespace.map(|name| String::from_utf8_lossy(name).into_owned());
        let sum = by_place.entry((place.resource(), namespace.unwrap_or_default())).or_default();
        *sum = (sum.0 + 1, sum.1 + size);
    }
    let total = usage.total;
    assert_eq!((total.keys, total.live_bytes), (keys, bytes));
    assert_eq!((total.tombstones, total.old_revisions, total.old_bytes), history.old());
    assert_eq!(usage.leases.map(|leases| leases.keys), Some(leased));
    assert_eq!(usage.revision, Revision(history.revision));
    for ((resource, namespace), (keys, bytes)) in by_place {
        let found = usage.resources.iter().find(|found| found.name == resource).expect("it");
        let account = if namespace.is_empty() {
            found.account
        } else {
            found.namespaces.iter().find(|one| one.name == namespace).expect("it").account
        };
        assert_eq!((account.keys, account.live_bytes), (keys, bytes), "{resource} {namespace}");
    }
    check_objects(history, usage);
}

fn check_objects(history: &History, usage: &Usage) {
    let live: BTreeMap<String, (u64, i64)> = history
        .live()
        .map(|(key, value, version, _)| {
            (String::from_utf8_lossy(key).into_owned(), ((key.len() + value) as u64, version))
        })
        .collect();
    let rows = |object: &ObjectUsage| history.rows_of(object.key.as_bytes()) as u64;
    assert_eq!(usage.biggest.len(), live.len().min(1000));
    assert!(usage.biggest.is_sorted_by(|one, next| one.live_bytes >= next.live_bytes));
    for object in &usage.biggest {
        assert_eq!((object.live_bytes, object.version), live[&object.key]);
        assert_eq!((object.revisions, object.live), (rows(object), true), "{}", object.key);
    }
    assert!(usage.most_rewritten.is_sorted_by(|one, next| one.revisions >= next.revisions));
    for object in &usage.most_rewritten {
        assert_eq!((object.revisions, object.live), (rows(object), live.contains_key(&object.key)));
        let (bytes, version) = live.get(&object.key).copied().unwrap_or_default();
        assert_eq!(object.live_bytes, bytes);
        assert_eq!(object.version, version, "{object:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn accounts_are_what_a_plain_count_says(
        steps in proptest::collection::vec((0_u32..60, any::<u16>().prop_map(|what| what % 3000)), 1..300),
        compact in 0_u8..3,
    ) {
        let mut history = history(&steps);
        let compacted = history.revision * i64::from(compact) / 2;
        history.compact(compacted);
        let compacted = (compacted > 0).then_some(Revision(compacted));
        let (usage, passes) = read(&history.newest_first(), TINY, compacted);
        prop_assert_eq!(passes, 1);
        prop_assert_eq!(&usage.damage, &None);
        check(&history, &usage);
    }
}

#[test]
fn many_passes_count_what_one_does() {
    let mut random = 1_u64;
    let steps: Vec<(u32, u16)> = (0..40_000)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((random >> 33) as u32 % 9000, (random >> 20) as u16 % 3000)
        })
        .collect();
    let history = history(&steps);
    let rows = history.newest_first();
    let (one, passes) = read(&rows, Limits { table: 1 << 20, ..TINY }, None);
    assert_eq!(passes, 1);
    let (many, passes) = read(&rows, TINY, None);
    assert!(passes > 8, "{passes}");
    let (packed, packed_by_many) = (one.packed.0, many.packed.0);
    assert!(packed.abs_diff(packed_by_many) * 50 < packed, "{packed} {packed_by_many}");
    assert!(one.most_rewritten.len() > 100 && one.kinds.len() == 1);
    assert!(settled(one.clone()) == settled(many), "they differ");
    assert_eq!(one.total.keys, history.live().count() as u64);
    assert_eq!((one.total.tombstones, one.total.old_revisions, one.total.old_bytes), history.old());
}

#[test]
fn recent_writes_are_those_of_the_newest_revisions_kept() {
    let mut history = History::default();
    (0..100).for_each(|n| history.put(format!("/a/{n}").as_bytes(), 10, 0));
    (0..30).for_each(|_| history.put(b"/b/x", 10, 0));
    history.delete(b"/b/x");
    let limits = Limits { recent: 50, ..TINY };
    let (usage, _) = read(&history.newest_first(), limits, None);
    assert_eq!(usage.recent_revisions, 50);
    let recent = |name: &str| {
        usage.resources.iter().find(|resource| resource.name == name).expect("it").account.recent
    };
    assert_eq!((recent("/a/"), recent("/b/"), usage.total.recent), (19, 31, 50));
    history.compact(120);
    let (usage, _) = read(&history.newest_first(), limits, Some(Revision(120)));
    assert_eq!((usage.recent_revisions, usage.total.recent), (11, 11));
}

#[test]
fn groups_beyond_the_limits_are_folded() {
    let mut history = History::default();
    for resource in 0..10 {
        for namespace in 0..10 {
            history.put(format!("/registry/r{resource}/n{namespace}/x").as_bytes(), 10, 0);
        }
    }
    let limits = Limits { resources: 4, namespaces: 10, ..TINY };
    let (usage, _) = read(&history.newest_first(), limits, None);
    assert_eq!(usage.total.keys, 100);
    let named = |name: &str| usage.resources.iter().filter(|one| one.name == name).count();
    assert_eq!((usage.resources.len(), named("(other)")), (5, 1));
    let namespaces: usize = usage.resources.iter().map(|one| one.namespaces.len()).sum();
    assert!(namespaces <= 10 + 4 + 5, "{namespaces}");
    let folded = usage.resources.iter().flat_map(|one| &one.namespaces);
    assert!(folded.filter(|one| one.name == "(other namespaces)").count() >= 2);
    let keys: u64 = usage.resources.iter().map(|one| one.account.keys).sum();
    assert_eq!(keys, 100);
}

#[test]
fn lists_of_the_biggest_get_shorter_when_there_are_many() {
    let mut history = History::default();
    for namespace in 0..40_u32 {
        for n in 0..30 {
            history.put(format!("/registry/pods/n{namespace}/p{n}").as_bytes(), n, 0);
        }
    }
    let limits = Limits { objects_together: 200, ..TINY };
    let (usage, _) = read(&history.newest_first(), limits, None);
    let [pods] = &usage.resources[..] else { panic!("one resource") };
    let listed: usize = pods.namespaces.iter().map(|one| one.objects.len()).sum();
    assert!(listed <= 240, "{listed}");
    for namespace in &pods.namespaces {
        let first = namespace.objects.first().expect("an object");
        assert!(first.key.ends_with("/p29"), "{}", first.key);
    }
    assert_eq!(usage.biggest.len(), 1000);
}

#[test]
fn what_is_no_row_is_counted_once_and_left_out() {
    let mut history = History::default();
    (0..2000).for_each(|n| history.put(format!("/a/{n}").as_bytes(), 10, 0));
    let mut rows = history.newest_first();
    rows[7].value = b"\xffno".to_vec();
    rows[9].key = b"no revision".to_vec();
    rows.swap(100, 102);
    let (usage, passes) = read(&rows, TINY, None);
    assert!(passes > 1);
    assert_eq!(usage.total.keys, 1998);
    let damage = usage.damage.expect("damage");
    assert!(damage.starts_with("2 rows of bucket key are no revisions"), "{damage}");
    assert!(damage.contains("rows of bucket key are out of order"), "{damage}");
}

#[test]
fn a_bumped_revision_is_no_key() {
    let mut history = History::default();
    history.put(b"/a/x", 10, 0);
    let mut rows = history.newest_first();
    let bumped = crate::observe::usage::testing::revision(1_000_000, 0);
    rows.insert(0, StoredRow { key: bumped, value: Vec::new() });
    let (usage, _) = read(&rows, TINY, None);
    assert_eq!((usage.revision, usage.total.keys), (Revision(1_000_000), 1));
    assert_eq!(usage.damage, None);
}
