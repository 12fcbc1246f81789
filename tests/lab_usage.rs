//! What fills a real cluster, counted by etcdctl and by us: live and from
//! files, while the alarm is on, with one member left, and with none.

mod common;

use std::{fs, path::Path, process::Command, time::Duration};

use common::{
    alone, fill,
    judge::{self, said},
    rescue::{self, Ran, binary, rescue},
    snapshot, switch_off, three, until,
};
use lab::{Fill, Lab, Master, Until};
use serde_json::Value;

/// What a reading may take on a master that has little to give.
const MEMORY_KIB: u64 = 64 << 10;
/// The planted filler.
const REPORTS: &str = "/registry/wgpolicyk8s.io/policyreports/";
const PLANTED: Fill = Fill::Objects {
    prefix: "/registry/wgpolicyk8s.io/policyreports/kyverno/p-",
    value_bytes: 9_000,
};
/// A file in every master's own file tree.
const FILE: &str = "/var/lib/judge.db";

#[test]
fn the_planted_filler_is_first_whatever_is_read() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 64 << 20)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };
    eprintln!("{}", lab.fill(PLANTED, Until::Puts(3000)).unwrap());
    fill(&lab, Fill::Kubernetes, "master-1");
    let truth = Truth::of(first);

    let live = read(first, &[]);
    // Only a master that leads is better left alone.
    assert_ne!(live["source"]["member"], "master-1");
    assert_eq!(live["source"]["kind"], "snapshot_stream");
    truth.is_told_by(&live);
    let named = read(first, &["--member", "master-3", "--read", "pages"]);
    assert_eq!(
        (&named["source"]["kind"], &named["source"]["member"]),
        (&"pages".into(), &"master-3".into())
    );
    truth.is_told_by(&named);
    assert_eq!(named["total"]["old_bytes"], Value::Null);

    files_tell_the_same(first, &truth, &live);
    no_room_is_no_obstacle(first, &truth);
    a_person_sees_it_first(first);

    let refused = rescue(first, &["usage", "--from", DATABASE, "-w", "json"]).ends(4);
    assert!(refused.json()["error"]["what"].as_str().unwrap().contains("a running etcd holds it"));
    assert!(refused.json()["error"]["next"].as_str().unwrap().contains("usage --from -"));

    switch_off(second);
    switch_off(third);
    until("the last member knows that nobody leads", Duration::from_secs(60), || {
        !judge::put(first, "/judge/quorum")
    });
    truth.is_told_by(&read(first, &[]));
    truth.is_told_by(&read(first, &["--read", "pages"]));
    switch_off(first);
    nobody_answers(first, &truth);
    for master in lab.masters() {
        assert_eq!(rescue::files(master, rescue::PLACE).len(), 0, "something was left");
    }
}

/// Where this master's etcd has its database.
const DATABASE: &str = "/var/lib/etcd/member/snap/db";

/// A snapshot in a file and through a pipe; and what etcdutl says of it.
fn files_tell_the_same(master: &Master, truth: &Truth, live: &Value) {
    rescue(master, &["snapshot", "save", FILE]).ends(0);
    let answer = read(master, &["--from", FILE]);
    assert_eq!(answer["source"]["kind"], "snapshot_file");
    assert_eq!(answer["database"]["checksum_ok"], true);
    truth.is_told_by(&answer);
    for key in ["total", "revision", "compact_revision"] {
        assert_eq!(answer[key], live[key], "{key}");
    }
    let file = master.path(FILE);
    let (revision, elements) = snapshot::content(master, &file);
    assert_eq!(answer["revision"], revision);
    let number = |key: &str| answer["total"][key].as_u64().expect("a number");
    // etcdutl counts what is in etcd's other buckets, too: a handful.
    let rows = number("keys") + number("old_revisions") + number("tombstones");
    assert!((rows..rows + 64).contains(&elements), "{rows} rows, {elements} elements");

    let binary = binary();
    let binary = binary.display();
    let line = format!("{binary} snapshot save - | {binary} usage --from - -w json");
    let piped = master.command("/bin/sh").args(["-c", &line]).output().unwrap();
    let text = String::from_utf8_lossy(&piped.stderr);
    let piped: Value = serde_json::from_slice(&piped.stdout).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(piped["source"]["kind"], "pipe");
    truth.is_told_by(&piped);
}

