//! Compaction, and the barrier that waits for a member's own part of it.

use std::time::Duration;

use crate::{
    consent::Consent,
    model::Revision,
    wire::{Compacted, Etcd, WireError},
};

/// A million revisions take ten seconds or more (1000 a batch, 10 ms between);
/// a server that is silent for this long is broken, not busy.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Drops the history up to `revision` in the whole cluster and waits until the
/// contacted member has deleted its own part. History only: the latest value
/// of every key stays.
///
/// # Errors
/// The wire's; `Deadline` and `Broken` leave the effect unknown.
pub async fn compact(
    etcd: &Etcd,
    revision: Revision,
    _consent: &Consent,
) -> Result<Compacted, WireError> {
    etcd.compact(revision, Some(PATIENCE)).await
}

/// Waits until the contacted member's own deletion up to `revision` is done:
/// the server answers a physical compaction, also of a revision that is
/// already compacted, only after everything scheduled before it
/// (server/etcdserver/v3_server.go, `Compact`). Needs no consent: whoever
/// settles has compacted at this revision before, or names revision 1, of which
/// no history worth keeping exists.
///
/// # Errors
/// The wire's.
pub async fn settle(etcd: &Etcd, revision: Revision) -> Result<Compacted, WireError> {
    etcd.compact(revision, Some(PATIENCE)).await
}
