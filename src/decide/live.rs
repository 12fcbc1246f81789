//! The gate of live data: what compaction and defragmentation cannot take
//! away, held against the quota before anything is done.

use crate::model::{Bytes, LiveData, Refusal, RefusalKind, Scope, Wishes, World};

use super::{
    etcdctl,
    plan::{answering, needs_recovery},
    prevention::raise_quota,
    verdict::{caught_up, nearly_full},
};

/// The quota the live data have to fit below, when it is open whether they do:
/// a database has to be recovered, and what its members call in use does not
/// settle it. That number counts history and may be stale, so it is only an
/// upper bound; a low one settles it for all, as all hold the same data.
#[must_use]
pub fn live_data_in_question(world: &World, wishes: &Wishes) -> Option<Bytes> {
    if wishes.scope != Scope::Recover || !needs_recovery(world) {
        return None;
    }
    let quota = smallest_quota(world)?;
    let newest = world
        .voters()
        .filter_map(|member| Some(member.status.as_ref().ok()?.raft_applied_index))
        .max()?;
    let bound = answering(world)
        .filter(|(member, status)| !member.learner && caught_up(status.raft_applied_index, newest))
        .map(|(_, status)| status.db_size_in_use)
        .min()?;
    // Well below: packed anew, pages are fuller than before, but not always.
    (bound.0 >= quota.0 / 20 * 17).then_some(quota)
}

/// The smallest quota of the voters; the fullest of them stops all.
fn smallest_quota(world: &World) -> Option<Bytes> {
    let voters = answering(world).filter(|(member, _)| !member.learner);
    voters.filter_map(|(_, status)| status.quota.limit).min()
}

/// Why recovering would not help, as far as the live data were counted.
pub(super) fn refusal(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let (live, quota) = (world.live?, smallest_quota(world)?);
    if wishes.scope != Scope::Recover || !nearly_full(live.file_size, quota) {
        return None;
    }
    let openable = live.file_size < quota && !live.partial;
    if openable && wishes.accept_nearly_full {
        return None;
    }
    Some(Refusal {
        kind: RefusalKind::LiveDataOverQuota,
        what: what(live, quota, world),
        next: ways_out(world, openable),
        flag: openable.then(|| "--accept-nearly-full".to_owned()),
    })
}

/// What to say of live data that nothing is refused for.
pub(super) fn caution(world: &World, wishes: &Wishes) -> Option<String> {
    let quota = live_data_in_question(world, wishes)?;
    let text = match world.live {
        None => "how much of the database is live could not be counted: if it is most of it, the \
                 first defragmentation shows that, and everything stops there with the alarm on"
            .to_owned(),
        Some(live) if live.partial => format!(
            "counting the live data took too long and was ended at {}: if they go beyond nine \
             tenths of the quota of {quota}, compaction and defragmentation are not enough",
            live.file_size
        ),
        Some(live) if nearly_full(live.file_size, quota) => format!(
            "{} of the quota of {quota} stay filled with live data (--accept-nearly-full): the \
             alarm will be back soon; raise the quota or delete what fills it right afterwards",
            percent(live.file_size, quota)
        ),
        Some(_) => return None,
    };
    Some(text)
}

fn what(live: LiveData, quota: Bytes, world: &World) -> String {
    let at_least = if live.partial { "at least " } else { "" };
    let percent = percent(live.file_size, quota);
    let keys = format!("{} keys with {}", live.keys, live.bytes);
    let so_far = if live.partial { "counted so far: " } else { "" };
    let alarm = match (world.alarms().is_empty(), live.file_size >= quota) {
        (_, true) => ", and the alarm could not stay off",
        (false, false) => ", and the alarm would soon be back",
        (true, false) => ", and the alarm would soon be on",
    };
    format!(
        "live data take {at_least}{} of a quota of {quota} ({so_far}{keys}): compaction and \
         defragmentation would leave the database {at_least}{percent} full{alarm}",
        live.file_size
    )
}

fn percent(part: Bytes, whole: Bytes) -> String {
    let percent = u128::from(part.0) * 100 / u128::from(whole.0.max(1));
    format!("{percent} %")
}

/// What can be done by hand, in order. Plain deletes are accepted while
/// NOSPACE is on, by every release (only transactions are held against the
/// quota: etcd.md; server/etcdserver/api/v3rpc/quota.go).
fn ways_out(world: &World, openable: bool) -> String {
    let mut text = format!(
        "in this order:\n\
         1. Find what fills it, key by key count (repeat for secrets, configmaps, pods, replicasets, \
         leases, and GROUP/RESOURCE of custom resources):\n\
         `{}`\n\
         2. Delete what is safe to lose. Events are; so are reports of policy engines, which are \
         made again. Never pods, nodes, namespaces, persistent volumes, custom resource \
         definitions, /bootstrap or compact_rev_key. Deletes are accepted while NOSPACE is on; from \
         some 100000 keys on, one namespace at a time (/registry/events/NAMESPACE/):\n\
         `{}`\n\
         3. {}\n\
         Then run `etcd-rescue recover` again: the alarm stays on until it is disarmed",
        etcdctl::line(
            &world.node,
            "get /registry/events/ --prefix --keys-only --limit=1 -w fields | grep Count"
        ),
        etcdctl::line(&world.node, "--command-timeout=2m del /registry/events/ --prefix"),
        raise_quota(world),
    );
    if openable {
        text.push_str(
            ". Or make it writable as it is, for a while only, with --accept-nearly-full",
        );
    }
    text
}
