//! What one member looks like from here: how it answers, and what its own
//! metrics say.

use super::{Histogram, Latencies};
use crate::model::MemberId;

/// One member, looked at for some seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberView {
    /// Its id.
    pub id: MemberId,
    /// Reads through a quorum: what a client feels.
    pub linearizable: Latencies,
    /// Reads from the member alone.
    pub serializable: Latencies,
    /// Entries of the raft log made through this member, which a quorum agreed
    /// on, when etcd was too quiet to be measured; empty otherwise.
    pub writes: Latencies,
    /// Its metrics at the beginning.
    pub first: Option<Scrape>,
    /// And at the end.
    pub second: Option<Scrape>,
    /// Why there are no metrics.
    pub no_metrics: Option<String>,
}

/// What is taken from one page of metrics. `None` = this release does not
/// tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape {
    /// When, milliseconds of this run's own clock.
    pub at_ms: f64,
    /// When the process started, seconds since the epoch: a change is a
    /// restart.
    pub started_at: Option<f64>,
    /// `etcd_disk_wal_fsync_duration_seconds`.
    pub fsync: Option<Histogram>,
    /// `etcd_disk_backend_commit_duration_seconds`.
    pub commit: Option<Histogram>,
    /// `etcd_disk_wal_write_duration_seconds` (3.5+).
    pub wal_write: Option<Histogram>,
    /// `etcd_network_peer_round_trip_time_seconds` by peer.
    pub peer_rtt: Vec<(MemberId, Histogram)>,
    /// `etcd_server_slow_apply_total`.
    pub slow_applies: Option<u64>,
    /// `etcd_server_slow_read_indexes_total`.
    pub slow_reads: Option<u64>,
    /// `etcd_server_read_indexes_failed_total`.
    pub failed_reads: Option<u64>,
    /// `etcd_server_heartbeat_send_failures_total`.
    pub heartbeat_failures: Option<u64>,
    /// `etcd_server_leader_changes_seen_total`.
    pub leader_changes: Option<u64>,
    /// `etcd_server_proposals_failed_total`.
    pub failed_proposals: Option<u64>,
    /// `etcd_server_proposals_pending`.
    pub pending_proposals: Option<u64>,
    /// `etcd_mvcc_db_open_read_transactions`; renewed only with a commit.
    pub open_reads: Option<u64>,
    /// `etcd_server_has_leader`.
    pub has_leader: Option<bool>,
}
