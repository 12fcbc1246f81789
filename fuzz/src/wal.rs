//! The raft log of a stopped etcd.

use std::{
    fs,
    time::{Duration, Instant},
};

use etcd_rescue::observe::stopped::read_wal;

/// A log of one file, and of two where one stands before an empty line.
pub fn wal(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, second) = super::halves(bytes);
    let files = if second.is_empty() { vec![first] } else { vec![first, second] };
    for (number, bytes) in files.iter().enumerate() {
        let name = format!("{number:016x}-{number:016x}.wal");
        fs::write(directory.path().join(name), bytes).expect("written");
    }
    let soon = Instant::now() + Duration::from_secs(60);
    let all = read_wal(directory.path(), Some(soon));
    assert_eq!(all.files.len(), files.len());
    assert!(all.complete != all.damage.is_some(), "{all:?}");
    let head = read_wal(directory.path(), None);
    let first_whose = head.cluster_id == 0 || all.cluster_id == 0;
    assert!(first_whose || head.cluster_id == all.cluster_id);
}
