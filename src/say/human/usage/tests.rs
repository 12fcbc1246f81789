//! What a person reads, line by line.

use super::*;
use crate::{
    cli::{ReadHow, SortBy},
    model::{
        Bytes, Revision,
        usage::{
            Account, DatabaseFile, Leases, NamespaceUsage, ObjectUsage, ResourceUsage, Source,
            SourceKind,
        },
    },
    say::human::testing::assert_fits,
};

fn account(keys: u64, live: u64, old_revisions: u64, old: u64) -> Account {
    Account { keys, live_bytes: live, old_revisions, old_bytes: old, tombstones: 0, recent: keys }
}

fn object(key: &str, bytes: u64, revisions: u64) -> ObjectUsage {
    ObjectUsage { key: key.to_owned(), live: true, live_bytes: bytes, revisions, version: 9 }
}

fn resource(name: &str, prefix: &str, namespaces: Vec<NamespaceUsage>) -> ResourceUsage {
    let mut account = Account::default();
    namespaces.iter().for_each(|one| account.add(&one.account));
    ResourceUsage {
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        account,
        namespaces,
        ..ResourceUsage::default()
    }
}

fn namespace(name: &str, account: Account) -> NamespaceUsage {
    NamespaceUsage { name: name.to_owned(), account, ..NamespaceUsage::default() }
}

/// Kyverno's reports in a cluster that is full of them.
pub(crate) fn full() -> Usage {
    const MIB: u64 = 1 << 20;
    let reports = "/registry/wgpolicyk8s.io/policyreports/";
    let mut kyverno = namespace("kyverno", account(3000, 40 * MIB, 120, 2 * MIB));
    kyverno.objects =
        vec![object(&format!("{reports}kyverno/cpol-require-labels-0001"), 14_000, 2)];
    let small: Vec<NamespaceUsage> =
        ["a", "b", "c"].map(|name| namespace(name, account(2, 1000, 0, 0))).into();
    let mut resources = vec![
        resource("pods", "/registry/pods/", small),
        resource(
            "policyreports.wgpolicyk8s.io",
            reports,
            vec![namespace("default", account(2, 3000, 0, 0)), kyverno],
        ),
    ];
    let mut leases = resource("leases.coordination.k8s.io", "/registry/leases/", Vec::new());
    leases.account = account(3, 1200, 45_000, 17 * MIB);
    resources.push(leases);
    let mut total = Account::default();
    resources.iter().for_each(|one| total.add(&one.account));
    Usage {
        source: Source {
            kind: SourceKind::SnapshotStream,
            path: None,
            member: "master-2".to_owned(),
            why: "/ has room for it".to_owned(),
        },
        revision: Revision(48_123),
        compacted: Some(Revision(120)),
        database: Some(DatabaseFile {
            size: Bytes(64 * MIB),
            page_size: 4096,
            in_use: Bytes(62 * MIB),
            checksum: Some(true),
        }),
        total,
        biggest: vec![object(&format!("{reports}kyverno/{}", "x".repeat(80)), 1_400_000, 2)],
        most_rewritten: vec![
            object("/registry/leases/kube-node-lease/node-1", 400, 15_000),
            ObjectUsage { live: false, live_bytes: 0, ..object("/registry/pods/a/gone", 0, 2) },
            object("/registry/pods/a/x", 300, 1),
        ],
        recent_revisions: 1000,
        leases: Some(Leases { granted: 4, keys: 3, bytes: 1200, longest_ttl_s: 4500 }),
        revisions_per_s: Some(12.25),
        history: true,
        damage: None,
        resources,
        ..Usage::default()
    }
}

pub(crate) fn wanted() -> cli::Usage {
    cli::Usage {
        from: None,
        read: ReadHow::Auto,
        member: None,
        sort: SortBy::Total,
        depth: 2,
        top: 10,
    }
}

fn shown(usage: &Usage, wanted: &cli::Usage, width: usize) -> String {
    let fillers = [Filler {
        name: "Kyverno reports",
        resources: vec!["policyreports.wgpolicyk8s.io".to_owned()],
        keys: 3002,
        bytes: 42 << 20,
        percent: 71,
        advice: "Kyverno makes them anew. Turn background scans off until it is over.".to_owned(),
        purge: None,
    }];
    let sentences = ["71 % of the bytes are policyreports.wgpolicyk8s.io".to_owned()];
    let next = [("etcd-rescue recover".to_owned(), "drops the history".to_owned())];
    let page = UsagePage {
        usage,
        fillers: &fillers,
        sentences: &sentences,
        incomplete: None,
        next: &next,
        wanted,
    };
    let text = super::usage(&page, width);
    assert_fits(&text, width);
    assert!(text.is_ascii(), "{text}");
    text
}

