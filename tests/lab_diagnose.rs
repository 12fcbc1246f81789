//! `diagnose` with three real members: a healthy cluster is left in peace.

mod common;

use common::{alone, rescue::rescue, three};
use lab::{Lab, Master};
use serde_json::Value;

/// The answer of a run in a master that has to end with this code.
#[track_caller]
fn diagnose(master: &Master, args: &[&str], code: i32) -> Value {
    let ran = rescue(master, &[&["diagnose", "-w", "json"], args].concat()).ends(code);
    ran.json()
}

#[test]
fn a_healthy_cluster_gets_no_finding() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20)).unwrap();
    for _ in 0..3 {
        let answer = diagnose(lab.master("master-1"), &[], 0);
        for finding in answer["findings"].as_array().unwrap() {
            assert_eq!(finding["severity"], "info", "{answer:#}");
        }
    }
}
