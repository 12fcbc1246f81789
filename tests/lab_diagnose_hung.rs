//! `diagnose` on a master whose data directory hangs: it ends within a minute,
//! says so, and has everything else.

mod common;

use std::time::{Duration, Instant};

use common::{alone, rescue::rescue, three};
use lab::Lab;

#[test]
fn a_data_directory_that_hangs_is_the_verdict_within_a_minute() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20)).unwrap();
    let first = lab.master("master-1");
    let _hung = first.hang("/var/lib/etcd").unwrap();
    let begun = Instant::now();
    let answer = rescue(first, &["diagnose", "-w", "json"]).ends(8).json();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let hangs = |finding: &serde_json::Value| finding["code"] == "disk_hangs";
    assert!(answer["findings"].as_array().unwrap().iter().any(hangs), "{answer:#}");
    assert_eq!(answer["members"].as_array().unwrap().len(), 3, "{answer:#}");
    assert!(answer["log"]["lines"].as_u64().is_some_and(|lines| lines > 0), "{answer:#}");
}
