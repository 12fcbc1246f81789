//! etcd's member list, pages of keys, compaction and leases: what a recovery
//! needs of the KV, Lease and Cluster services, and no more. It writes no key.

use std::time::Duration;

use super::{
    call::{COMPACT, LEASE_GRANT, LEASE_REVOKE, MEMBER_LIST, RANGE},
    error::{WireError, WireErrorKind as Kind},
    etcd::Etcd,
    proto::etcdserverpb::{
        CompactionRequest, LeaseGrantRequest, LeaseRevokeRequest, MemberListRequest, RangeRequest,
        RangeResponse,
    },
};
use crate::model::{MemberId, Revision};

/// A member as the member list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMember {
    /// Its id.
    pub id: MemberId,
    /// Its name; empty for one that was added but never started.
    pub name: String,
    /// Where clients reach it; empty for one never started.
    pub client_urls: Vec<String>,
    /// Where members reach it.
    pub peer_urls: Vec<String>,
    /// Whether it does not vote.
    pub learner: bool,
    /// Whether it is the one that told the list.
    pub itself: bool,
}

/// How a compaction ended; both are success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compacted {
    /// Done now.
    Done,
    /// It had been compacted at that revision or above before. etcd answers
    /// this only after its own deletion is through, so it is a barrier too.
    Already,
}

/// A lease of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseId(pub i64);

impl Etcd {
    /// Every member, from the contacted member's own memory: no quorum needed.
    ///
    /// # Errors
    /// `NotSupportedForLearner` from a learner, and other refusals.
    pub async fn member_list(&self) -> Result<Vec<ListedMember>, WireError> {
        let request = MemberListRequest { linearizable: false };
        let what = "a member-list request";
        let answer = self.ask(&MEMBER_LIST, request, what, self.usual()).await?;
        let itself = answer.header.map_or(0, |header| header.member_id);
        let members = answer.members.into_iter();
        Ok(members
            .map(|member| ListedMember {
                id: MemberId(member.id),
                name: member.name,
                client_urls: member.client_ur_ls,
                peer_urls: member.peer_ur_ls,
                learner: member.is_learner,
                itself: member.id == itself,
            })
            .collect())
    }

    /// Up to `limit` keys with their latest values, at or behind `from`.
    pub(super) async fn range_behind(
        &self,
        from: &[u8],
        limit: u64,
        revision: Revision,
    ) -> Result<RangeResponse, WireError> {
        let request = RangeRequest {
            key: from.to_vec(),
            // With this end, everything behind the key is meant.
            range_end: vec![0],
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            revision: revision.0,
            serializable: true,
            ..RangeRequest::default()
        };
        self.ask(&RANGE, request, "a page of keys", self.usual()).await
    }

    /// Reads one key that nobody has: through a quorum, or from the contacted
    /// member alone. A user who may not read it was answered, too: etcd waits
    /// for the quorum first (`v3_server.go`, `Range`).
    ///
    /// # Errors
    /// No answer, or another refusal.
    pub async fn read_nothing(&self, linearizable: bool) -> Result<(), WireError> {
        let request = RangeRequest {
            key: b"health".to_vec(),
            limit: 1,
            serializable: !linearizable,
            keys_only: true,
            ..RangeRequest::default()
        };
        match self.ask(&RANGE, request, "a read", self.usual()).await {
            Err(error) if error.kind != Kind::PermissionDenied => Err(error),
            _ => Ok(()),
        }
    }

    /// Drops history up to the revision and waits until the contacted member
    /// has deleted it. `None` waits as long as the connection lives; etcd
    /// does not stop when a deadline passes.
    ///
    /// # Errors
    /// `FutureRevision`, `Deadline` (it goes on), and other refusals.
    pub async fn compact(
        &self,
        revision: Revision,
        deadline: Option<Duration>,
    ) -> Result<Compacted, WireError> {
        let request = CompactionRequest { revision: revision.0, physical: true };
        match self.ask(&COMPACT, request, "a compaction", deadline).await {
            Ok(_) => Ok(Compacted::Done),
            Err(error) if error.kind == Kind::Compacted => Ok(Compacted::Already),
            Err(error) => Err(error),
        }
    }

    /// Grants a lease of so many seconds. It is a write: the quota forbids it
    /// while NOSPACE is raised.
    ///
    /// # Errors
    /// `NoSpace` and other refusals.
    pub async fn grant_lease(&self, ttl_s: i64) -> Result<LeaseId, WireError> {
        let request = LeaseGrantRequest { ttl: ttl_s, id: 0 };
        let answer = self.ask(&LEASE_GRANT, request, "a lease request", self.usual()).await?;
        if answer.error.is_empty() {
            Ok(LeaseId(answer.id))
        } else {
            Err(self.error(Kind::Other(tonic::Code::Unknown as i32), answer.error))
        }
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn revoke_lease(&self, lease: LeaseId) -> Result<(), WireError> {
        let request = LeaseRevokeRequest { id: lease.0 };
        self.ask(&LEASE_REVOKE, request, "a lease revocation", self.usual()).await.map(drop)
    }
}

/// Where the next page begins; `None` when this was the last one. The smallest
/// key behind one is that key and a zero byte.
pub(super) fn next_key(answer: &RangeResponse) -> Option<Vec<u8>> {
    let last = answer.kvs.last().filter(|_| answer.more)?;
    Some([last.key.as_slice(), &[0]].concat())
}

/// The revision that was read: the one asked for, else the answer's own.
pub(super) fn read_at(answer: &RangeResponse, asked: Revision) -> Revision {
    match asked {
        Revision(0) => Revision(answer.header.as_ref().map_or(0, |header| header.revision)),
        asked => asked,
    }
}
