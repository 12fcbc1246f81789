//! Made-up members for the tests of this room: their worlds and what their
//! metrics said.

use crate::model::{
    Bytes, DiskTimes, EtcdVersion, Member, MemberId, MemberStatus, Quota, Revision, World,
    diagnosis::{Histogram, MemberView, Scrape},
};

/// A histogram with etcd's bounds (1 ms doubled 13 times) of these values in
/// milliseconds.
pub fn histogram(values: &[f64]) -> Histogram {
    let bounds: Vec<f64> = (0..14).map(|n| 0.001 * f64::from(1 << n)).collect();
    let upto = |bound: &f64| values.iter().filter(|value| **value <= bound * 1e3).count() as u64;
    let mut cumulative: Vec<u64> = bounds.iter().map(upto).collect();
    cumulative.push(values.len() as u64);
    Histogram { bounds, cumulative, sum: values.iter().sum::<f64>() / 1e3 }
}

/// Voters `m1`, `m2`, … with these ids, all of which answer; the first leads.
pub fn world(voters: u64) -> World {
    let status = MemberStatus {
        version: Some(EtcdVersion::new(3, 5, 30)),
        version_text: "3.5.30".to_owned(),
        db_size: Bytes(1 << 20),
        db_size_in_use: Bytes(1 << 20),
        quota: Quota::DEFAULT,
        leader: Some(MemberId(1)),
        learner: false,
        alarms: Vec::new(),
        errors: Vec::new(),
        revision: Revision(9),
        raft_term: 2,
        raft_index: 9,
        raft_applied_index: 9,
    };
    let member = |id: u64| Member {
        id: MemberId(id),
        name: format!("m{id}"),
        endpoint: format!("https://10.0.0.{id}:2379"),
        local: id == 1,
        learner: false,
        defragmenting: false,
        open_snapshots: Some(0),
        disk_times: DiskTimes::default(),
        status: Ok(status.clone()),
    };
    World { members: (1..=voters).map(member).collect(), ..World::default() }
}

/// A member whose fsyncs took so many milliseconds in a window of 5 s, after
/// 1000 of 3 ms.
pub fn view(id: u64, fsyncs: &[f64]) -> MemberView {
    let before = vec![3.0; 1_000];
    let page = |at_ms: f64, values: &[f64]| Scrape {
        at_ms,
        started_at: Some(1_700_000_000.0),
        fsync: Some(histogram(values)),
        ..Scrape::default()
    };
    MemberView {
        id: MemberId(id),
        first: Some(page(0.0, &before)),
        second: Some(page(5_000.0, &[before.as_slice(), fsyncs].concat())),
        ..MemberView::default()
    }
}
