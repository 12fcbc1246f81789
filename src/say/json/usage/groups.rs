//! Groups of keys and single ones, as `usage` puts them in its document.

use serde::Serialize;

use crate::{
    cli,
    model::usage::{Account, NamespaceUsage, ObjectUsage, ResourceUsage, Usage},
    say::usage_order::{self, revisions_per_key},
};

/// The numbers of a group of keys.
#[derive(Clone, Debug, Serialize)]
pub struct AccountAnswer {
    /// Of all bytes, with two places.
    share_percent: f64,
    keys: u64,
    live_bytes: u64,
    old_bytes: Option<u64>,
    /// Live and old ones, as far as visible.
    bytes: u64,
    old_revisions: Option<u64>,
    revisions_per_key: Option<f64>,
    tombstones: Option<u64>,
    recent_writes: Option<u64>,
}

/// The keys of a resource.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceAnswer {
    name: String,
    prefix: String,
    #[serde(flatten)]
    account: AccountAnswer,
    namespaces: Vec<NamespaceAnswer>,
}

#[derive(Clone, Debug, Serialize)]
struct NamespaceAnswer {
    /// Empty for cluster-wide objects beside namespaced ones.
    name: String,
    #[serde(flatten)]
    account: AccountAnswer,
    /// The biggest ones.
    objects: Vec<ObjectAnswer>,
}

/// One key.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectAnswer {
    key: String,
    live: bool,
    bytes: u64,
    revisions: u64,
    version: i64,
}

impl AccountAnswer {
    /// As far as this reading could see it.
    #[must_use]
    pub fn new(account: &Account, usage: &Usage) -> Self {
        let seen = |number: u64| usage.history.then_some(number);
        Self {
            share_percent: share_percent(account.bytes(), usage.total.bytes()),
            keys: account.keys,
            live_bytes: account.live_bytes,
            old_bytes: seen(account.old_bytes),
            bytes: account.bytes(),
            old_revisions: seen(account.old_revisions),
            revisions_per_key: revisions_per_key(account, usage.history).map(rounded),
            tombstones: seen(account.tombstones),
            recent_writes: seen(account.recent),
        }
    }
}

impl ResourceAnswer {
    /// With all its namespaces, in the order asked for.
    #[must_use]
    pub fn new(one: &ResourceUsage, usage: &Usage, wanted: &cli::Usage) -> Self {
        let namespaces = usage_order::namespaces(&one.namespaces, wanted.sort);
        Self {
            name: one.name.clone(),
            prefix: one.prefix.clone(),
            account: AccountAnswer::new(&one.account, usage),
            namespaces: namespaces
                .into_iter()
                .map(|namespace| NamespaceAnswer::new(namespace, usage, wanted))
                .collect(),
        }
    }
}

impl NamespaceAnswer {
    fn new(one: &NamespaceUsage, usage: &Usage, wanted: &cli::Usage) -> Self {
        let objects = one.objects.iter().take(usize::from(wanted.top));
        Self {
            name: one.name.clone(),
            account: AccountAnswer::new(&one.account, usage),
            objects: objects.map(ObjectAnswer::from).collect(),
        }
    }
}

impl From<&ObjectUsage> for ObjectAnswer {
    fn from(object: &ObjectUsage) -> Self {
        Self {
            key: object.key.clone(),
            live: object.live,
            bytes: object.live_bytes,
            revisions: object.revisions,
            version: object.version,
        }
    }
}

fn share_percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 * 100.0 / whole as f64) }
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
