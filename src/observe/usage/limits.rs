//! How much memory the accounting may take.

/// Bounds that hold whatever is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for the table of seen keys. Beyond it the rows are read again, for
    /// another part of the keys each time.
    pub table: usize,
    /// Resources told apart; the rest is one, `(other)`.
    pub resources: usize,
    /// Namespaces of resources told apart; the rest of each resource is one,
    /// `(other namespaces)`.
    pub namespaces: usize,
    /// Bytes of their names; no Kubernetes needs as many.
    pub names: usize,
    /// Biggest objects kept of all.
    pub objects: usize,
    /// Biggest objects kept of each resource and namespace, where there are few.
    pub objects_each: usize,
    /// Objects kept of all resources and namespaces together; one with a long
    /// key counts as several.
    pub objects_together: usize,
    /// How many of the newest revisions are called recent.
    pub recent: u64,
}

impl Default for Limits {
    /// Less than 50 MiB; two and a half million keys in one pass.
    fn default() -> Self {
        Self {
            table: 36 << 20,
            resources: 2000,
            namespaces: 20_000,
            names: 2 << 20,
            objects: 1000,
            objects_each: 20,
            objects_together: 20_000,
            recent: 10_000,
        }
    }
}
