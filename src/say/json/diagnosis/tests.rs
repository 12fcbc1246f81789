//! The keys of the document that scripts may rely on.

use serde_json::{Value, json};

use super::*;
use crate::{model::diagnosis::ProbeRefusal, say::human::incident::incident};

fn document(account: &Account) -> Value {
    serde_json::to_value(DiagnosisAnswer::new(account, Exit::Findings)).unwrap()
}

#[test]
fn every_number_has_its_unit_in_its_name() {
    let document = document(&incident());
    for (pointer, value) in [
        ("/exit_code", json!(8)),
        ("/at", json!("2026-11-23T03:00:00Z")),
        ("/elapsed_ms", json!(7_340)),
        ("/cluster_id", json!("cdf818194e3a8c32")),
        ("/verdict/slow_member", json!("master-1")),
        ("/verdict/replace", json!("sda")),
        ("/findings/0/code", json!("fsync_slow")),
        ("/findings/0/severity", json!("critical")),
        ("/members/0/id", json!("8e9e05c52164694d")),
        ("/members/0/role", json!("leader")),
        ("/members/0/db_size_bytes", json!(67_213_722)),
        ("/members/0/watched_s", json!(5.1)),
        ("/members/0/reads/linearizable/n", json!(118)),
        ("/members/0/reads/linearizable/max_ms", json!(375.0)),
        ("/members/0/reads/serializable/failed", json!(0)),
        ("/members/0/fsync/n", json!(23)),
        ("/members/0/fsync/p99", json!({"over_ms": 256.0, "upto_ms": 512.0, "estimate_ms": 384.0})),
        ("/members/0/fsync/buckets/1", json!({"upto_ms": 512.0, "count": 22})),
        ("/members/0/fsync/since_start/n", json!(812_345)),
        ("/members/0/slow_applies", json!({"total": 412, "during_watch": 3})),
        ("/members/0/peer_rtt/0/id", json!("91bc3c398fb3c146")),
        ("/members/0/pending_proposals", json!(2)),
        ("/log/piece_ms", json!(900_000.0)),
        ("/log/from", json!("2026-11-22T03:00:00Z")),
        ("/log/signs/0/kind", json!("slow_fdatasync")),
        ("/log/signs/0/worst_ms", json!(1_412.0)),
        ("/log/signs/0/worst_at", json!("2026-11-23T02:50:00Z")),
        ("/symptoms/0/kind", json!("api_server_timeouts")),
        ("/disk/places/0/available_bytes", json!(225_485_783_040_u64)),
        ("/disk/layers/0/kind", json!("lvm")),
        ("/disk/leaves/0/serial", json!("1234")),
        ("/disk/windows/1/flush_await_ms", json!(287.0)),
        ("/disk/sharers/0/kind", json!("longhorn")),
        ("/disk/writers/0/written_bytes_per_s", json!(8_200_000.0)),
        ("/disk/pressure/full_percent/0", json!(58.0)),
        ("/drives/0/disk", json!("sda")),
        ("/drives/0/answer/kind", json!("ata")),
        ("/drives/0/facts/command_timeouts", json!(85)),
        ("/drives/0/facts/life_left/percent", json!(9)),
        ("/kernel/lost", json!(true)),
        ("/kernel/events/0/kind", json!("command_timeout")),
        ("/kernel/events/0/at", json!("2026-11-23T02:45:00Z")),
        ("/probe/fdatasync/n", json!(46)),
        ("/probe/reference_p99_ms", json!(10.0)),
        ("/unseen/0/needs", json!("CAP_DAC_READ_SEARCH")),
    ] {
        assert_eq!(document.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn what_was_not_seen_is_null_and_never_zero() {
    let mut account = incident();
    account.numbers.clear();
    account.examined.views.clear();
    account.examined.probe = Some(Err(ProbeRefusal { why: "the answer was no".into() }));
    account.facts.clear();
    let blind = document(&account);
    for pointer in [
        "/members/0/fsync/n",
        "/members/0/fsync/p99",
        "/members/0/fsync/since_start",
        "/members/0/slow_applies/total",
        "/members/0/reads/linearizable/p50_ms",
        "/drives/0/facts",
        "/probe/directory",
    ] {
        assert_eq!(blind.pointer(pointer), Some(&Value::Null), "{pointer}");
    }
    assert_eq!(blind["probe"]["refused"], "the answer was no");
    let empty = document(&Account::default());
    for key in ["at", "cluster_id", "log", "disk", "kernel", "probe"] {
        assert_eq!(empty[key], Value::Null, "{key}");
    }
    assert_eq!(empty["members"], json!([]));
}
