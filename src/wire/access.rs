//! What is needed to dial any member: what to trust, what to show, who to be.

use std::time::Duration;

use crate::settings::Login;

use super::{Etcd, Tls, WireError};

/// The way into this cluster, the same for every member.
#[derive(Clone, Debug)]
pub struct Access {
    /// Certificates.
    pub tls: Tls,
    /// User and password, when authentication is on.
    pub login: Option<Login>,
    /// Deadline of a dial and of every short call.
    pub timeout: Duration,
}

impl Access {
    /// A fresh channel to one client URL. Channels are short-lived on purpose:
    /// one that idled while a person was thinking may be dead.
    ///
    /// # Errors
    /// Every way a dial can fail.
    pub async fn dial(&self, endpoint: &str) -> Result<Etcd, WireError> {
        Etcd::dial(endpoint, &self.tls, self.login.as_ref(), self.timeout).await
    }
}
