//! What stands first in the answers of `usage`. Pure.

use std::cmp::Reverse;

use crate::{
    cli::SortBy,
    model::usage::{Account, NamespaceUsage, ResourceUsage},
};

/// What a group of keys is sorted by.
#[must_use]
pub fn weight(account: &Account, by: SortBy) -> u64 {
    match by {
        SortBy::Total => account.bytes(),
        SortBy::Live => account.live_bytes,
        SortBy::History => account.old_bytes,
        SortBy::Keys => account.keys,
        SortBy::Revisions => account.old_revisions,
        SortBy::Growth => account.recent,
    }
}

/// The resources, the heaviest first; those alike by their bytes and name.
#[must_use]
pub fn resources(all: &[ResourceUsage], by: SortBy) -> Vec<&ResourceUsage> {
    let mut sorted: Vec<&ResourceUsage> = all.iter().collect();
    sorted.sort_by_key(|one| (key(&one.account, by), one.name.as_str()));
    sorted
}

/// The namespaces of a resource, in the same order.
#[must_use]
pub fn namespaces(all: &[NamespaceUsage], by: SortBy) -> Vec<&NamespaceUsage> {
    let mut sorted: Vec<&NamespaceUsage> = all.iter().collect();
    sorted.sort_by_key(|one| (key(&one.account, by), one.name.as_str()));
    sorted
}

fn key(account: &Account, by: SortBy) -> (Reverse<u64>, Reverse<u64>) {
    (Reverse(weight(account, by)), Reverse(account.bytes()))
}

/// Revisions kept of each key; `None` when there is no key, or the history was
/// not `visible`.
#[must_use]
pub fn revisions_per_key(account: &Account, visible: bool) -> Option<f64> {
    let revisions = account.keys.saturating_add(account.old_revisions);
    (visible && account.keys > 0).then(|| revisions as f64 / account.keys as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(name: &str, live: u64, old: u64, keys: u64) -> ResourceUsage {
        let account = Account {
            keys,
            live_bytes: live,
            old_bytes: old,
            old_revisions: old,
            ..Account::default()
        };
        ResourceUsage { name: name.to_owned(), account, ..ResourceUsage::default() }
    }

    #[test]
    fn each_order_has_its_first() {
        let all = [resource("b", 10, 1, 3), resource("a", 9, 9, 1), resource("c", 10, 1, 5)];
        let names = |by| -> Vec<&str> {
            resources(&all, by).into_iter().map(|one| one.name.as_str()).collect()
        };
        assert_eq!(names(SortBy::Total), ["a", "b", "c"]);
        assert_eq!(names(SortBy::Live), ["b", "c", "a"]);
        assert_eq!(names(SortBy::Keys), ["c", "b", "a"]);
        assert_eq!(names(SortBy::History), ["a", "b", "c"]);
        assert_eq!(names(SortBy::Growth), ["a", "b", "c"]);
    }

    #[test]
    fn revisions_of_nothing_are_unknown() {
        let account = Account { keys: 2, old_revisions: 1, ..Account::default() };
        assert_eq!(revisions_per_key(&account, true), Some(1.5));
        assert_eq!(revisions_per_key(&account, false), None);
        assert_eq!(revisions_per_key(&Account::default(), true), None);
    }
}
