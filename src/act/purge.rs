//! Deleting keys, one range of what was counted after the other.

use std::time::Duration;

use crate::{
    consent::Consent,
    model::{KeyRange, Revision},
    wire::{Etcd, WireError},
};

/// A range of some hundred keys is one entry of etcd's log and one commit;
/// longer than this takes only a disk that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Deletes the keys of one range that were there at `known_at`; how many etcd
/// had of them. Keys that were made since then stay, but for those made in the
/// moment between the look and the deletion.
///
/// The consent is borrowed: it was given for all ranges together.
///
/// # Errors
/// The wire's. What was deleted before stays deleted; the same call again
/// deletes the rest.
pub async fn purge_range(
    etcd: &Etcd,
    range: &KeyRange,
    known_at: Revision,
    _consent: &Consent,
) -> Result<u64, WireError> {
    let mut from = range.first.clone();
    let mut gone = 0;
    for new in etcd.made_behind(range, known_at).await? {
        if from < new {
            gone += etcd.delete_range(&from, &new, PATIENCE).await?;
        }
        // The smallest key behind one is that key and a zero byte.
        from = [new.as_slice(), &[0]].concat();
    }
    if from < range.behind {
        gone += etcd.delete_range(&from, &range.behind, PATIENCE).await?;
    }
    Ok(gone)
}
