//! Accounts by resource and namespace, a bounded number of them.

use std::collections::HashMap;

use crate::model::usage::{
    Account, KeyPlace, KindUsage, NamespaceUsage, ResourceUsage, key_place, neighbourhood,
};

use super::{
    key_hash::KeyHash,
    key_text::{LONGEST, key_text},
    limits::Limits,
    ranking::{Biggest, Standing},
    row::Row,
    seen_keys::Tag,
};

/// What a key adds its numbers to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    namespace: usize,
    kind: Option<usize>,
}

/// One resource.
#[derive(Debug, Default)]
struct Resource {
    name: String,
    prefix: String,
    /// Where the namespaces beyond the limit go.
    others: Option<usize>,
    biggest: Biggest,
}

/// One resource in one namespace, or all of it that has none.
#[derive(Debug)]
struct Namespace {
    resource: usize,
    name: Option<String>,
    account: Account,
    biggest: Biggest,
}

/// Neighbourhoods of keys whose place is remembered.
const REMEMBERED: usize = 1024;

/// All accounts.
#[derive(Debug)]
pub(super) struct Groups {
    limits: Limits,
    resources: Vec<Resource>,
    namespaces: Vec<Namespace>,
    kinds: Vec<KindUsage>,
    by_prefix: HashMap<Box<[u8]>, usize>,
    /// By prefix and namespace, as they stand in the key.
    by_place: HashMap<Box<[u8]>, usize>,
    /// Places of the neighbourhoods of keys seen last, each at its hash.
    remembered: Vec<(Box<[u8]>, Place)>,
    hash: KeyHash,
    /// Where resources beyond the limit go.
    other: Option<usize>,
    /// Bytes of the names of namespaces, and what stands before them.
    named: usize,
    /// What the lists of the biggest weigh, and how many entries each may have.
    listed: usize,
    each: usize,
}

