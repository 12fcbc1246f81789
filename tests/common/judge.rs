//! What etcdctl says about a cluster: never our own code.

use std::{
    collections::BTreeSet,
    process::Output,
    thread,
    time::{Duration, Instant},
};

use lab::{Lab, Master};
use serde_json::Value;

/// A member whose alarm is to come back raises it with its first writes; this
/// is longer than the rescue itself looks.
const WRITING: Duration = Duration::from_secs(12);

/// The stdout of an etcdctl that succeeded.
#[track_caller]
pub fn said(output: lab::Result<Output>) -> String {
    let output = output.expect("etcdctl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Every key with its value, revisions and lease, as this member has them.
#[track_caller]
pub fn data(master: &Master) -> String {
    data_of(&said(master.etcdctl(&["get", "", "--prefix", "-w", "json"])))
}

/// The part of `etcdctl get -w json` behind the header, which differs between
/// members.
pub fn data_of(answer: &str) -> String {
    let (_, keys) = answer.trim_end().split_once(r#""kvs":"#).expect("keys");
    keys.to_owned()
}

/// Fails unless every one of these members has exactly this data.
#[track_caller]
pub fn same_data<'a>(expected: &str, masters: impl IntoIterator<Item = &'a Master>) {
    for master in masters {
        assert!(data(master) == expected, "{} has other keys or values", master.name());
    }
}

/// The alarms, one a line; empty when there is none.
#[track_caller]
pub fn alarms(lab: &Lab) -> String {
    said(lab.etcdctl(&["alarm", "list"]))
}

/// Whether the member takes a write.
pub fn put(master: &Master, key: &str) -> bool {
    let out = master.etcdctl(&["put", key, "value"]).expect("etcdctl runs");
    out.status.success()
}

/// Whether the history at this revision is gone.
pub fn is_compacted(master: &Master, revision: i64) -> bool {
    // Serializable: the answer must not need a quorum.
    let at = revision.to_string();
    let out = master.etcdctl(&["get", "x", "--consistency", "s", "--rev", &at]);
    let out = out.expect("etcdctl runs");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() || text.contains("has been compacted"), "{text}");
    !out.status.success()
}

/// `endpoint status` of one member.
#[track_caller]
pub fn status(master: &Master) -> Value {
    let text = said(master.etcdctl(&["endpoint", "status", "-w", "json"]));
    let mut all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    all.pop().expect("one endpoint")["Status"].take()
}

/// A number of [`status`]; etcdctl leaves zeros out.
pub fn number(status: &Value, key: &str) -> u64 {
    status[key].as_u64().unwrap_or_default()
}

/// The cluster's revision, as this member has it.
#[track_caller]
pub fn revision(master: &Master) -> i64 {
    status(master)["header"]["revision"].as_i64().expect("a revision")
}

/// The size of a member's database.
#[track_caller]
pub fn db_size(master: &Master) -> u64 {
    number(&status(master), "dbSize")
}

/// Fails unless each of these members' databases is about as big as the data
/// in it.
#[track_caller]
pub fn small<'a>(data: &str, masters: impl IntoIterator<Item = &'a Master>) {
    // JSON holds keys and values in base64, a third longer than they are; pages
    // are not always full.
    let live = data.len() as u64;
    for master in masters {
        let size = db_size(master);
        let bound = live * 3 / 2 + (4 << 20);
        assert!(size < bound, "{}: {size} for {live} of data", master.name());
    }
}

/// Writes on every member for longer than the rescue looked itself, and fails
/// when a write is refused or an alarm is on before, meanwhile or afterwards.
#[track_caller]
pub fn stays_writable(lab: &Lab, masters: &[&Master]) {
    let began = Instant::now();
    while began.elapsed() < WRITING {
        assert_eq!(alarms(lab), "");
        for master in masters {
            assert!(put(master, &format!("/judge/{}", master.name())), "{}", master.name());
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(alarms(lab), "");
}

/// Fails unless HashKV is the same on all members.
#[track_caller]
pub fn equal_hashes(lab: &Lab) {
    let text = said(lab.etcdctl(&["endpoint", "hashkv", "--cluster", "-w", "json"]));
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(all.len(), lab.masters().len(), "{text}");
    let hashes: BTreeSet<_> = all.iter().map(|one| one["HashKV"]["hash"].as_u64()).collect();
    assert!(hashes.len() == 1 && !hashes.contains(&None), "{text}");
}
