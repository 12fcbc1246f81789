//! etcd's Maintenance calls: status, defragmentation, alarms, hashes. Turns
//! their answers into `model` types.

use std::time::Duration;

use super::{
    call::{ALARM, DEFRAGMENT, HASH_KV, STATUS},
    error::{WireError, WireErrorKind as Kind},
    etcd::Etcd,
    proto::etcdserverpb::{
        AlarmRequest, AlarmType, DefragmentRequest, HashKvRequest, StatusRequest, StatusResponse,
        alarm_request::AlarmAction,
    },
};
use crate::model::{Alarm, AlarmKind, Bytes, MemberId, MemberStatus, Quota, QuotaSource, Revision};

/// What a member says of itself, and who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusAnswer {
    /// etcd's cluster id.
    pub cluster_id: u64,
    /// The member that answered.
    pub member_id: MemberId,
    /// Its status.
    pub status: MemberStatus,
}

/// A member's digest of its key space. Two members may be compared only at
/// equal compact (and hash) revisions. Asked for exactly the compacted
/// revision, etcd 3.4 answers `Compacted`, and 3.5 what it hashed while that
/// compaction ran, with the compact revision of the one before, -1 for none
/// (seen on 3.4.23, 3.5.16, 3.5.30): ask for a later one, or for 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvHash {
    /// CRC-32C of everything from the compact revision to the asked one.
    pub hash: u32,
    /// Where the history begins; -1 or 0 when never compacted.
    pub compact_revision: Revision,
    /// The member's current revision when it answered; what a digest asked
    /// for at 0 was made at, as long as nobody writes.
    pub revision: Revision,
}

impl Etcd {
    /// The member's status, by its own word and without quorum. It waits
    /// while the member defragments.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn status(&self) -> Result<StatusAnswer, WireError> {
        let answer = self.ask(&STATUS, StatusRequest {}, "a status request", self.usual()).await?;
        let header = answer.header.unwrap_or_default();
        Ok(StatusAnswer {
            cluster_id: header.cluster_id,
            member_id: MemberId(header.member_id),
            status: member_status(answer),
        })
    }

    /// Rewrites the member's database file. No deadline: etcd goes on with it
    /// whatever the client does, so giving up only hides it. HTTP/2 pings
    /// notice a dead peer; the connection's end is `Broken` and tells nothing
    /// about the defragmentation.
    ///
    /// # Errors
    /// `DiskFull`, `NotSupportedForLearner`, `Broken` and other refusals.
    pub async fn defragment(&self) -> Result<(), WireError> {
        self.ask(&DEFRAGMENT, DefragmentRequest {}, "a defragmentation", None).await.map(drop)
    }

    /// Takes one NOSPACE alarm off and returns the alarms etcd says it took
    /// off (empty: there was none such). Anything but NOSPACE of a known
    /// member is refused before it is sent: CORRUPT is not ours to clear, and
    /// member 0 is a silent no-op (facts, etcd 3.4-3.6).
    ///
    /// # Errors
    /// `NeverSent`, or what etcd answered.
    pub async fn disarm(&self, alarm: Alarm) -> Result<Vec<Alarm>, WireError> {
        if alarm.kind != AlarmKind::NoSpace || alarm.member == MemberId(0) {
            let text = format!(
                "only the NOSPACE alarm of a known member may be cleared, not {} of member {}",
                alarm.kind, alarm.member
            );
            return Err(self.error(Kind::NeverSent, text));
        }
        let request = AlarmRequest {
            action: AlarmAction::Deactivate.into(),
            member_id: alarm.member.0,
            alarm: AlarmType::Nospace.into(),
        };
        let answer = self.ask(&ALARM, request, "a disarm request", self.usual()).await?;
        let told = answer.alarms.iter();
        Ok(told.filter_map(|told| alarm_of(told.member_id, told.alarm)).collect())
    }

    /// Asks for the alarms as etcd itself answers it: through raft, so that
    /// each voter writes an entry to its log (`v3_server.go`, `Alarm`; the same
    /// in 3.4-3.6). For what they are, `status` tells without a quorum.
    ///
    /// # Errors
    /// No leader, no quorum, and other refusals.
    pub async fn alarms_by_raft(&self) -> Result<(), WireError> {
        let request = AlarmRequest {
            action: AlarmAction::Get.into(),
            member_id: 0,
            alarm: AlarmType::None.into(),
        };
        self.ask(&ALARM, request, "an alarm-list request", self.usual()).await.map(drop)
    }

    /// The digest of the key space at a revision (0 = now). It reads the whole
    /// database, so it has a deadline of its own.
    ///
    /// # Errors
    /// `Compacted`, `FutureRevision`, `Deadline` and other refusals.
    pub async fn hash_kv(
        &self,
        member: MemberId,
        revision: Revision,
        deadline: Duration,
    ) -> Result<KvHash, WireError> {
        let request = HashKvRequest { revision: revision.0 };
        let answer = self.ask(&HASH_KV, request, "a hash request", Some(deadline)).await?;
        let header = answer.header.unwrap_or_default();
        self.is_it(member, MemberId(header.member_id))?;
        Ok(KvHash {
            hash: answer.hash,
            compact_revision: Revision(answer.compact_revision),
            revision: Revision(header.revision),
        })
    }

    /// Proves that this connection leads to `member`: behind an address that is
    /// shared by several, each connection may lead to another one.
    ///
    /// # Errors
    /// `OtherMember` when it does not; those of a call.
    pub async fn leads_to(&self, member: MemberId) -> Result<(), WireError> {
        self.is_it(member, self.status().await?.member_id)
    }

    fn is_it(&self, member: MemberId, answered: MemberId) -> Result<(), WireError> {
        if answered == member {
            return Ok(());
        }
        let text = format!("another member answers there, {answered} instead of {member}");
        Err(self.error(Kind::OtherMember, text))
    }
}

