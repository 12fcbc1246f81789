//! Which known fillers are in a database, and how much of it they are.

use std::cmp::Reverse;

use crate::model::{
    order::InOrder,
    usage::{Account, Filler, ResourceUsage, Usage},
};

use super::{
    known_fillers::{KNOWN, KnownFiller, Purge, Written},
    share::percent,
};

/// A share of the keys says nothing when there are few.
const WORTH_KEYS: u64 = 1000;

/// The known fillers with a share worth naming, the biggest first.
#[must_use]
pub fn fillers(usage: &Usage) -> Vec<Filler> {
    let mut found: Vec<Filler> = KNOWN.iter().filter_map(|known| known.seen_in(usage)).collect();
    found.order_by_key(|filler| Reverse((filler.bytes, filler.keys)));
    found
}

impl KnownFiller {
    fn seen_in(&self, usage: &Usage) -> Option<Filler> {
        let (account, resources) = match self.written {
            Written::Kind(kind) => of_kind(usage, kind),
            Written::Resources(names) => of_resources(usage, &|name| names.contains(&name)),
        };
        let share = percent(account.bytes(), usage.total.bytes());
        let many =
            account.keys >= WORTH_KEYS && percent(account.keys, usage.total.keys) >= self.worth;
        if account.bytes() == 0 || (share < self.worth && !many) {
            return None;
        }
        Some(Filler {
            name: self.name,
            keys: account.keys,
            bytes: account.bytes(),
            percent: share,
            advice: self.advice.to_owned(),
            purge: self.purge(&resources),
            resources: resources.iter().map(|resource| resource.name.clone()).collect(),
        })
    }

    /// The command, for the resource of it that has most live bytes.
    fn purge(&self, resources: &[&ResourceUsage]) -> Option<String> {
        let live = resources.iter().filter(|resource| resource.account.live_bytes > 0);
        let biggest = live.max_by_key(|resource| resource.account.live_bytes)?;
        match self.purge {
            Purge::Never => None,
            Purge::Events => Some("purge events".to_owned()),
            Purge::Prefix => {
                let prefix = &biggest.prefix;
                is_harmless(prefix).then(|| format!("purge prefix {prefix}"))
            }
        }
    }
}

/// Whether a shell takes it as it stands. Anything else is no prefix of
/// Kubernetes, and what is shown of it may not be what the keys begin with.
fn is_harmless(prefix: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_".contains(&byte);
    prefix.bytes().all(plain)
}

fn of_resources<'a>(
    usage: &'a Usage,
    wanted: &dyn Fn(&str) -> bool,
) -> (Account, Vec<&'a ResourceUsage>) {
    let mut found: Vec<&ResourceUsage> =
        usage.resources.iter().filter(|resource| wanted(&resource.name)).collect();
    found.order_by_key(|resource| Reverse(resource.account.bytes()));
    let mut account = Account::default();
    found.iter().for_each(|resource| account.add(&resource.account));
    (account, found)
}

fn of_kind<'a>(usage: &'a Usage, kind: &str) -> (Account, Vec<&'a ResourceUsage>) {
    let mut account = Account::default();
    let kinds = usage.kinds.iter().filter(|found| found.name == kind);
    let names: Vec<&str> = kinds
        .inspect(|found| account.add(&found.account))
        .map(|found| found.resource.as_str())
        .collect();
    (account, of_resources(usage, &|name| names.contains(&name)).1)
}

#[cfg(test)]
#[path = "fillers_tests.rs"]
mod tests;
