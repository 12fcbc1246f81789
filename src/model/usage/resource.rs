//! Keys by what they are and whose.

use super::{Account, ObjectUsage};

/// The keys of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceUsage {
    /// As one would ask kubectl for it, where that is known: "events",
    /// "policyreports.wgpolicyk8s.io"; else the key's beginning.
    pub name: String,
    /// The prefix its keys share: "/registry/events/".
    pub prefix: String,
    /// All of them.
    pub account: Account,
    /// By namespace, in no order; empty for what has none.
    pub namespaces: Vec<NamespaceUsage>,
    /// Its biggest live objects over all namespaces, the biggest first.
    pub objects: Vec<ObjectUsage>,
}

/// The keys of one resource in one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceUsage {
    /// The namespace; empty for cluster-wide objects beside namespaced ones.
    pub name: String,
    /// All of them.
    pub account: Account,
    /// Its biggest live objects, the biggest first.
    pub objects: Vec<ObjectUsage>,
}