/// Pages need no room; a snapshot does.
fn no_room_is_no_obstacle(master: &Master, truth: &Truth) {
    let line = "mkdir -p /run/small && mount -t tmpfs -o size=8m none /run/small";
    assert!(master.command("/bin/sh").args(["-c", line]).status().unwrap().success());
    let there = ["--snapshot-dir", "/run/small"];
    let answer = read(master, &there);
    assert_eq!(answer["source"]["kind"], "pages");
    let why = answer["source"]["why"].as_str().unwrap();
    assert!(why.contains("there is no room for a snapshot of"), "{why}");
    truth.is_told_by(&answer);
    let args = ["usage", "--read", "snapshot", "-w", "json"];
    let refused = rescue(master, &[&args[..], &there].concat()).ends(4).json();
    assert!(refused["error"]["next"].as_str().unwrap().contains("usage --read pages"), "{refused}");
    assert_eq!(rescue::files(master, "/run/small").len(), 0);
}

fn a_person_sees_it_first(master: &Master) {
    let ran = rescue(master, &["usage"]).ends(0);
    let text = ran.text();
    eprintln!("{text}");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("- The NOSPACE alarm is on: etcd refuses writes."));
    assert!(lines.next().is_some_and(|line| line.contains("% of the bytes are")), "{text}");
    let below = text.lines().skip_while(|line| !line.starts_with("RESOURCE"));
    let mut below = below.skip(1);
    assert!(
        below.next().is_some_and(|line| line.starts_with("policyreports.wgpolicyk8s.io ")),
        "{text}"
    );
    assert!(below.next().is_some_and(|line| line.starts_with("  kyverno ")), "{text}");
    assert!(text.contains("Kyverno reports: ") && text.contains("etcd-rescue recover"), "{text}");
    let plain = |line: &&str| !line.contains('`') && !line.contains("etcd-rescue");
    assert!(text.lines().filter(plain).all(|line| line.len() <= 80), "{text}");
    assert!(text.is_ascii(), "{text}");
}

/// The file of an etcd that is down is read, and that is said.
fn nobody_answers(master: &Master, truth: &Truth) {
    until("the runtime knows that it ended", Duration::from_secs(60), || {
        let located = rescue(master, &["locate", "-w", "json"]).json();
        located["container"]["state"] == "exited"
    });
    let ran = rescue(master, &["usage", "-w", "json"]).ends(0);
    assert!(ran.stderr.contains("this node's stopped etcd"), "{}", ran.stderr);
    let answer = ran.json();
    assert_eq!(answer["source"]["path"], DATABASE);
    truth.is_told_by(&answer);
    let answer = read(master, &["--from", DATABASE]);
    assert_eq!(answer["source"]["kind"], "database_file");
    assert_eq!(answer["database"]["checksum_ok"], Value::Null);
    truth.is_told_by(&answer);
}

/// A complete answer, in little memory.
#[track_caller]
fn read(master: &Master, args: &[&str]) -> Value {
    let ran: Ran = rescue(master, &[&["usage", "-w", "json"], args].concat()).ends(0);
    eprintln!("usage {args:?}: {} KiB", ran.peak_kib);
    assert!((1..MEMORY_KIB).contains(&ran.peak_kib), "{} KiB", ran.peak_kib);
    let answer = ran.json();
    assert_eq!((&answer["complete"], &answer["error"]), (&true.into(), &Value::Null));
    answer
}

/// What etcdctl shows: each key, and its bytes with those of its value.
struct Truth(Vec<(String, u64)>);

impl Truth {
    fn of(master: &Master) -> Self {
        let text = said(master.etcdctl(&["get", "", "--prefix", "-w", "json"]));
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let all = answer["kvs"].as_array().expect("keys").iter();
        Self(all.map(|one| measured(&one["key"], &one["value"])).collect())
    }

    fn below(&self, prefix: &str) -> (u64, u64) {
        let mine = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
        mine.fold((0, 0), |(keys, bytes), (_, more)| (keys + 1, bytes + more))
    }