/// `None` for NONE, which is no alarm.
fn alarm_of(member: u64, number: i32) -> Option<Alarm> {
    let kind = match AlarmType::try_from(number) {
        Ok(AlarmType::None) => return None,
        Ok(AlarmType::Nospace) => AlarmKind::NoSpace,
        Ok(AlarmType::Corrupt) => AlarmKind::Corrupt,
        Err(_) => AlarmKind::Unknown,
    };
    Some(Alarm { member: MemberId(member), kind })
}

fn member_status(answer: StatusResponse) -> MemberStatus {
    let bytes = |size: i64| Bytes(u64::try_from(size).unwrap_or(0));
    let mut alarms = Vec::new();
    let mut errors = Vec::new();
    for text in answer.errors {
        match Alarm::from_status_error(&text) {
            Some(alarm) => alarms.push(alarm),
            None => errors.push(text.trim().to_owned()),
        }
    }
    MemberStatus {
        version: answer.version.parse().ok(),
        version_text: answer.version,
        db_size: bytes(answer.db_size),
        db_size_in_use: bytes(answer.db_size_in_use),
        quota: match answer.db_size_quota {
            0 => Quota::DEFAULT,
            told => Quota::from_flag(told, QuotaSource::Status),
        },
        leader: Some(answer.leader).filter(|id| *id != 0).map(MemberId),
        learner: answer.is_learner,
        alarms,
        errors,
        revision: Revision(answer.header.unwrap_or_default().revision),
        raft_term: answer.raft_term,
        raft_index: answer.raft_index,
        raft_applied_index: answer.raft_applied_index,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_errors_are_alarms_or_texts() {
        let errors = ["memberID:5 alarm:NOSPACE ", "etcdserver: no leader", "alarm:CORRUPT "];
        let answer = StatusResponse {
            version: "3.5.16".into(),
            db_size: 64 << 20,
            errors: errors.map(String::from).to_vec(),
            ..StatusResponse::default()
        };
        let status = member_status(answer);
        let expected = [(5, AlarmKind::NoSpace), (0, AlarmKind::Corrupt)];
        let expected = expected.map(|(id, kind)| Alarm { member: MemberId(id), kind });
        assert_eq!(status.alarms, expected);
        assert_eq!(status.errors, ["etcdserver: no leader"]);
        assert_eq!((status.leader, status.quota), (None, Quota::DEFAULT));
    }

    #[test]
    fn the_quota_is_status_word_when_told() {
        let told = |quota| {
            member_status(StatusResponse { db_size_quota: quota, ..StatusResponse::default() })
                .quota
        };
        assert_eq!(told(7), Quota { limit: Some(Bytes(7)), source: QuotaSource::Status });
        assert_eq!(told(-1), Quota { limit: None, source: QuotaSource::Status });
        assert_eq!(told(0), Quota::DEFAULT);
    }

    #[test]
    fn numbers_of_alarms_are_read_with_care() {
        assert_eq!(alarm_of(1, 0), None);
        assert_eq!(alarm_of(1, 9).map(|alarm| alarm.kind), Some(AlarmKind::Unknown));
    }
}
