//! Counting the live data before a recovery, when it is open whether they fit
//! below the quota.

use std::{cell::Cell, time::Duration};

use crate::{
    decide,
    model::{Bytes, LiveData, Wishes, World},
    observe,
    say::{Progress, ticking},
};

use super::{look::Here, session::Session};

/// How long counting may take whatever the quota.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes a second that a slow disk and network bring, for larger ones.
const SLOW: u64 = 50_000_000;

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
    let (member, _) = decide::snapshot_source(world).ok()?;
    let patience = PATIENCE + Duration::from_secs(quota.0 / SLOW);
    let label = format!("counting live data on {}", member.label());
    let progress = Progress::bytes(&session.voice, &label, Some(quota.0));
    let (size, keys) = (Cell::new(Bytes(0)), Cell::new(0));
    let show = || progress.at(size.get().0, &format!("{} keys", keys.get()));
    let counting = async {
        let etcd = here.access.dial(&member.endpoint).await?;
        observe::count_live_data(&etcd, quota, patience, |live| {
            size.set(live.file_size);
            keys.set(live.keys);
        })
        .await
    };
    match ticking(counting, show).await {
        Ok(live) => {
            let least = if live.partial { "at least " } else { "" };
            progress.finish(&format!(
                "live data: {} keys, a database of {least}{} for a quota of {quota}",
                live.keys, live.file_size
            ));
            Some(live)
        }
        Err(error) => {
            drop(progress);
            session.voice.warn(&format!("the live data could not be counted: {error}"));
            None
        }
    }
}