    /// Fails unless every resource and namespace has exactly these keys and
    /// bytes, and the planted ones are first.
    #[track_caller]
    fn is_told_by(&self, answer: &Value) {
        let told = |group: &Value| {
            let number = |key: &str| group[key].as_u64().expect("a number");
            (number("keys"), number("live_bytes"))
        };
        assert_eq!(told(&answer["total"]), self.below(""));
        let resources = answer["resources"].as_array().expect("resources");
        assert_eq!(resources[0]["prefix"], REPORTS);
        assert_eq!(resources[0]["namespaces"][0]["name"], "kyverno");
        assert_eq!(answer["fillers"][0]["name"], "Kyverno reports");
        for resource in resources {
            let prefix = resource["prefix"].as_str().expect("a prefix");
            assert_eq!(told(resource), self.below(prefix), "{prefix}");
            for namespace in resource["namespaces"].as_array().expect("namespaces") {
                let begin = format!("{prefix}{}/", namespace["name"].as_str().expect("a name"));
                assert_eq!(told(namespace), self.below(&begin), "{begin}");
            }
        }
    }
}

/// A key, and its bytes and its value's, out of etcdctl's base64.
fn measured(key: &Value, value: &Value) -> (String, u64) {
    let key = decoded(key.as_str().expect("a key"));
    let value = value.as_str().unwrap_or_default();
    let padding = value.bytes().rev().take_while(|byte| *byte == b'=').count();
    let bytes = key.len() + value.len() / 4 * 3 - padding;
    (String::from_utf8(key).expect("text"), bytes as u64)
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let digits = four.iter().map_while(|byte| match byte {
            b'A'..=b'Z' => Some(byte - b'A'),
            b'a'..=b'z' => Some(byte - b'a' + 26),
            b'0'..=b'9' => Some(byte - b'0' + 52),
            b'+' => Some(62),
            b'/' => Some(63),
            _ => None,
        });
        let digits: Vec<u32> = digits.map(u32::from).collect();
        let word = (0..4).fold(0, |word, at| word << 6 | digits.get(at).copied().unwrap_or(0));
        bytes.extend(&word.to_be_bytes()[1..digits.len()]);
    }
    bytes
}

/// 512 MB, and as much more as `ETCD_RESCUE_BIG` says in MB: how fast a file is
/// read beside sha256sum. The ratio is printed, for a person to judge.
#[test]
#[ignore = "takes minutes and gigabytes"]
fn a_big_database_is_read_in_little_memory() {
    let _turn = alone();
    let megabytes = std::env::var("ETCD_RESCUE_BIG").ok().and_then(|text| text.parse().ok());
    let size = megabytes.unwrap_or(512_u64) << 20;
    let lab = Lab::up(three("3.5.16", size)).unwrap();
    let first = lab.master("master-1");
    eprintln!("{}", lab.fill(PLANTED, Until::Bytes(size / 2)).unwrap());
    fill(&lab, Fill::Kubernetes, "master-1");
    // What etcdctl prints of gigabytes is more than a judge can hold.
    let truth = (size <= 512 << 20).then(|| Truth::of(first));
    let live = read(first, &[]);
    rescue(first, &["snapshot", "save", FILE]).ends(0);
    let file = read(first, &["--from", FILE]);
    for answer in [&live, &file] {
        assert_eq!(answer["resources"][0]["prefix"], REPORTS);
        truth.iter().for_each(|truth| truth.is_told_by(answer));
    }
    truth.iter().for_each(|truth| truth.is_told_by(&read(first, &["--read", "pages"])));
    speed(&first.path(FILE));
}

fn speed(file: &Path) {
    let timed = |command: &mut Command| {
        let began = std::time::Instant::now();
        assert!(command.output().expect("it runs").status.success());
        began.elapsed().as_secs_f64()
    };
    let megabytes = fs::metadata(file).expect("there").len() as f64 / 1e6;
    timed(Command::new("sha256sum").arg(file));
    for round in 1..=3 {
        let theirs = timed(Command::new("sha256sum").arg(file));
        let ours = timed(Command::new(binary()).args(["usage", "-w", "json", "--from"]).arg(file));
        eprintln!(
            "{round}: {megabytes:.0} MB, sha256sum {theirs:.2} s, usage {ours:.2} s: {:.2} of its speed",
            theirs / ours
        );
    }
}
