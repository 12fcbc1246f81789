//! Databases by their numbers, and the sentences that tell of them.

use super::*;
use crate::model::usage::{DatabaseFile, KindUsage, NamespaceUsage};

const MIB: u64 = 1 << 20;

fn resource(name: &str, keys: u64, live_mib: u64, old_mib: u64) -> ResourceUsage {
    let account = Account {
        keys,
        live_bytes: live_mib * MIB,
        old_bytes: old_mib * MIB,
        ..Account::default()
    };
    ResourceUsage { name: name.to_owned(), account, ..ResourceUsage::default() }
}

fn usage(resources: Vec<ResourceUsage>) -> Usage {
    let mut usage = Usage { resources, history: true, ..Usage::default() };
    for resource in &usage.resources {
        usage.total.add(&resource.account);
    }
    usage
}

fn told(usage: &Usage) -> Vec<String> {
    usage_sentences(usage, None)
}

#[test]
fn who_has_the_bytes_is_said_first() {
    let mut full = usage(vec![
        resource("pods", 3000, 100, 20),
        resource("policyreports.wgpolicyk8s.io", 1_200_000, 3100, 0),
        resource("events", 40_000, 1000, 0),
    ]);
    assert_eq!(
        told(&full),
        [
            "73 % of the bytes are policyreports.wgpolicyk8s.io (1.2 M keys, 3.0 GiB); 23 % are \
             events (40 k keys, 1000.0 MiB)",
            "100 % of the bytes are live data: a compaction drops no more than 20.0 MiB"
        ]
    );
    let account = full.resources[1].account;
    full.resources[1].namespaces =
        vec![NamespaceUsage { name: "shop".to_owned(), account, objects: Vec::new() }];
    assert!(told(&full)[0].contains("3.0 GiB), nearly all in namespace shop; 23 %"));
}

#[test]
fn a_kind_that_is_most_of_a_resource_is_told_with_it() {
    let mut full = usage(vec![resource("secrets", 900, 800, 0), resource("pods", 300, 10, 0)]);
    let account = Account { keys: 700, live_bytes: 700 * MIB, ..Account::default() };
    full.kinds.push(KindUsage { name: "Helm releases", resource: "secrets".to_owned(), account });
    assert_eq!(
        told(&full)[0],
        "98 % of the bytes are secrets (900 keys, 800.0 MiB, most of them Helm releases)"
    );
}

#[test]
fn when_nothing_stands_out_that_is_said() {
    let even = (0..10).map(|n| resource(&format!("r{n}"), 10, 10, 0)).collect();
    assert_eq!(
        told(&usage(even))[0],
        "nothing stands out: the biggest, r0 (10 keys, 10.0 MiB), has 10 % of the bytes"
    );
    assert_eq!(told(&usage(Vec::new())), ["it holds no keys"]);
}

#[test]
fn history_and_who_made_it() {
    let mut old = usage(vec![resource("leases", 50, 1, 600), resource("pods", 900, 299, 100)]);
    assert_eq!(
        told(&old)[1],
        "70 % of the bytes (700.0 MiB) are old revisions, most of them of leases: a compaction \
         drops them"
    );
    old.history = false;
    assert_eq!(told(&old).len(), 1);
}

#[test]
fn free_pages_are_told_when_they_are_worth_it() {
    let mut free = usage(vec![resource("pods", 900, 300, 0)]);
    let file = |size, in_use| {
        Some(DatabaseFile {
            size: Bytes(size * MIB),
            in_use: Bytes(in_use * MIB),
            page_size: 4096,
            checksum: None,
        })
    };
    free.database = file(1000, 300);
    assert_eq!(
        told(&free)[2],
        "700.0 MiB of the file's 1000.0 MiB are free pages: a defragmentation gives them back"
    );
    free.damage = Some("a page".to_owned());
    assert_eq!(told(&free).len(), 2);
    free.damage = None;
    free.database = file(1000, 950);
    assert_eq!(told(&free).len(), 2);
}

#[test]
fn who_writes_most_is_told_when_there_are_writes() {
    let mut busy = usage(vec![resource("pods", 900, 300, 0), resource("events", 9, 1, 0)]);
    busy.recent_revisions = 10_000;
    busy.resources[1].account.recent = 8800;
    busy.total.recent = 10_000;
    assert_eq!(told(&busy)[2], "88 % of the writes in the newest 10 k revisions are to events");
    busy.total.recent = 90;
    assert_eq!(told(&busy).len(), 2);
}

#[test]
fn what_stays_is_held_against_the_quota() {
    let mut full = usage(vec![resource("pods", 900, 300, 0)]);
    full.packed = Bytes(1900 * MIB);
    let last = |full: &Usage, quota| usage_sentences(full, quota).pop().expect("one");
    assert_eq!(last(&full, None), "compacted and defragmented it would take about 1.9 GiB");
    let size = |mib| Some(DatabaseFile { size: Bytes(mib * MIB), ..DatabaseFile::default() });
    full.database = size(4000);
    let free = Bytes(2100 * MIB);
    full.database = full.database.map(|file| DatabaseFile { in_use: free, ..file });
    assert_eq!(
        last(&full, None),
        "the file has 3.9 GiB; compacted and defragmented it would take about 1.9 GiB"
    );
    full.database = size(1950).map(|file| DatabaseFile { in_use: file.size, ..file });
    assert!(last(&full, None).starts_with("the file has 1.9 GiB, and hardly less after"));
    assert_eq!(
        last(&full, Some(Bytes(2048 * MIB))),
        "in the file the live data alone take about 1.9 GiB of the quota of 2.0 GiB: compaction and \
         defragmentation are not enough; delete what fills it (`purge`), or raise the quota \
         (`prevent --quota`)"
    );
    assert_eq!(
        last(&full, Some(Bytes(8192 * MIB))),
        "in the file the live data alone take about 1.9 GiB, 23 % of the quota of 8.0 GiB: compaction and \
         defragmentation are enough"
    );
}
