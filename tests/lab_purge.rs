//! Live data over the quota on real masters, most of them events: refused with
//! the estimate, deleted by a typed word, recovered. etcdctl says what is gone
//! and that nothing else is.

mod common;

use std::{collections::BTreeMap, thread, time::Duration};

use common::{
    alone, judge,
    rescue::{PLACE, Rescue, files, rescue},
    three, until,
};
use lab::{Fill, Lab, Master, Until};
use serde_json::Value;

const QUOTA: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
const EVENTS: &str = "/registry/events/";
const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];
const PURGE: [&str; 7] = ["purge", "events", "--yes", "--confirm", "events", "-w", "json"];

/// Events of 2 kB in three namespaces over nine tenths of the quota, beside
/// other keys; then the rest is filled until NOSPACE.
fn full_of_events(release: &str) -> Lab {
    let lab = Lab::up(three(release, QUOTA)).unwrap();
    let others = Fill::Churn { keys: 200, value_bytes: 4_000 };
    lab.fill(others, Until::Bytes(2 << 20)).unwrap();
    lab.fill(Fill::Events { value_bytes: 2_000 }, Until::Bytes(QUOTA / 100 * 97)).unwrap();
    let report = lab.fill(others, Until::Alarm).unwrap();
    eprintln!("{report}");
    assert!(judge::alarms(&lab).contains("NOSPACE"));
    lab
}

/// Every key with its value, as etcdctl reads them from this member.
fn everything(master: &Master) -> BTreeMap<String, Value> {
    let text = judge::said(master.etcdctl(&["get", "", "--prefix", "-w", "json"]));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let of = |kv: &Value| (decoded(kv["key"].as_str().unwrap()), kv.clone());
    answer["kvs"].as_array().unwrap().iter().map(of).collect()
}

/// Base64, as etcdctl writes keys.
fn decoded(text: &str) -> String {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, c| bits << 6 | u32::from(value(*c)));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend(bits.to_be_bytes()[1..].iter().take(four.len() - 1));
    }
    String::from_utf8(bytes).unwrap()
}

/// Splits into events and the others.
fn split(all: BTreeMap<String, Value>) -> [BTreeMap<String, Value>; 2] {
    let (events, others) = all.into_iter().partition(|(key, _)| key.starts_with(EVENTS));
    [events, others]
}

/// Keys and values of these, as etcdctl shows them.
fn bytes(keys: &BTreeMap<String, Value>) -> u64 {
    let of = |(key, kv): (&String, &Value)| {
        let value = kv["value"].as_str().unwrap_or_default().trim_end_matches('=');
        key.len() + value.len() * 3 / 4
    };
    keys.iter().map(of).sum::<usize>() as u64
}

fn events_left(master: &Master) -> u64 {
    let args = ["get", EVENTS, "--prefix", "--keys-only", "--limit=1", "-w", "json"];
    let answer: Value = serde_json::from_str(&judge::said(master.etcdctl(&args))).unwrap();
    answer["count"].as_u64().unwrap_or_default()
}

#[test]
fn live_data_over_the_quota_are_recovered_by_deleting_events_alone() {
    let _turn = alone();
    for release in ["3.4.23", "3.5.30"] {
        let lab = full_of_events(release);
        let first = lab.master("master-1");
        let [events, others] = split(everything(first));

        let refused = rescue(first, &RECOVER).ends(4).json();
        assert_eq!(refused["refusals"][0]["kind"], "live_data_over_quota", "{refused:#}");
        let told = &refused["live_data"]["events"];
        assert_eq!(told["keys"], events.len());
        assert_eq!(told["bytes"], bytes(&events));
        let next = refused["error"]["next"].as_str().unwrap();
        assert!(next.contains("etcd-rescue purge events") && next.contains("enough"), "{next}");

        // Nobody's word, no deletion.
        rescue(first, &["purge", "events", "--yes", "-w", "json"]).ends(3);
        let saved = files(first, PLACE).len();
        assert_eq!(split(everything(first))[0].len(), events.len());

        let answer = rescue(first, &PURGE).ends(0).json();
        assert_eq!(answer["outcome"], "done", "{answer:#}");
        assert_eq!(answer["deleted"]["keys"], events.len());
        assert_eq!(answer["deleted"]["bytes"], bytes(&events));
        assert_eq!(files(first, PLACE).len(), saved + 1);
        for master in lab.masters() {
            until("it has applied the deletes", PATIENCE, || events_left(master) == 0);
            assert!(everything(master) == others, "{}: other keys changed", master.name());
        }
        assert!(judge::alarms(&lab).contains("NOSPACE"));

        let recovered = rescue(first, &RECOVER).ends(0).json();
        assert_eq!(recovered["outcome"], "recovered");
        assert_eq!(judge::alarms(&lab), "");
        let predicted = answer["predicted"]["file_size_after"].as_f64().unwrap();
        let after = recovered["members"][0]["db_size_after"].as_f64().unwrap();
        eprintln!("{release}: predicted {predicted}, got {after}");
        assert!((predicted / after - 1.0).abs() < 0.1, "{answer:#}");
        assert!(everything(first) == others);
        judge::equal_hashes(&lab);
        for master in lab.masters() {
            assert!(judge::put(master, "/judge/after"), "{}", master.name());
        }
    }
}

#[test]
fn killed_in_the_middle_a_rerun_deletes_the_rest_and_recovers() {
    let _turn = alone();
    let lab = full_of_events("3.5.30");
    let first = lab.master("master-1");
    let [events, others] = split(everything(first));
    let args = [&PURGE[..], &["--recover"]].concat();
    let run = Rescue::start(first, &args);
    let all = events.len() as u64;
    until("some are gone", PATIENCE * 2, || events_left(first) < all - all / 10);
    run.kill();
    run.finish();
    thread::sleep(Duration::from_secs(1));
    let left = events_left(first);
    assert!(0 < left && left < all, "{left} of {all}");

    let answer = rescue(first, &args).ends(0).json();
    assert_eq!(answer["outcome"], "recovered", "{answer:#}");
    assert_eq!(answer["deleted"]["keys"], left);
    assert_eq!(answer["recovery"]["outcome"], "recovered");
    assert_eq!(judge::alarms(&lab), "");
    assert!(everything(first) == others);
    judge::equal_hashes(&lab);
}
