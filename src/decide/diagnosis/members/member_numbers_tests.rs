//! Two looks at made-up metrics, with and without a restart between them.

use super::member_numbers;
use crate::model::{
    MemberId,
    diagnosis::{Histogram, MemberView, Scrape},
};

/// `fast` values up to 1 ms and `slow` ones up to 512 ms.
fn histogram(fast: u64, slow: u64) -> Histogram {
    Histogram {
        bounds: vec![0.001, 0.256, 0.512],
        cumulative: vec![fast, fast, fast + slow, fast + slow],
        sum: fast as f64 * 0.000_5 + slow as f64 * 0.3,
    }
}

fn scrape(at_ms: f64, fast: u64, slow: u64) -> Scrape {
    Scrape {
        at_ms,
        started_at: Some(1_700_000_000.25),
        fsync: Some(histogram(fast, slow)),
        peer_rtt: vec![(MemberId(7), histogram(fast, 0))],
        slow_applies: Some(slow),
        leader_changes: Some(1),
        pending_proposals: Some(3),
        ..Scrape::default()
    }
}

fn view(first: Option<Scrape>, second: Option<Scrape>) -> MemberView {
    MemberView { first, second, ..MemberView::default() }
}

#[test]
fn a_window_and_the_time_since_the_start_are_told_apart() {
    let numbers = member_numbers(&view(Some(scrape(500.0, 90, 0)), Some(scrape(5_500.0, 91, 9))));
    assert_eq!((numbers.seconds, numbers.restarted), (Some(5.0), false));
    let fsync = numbers.fsync.unwrap();
    assert_eq!((fsync.n, fsync.p50.over_ms, fsync.p50.upto_ms), (10, 256.0, Some(512.0)));
    assert_eq!(numbers.fsync_since_start.unwrap().n, 100);
    assert_eq!((numbers.slow_applies, numbers.leader_changes), (Some(9), Some(0)));
    assert_eq!(numbers.peer_rtt.len(), 1);
    assert_eq!((numbers.commit, numbers.open_reads), (None, None), "this page does not tell");
}

#[test]
fn a_restart_drops_the_window() {
    let later = Scrape { started_at: Some(1_700_000_009.0), ..scrape(5_500.0, 500, 0) };
    let fell = scrape(5_500.0, 3, 0);
    for second in [later, fell] {
        let numbers = member_numbers(&view(Some(scrape(0.0, 90, 0)), Some(second)));
        assert!(numbers.restarted);
        assert_eq!((numbers.seconds, numbers.fsync, numbers.slow_applies), (None, None, None));
        assert!(numbers.fsync_since_start.is_some());
    }
}

#[test]
fn one_scrape_tells_only_what_came_since_the_start() {
    let numbers = member_numbers(&view(Some(scrape(0.0, 90, 0)), None));
    assert_eq!((numbers.fsync, numbers.restarted), (None, false));
    assert_eq!(numbers.fsync_since_start.unwrap().n, 90);
    assert_eq!(numbers.pending_proposals, Some(3));
    assert_eq!(member_numbers(&MemberView::default()), Default::default());
}
