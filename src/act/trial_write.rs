//! The smallest real write there is: a lease, granted and revoked.

use crate::wire::{Etcd, WireError};

/// Seconds the lease lives should we die before revoking it.
const TTL_SECONDS: i64 = 30;

/// Grants a lease and revokes it: goes through the quota check and raft like
/// any write, and leaves no key behind. Part of `verify`, which needs no
/// consent.
///
/// # Errors
/// The wire's; `NoSpace` means that writes are still refused.
pub async fn trial_write(etcd: &Etcd) -> Result<(), WireError> {
    let id = etcd.grant_lease(TTL_SECONDS).await?;
    etcd.revoke_lease(id).await
}
