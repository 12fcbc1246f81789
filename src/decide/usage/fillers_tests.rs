//! Databases by their resources, and the fillers that are named.

use super::*;
use crate::model::usage::KindUsage;

fn account(keys: u64, live_bytes: u64, old_bytes: u64) -> Account {
    Account { keys, live_bytes, old_bytes, ..Account::default() }
}

fn usage(resources: &[(&str, Account)]) -> Usage {
    let mut usage = Usage::default();
    for (name, account) in resources {
        usage.total.add(account);
        usage.resources.push(ResourceUsage {
            name: (*name).to_owned(),
            prefix: format!("/registry/{name}/"),
            account: *account,
            ..ResourceUsage::default()
        });
    }
    usage
}

fn named(usage: &Usage) -> Vec<(&'static str, u8)> {
    fillers(usage).iter().map(|filler| (filler.name, filler.percent)).collect()
}

#[test]
fn the_biggest_comes_first_and_small_shares_are_not_named() {
    let usage = usage(&[
        ("configmaps", account(90, 300, 0)),
        ("policyreports.wgpolicyk8s.io", account(100, 400, 0)),
        ("admissionreports.kyverno.io", account(50, 50, 50)),
        ("events", account(20, 150, 10)),
        ("taskruns.tekton.dev", account(1, 40, 0)),
    ]);
    assert_eq!(named(&usage), [("Kyverno reports", 50), ("Kubernetes events", 16)]);
    let found = fillers(&usage);
    assert_eq!(found[0].resources, ["policyreports.wgpolicyk8s.io", "admissionreports.kyverno.io"]);
    assert_eq!((found[0].keys, found[0].bytes), (150, 500));
    let purge: Vec<_> = found.iter().map(|filler| filler.purge.as_deref()).collect();
    assert_eq!(
        purge,
        [Some("purge prefix /registry/policyreports.wgpolicyk8s.io/"), Some("purge events")]
    );
}

#[test]
fn many_small_keys_are_named_for_their_number() {
    let few = usage(&[
        ("configmaps", account(90_000, 1_000_000_000, 0)),
        ("authrequests.dex.coreos.com", account(30_000, 9_000_000, 0)),
    ]);
    assert_eq!(named(&few), [("dex sessions", 0)]);
    let none = usage(&[
        ("configmaps", account(90, 1_000_000, 0)),
        ("authrequests.dex.coreos.com", account(30, 9_000, 0)),
    ]);
    assert_eq!(named(&none), []);
}

#[test]
fn what_every_cluster_has_is_named_when_it_is_much() {
    let normal = usage(&[
        ("secrets", account(800, 850, 0)),
        ("pods", account(100, 100, 0)),
        ("leases", account(100, 20, 30)),
    ]);
    assert_eq!(named(&normal), []);
    let filled = usage(&[
        ("secrets", account(100, 100, 0)),
        ("pods", account(100, 300, 100)),
        ("leases", account(100, 50, 450)),
    ]);
    assert_eq!(named(&filled), [("leases", 50), ("pods and jobs", 40)]);
    assert!(fillers(&filled).iter().all(|filler| filler.purge.is_none()));
}

#[test]
fn kinds_of_objects_are_named_by_their_own_bytes() {
    let mut usage = usage(&[("secrets", account(100, 900, 0)), ("x", account(1, 100, 0))]);
    assert_eq!(named(&usage), []);
    usage.kinds.push(KindUsage {
        name: "Helm releases",
        resource: "secrets".to_owned(),
        account: account(80, 700, 0),
    });
    let found = fillers(&usage);
    assert_eq!(named(&usage), [("Helm releases", 70)]);
    assert_eq!((found[0].keys, found[0].bytes), (80, 700));
    assert_eq!(
        (found[0].resources.as_slice(), &found[0].purge),
        (&["secrets".to_owned()][..], &None)
    );
}

#[test]
fn nothing_is_purged_that_does_not_exist_any_more() {
    let usage = usage(&[("events", account(0, 0, 900)), ("x", account(1, 100, 0))]);
    assert_eq!(fillers(&usage)[0].purge, None);
}

#[test]
fn only_what_is_written_again_by_itself_may_be_purged() {
    for known in KNOWN {
        let Written::Resources(names) = known.written else {
            assert_eq!(known.purge, Purge::Never, "{}", known.name);
            continue;
        };
        match known.purge {
            Purge::Never => {}
            Purge::Events => assert_eq!(names, ["events"]),
            Purge::Prefix => {
                assert!(names.iter().all(|name| name.contains("report")), "{}", known.name);
            }
        }
    }
}

#[test]
fn advice_is_plain() {
    for known in KNOWN {
        let advice = known.advice;
        assert!(advice.is_ascii() && !advice.ends_with('.'), "{}", known.name);
        assert!((80..500).contains(&advice.len()), "{}: {}", known.name, advice.len());
        assert_eq!(advice.matches('`').count() % 2, 0, "{}", known.name);
    }
    let mut names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KNOWN.len());
}
