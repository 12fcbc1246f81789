//! Members that do not answer: nothing is done by default, one may be left out
//! by name, and below the quorum nothing helps.

mod common;

use std::time::Duration;

use common::{
    alone, fill, judge,
    rescue::{self, Ran, rescue},
    switch_off, switch_on, three, until,
};
use lab::{Fill, Lab, Master};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_missing_member_is_left_out_only_when_named_and_a_quorum_stays() {
    let _turn = alone();
    let lab = Lab::up(three("3.4", 32 << 20)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };
    fill(&lab, Fill::churn(), "master-1");
    let before = judge::data(first);
    let revision = judge::revision(first);
    let untouched = || {
        assert!(!judge::is_compacted(first, revision - 1));
        assert_eq!(rescue::files(first, rescue::PLACE).len(), 0, "a snapshot was taken");
    };

    switch_off(second);
    switch_off(third);
    refused(&recover(first, &[]).ends(4), "no_quorum");
    refused(&recover(first, &["master-2", "master-3"]).ends(4), "no_quorum");
    untouched();

    switch_on(second);
    refused(&recover(first, &[]).ends(4), "missing_voter");
    refused(&recover(first, &["master-2"]).ends(4), "missing_voter");
    untouched();

    let answer = recover(first, &["master-3"]).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    assert_eq!(answer["members"][2]["db_size_after"], serde_json::Value::Null);
    judge::same_data(&before, [first, second]);
    judge::small(&before, [first, second]);
    assert!(judge::put(first, "/judge/first") && judge::put(second, "/judge/second"));

    // Back it comes as full as it went, and stops the writes of all.
    switch_on(third);
    until("the alarm is on again", PATIENCE, || {
        judge::put(first, "/judge/again");
        judge::alarms(&lab).contains("NOSPACE")
    });
    let data = judge::data(first);
    assert_eq!(recover(first, &[]).ends(0).json()["outcome"], "recovered");
    judge::same_data(&data, lab.masters());
    judge::small(&data, lab.masters());
    judge::stays_writable(&lab, &[first, second, third]);
    judge::equal_hashes(&lab);
}

fn recover(master: &Master, missing: &[&str]) -> Ran {
    let mut args = vec!["recover", "--yes", "-w", "json"];
    args.extend(missing.iter().flat_map(|name| ["--allow-missing", name]));
    rescue(master, &args)
}

fn refused(ran: &Ran, gate: &str) {
    let answer = ran.json();
    assert_eq!(answer["outcome"], "refused");
    assert_eq!(answer["refusals"][0]["kind"], gate, "{answer:#}");
    assert_eq!(answer["steps"], serde_json::json!([]));
}
