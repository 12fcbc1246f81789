//! A few of the smallest writes there are, for an etcd that nobody writes to:
//! the members' fsync times only move with writes. Leases are granted and
//! given back, no key is touched.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use crate::{
    model::diagnosis::Latencies,
    wire::{Etcd, LeaseId, WireError},
};

/// Seconds a lease lives should we die before giving it back.
const TTL_SECONDS: i64 = 60;

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Times of grants and revocations.
    pub writes: Latencies,
    /// Whether a write was refused or not answered: no more should follow.
    pub refused: bool,
}

/// Grants and revokes so many leases, one after the other, until `end` at the
/// latest; stops at the first write that is refused or not answered. A lease
/// whose grant was not answered is given back as well.
pub async fn quiet_writes(etcd: &Etcd, leases: u32, end: Instant) -> Round {
    let mut round = Round::default();
    for _ in 0..leases {
        if round.refused || Instant::now() >= end {
            break;
        }
        let id = LeaseId(id());
        let granted = timed(&mut round, etcd.grant_lease_as(id, TTL_SECONDS)).await;
        tokio::time::sleep(PAUSE).await;
        if !(granted && timed(&mut round, etcd.revoke_lease(id)).await) {
            // It may have been granted, or still be there, all the same.
            let _may_be_gone = etcd.revoke_lease(id).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    round
}

async fn timed<T>(round: &mut Round, write: impl Future<Output = Result<T, WireError>>) -> bool {
    let begun = Instant::now();
    match write.await {
        Ok(_) => round.writes.answered(begun.elapsed()),
        Err(error) => {
            round.writes.failed(error.to_string());
            round.refused = true;
        }
    }
    !round.refused
}

/// An id that no other lease has: positive, and 63 random bits by the standard
/// library's hasher, which is seeded by the kernel.
fn id() -> i64 {
    let bits = RandomState::new().hash_one(Instant::now());
    i64::try_from(bits >> 1).unwrap_or(i64::MAX).max(1)
}
