//! Known causes of a full database, as found in one.

/// Something that is known to fill etcd, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filler {
    /// Its name: "Kubernetes events", "Kyverno reports".
    pub name: &'static str,
    /// The resources it was seen in, as `ResourceUsage::name` has them.
    pub resources: Vec<String>,
    /// Existing keys.
    pub keys: u64,
    /// Live and old bytes.
    pub bytes: u64,
    /// Its share of all bytes, 0 to 100.
    pub percent: u8,
    /// What to do about it, in sentences.
    pub advice: String,
    /// The command of ours that deletes it, without the program's name, where
    /// that is safe.
    pub purge: Option<String>,
}
