//! The smallest entries there are for etcd's log, where nobody else writes:
//! the members' fsync times only move with entries. The alarms are asked for,
//! which goes through raft like a write: each voter logs and syncs it, and it
//! changes no key, no lease and no page of the database. (Leases, which the
//! proof of a recovery grants, would do too, but each that is given back makes
//! a member commit its database at once: one with a slow disk would stand for
//! seconds; seen on 3.5.30.)

use std::time::{Duration, Instant};

use crate::{model::diagnosis::Latencies, wire::Etcd};

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes so many entries, one after the other, until `end` at the latest, and
/// tells how long each took to be agreed on. Stops at the first that is
/// refused or not answered.
pub async fn quiet_writes(etcd: &Etcd, entries: u32, end: Instant) -> Latencies {
    let mut writes = Latencies::default();
    for _ in 0..entries {
        if writes.failed > 0 || Instant::now() >= end {
            break;
        }
        let begun = Instant::now();
        match etcd.alarms_by_raft().await {
            Ok(()) => writes.answered(begun.elapsed()),
            Err(error) => writes.failed(error.to_string()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    writes
}
