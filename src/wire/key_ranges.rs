//! Ranges of etcd's keys: read by name and size, counted, and deleted. The only
//! file that can delete a key.

use std::time::Duration;

use prost::Message;

use super::{
    call::{DELETE_RANGE, RANGE},
    error::WireError,
    etcd::Etcd,
    proto::{
        etcdserverpb::{DeleteRangeRequest, RangeRequest},
        mvccpb::KeyValue,
    },
};
use crate::model::{KeyRange, Revision};

/// A key and how big its latest record is; the value is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRecord {
    /// The key.
    pub key: Vec<u8>,
    /// Bytes of the key and its value.
    pub data: u64,
    /// Bytes of the record as the database has it: with revisions and lease
    /// (`mvccpb.KeyValue`, marshalled).
    pub value: u64,
}

/// Some keys of a range, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPage {
    /// Each key.
    pub records: Vec<NamedRecord>,
    /// Where the next page begins; `None` behind the last key.
    pub next: Option<Vec<u8>>,
    /// The revision they were read at.
    pub revision: Revision,
}

impl Etcd {
    /// Names and sizes of up to `limit` keys from `from` to before `behind` (a
    /// zero byte = to the end), as the contacted member has them at a revision
    /// (0 = now); no quorum needed.
    ///
    /// # Errors
    /// `Compacted`, `TooLarge` for an answer above 16 MiB, and other refusals.
    pub async fn named_page(
        &self,
        from: &[u8],
        behind: &[u8],
        limit: u64,
        revision: Revision,
    ) -> Result<NamedPage, WireError> {
        let request = RangeRequest {
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            revision: revision.0,
            ..local_range(from, behind)
        };
        let answer = self.ask(&RANGE, request, "a page of keys", self.usual()).await?;
        let (more, header) = (answer.more, answer.header.unwrap_or_default());
        let size = |length: usize| length as u64;
        let named = |record: KeyValue| NamedRecord {
            data: size(record.key.len() + record.value.len()),
            value: size(record.encoded_len()),
            key: record.key,
        };
        let records: Vec<NamedRecord> = answer.kvs.into_iter().map(named).collect();
        let next = records.last().filter(|_| more).map(|record| behind_key(&record.key));
        let revision = if revision.0 == 0 { Revision(header.revision) } else { revision };
        Ok(NamedPage { records, next, revision })
    }

    /// The first key at or behind `from`; no quorum needed.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn first_key(&self, from: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
        let request = RangeRequest { limit: 1, keys_only: true, ..local_range(from, &[0]) };
        let answer = self.ask(&RANGE, request, "a key", self.usual()).await?;
        Ok(answer.kvs.into_iter().next().map(|record| record.key))
    }

    /// How many keys the contacted member has in a range; no quorum needed.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn count_keys(&self, range: &KeyRange) -> Result<u64, WireError> {
        let request = RangeRequest { count_only: true, ..local_range(&range.first, &range.behind) };
        let answer = self.ask(&RANGE, request, "a count of keys", self.usual()).await?;
        Ok(u64::try_from(answer.count).unwrap_or_default())
    }

    /// Keys of a range that were made behind a revision, in order; through the
    /// quorum, as a member may lag and not know the newest. The member looks at
    /// every key of the range: ask for few at a time.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn made_behind(
        &self,
        range: &KeyRange,
        revision: Revision,
    ) -> Result<Vec<Vec<u8>>, WireError> {
        let request = RangeRequest {
            keys_only: true,
            min_create_revision: revision.0.saturating_add(1),
            serializable: false,
            ..local_range(&range.first, &range.behind)
        };
        let answer = self.ask(&RANGE, request, "a list of new keys", self.usual()).await?;
        Ok(answer.kvs.into_iter().map(|record| record.key).collect())
    }

    /// Deletes every key from `first` to before `behind`; how many there were.
    /// It is a plain DeleteRange: every release accepts it while NOSPACE is on,
    /// where a transaction may be held against the quota even if it only
    /// deletes (server/etcdserver/api/v3rpc/quota.go, before 3.4.20 and 3.5.7).
    ///
    /// # Errors
    /// `Corrupt`, `TooManyRequests`, `PermissionDenied`; after `Broken`,
    /// `Deadline` and the like the effect is unknown, and it may be repeated.
    pub async fn delete_range(
        &self,
        first: &[u8],
        behind: &[u8],
        deadline: Duration,
    ) -> Result<u64, WireError> {
        let request = DeleteRangeRequest { key: first.to_vec(), range_end: behind.to_vec() };
        let answer = self.ask(&DELETE_RANGE, request, "a deletion of keys", Some(deadline)).await?;
        Ok(u64::try_from(answer.deleted).unwrap_or_default())
    }
}

/// The smallest key behind one.
fn behind_key(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

fn local_range(from: &[u8], behind: &[u8]) -> RangeRequest {
    RangeRequest {
        key: from.to_vec(),
        range_end: behind.to_vec(),
        serializable: true,
        ..RangeRequest::default()
    }
}
