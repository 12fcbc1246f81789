//! What two looks at one member's metrics come to. Owns the form only; the
//! arithmetic is in `decide::diagnosis`.

use serde::Serialize;

use super::Spread;
use crate::model::MemberId;

/// One member in numbers. Spreads and differences are of the time between the
/// two scrapes unless they say "since start"; `None` = not known, which is
/// neither 0 nor good.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MemberNumbers {
    /// Seconds between the scrapes; `None` without two of one process.
    pub seconds: Option<f64>,
    /// Another process answered the second time: the window is dropped, and
    /// "since start" is of the new one.
    pub restarted: bool,
    /// WAL fsyncs.
    pub fsync: Option<Spread>,
    /// WAL fsyncs since the process started: a second opinion.
    pub fsync_since_start: Option<Spread>,
    /// Commits of the backend.
    pub commit: Option<Spread>,
    /// Commits of the backend since the process started.
    pub commit_since_start: Option<Spread>,
    /// Writes to the WAL into memory, without the fsync (3.5+).
    pub wal_write: Option<Spread>,
    /// Round trips to peers, by peer.
    pub peer_rtt: Vec<(MemberId, Spread)>,
    /// Round trips to peers since the process started.
    pub peer_rtt_since_start: Vec<(MemberId, Spread)>,
    /// More slow applies.
    pub slow_applies: Option<u64>,
    /// More slow read indexes.
    pub slow_reads: Option<u64>,
    /// More failed read indexes.
    pub failed_reads: Option<u64>,
    /// More heartbeats that could not be sent on time.
    pub heartbeat_failures: Option<u64>,
    /// More changes of the leader.
    pub leader_changes: Option<u64>,
    /// More proposals that failed.
    pub failed_proposals: Option<u64>,
    /// Proposals that wait, at the end; `None` when it does not tell.
    pub pending_proposals: Option<u64>,
    /// Read transactions open at the end.
    pub open_reads: Option<u64>,
}
