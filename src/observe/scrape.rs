//! What `diagnose` takes from a page of metrics. Never panics on any text; what
//! the page does not tell, or tells in another form, is `None`.

use super::metrics::{samples, value};
use crate::model::{
    DiskTimes, MemberId,
    diagnosis::{Histogram, Scrape},
    order::InOrder,
};

/// A page that was read at a moment of this run's own clock, milliseconds.
#[must_use]
pub fn read(page: &str, at_ms: f64) -> Scrape {
    let count = |name: &str| value(page, name).and_then(whole);
    Scrape {
        at_ms,
        started_at: value(page, "process_start_time_seconds").filter(|at| at.is_finite()),
        fsync: histogram(page, "etcd_disk_wal_fsync_duration_seconds", None),
        commit: histogram(page, "etcd_disk_backend_commit_duration_seconds", None),
        wal_write: histogram(page, "etcd_disk_wal_write_duration_seconds", None),
        peer_rtt: peer_rtt(page),
        slow_applies: count("etcd_server_slow_apply_total"),
        slow_reads: count("etcd_server_slow_read_indexes_total"),
        failed_reads: count("etcd_server_read_indexes_failed_total"),
        heartbeat_failures: count("etcd_server_heartbeat_send_failures_total"),
        leader_changes: count("etcd_server_leader_changes_seen_total"),
        failed_proposals: count("etcd_server_proposals_failed_total"),
        pending_proposals: count("etcd_server_proposals_pending"),
        open_reads: count("etcd_mvcc_db_open_read_transactions"),
        has_leader: count("etcd_server_has_leader").map(|leader| leader > 0),
    }
}

/// What the page says of the member's disk since its etcd started.
#[must_use]
pub fn disk_times(page: &str) -> DiskTimes {
    DiskTimes {
        fsync: histogram(page, "etcd_disk_wal_fsync_duration_seconds", None),
        commit: histogram(page, "etcd_disk_backend_commit_duration_seconds", None),
        defrag: histogram(page, "etcd_disk_backend_defrag_duration_seconds", None),
    }
}

/// Every peer's round trips; a peer's id stands in hex in the label `To`.
fn peer_rtt(page: &str) -> Vec<(MemberId, Histogram)> {
    let name = "etcd_network_peer_round_trip_time_seconds";
    let counts = format!("{name}_count");
    let peers = samples(page, &counts).filter_map(|(labels, _)| label(labels, "To"));
    let histograms = peers.filter_map(|peer| {
        let id = u64::from_str_radix(peer, 16).ok()?;
        Some((MemberId(id), histogram(page, name, Some(peer))?))
    });
    histograms.collect()
}

/// A histogram, of one peer where it has some. `None` when it is absent or
/// incomplete.
fn histogram(page: &str, name: &str, peer: Option<&str>) -> Option<Histogram> {
    let (bucket, sum) = (format!("{name}_bucket"), format!("{name}_sum"));
    let of_peer = |labels: &str| peer.is_none_or(|peer| label(labels, "To") == Some(peer));
    let mut rows: Vec<(f64, u64)> = Vec::new();
    for (labels, value) in samples(page, &bucket).filter(|(labels, _)| of_peer(labels)) {
        rows.push((label(labels, "le")?.parse().ok()?, whole(value)?));
    }
    rows.order_by(|(one, _), (other, _)| one.total_cmp(other));
    // The last bucket is the one without a bound; each stands there once.
    let (last, finite) = rows.split_last()?;
    let bounds: Vec<f64> = finite.iter().map(|(bound, _)| *bound).collect();
    let ascend = bounds.is_sorted_by(|one, other| one < other);
    let cumulative: Vec<u64> = rows.iter().map(|(_, count)| *count).collect();
    let finite = bounds.iter().all(|bound| bound.is_finite());
    if last.0 != f64::INFINITY || !finite || !ascend || !cumulative.is_sorted() {
        return None;
    }
    let (_, sum) = samples(page, &sum).find(|(labels, _)| of_peer(labels))?;
    (sum.is_finite() && sum >= 0.0).then_some(Histogram { bounds, cumulative, sum })
}

/// A label's value.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"'))
    })
}

/// A count: Prometheus writes every number as a float.
fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then_some(value as u64)
}

#[cfg(test)]
#[path = "scrape_tests.rs"]
mod tests;
