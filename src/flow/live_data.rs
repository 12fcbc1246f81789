//! Counting the live data before a recovery, when it is open whether they fit
//! below the quota, and how much of them events are.

use std::{cell::Cell, time::Duration};

use crate::{
    decide,
    model::{Bytes, KeyRange, LiveData, Member, Purgeable, Revision, Wishes, World},
    observe::{self, Counted, Counting},
    say::{Progress, ticking},
    wire::{Etcd, WireError},
};

use super::{look::Here, session::Session};

/// How long counting may take whatever the size.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes a second that a slow disk and network bring, for larger ones.
const SLOW: u64 = 50_000_000;

/// Keys from which on they are not asked for one page after the other at once:
/// for each page etcd walks the index of all keys.
const MANY: u64 = 2_000;

/// What is live; `None` when that is not in question, when the gates are
/// closed anyway, or when it could not be counted.
pub async fn count(
    session: &Session,
    here: &Here,
    world: &World,
    wishes: &Wishes,
) -> Option<LiveData> {
    let quota = decide::live_data_in_question(world, wishes)?;
    if !decide::refusals(world, wishes).is_empty() {
        return None;
    }
    let (member, _) = decide::any_voter(world).ok()?;
    let counting = async {
        let etcd = here.access.dial(&member.endpoint).await?;
        if let Some(live) = settled_here(session, here, world, &etcd, quota).await {
            return Ok(live);
        }
        let events = observe::event_prefixes(&etcd).await;
        let prefixes = events.as_deref().unwrap_or_default();
        // Well above the quota there is nothing more to learn.
        let enough = quota.plus(quota);
        let Counted { live, apart, .. } =
            all_keys(session, &etcd, member, (Some(quota), enough), prefixes).await?;
        let events = match (events, live.partial) {
            (Err(_), _) => None,
            (Ok(_), false) => Some(apart),
            (Ok(prefixes), true) => {
                let counted = below(session, &etcd, member, &prefixes, PATIENCE).await;
                counted.ok().map(|(events, ..)| events)
            }
        };
        Ok::<_, WireError>(LiveData { events, ..live })
    };
    match counting.await {
        Ok(live) => Some(live),
        Err(error) => {
            session.voice.warn(&format!("the live data could not be counted: {error}"));
            None
        }
    }
}

/// The live data by this node's own file, when there are many keys, and when it
/// settles that they fit. All members hold the same data.
async fn settled_here(
    session: &Session,
    here: &Here,
    world: &World,
    etcd: &Etcd,
    quota: Bytes,
) -> Option<LiveData> {
    let data_dir = here.node.answering_data_dir()?;
    let own = world.voters().find(|member| member.local)?.status.as_ref().ok()?;
    let newest = world.revision();
    // Where nothing is written the newest one has all.
    if own.revision != newest || etcd.count_keys(&KeyRange::all()).await.ok()? < MANY {
        return None;
    }
    let label = "counting live data in this node's database";
    let progress = Progress::time(&session.voice, label, None);
    let patience = PATIENCE + Duration::from_secs(own.db_size.0 / SLOW);
    let reading = observe::own_live_data(data_dir, patience);
    let live = ticking(reading, || progress.tick("")).await?;
    if !decide::fits_well(live.file_size, quota) {
        return None;
    }
    progress.finish(&format!(
        "live data: {} keys, a database of {} for a quota of {quota}",
        live.keys, live.file_size
    ));
    Some(live)
}

/// Counts every key of a member, those below the prefixes also by themselves,
/// until the predicted file has the size `enough`.
///
/// # Errors
/// What etcd answers.
pub(super) async fn all_keys(
    session: &Session,
    etcd: &Etcd,
    member: &Member,
    (quota, enough): (Option<Bytes>, Bytes),
    prefixes: &[String],
) -> Result<Counted, WireError> {
    let db_size = member.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    let wanted = Counting {
        enough,
        patience: PATIENCE + Duration::from_secs(quota.unwrap_or_default().max(db_size).0 / SLOW),
        apart: prefixes,
        protected: &decide::protected_key,
    };
    let label = format!("counting live data on {}", member.label());
    let progress = Progress::bytes(&session.voice, &label, Some(quota.unwrap_or(db_size).0));
    let (size, keys) = (Cell::new(Bytes(0)), Cell::new(0));
    let show = || progress.at(size.get().0, &format!("{} keys", keys.get()));
    let counting = observe::count_live_data(etcd, &wanted, |live| {
        size.set(live.file_size);
        keys.set(live.keys);
    });
    let counted = ticking(counting, show).await?;
    let live = &counted.live;
    let least = if live.partial { "at least " } else { "" };
    let quota = quota.map_or(String::new(), |quota| format!(" for a quota of {quota}"));
    progress.finish(&format!(
        "live data: {} keys, a database of {least}{}{quota}",
        live.keys, live.file_size
    ));
    Ok(counted)
}

/// Counts what is below the prefixes alone, when counting everything took too
/// long.
///
/// # Errors
/// What etcd answers.
pub(super) async fn below(
    session: &Session,
    etcd: &Etcd,
    member: &Member,
    prefixes: &[String],
    patience: Duration,
) -> Result<(Purgeable, Vec<KeyRange>, Revision), WireError> {
    let wanted = Counting {
        enough: Bytes(u64::MAX),
        patience,
        apart: prefixes,
        protected: &decide::protected_key,
    };
    let label = format!("counting below {} on {}", prefixes.join(", "), member.label());
    let progress = Progress::time(&session.voice, &label, None);
    let keys = Cell::new(0);
    let show = || progress.tick(&format!("{} keys", keys.get()));
    ticking(observe::count_below(etcd, &wanted, |now| keys.set(now)), show).await
}
