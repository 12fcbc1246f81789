//! How long a member stalls while it is defragmented: an upper bound, by what
//! its own metrics say of its disk, and by a rule of thumb where they say
//! nothing.

use crate::model::{Bytes, Member, MemberStatus, diagnosis::Spread};

use super::since_start;

/// Bytes that a slow but working disk copies per millisecond; the bound is the
/// whole file at this pace (reports range from 100 to 250 MB/s of data in use).
const SLOW_COPY_BYTES_PER_MS: u64 = 100_000;

/// The new file is synced after every 10,000 keys (etcd
/// server/storage/backend/backend.go, defragLimit), of about 1.6 KiB each.
const BYTES_PER_SYNC: u64 = 16 << 20;

/// Fewer syncs since etcd's start say nothing about the slow ones.
const ENOUGH: u64 = 100;

/// A bound, and what it goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    /// Milliseconds.
    pub(super) ms: u64,
    /// What was measured on that member's disk; `None` = nothing, or nothing
    /// that matters.
    pub(super) basis: Option<String>,
}

/// The bound for one member.
pub(super) fn stall(member: &Member, status: &MemberStatus) -> Stall {
    let copy = (status.db_size.0 / SLOW_COPY_BYTES_PER_MS).max(100);
    let times = &member.disk_times;
    let syncs = times.fsync.as_ref().and_then(since_start).filter(|spread| spread.n >= ENOUGH);
    let with_syncs = syncs.map(|spread| synced(copy, status.db_size, upper_ms(&spread)));
    let before = times.defrag.as_ref().and_then(since_start).map(|spread| earlier(&spread));
    let mut stall = Stall { ms: copy, basis: None };
    for measured in [with_syncs, before].into_iter().flatten() {
        // A sound disk's syncs are noise beside the copying.
        if measured.ms > stall.ms + stall.ms / 2 {
            stall = measured;
        }
    }
    stall
}

/// The upper bound of the bucket that 99 of 100 syncs stayed in.
fn upper_ms(spread: &Spread) -> u64 {
    let bracket = &spread.p99;
    bracket.upto_ms.unwrap_or(bracket.over_ms * 2.0).ceil() as u64
}

fn synced(copy: u64, db_size: Bytes, sync_ms: u64) -> Stall {
    let syncs = db_size.0 / BYTES_PER_SYNC + 1;
    let basis =
        format!("its disk took up to {sync_ms} ms for a sync, and this needs about {syncs}");
    Stall { ms: copy.saturating_add(syncs.saturating_mul(sync_ms)), basis: Some(basis) }
}

/// Earlier defragmentations of this etcd process, of databases that are likely
/// to have been as big: its quota was the same.
fn earlier(spread: &Spread) -> Stall {
    let ms = spread.mean_ms.max(0.0) as u64;
    let took = format!("{:.1} s", spread.mean_ms / 1e3);
    let basis = match spread.n {
        1 => format!("the one before took {took}"),
        n => format!("the {n} before took {took} on average"),
    };
    Stall { ms, basis: Some(basis) }
}
