//! The answer to "what fills it?", in a few sentences.

use crate::{
    decide::verdict::nearly_full,
    model::{
        Bytes,
        order::InOrder,
        usage::{Account, ResourceUsage, Usage},
    },
};

use super::share::{count, percent};

/// A share that stands out.
const STANDS_OUT: u8 = 20;
/// A share that is most of it.
const MOST: u8 = 50;
/// Fewer writes tell nothing of who writes.
const ENOUGH_WRITES: u64 = 100;

/// What fills the database, the most important first: who has the bytes, what
/// a compaction and a defragmentation would take away, and how the rest stands
/// to the quota. Sentences begin in lower case and have no full stop.
#[must_use]
pub fn usage_sentences(usage: &Usage, quota: Option<Bytes>) -> Vec<String> {
    if usage.total.keys == 0 && usage.total.bytes() == 0 {
        return vec!["it holds no keys".to_owned()];
    }
    let told =
        [biggest(usage), history(usage), free_pages(usage), growth(usage), packed(usage, quota)];
    told.into_iter().flatten().collect()
}

/// Who has the bytes.
fn biggest(usage: &Usage) -> Option<String> {
    let total = usage.total.bytes();
    let mut resources: Vec<&ResourceUsage> = usage.resources.iter().collect();
    resources.order_by_key(|resource| std::cmp::Reverse(resource.account.bytes()));
    let share = |resource: &ResourceUsage| percent(resource.account.bytes(), total);
    let told = |resource: &ResourceUsage| {
        let (keys, bytes) = (count(resource.account.keys), Bytes(resource.account.bytes()));
        let plural = if resource.account.keys == 1 { "" } else { "s" };
        format!("{} ({keys} key{plural}, {bytes}{})", resource.name, of_kind(usage, resource))
    };
    let first = resources.first()?;
    if share(first) < STANDS_OUT {
        let share = share(first);
        return Some(format!(
            "nothing stands out: the biggest, {}, has {share} % of the bytes",
            told(first)
        ));
    }
    let mut text = format!("{} % of the bytes are {}", share(first), told(first));
    if let Some(namespace) = main_namespace(first) {
        text.push_str(&format!(", nearly all in namespace {namespace}"));
    }
    if let Some(second) = resources.get(1).filter(|second| share(second) >= STANDS_OUT) {
        text.push_str(&format!("; {} % are {}", share(second), told(second)));
    }
    Some(text)
}

/// The namespace with nearly all of it, when there are others.
fn main_namespace(resource: &ResourceUsage) -> Option<&str> {
    let total = resource.account.bytes();
    let nearly_all = |account: &Account| percent(account.bytes(), total) >= 90;
    let found = resource.namespaces.iter().find(|namespace| nearly_all(&namespace.account))?;
    (!found.name.is_empty()).then_some(found.name.as_str())
}

/// What most objects of a resource are, when their names tell.
fn of_kind(usage: &Usage, resource: &ResourceUsage) -> String {
    let all = resource.account.bytes();
    let kinds = usage.kinds.iter().filter(|kind| kind.resource == resource.name);
    let biggest = kinds.max_by_key(|kind| kind.account.bytes());
    let most = biggest.filter(|kind| percent(kind.account.bytes(), all) >= MOST);
    most.map(|kind| format!(", most of them {}", kind.name)).unwrap_or_default()
}

/// Whether it is live or history: what a compaction drops.
fn history(usage: &Usage) -> Option<String> {
    let old = usage.total.old_bytes;
    let share = percent(old, usage.total.bytes());
    if !usage.history {
        return None;
    }
    if old == 0 {
        return Some("all of the bytes are live data: a compaction drops nothing".to_owned());
    }
    if share < STANDS_OUT {
        return Some(format!(
            "{} % of the bytes are live data: a compaction drops no more than {}",
            100 - share,
            Bytes(old)
        ));
    }
    let resource = usage.resources.iter().max_by_key(|resource| resource.account.old_bytes)?;
    let of = percent(resource.account.old_bytes, old);
    let whose =
        if of >= MOST { format!(", most of them of {}", resource.name) } else { String::new() };
    Some(format!(
        "{share} % of the bytes ({}) are old revisions{whose}: a compaction drops them",
        Bytes(old)
    ))
}

/// What a defragmentation gives back at once.
fn free_pages(usage: &Usage) -> Option<String> {
    let database = usage.database.as_ref()?;
    // What damage hides looks free.
    if usage.damage.is_some() {
        return None;
    }
    let free = database.size.minus(database.in_use);
    let worth = free >= Bytes::MIB && percent(free.0, database.size.0) >= 10;
    worth.then(|| {
        format!(
            "{free} of the file's {} are free pages: a defragmentation gives them back",
            database.size
        )
    })
}

/// Who writes most just now. Leases are renewed all the time: in a cluster at
/// rest they are nearly all that is written.
fn growth(usage: &Usage) -> Option<String> {
    let writes = usage.total.recent;
    if writes < ENOUGH_WRITES {
        return None;
    }
    let resource = usage.resources.iter().max_by_key(|resource| resource.account.recent)?;
    let share = percent(resource.account.recent, writes);
    (share >= MOST && resource.name != "leases").then(|| {
        let recent = count(usage.recent_revisions);
        format!("{share} % of the writes in the newest {recent} revisions are to {}", resource.name)
    })
}

/// How what stays stands to the quota.
fn packed(usage: &Usage, quota: Option<Bytes>) -> Option<String> {
    let packed = usage.packed;
    if packed.0 == 0 || usage.damage.is_some() {
        return None;
    }
    let Some(quota) = quota.filter(|quota| quota.0 > 0) else {
        return Some(without_quota(usage));
    };
    let share = percent(packed.0, quota.0);
    Some(if nearly_full(packed, quota) {
        format!(
            "in the file the live data alone take about {packed} of the quota of {quota}: compaction and \
             defragmentation are not enough; delete what fills it (`purge`), or raise the quota \
             (`prevent --quota`)"
        )
    } else {
        format!(
            "in the file the live data alone take about {packed}, {share} % of the quota of {quota}: \
             compaction and defragmentation are enough"
        )
    })
}

/// How the file would shrink.
fn without_quota(usage: &Usage) -> String {
    let packed = usage.packed;
    match usage.database.map(|file| file.size) {
        Some(size) if percent(packed.0, size.0) >= 90 => format!(
            "the file has {size}, and hardly less after a compaction and a defragmentation: only \
             deleting something makes it smaller"
        ),
        Some(size) => {
            format!("the file has {size}; compacted and defragmented it would take about {packed}")
        }
        None => format!("compacted and defragmented it would take about {packed}"),
    }
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