impl Groups {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            resources: Vec::new(),
            namespaces: Vec::new(),
            kinds: Vec::new(),
            by_prefix: HashMap::new(),
            by_place: HashMap::new(),
            remembered: vec![Default::default(); REMEMBERED],
            hash: KeyHash::new(),
            other: None,
            named: 0,
            listed: 0,
            each: limits.objects_each,
        }
    }

    /// Where a key belongs. Most keys are neighbours of one seen a moment ago.
    pub(super) fn place(&mut self, key: &[u8]) -> Place {
        let near = neighbourhood(key).filter(|near| near.len() <= LONGEST);
        let Some(near) = near else { return self.found(key) };
        let at = self.hash.of(near, 0) as usize % REMEMBERED;
        if *self.remembered[at].0 != *near {
            self.remembered[at] = (near.into(), self.found(key));
        }
        self.remembered[at].1
    }

    /// Where a key belongs, by all of it.
    fn found(&mut self, key: &[u8]) -> Place {
        let place = key_place(key);
        let end = place.prefix.len() + place.namespace.map_or(0, |name| name.len() + 1);
        let shared = &key[..end.min(key.len())];
        let namespace = match self.by_place.get(shared) {
            Some(namespace) => *namespace,
            None => self.new_place(shared, &place),
        };
        let kind = place.kind.map(|kind| self.kind(kind, self.namespaces[namespace].resource));
        Place { namespace, kind }
    }

    fn new_place(&mut self, shared: &[u8], place: &KeyPlace<'_>) -> usize {
        let resource = self.resource(place);
        // What has no namespace takes one place for each resource.
        let full = self.by_place.len() >= self.limits.namespaces
            || self.named + shared.len() > self.limits.names;
        let full = full && place.namespace.is_some();
        if full || Some(resource) == self.other || shared.len() > LONGEST {
            return self.other_namespaces(resource);
        }
        let namespace = self.new_namespace(resource, place.namespace.map(key_text));
        self.named += shared.len();
        self.by_place.insert(shared.into(), namespace);
        namespace
    }

    fn new_namespace(&mut self, resource: usize, name: Option<String>) -> usize {
        let (account, biggest) = (Account::default(), Biggest::default());
        self.namespaces.push(Namespace { resource, name, account, biggest });
        self.namespaces.len() - 1
    }

    fn other_namespaces(&mut self, resource: usize) -> usize {
        if let Some(others) = self.resources[resource].others {
            return others;
        }
        let name = (Some(resource) != self.other).then(|| "(other namespaces)".to_owned());
        let others = self.new_namespace(resource, name);
        self.resources[resource].others = Some(others);
        others
    }

    fn resource(&mut self, place: &KeyPlace<'_>) -> usize {
        if let Some(resource) = self.by_prefix.get(place.prefix) {
            return *resource;
        }
        if self.by_prefix.len() >= self.limits.resources || place.prefix.len() > LONGEST {
            return match self.other {
                Some(other) => other,
                None => {
                    let other = self.new_resource("(other)".to_owned(), String::new());
                    self.other = Some(other);
                    other
                }
            };
        }
        let name = if place.prefix.is_empty() { place.resource() } else { shown_name(place) };
        let resource = self.new_resource(name, key_text(place.prefix));
        self.by_prefix.insert(place.prefix.into(), resource);
        resource
    }

    fn new_resource(&mut self, name: String, prefix: String) -> usize {
        self.resources.push(Resource { name, prefix, ..Resource::default() });
        self.resources.len() - 1
    }

    fn kind(&mut self, name: &'static str, resource: usize) -> usize {
        let resource = &self.resources[resource].name;
        let known = |kind: &KindUsage| kind.name == name && kind.resource == *resource;
        if let Some(at) = self.kinds.iter().position(known) {
            return at;
        }
        let (resource, account) = (resource.clone(), Account::default());
        self.kinds.push(KindUsage { name, resource, account });
        self.kinds.len() - 1
    }

    /// Adds to the accounts of a place.
    pub(super) fn add(&mut self, place: Place, account: &Account) {
        self.namespaces[place.namespace].account.add(account);
        if let Some(kind) = place.kind {
            self.kinds[kind].account.add(account);
        }
    }

    /// Lists a live object among the biggest of its place, where it belongs.
    pub(super) fn list(&mut self, place: Place, row: &Row<'_>, tag: Tag) {
        let each = self.each;
        let namespace = &mut self.namespaces[place.namespace];
        let resource = &mut self.resources[namespace.resource].biggest;
        for biggest in [resource, &mut namespace.biggest] {
            if biggest.wants(row, each) {
                self.listed -= biggest.weight();
                biggest.put(Standing::new(row, tag), each);
                self.listed += biggest.weight();
            }
        }
        if self.listed > self.limits.objects_together && self.each > 1 {
            self.each /= 2;
            let each = self.each;
            self.listed = self.biggest().map(|biggest| biggest.cut(each)).sum();
        }
    }

    /// Every list of the biggest.
    pub(super) fn biggest(&mut self) -> impl Iterator<Item = &mut Biggest> {
        let resources = self.resources.iter_mut().map(|resource| &mut resource.biggest);
        resources.chain(self.namespaces.iter_mut().map(|namespace| &mut namespace.biggest))
    }

    /// The accounts, and their sum.
    pub(super) fn finish(self) -> (Account, Vec<ResourceUsage>, Vec<KindUsage>) {
        let mut total = Account::default();
        let mut resources: Vec<ResourceUsage> =
            self.resources.into_iter().map(Resource::usage).collect();
        for namespace in self.namespaces {
            let resource = &mut resources[namespace.resource];
            total.add(&namespace.account);
            resource.account.add(&namespace.account);
            resource.namespaces.push(NamespaceUsage {
                name: namespace.name.unwrap_or_default(),
                account: namespace.account,
                objects: namespace.biggest.objects(),
            });
        }
        for resource in &mut resources {
            // Nothing but objects without a namespace: the resource says it all.
            if let [only] = &resource.namespaces[..]
                && only.name.is_empty()
            {
                resource.namespaces.clear();
            }
        }
        (total, resources, self.kinds)
    }
}

fn shown_name(place: &KeyPlace<'_>) -> String {
    let name = place.resource();
    // The one word of ours that has spaces in it.
    if name.starts_with('(') || name.starts_with("k3s ") { name } else { key_text(name.as_bytes()) }
}

impl Resource {
    fn usage(self) -> ResourceUsage {
        ResourceUsage {
            name: self.name,
            prefix: self.prefix,
            objects: self.biggest.objects(),
            ..ResourceUsage::default()
        }
    }
}
