//! How much of a database is live: the latest values of existing keys.

use super::{Bytes, Purgeable};

/// What was counted by reading every key's latest value at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveData {
    /// Existing keys.
    pub keys: u64,
    /// Their keys and values.
    pub bytes: Bytes,
    /// What a database file holding only them takes, pages and all.
    pub file_size: Bytes,
    /// Whether counting ended early; the numbers are then lower bounds.
    pub partial: bool,
    /// Kubernetes' events among them; `None` when they could not be counted.
    pub events: Option<Purgeable>,
}