#[test]
fn a_full_database_at_80_columns() {
    assert_eq!(
        shown(&full(), &wanted(), 80),
        "\
- 71 % of the bytes are policyreports.wgpolicyk8s.io.
- Next: `etcd-rescue recover` (drops the history).

RESOURCE                      SHARE                LIVE   HISTORY  KEYS  REV/KEY
policyreports.wgpolicyk8s.io  ######     71 %  40.0 MiB   2.0 MiB  3002      1.0
  kyverno                     ######     71 %  40.0 MiB   2.0 MiB  3000      1.0
  default                                <1 %   2.9 KiB       0 B     2      1.0
leases.coordination.k8s.io    ###        28 %   1.2 KiB  17.0 MiB     3  15001.0
pods                                     <1 %   2.9 KiB       0 B     6      1.0
total                                          40.0 MiB  19.0 MiB  3011     16.0

Biggest objects
     1.3 MiB  /registry/wgpolicyk8s.io/policy...xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx

Most rewritten (revisions kept)
       15000  /registry/leases/kube-node-lease/node-1
           2  /registry/pods/a/gone (deleted)

Known fillers
  Kyverno reports: 71 %, 42.0 MiB, 3002 keys
      Kyverno makes them anew. Turn background scans off until it is over.

About these numbers
  Leases  4 leases, with 3 keys (1.2 KiB) that end by themselves; the longest
          lives 1 h 15 min
  Source  a snapshot of master-2, taken now, revision 48123, compacted at 120;
          file 64.0 MiB, 62.0 MiB in use, 2.0 MiB free pages; checksum right;
          12.2 revisions a second meanwhile
  Note    / has room for it
  Bytes   LIVE is what exists now, HISTORY what was overwritten or deleted since
          the last compaction: bytes of keys and values. The file needs some
          more around them.

Next
  etcd-rescue recover
      drops the history"
    );
}

#[test]
fn without_history_there_are_no_columns_of_it() {
    let usage = Usage { history: false, ..full() };
    let text = shown(&usage, &wanted(), 80);
    assert!(!text.contains("HISTORY ") && !text.contains("REV/KEY"), "{text}");
    assert!(text.contains("--read snapshot"), "{text}");
}

#[test]
fn what_is_left_out_has_its_sums() {
    let text = shown(&full(), &cli::Usage { top: 1, depth: 1, ..wanted() }, 80);
    let more = text.lines().find(|line| line.contains("(2 more)")).expect("a line");
    assert!(more.contains("17.0 MiB") && more.contains(" 9 "), "{text}");
    assert!(!text.contains("kyverno  "), "{text}");
}

#[test]
fn deeper_there_are_objects_and_the_order_is_as_asked() {
    let deep = cli::Usage { depth: 3, sort: SortBy::Revisions, ..wanted() };
    let text = shown(&full(), &deep, 100);
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle} in {text}"));
    assert!(at("\nleases.coordination.k8s.io") < at("\npolicyreports"), "{text}");
    assert!(text.contains("\n    cpol-require-labels-0001 "), "{text}");
}

#[test]
fn what_is_incomplete_says_so_first() {
    let (usage, wanted) = (full(), wanted());
    let page = UsagePage {
        usage: &usage,
        fillers: &[],
        sentences: &[],
        incomplete: Some("page 12 cannot be read"),
        next: &[],
        wanted: &wanted,
    };
    let text = super::usage(&page, 80);
    assert!(text.starts_with("INCOMPLETE  page 12 cannot be read. All numbers"), "{text}");
    let empty = Usage { history: true, ..Usage::default() };
    let text = super::usage(&UsagePage { usage: &empty, incomplete: None, ..page }, 80);
    assert!(!text.contains("RESOURCE") && text.contains("never compacted"), "{text}");
}

#[test]
fn long_keys_are_cut_in_the_middle() {
    assert_eq!(cut("/registry/pods/default/web", 12), "/reg...t/web");
    assert_eq!(cut("/registry", 9), "/registry");
}
