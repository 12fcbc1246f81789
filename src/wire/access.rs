//! What is needed to dial any member: what to trust, what to show, who to be;
//! and the connections that were used a moment ago.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::settings::Login;

use super::{Etcd, Tls, WireError};

/// How old the last answer on a connection may be for it to be used again: one
/// that idled longer, while a person was thinking, may be dead.
const FRESH: Duration = Duration::from_secs(2);

/// The way into this cluster, the same for every member. Clones share the
/// connections.
#[derive(Clone, Debug)]
pub struct Access {
    tls: Tls,
    login: Option<Login>,
    /// Deadline of a dial and of every short call.
    pub timeout: Duration,
    open: Arc<Mutex<BTreeMap<String, Etcd>>>,
}

impl Access {
    /// A way in with these certificates, and user and password when
    /// authentication is on.
    #[must_use]
    pub fn new(tls: Tls, login: Option<Login>, timeout: Duration) -> Self {
        Self { tls, login, timeout, open: Arc::default() }
    }

    /// Certificates.
    #[must_use]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The same way in with another deadline.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// A fresh channel to one client URL, for what fills it: a stream would hold
    /// up every other call on it.
    ///
    /// # Errors
    /// Every way a dial can fail.
    pub async fn dial(&self, endpoint: &str) -> Result<Etcd, WireError> {
        Etcd::dial(endpoint, &self.tls, self.login.as_ref(), self.timeout).await
    }

    /// A channel to one client URL for short calls: the one of a moment ago, as
    /// long as it lives and was answered on, else a fresh one.
    ///
    /// # Errors
    /// Every way a dial can fail.
    pub async fn reach(&self, endpoint: &str) -> Result<Etcd, WireError> {
        let known = self.open().get(endpoint).filter(|etcd| etcd.is_fresh(FRESH)).cloned();
        if let Some(etcd) = known {
            return Ok(etcd.within(self.timeout));
        }
        let etcd = self.dial(endpoint).await?;
        self.open().insert(endpoint.to_owned(), etcd.clone());
        Ok(etcd)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Etcd>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
