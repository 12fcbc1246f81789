//! Leases: keys that end by themselves.

/// etcd's leases and the keys that hang on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leases {
    /// Leases granted and not ended.
    pub granted: u64,
    /// Existing keys that hang on one.
    pub keys: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The longest time to live among the leases, in seconds.
    pub longest_ttl_s: i64,
}
