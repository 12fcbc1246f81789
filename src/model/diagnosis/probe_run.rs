//! A run of our own small fdatasync load.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Latencies;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeRun {
    /// The directory the unnamed file was in.
    pub directory: PathBuf,
    /// Bytes of one write.
    pub write_bytes: u64,
    /// Times of `pwrite`: slow when the kernel throttles or the filesystem is
    /// frozen.
    pub writes: Latencies,
    /// Times of `fdatasync`.
    pub syncs: Latencies,
    /// Why it ended ("1000 syncs", "15 s", "3 syncs over 1 s").
    pub ended: String,
    /// Whether the file grew with every write, which costs a journal commit
    /// more than etcd's preallocated WAL.
    pub upper_estimate: bool,
}

/// Why it was not done, or did not end well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRefusal {
    /// In a sentence.
    pub why: String,
}
