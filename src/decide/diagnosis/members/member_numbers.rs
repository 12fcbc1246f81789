//! One member's numbers from two looks at its metrics.

use super::spreads::{between, since_start};
use crate::model::diagnosis::{Histogram, MemberNumbers, MemberView, Scrape, Spread};

/// What the two scrapes of a member come to; with one only, what it tells of
/// the time since the process started.
#[must_use]
pub fn member_numbers(view: &MemberView) -> MemberNumbers {
    let Some(last) = view.second.as_ref().or(view.first.as_ref()) else {
        return MemberNumbers::default();
    };
    let mut numbers = MemberNumbers {
        fsync_since_start: last.fsync.as_ref().and_then(since_start),
        commit_since_start: last.commit.as_ref().and_then(since_start),
        pending_proposals: last.pending_proposals,
        open_reads: last.open_reads,
        ..MemberNumbers::default()
    };
    let rtt = last.peer_rtt.iter();
    numbers.peer_rtt_since_start =
        rtt.filter_map(|(peer, rtt)| Some((*peer, since_start(rtt)?))).collect();
    if let (Some(first), Some(second)) = (&view.first, &view.second) {
        numbers.restarted = restarted(first, second);
        if !numbers.restarted {
            compare(first, second, &mut numbers);
        }
    }
    numbers
}

/// Another start, or a count that fell: another process.
fn restarted(first: &Scrape, second: &Scrape) -> bool {
    let fell = |before: &Option<Histogram>, now: &Option<Histogram>| match (before, now) {
        (Some(before), Some(now)) => {
            let pairs = now.cumulative.iter().zip(&before.cumulative);
            pairs.into_iter().any(|(now, before)| now < before)
        }
        _ => false,
    };
    let starts = first.started_at.zip(second.started_at);
    // The start is told to 10 ms and computed by etcd anew for each page.
    starts.is_some_and(|(before, now)| (now - before).abs() > 0.5)
        || fell(&first.fsync, &second.fsync)
        || fell(&first.commit, &second.commit)
}

fn compare(first: &Scrape, second: &Scrape, numbers: &mut MemberNumbers) {
    let spread = |before: &Option<Histogram>, now: &Option<Histogram>| -> Option<Spread> {
        between(before.as_ref()?, now.as_ref()?)
    };
    let more = |before: Option<u64>, now: Option<u64>| now?.checked_sub(before?);
    numbers.seconds = Some((second.at_ms - first.at_ms) / 1_000.0);
    numbers.fsync = spread(&first.fsync, &second.fsync);
    numbers.commit = spread(&first.commit, &second.commit);
    numbers.wal_write = spread(&first.wal_write, &second.wal_write);
    let rtt = second.peer_rtt.iter().filter_map(|(peer, now)| {
        let (_, before) = first.peer_rtt.iter().find(|(other, _)| other == peer)?;
        Some((*peer, between(before, now)?))
    });
    numbers.peer_rtt = rtt.collect();
    numbers.slow_applies = more(first.slow_applies, second.slow_applies);
    numbers.slow_reads = more(first.slow_reads, second.slow_reads);
    numbers.failed_reads = more(first.failed_reads, second.failed_reads);
    numbers.heartbeat_failures = more(first.heartbeat_failures, second.heartbeat_failures);
    numbers.leader_changes = more(first.leader_changes, second.leader_changes);
    numbers.failed_proposals = more(first.failed_proposals, second.failed_proposals);
}

#[cfg(test)]
#[path = "member_numbers_tests.rs"]
mod tests;
