//! What fills a database: its rows become accounts by resource and namespace,
//! in bounded memory. Values are never looked at, kept or shown: they hold
//! Secrets.

mod accounting;
mod database;
mod groups;
mod key_hash;
mod key_text;
mod limits;
mod live_keys;
mod other_buckets;
mod ranking;
mod rewritten;
mod row;
mod seen_keys;
#[cfg(test)]
mod testing;

pub use accounting::Accounting;
pub use database::{Progress, ReadError, read_database};
pub use limits::Limits;
pub use live_keys::{LiveKey, LiveKeys};
pub use row::RawRow;
