//! Which of the two directories holds the newest of what the member wrote: its
//! raft log tells. An etcd that is started on older data has forgotten what it
//! promised to its peers.

use std::sync::Arc;

use crate::{
    act::copy_tree::{CopyError, DATABASE, Shown, wal_now},
    model::Relocation,
};

/// Where the newest data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    /// In the old directory, and perhaps in both.
    Old,
    /// In the new one alone.
    New,
    /// Each holds something that the other does not.
    Both,
    /// An etcd ran on the new directory, and there are no data in it now.
    Gone,
}

/// Looks, while no etcd runs on either.
///
/// # Errors
/// The new directory cannot be read.
pub(super) async fn newest(record: &Relocation) -> Result<Newest, CopyError> {
    if !record.started || record.wal.is_empty() {
        return Ok(Newest::Old);
    }
    let shown: Arc<Shown> = Arc::default();
    let new = wal_now(&record.to, &shown).await?;
    if new.is_empty() || !record.to.join(DATABASE).exists() {
        return Ok(Newest::Gone);
    }
    if new == record.wal {
        return Ok(Newest::Old);
    }
    // On the way back it is renamed for a moment.
    if !record.from.join("member").exists() {
        return Ok(Newest::New);
    }
    Ok(match wal_now(&record.from, &shown).await {
        Ok(old) if old == new => Newest::Old,
        Ok(old) if old != record.wal => Newest::Both,
        // A disk that cannot be read any more has not been written to either.
        _ => Newest::New,
    })
}

/// Whether somebody started an etcd on the old directory since the copy.
pub(super) async fn old_went_on(record: &Relocation) -> bool {
    let old = wal_now(&record.from, &Arc::default()).await;
    !record.wal.is_empty() && old.is_ok_and(|old| !old.is_empty() && old != record.wal)
}

#[cfg(test)]
#[path = "newest_tests.rs"]
mod tests;
