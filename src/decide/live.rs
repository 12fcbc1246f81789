//! The gate of live data: what compaction and defragmentation cannot take
//! away, held against the quota before anything is done.

use crate::model::{Bytes, LiveData, Purgeable, Refusal, RefusalKind, Scope, Wishes, World};

use super::{
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
    (!fits_well(bound, quota)).then_some(quota)
}

/// Whether a database of that size is well below its quota: packed anew, pages
/// are fuller than before, but not always.
#[must_use]
pub fn fits_well(size: Bytes, quota: Bytes) -> bool {
    size.0 < quota.0 / 20 * 17
}

/// The smallest quota of the voters; the fullest of them stops all.
#[must_use]
pub fn smallest_quota(world: &World) -> Option<Bytes> {
    let voters = answering(world).filter(|(member, _)| !member.learner);
    voters.filter_map(|(_, status)| status.quota.limit).min()
}

/// Why recovering would not help, as far as the live data were counted.
pub(super) fn refusal(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let (live, quota) = (world.live.as_ref()?, smallest_quota(world)?);
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
        next: ways_out(world, live, openable),
        flag: openable.then(|| "--accept-nearly-full".to_owned()),
    })
}

/// What to say of live data that nothing is refused for.
pub(super) fn caution(world: &World, wishes: &Wishes) -> Option<String> {
    let quota = live_data_in_question(world, wishes)?;
    let text = match &world.live {
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

fn what(live: &LiveData, quota: Bytes, world: &World) -> String {
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

/// What can be done, in order. Plain deletes are accepted while NOSPACE is on,
/// by every release (only transactions are held against the quota: etcd.md;
/// server/etcdserver/api/v3rpc/quota.go).
fn ways_out(world: &World, live: &LiveData, openable: bool) -> String {
    let mut text = format!(
        "in this order:\n\
         1. See what fills it:\n`etcd-rescue usage`\n\
         2. {}\n\
         3. {}\n\
         Then run `etcd-rescue recover` again: the alarm stays on until it is disarmed",
        events(world, live),
        raise_quota(world),
    );
    if openable {
        text.push_str(
            ". Or make it writable as it is, for a while only, with --accept-nearly-full",
        );
    }
    text
}

/// What deleting events would free, and the line for it; else what else is
/// safe to lose.
fn events(world: &World, live: &LiveData) -> String {
    let others = "Reports of policy engines are safe to lose, too, and made again:\n\
                  `etcd-rescue purge prefix /registry/wgpolicyk8s.io/policyreports/`";
    let Some(events) = &live.events else {
        return format!(
            "Delete what is safe to lose. Events are, messages that Kubernetes itself drops after \
             an hour; how many there are could not be counted, and is shown first by:\n\
             `etcd-rescue purge events`\n{others}"
        );
    };
    if events.keys == 0 {
        return format!("There are no events to delete. {others}");
    }
    let least = if events.partial { "at least " } else { "" };
    let mut text = format!(
        "Delete events, messages that Kubernetes itself drops after an hour: {least}{} of them take \
         {}. {} (a snapshot first, then a typed word):\n\
         `etcd-rescue purge events`",
        events.keys,
        events.bytes,
        without(world, events)
    );
    for prefix in &events.prefixes {
        text.push_str(&format!(
            "\nBy hand, from some 100000 keys on one namespace at a time:\n`{}`",
            super::purge::by_hand(world, prefix)
        ));
    }
    if is_enough(world, events) == Some(false) {
        text.push_str(&format!("\n{others}"));
    }
    text
}

/// What the database would take without the keys, against the quota.
fn without(world: &World, keys: &Purgeable) -> String {
    let (Some(size), Some(quota)) = (keys.file_size_without, smallest_quota(world)) else {
        return "Whether the rest fits could not be counted in time".to_owned();
    };
    let enough = match nearly_full(size, quota) {
        false => "would be enough",
        true => "would not be enough",
    };
    format!(
        "Without them the database would take about {size}, {} of the quota: that {enough}",
        percent(size, quota)
    )
}

/// Whether the database would fit without these keys; `None` = not known.
pub(super) fn is_enough(world: &World, keys: &Purgeable) -> Option<bool> {
    Some(!nearly_full(keys.file_size_without?, smallest_quota(world)?))
}
