//! The database file around the keys.

use crate::model::Bytes;

/// A bbolt file, by its own pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseFile {
    /// What etcd calls the size of the database and holds against the quota:
    /// the high-water mark in pages.
    pub size: Bytes,
    /// Size of a page.
    pub page_size: u32,
    /// Pages that hold something, in bytes; the rest is free, and goes with a
    /// defragmentation.
    pub in_use: Bytes,
    /// Whether a SHA-256 behind it matched (a snapshot has one).
    pub checksum: Option<bool>,
}
