//! A page as etcd writes it, and pages that are broken.

use proptest::prelude::*;

use super::read;
use crate::model::MemberId;

const PAGE: &str = r#"# HELP etcd_disk_wal_fsync_duration_seconds The latency distributions of fsync called by WAL.
# TYPE etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 2
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 1.234567e+06
etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 1.234568e+06
etcd_disk_wal_fsync_duration_seconds_sum 0.25
etcd_disk_wal_fsync_duration_seconds_count 1.234568e+06
etcd_network_peer_round_trip_time_seconds_bucket{To="8e9e05c52164694d",le="0.0001"} 0
etcd_network_peer_round_trip_time_seconds_bucket{To="8e9e05c52164694d",le="+Inf"} 4
etcd_network_peer_round_trip_time_seconds_sum{To="8e9e05c52164694d"} 0.5
etcd_network_peer_round_trip_time_seconds_count{To="8e9e05c52164694d"} 4
etcd_network_peer_round_trip_time_seconds_bucket{To="91bc3c398fb3c146",le="0.0001"} 1
etcd_network_peer_round_trip_time_seconds_bucket{To="91bc3c398fb3c146",le="+Inf"} 1
etcd_network_peer_round_trip_time_seconds_sum{To="91bc3c398fb3c146"} 5e-05
etcd_network_peer_round_trip_time_seconds_count{To="91bc3c398fb3c146"} 1
etcd_server_has_leader 1
etcd_server_heartbeat_send_failures_total 17
process_start_time_seconds 1.79553845725e+09
"#;

#[test]
fn a_page_is_read() {
    let scrape = read(PAGE, 12.5);
    assert_eq!((scrape.at_ms, scrape.started_at), (12.5, Some(1_795_538_457.25)));
    let fsync = scrape.fsync.unwrap();
    assert_eq!(fsync.bounds, [0.001, 0.002]);
    assert_eq!(fsync.cumulative, [2, 1_234_567, 1_234_568]);
    assert_eq!(scrape.peer_rtt.len(), 2);
    let (peer, rtt) = &scrape.peer_rtt[1];
    assert_eq!((*peer, rtt.cumulative.as_slice()), (MemberId(0x91bc_3c39_8fb3_c146), &[1, 1][..]));
    assert_eq!((scrape.has_leader, scrape.heartbeat_failures), (Some(true), Some(17)));
    assert_eq!((scrape.commit, scrape.slow_applies), (None, None), "not on this page");
}

#[test]
fn a_recorded_page_of_etcd_3_5_is_read() {
    let scrape = read(include_str!("../../fuzz/corpus/metrics/disks"), 0.0);
    let (fsync, commit) = (scrape.fsync.unwrap(), scrape.commit.unwrap());
    assert_eq!((fsync.bounds.len(), fsync.bounds[8]), (14, 0.256));
    assert_eq!(fsync.cumulative, [7, 8, 9, 9, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12]);
    assert_eq!((fsync.sum, commit.cumulative[14]), (0.048_798_331_000_000_01, 7));
    let counts = [scrape.slow_applies, scrape.slow_reads, scrape.failed_reads];
    assert_eq!(counts, [Some(0); 3]);
    assert_eq!((scrape.leader_changes, scrape.heartbeat_failures), (Some(1), Some(0)));
    assert_eq!((scrape.pending_proposals, scrape.open_reads), (Some(0), Some(1)));
}

#[test]
fn half_a_histogram_is_none() {
    let without = |line: &str| {
        let kept = PAGE.lines().filter(|kept| !kept.contains(line));
        read(&kept.collect::<Vec<_>>().join("\n"), 0.0).fsync
    };
    assert!(without("nothing").is_some());
    assert_eq!(without("fsync_duration_seconds_bucket{le=\"+Inf\"}"), None);
    assert_eq!(without("fsync_duration_seconds_sum"), None);
    let falls = PAGE.replace("1.234567e+06", "1");
    assert_eq!(read(&falls, 0.0).fsync, None, "counts fall");
    for bound in ["NaN", "-Inf", "0.001", ""] {
        let bad = PAGE.replace("le=\"0.002\"", &format!("le=\"{bound}\""));
        assert_eq!(read(&bad, 0.0).fsync, None, "{bound}");
    }
}

proptest! {
    #[test]
    fn no_page_panics(cuts in proptest::collection::vec((0..PAGE.len(), ".{0,4}"), 0..8)) {
        let mut page = PAGE.to_owned();
        for (at, text) in cuts {
            if page.is_char_boundary(at.min(page.len())) {
                page.insert_str(at.min(page.len()), &text);
            }
        }
        let _ = read(&page, 0.0);
    }

    #[test]
    fn no_text_panics(page in ".{0,400}") {
        let _ = read(&page, 0.0);
    }
}
