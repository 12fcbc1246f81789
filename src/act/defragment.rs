//! The defragmentation call.

use crate::{
    consent::Consent,
    wire::{Etcd, WireError},
};

/// Rewrites the database file of the contacted member, which answers nothing
/// else meanwhile. There is no deadline: the server goes on whether we wait or
/// not, so giving up would only lose sight of it.
///
/// The consent is borrowed, because a file that stayed big is rewritten once
/// more within the same step.
///
/// # Errors
/// The wire's; after `Broken` the effect is unknown and must be watched, never
/// retried blindly (a second request queues behind the first and stalls the
/// member again).
pub async fn defragment(etcd: &Etcd, _consent: &Consent) -> Result<(), WireError> {
    etcd.defragment().await
}
