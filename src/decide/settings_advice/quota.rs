//! How large the quota may be: never below what is there, never above what
//! etcd is made for.

use crate::{
    decide::one_master::quota_obstacle,
    model::{Bytes, Obstacle, Quota, World},
};

/// etcd's advised maximum.
pub(in crate::decide) const LARGEST_GIB: u64 = 8;

/// How far a quota can be raised, in GiB: etcd maps the whole database into
/// memory, which it shares with the rest of the control plane.
pub(in crate::decide) fn largest_gib(memory: Option<Bytes>) -> u64 {
    let half_gib = memory.map_or(LARGEST_GIB, |memory| (memory.0 / 2) >> 30);
    half_gib.min(LARGEST_GIB)
}

/// The smallest quota any member runs with.
pub(in crate::decide) fn smallest(world: &World) -> Option<Quota> {
    world
        .members
        .iter()
        .filter_map(|member| member.status.as_ref().ok())
        .map(|status| status.quota)
        .min_by_key(|quota| quota.limit.map_or(u64::MAX, |limit| limit.0))
}

/// Why this quota is not set.
pub(super) fn refusals(world: &World, now: Option<i128>, wanted: Bytes) -> Vec<Obstacle> {
    let mut found = Vec::new();
    if wanted.0 > LARGEST_GIB << 30 {
        found.push(Obstacle {
            what: format!("a quota of {wanted} is more than the 8 GiB that etcd is made for"),
            next: "take 8GiB at most, and see what fills it: `etcd-rescue usage`".to_owned(),
        });
    }
    found.extend(quota_obstacle(world, wanted));
    // Negative is switched off; that may be bounded.
    if let Some(now) = now.filter(|now| i128::from(wanted.0) < *now) {
        let now = Bytes(u64::try_from(now).unwrap_or(u64::MAX));
        found.push(Obstacle {
            what: format!("the quota is {now} already, and it is never lowered to {wanted}"),
            next: "leave --quota out, or ask for more".to_owned(),
        });
    }
    found
}

/// What one should know of a quota that nobody asked to change.
pub(super) fn advice(limit: Option<Bytes>, memory: Option<Bytes>) -> String {
    let gib = largest_gib(memory);
    match limit {
        None => String::new(),
        Some(limit) if limit.0 >= gib << 30 => match limit.0 >= LARGEST_GIB << 30 {
            true => "the most that etcd is made for".to_owned(),
            false => {
                "this node's memory bears no more: etcd maps the whole database into it".to_owned()
            }
        },
        Some(_) => format!(
            "this node bears {gib} GiB (half of its memory, at most 8 GiB): `etcd-rescue prevent \
             --quota {gib}GiB` raises it, the same on every master"
        ),
    }
}
