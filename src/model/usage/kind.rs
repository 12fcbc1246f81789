//! Kinds of objects that are known by their names inside a resource.

use super::Account;

/// Objects of one resource that something known writes, told by their keys:
/// Helm's releases among the secrets. They are counted in the resource, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindUsage {
    /// What they are: "Helm releases".
    pub name: &'static str,
    /// The resource they are in, as `ResourceUsage::name` has it.
    pub resource: String,
    /// All of them.
    pub account: Account,
}
