//! Taking alarms off.

use crate::{
    consent::Consent,
    model::Alarm,
    wire::{Etcd, WireError},
};

/// Deactivates exactly these alarms, one request each (a request without a
/// member id is a silent no-op in etcd). Returns those etcd confirmed by
/// echoing them; one that is missing was already off.
///
/// # Errors
/// The wire's, at the first request that fails.
pub async fn disarm(
    etcd: &Etcd,
    alarms: &[Alarm],
    _consent: &Consent,
) -> Result<Vec<Alarm>, WireError> {
    let mut confirmed = Vec::new();
    for alarm in alarms {
        confirmed.extend(etcd.disarm(*alarm).await?);
    }
    Ok(confirmed)
}
