//! What a walk hands out, and what it tells at its end.

/// One element of a bucket. Its value may be larger than what is read of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The whole key.
    pub key: &'a [u8],
    /// The beginning of the value: all of it, or at least 2048 bytes.
    pub head: &'a [u8],
    /// The end of the value: its last 16 bytes, or all of a shorter one.
    pub tail: &'a [u8],
    /// Bytes of the value.
    pub value_len: u64,
}

/// Values are secrets: only sizes are shown.
impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, value) = (self.key.len(), self.value_len);
        write!(f, "Record {{ key: {key} bytes, value: {value} bytes }}")
    }
}

/// How a walk went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Whether the file has this bucket at all.
    pub found: bool,
    /// Pages reached: those of the bucket, overflow pages included, and of the
    /// tree of buckets on the way to it. The two meta pages and the pages of
    /// other buckets are not in it (in an etcd's file a handful).
    pub pages: u64,
    /// Elements that were visited.
    pub records: u64,
    /// Places that were damaged; each may have been one page or a part of the
    /// tree.
    pub damaged: u64,
    /// What was damaged and left out, one sentence; the rest was read.
    pub damage: Option<String>,
}
