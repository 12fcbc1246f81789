//! One key of the database.

/// A key that stands out. Its value is never kept: it may be a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectUsage {
    /// The key; bytes that are no UTF-8 are replaced.
    pub key: String,
    /// Whether it exists, or is only history.
    pub live: bool,
    /// Bytes of its key and latest value; 0 when it does not exist.
    pub live_bytes: u64,
    /// Revisions kept, the live one included.
    pub revisions: u64,
    /// How often it was written since it was made, by etcd's own count; 0 when
    /// it does not exist, or that was not seen.
    pub version: i64,
}
