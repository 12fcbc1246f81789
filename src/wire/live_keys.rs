//! Keys with the size of their values, page by page: what accounting needs.
//! Values may be Secrets: each is measured and dropped here.

use prost::Message;

use super::{
    error::WireError,
    etcd::Etcd,
    keyspace::{next_key, read_at},
    proto::mvccpb::KeyValue,
};
use crate::model::Revision;

/// An existing key and what etcd keeps beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveKey {
    /// The key.
    pub key: Vec<u8>,
    /// Bytes of its value.
    pub value_length: u64,
    /// Bytes of the whole record, as etcd keeps it.
    pub record_length: u64,
    /// Writes since it was made, by etcd's own count.
    pub version: i64,
    /// The revision of its last write.
    pub modified: Revision,
    /// The lease it hangs on; 0 = none.
    pub lease: i64,
}

/// Some existing keys in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveKeysPage {
    /// The keys.
    pub keys: Vec<LiveKey>,
    /// Where the next page begins; `None` behind the last key.
    pub next: Option<Vec<u8>>,
    /// The revision they were read at.
    pub revision: Revision,
}

impl Etcd {
    /// Up to `limit` keys at or behind `from`, as the contacted member has them
    /// at a revision (0 = now); no quorum needed.
    ///
    /// # Errors
    /// `Compacted`, `TooLarge` for an answer above 16 MiB, and other
    /// refusals.
    pub async fn live_keys_page(
        &self,
        from: &[u8],
        limit: u64,
        revision: Revision,
    ) -> Result<LiveKeysPage, WireError> {
        let answer = self.range_behind(from, limit, revision).await?;
        let (next, revision) = (next_key(&answer), read_at(&answer, revision));
        Ok(LiveKeysPage { keys: answer.kvs.into_iter().map(measured).collect(), next, revision })
    }
}

fn measured(record: KeyValue) -> LiveKey {
    LiveKey {
        value_length: record.value.len() as u64,
        record_length: record.encoded_len() as u64,
        version: record.version,
        modified: Revision(record.mod_revision),
        lease: record.lease,
        key: record.key,
    }
}
