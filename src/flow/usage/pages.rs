//! A live member's keys, page by page: where there is no room for its
//! snapshot, or when this is asked for.

use std::cell::Cell;

use super::super::{failures, session::Session};
use crate::{
    failure::Failure,
    model::{
        Member,
        usage::{Source, SourceKind, Usage},
    },
    observe::{
        LiveKeyPages,
        usage::{Limits, LiveKey, LiveKeys},
    },
    say::{Progress, ticking},
    wire::{Etcd, WireError},
};

/// Everything that is live. A member that falls silent in the middle leaves
/// what was counted by then, with `damage` saying so.
///
/// # Errors
/// Not even the first page came.
pub(super) async fn read(
    session: &Session,
    etcd: &Etcd,
    member: &Member,
    why: &str,
) -> Result<Usage, Failure> {
    let label = format!("reading the keys of {}", member.label());
    // How much is live shows in the end.
    let progress = Progress::bytes(&session.voice, &label, None);
    let (done, count) = (Cell::new(0), Cell::new(0));
    let show = || progress.at(done.get(), &format!("{} keys", count.get()));
    let mut pages = LiveKeyPages::of(etcd.clone());
    let mut counted = LiveKeys::new(Limits::default());
    let reading = async {
        while let Some(keys) = pages.next().await? {
            counted.page(keys.iter().map(|key| LiveKey {
                key: &key.key,
                value: key.value_length,
                record: key.record_length,
                version: key.version,
                modified: key.modified.0,
                lease: key.lease,
            }));
            let (keys, bytes) = counted.counted();
            count.set(keys);
            done.set(bytes);
        }
        Ok::<(), WireError>(())
    };
    let ended = ticking(reading, show).await;
    drop(progress);
    let (first, last) = pages.revisions();
    let mut usage = counted.finish(last);
    let mut why = why.to_owned();
    if first != last {
        why.push_str(&format!(
            ". A compaction overtook it: it began at revision {first} and ended at {last}"
        ));
    }
    usage.source = Source { kind: SourceKind::Pages, path: None, member: member.label(), why };
    match ended {
        Ok(()) => Ok(usage),
        Err(error) if count.get() == 0 => Err(failures::step(session, &error)),
        Err(error) => {
            usage.damage = Some(format!("the reading ended after {} keys: {error}", count.get()));
            Ok(usage)
        }
    }
}
