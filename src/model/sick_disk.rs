//! A disk below this node's etcd that is not to be trusted.

use serde::Serialize;

/// What speaks against one disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SickDisk {
    /// The kernel's name ("sda").
    pub disk: String,
    /// What people call it ("sda (Micron_5300_MTFDDAK960TDS, serial 1234)").
    pub label: String,
    /// The evidence, a phrase each.
    pub signs: Vec<String>,
    /// Whether it may lose what is written to it: by its firmware's or the
    /// kernel's word, not only by its slowness.
    pub failing: bool,
}
