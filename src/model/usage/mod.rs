//! What fills a database, counted: no key's value is ever kept.

mod account;
mod database;
mod filler;
mod key_place;
mod kind;
mod kubernetes_keys;
mod leases;
mod object;
mod resource;
mod source;

pub use account::Account;
pub use database::DatabaseFile;
pub use filler::Filler;
pub use key_place::{KeyPlace, key_place, neighbourhood};
pub use kind::KindUsage;
pub use leases::Leases;
pub use object::ObjectUsage;
pub use resource::{NamespaceUsage, ResourceUsage};
pub use source::{Source, SourceKind};

use super::{Bytes, Revision};

/// What fills a database, as it was read once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// What was read, and how.
    pub source: Source,
    /// The newest revision in it.
    pub revision: Revision,
    /// The revision it was compacted at; `None` = never, or not visible.
    pub compacted: Option<Revision>,
    /// The file itself; `None` when keys were read page by page.
    pub database: Option<DatabaseFile>,
    /// All keys together.
    pub total: Account,
    /// By resource, in no order.
    pub resources: Vec<ResourceUsage>,
    /// Kinds of objects known by their names, in no order; in `resources`, too.
    pub kinds: Vec<KindUsage>,
    /// The biggest live objects, the biggest first.
    pub biggest: Vec<ObjectUsage>,
    /// The objects with the most revisions kept, the most first.
    pub most_rewritten: Vec<ObjectUsage>,
    /// How many of the newest revisions `Account::recent` counts writes in; 0
    /// when the history was not visible.
    pub recent_revisions: u64,
    /// The leases; `None` when they were not visible.
    pub leases: Option<Leases>,
    /// Revisions a second while it was read; `None` for what is at rest.
    pub revisions_per_s: Option<f64>,
    /// Whether old revisions were visible. When not, their numbers are 0 and
    /// mean nothing.
    pub history: bool,
    /// What a file takes that holds only the live data, pages and all: the size
    /// after a compaction at the newest revision and a defragmentation, within
    /// a few percent. 0 = nothing was counted.
    pub packed: Bytes,
    /// Why not all of it could be read; the numbers are lower bounds then.
    pub damage: Option<String>,
}
