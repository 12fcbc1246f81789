//! Where the quick order is not taken, or does not come to its end, with real
//! masters: a member that differs, a full disk for the snapshot, two members,
//! five at once. etcdctl and etcdutl judge.

mod common;

use std::fs;

use common::{
    alone, fill, freeze_in_defragmentation, judge, release,
    rescue::{PLACE, Rescue, Signal, files, rescue},
    snapshot, switch_off, switch_on, three,
};
use lab::{Fill, Lab, Master, Spec};
use serde_json::Value;

const QUOTA: u64 = 64 << 20;
const PATTERN: Fill = Fill::Churn { keys: 200, value_bytes: 100_000 };

/// Whatever order the other suites are asked to test.
const RECOVER: [&str; 6] = ["recover", "--yes", "-w", "json", "--snapshot", "auto"];

/// A value of each side of the difference, of the same length.
const MARK: &str = "the-value-that-all-members-hold";
const OTHER: &str = "another-value-in-one-of-the-dbs";

fn steps(answer: &Value) -> Vec<&str> {
    let steps = answer["steps"].as_array().expect("steps").iter();
    steps.filter_map(|step| step["id"].as_str()).collect()
}

#[track_caller]
fn sh(master: &Master, line: &str) {
    let output = master.command("/bin/sh").args(["-c", line]).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Changes a value in the database file of a member that is down, where neither
/// its log nor bolt notices.
fn edit(master: &Master, from: &str, to: &str) {
    switch_off(master);
    let path = master.path("/var/lib/etcd/member/snap/db");
    let mut bytes = fs::read(&path).unwrap();
    let found: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, window)| (window == from.as_bytes()).then_some(at))
        .collect();
    assert!(!found.is_empty(), "`{from}` is not in the file");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(&path, bytes).unwrap();
    switch_on(master);
}

#[test]
fn a_member_that_differs_is_named_and_everything_is_saved_first() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", QUOTA)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };
    judge::said(first.etcdctl(&["put", "/judge/mark", MARK]));
    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    let content = snapshot::content_now(first);
    edit(third, MARK, OTHER);
    lab.move_leader("master-2").unwrap();
    assert!(judge::data(third) != before, "it really differs");

    let ran = rescue(first, &RECOVER).ends(6);
    let answer = ran.json();
    assert_eq!(answer["outcome"], "unverified");
    assert_eq!(steps(&answer)[..2], ["snapshot", "compact"]);
    let what = answer["error"]["what"].as_str().unwrap();
    assert!(what.contains("the members hold different data"), "{what}");
    for name in ["master-1 ", "master-2 ", "master-3 "] {
        assert!(what.contains(name), "{what}");
    }
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("everything is saved before anything is changed: the members hold"));
    // With its history.
    let file = first.path(answer["snapshot"]["path"].as_str().unwrap());
    assert_eq!(snapshot::content(first, &file), content);
    judge::same_data(&before, [first, second]);
    edit(third, OTHER, MARK);
    judge::equal_hashes(&lab);
}

/// A filesystem of its own for the snapshot, which somebody else fills.
#[test]
fn a_snapshot_that_does_not_fit_leaves_the_others_full() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", QUOTA)).unwrap();
    let first = lab.master("master-1");
    sh(first, "mkdir -m 0700 /run/small && mount -t tmpfs -o size=100M,mode=0700 tmpfs /run/small");
    let args = [&RECOVER[..], &["--snapshot-dir", "/run/small"]].concat();
    for (line, size) in [(": compare", "99M"), ("snapshot from", "92M")] {
        fill(&lab, PATTERN, "master-2");
        let before = judge::data(first);
        let sizes: Vec<u64> = lab.masters().iter().map(judge::db_size).collect();
        let mut run = Rescue::start(first, &args);
        run.await_line(line);
        run.signal(Signal::SIGSTOP);
        sh(first, &format!("fallocate -l {size} /run/small/ballast"));
        run.go_on();
        let answer = run.finish().ends(5).json();
        assert_eq!(answer["outcome"], "partial");
        let next = answer["error"]["next"].as_str().unwrap();
        assert!(next.contains("--snapshot-dir DIR"), "{next}");
        let now: Vec<u64> = lab.masters().iter().map(judge::db_size).collect();
        assert!(now[0] < sizes[0] / 2 && now[1] >= sizes[1] && now[2] >= sizes[2], "{now:?}");
        assert!(judge::alarms(&lab).contains("NOSPACE"));
        let left: Vec<_> = files(first, "/run/small");
        assert!(left.len() == 1 && left[0].ends_with("ballast"), "{left:?}");

        sh(first, "rm /run/small/ballast");
        let answer = rescue(first, &args).ends(0).json();
        assert_eq!(answer["outcome"], "recovered");
        assert_eq!(steps(&answer)[..3], ["compact", "compare", "snapshot"]);
        judge::same_data(&before, lab.masters());
        judge::small(&before, lab.masters());
        let file = first.path(answer["snapshot"]["path"].as_str().unwrap());
        assert!(snapshot::restored(first, &file) == before, "the snapshot holds something else");
        sh(first, "rm /run/small/*");
    }
    sh(first, "umount /run/small && rmdir /run/small");
}

#[test]
fn two_members_and_the_death_of_the_first_one() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(2, &[release("3.5.16")]).quota(QUOTA).speed(20)).unwrap();
    let [first, second] = lab.masters() else { panic!("two masters") };
    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    let size = judge::db_size(second);

    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("Step 1 of");
    freeze_in_defragmentation(first);
    first.kill_etcd().unwrap();
    run.await_line(": compare");
    run.signal(Signal::SIGSTOP);
    first.kill_etcd().unwrap();
    assert!(files(second, PLACE).is_empty() && files(first, PLACE).iter().all(|it| it.is_dir()));
    run.go_on();
    run.await_line("snapshot from master-1");
    run.signal(Signal::SIGSTOP);
    assert!(judge::db_size(second) >= size, "the only full copy");
    run.go_on();
    let answer = run.finish().ends(0).json();
    assert_eq!(
        steps(&answer),
        [
            "compact",
            "defrag:master-1",
            "compare",
            "snapshot",
            "defrag:master-2",
            "disarm",
            "verify"
        ]
    );
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
    judge::equal_hashes(&lab);
    judge::stays_writable(&lab, &[first, second]);
}

#[test]
fn five_members_three_of_them_at_once() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(5, &[release("3.5.16")]).quota(QUOTA)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    let shown = rescue(first, &["recover", "--dry-run", "--parallel"]).ends(0).text();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in ["at the same time (--parallel)", "untouched copies: "] {
        assert!(shown.contains(words), "`{words}` is not in {shown}");
    }
    let answer = rescue(first, &[&RECOVER[..], &["--parallel"]].concat()).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    let ids = steps(&answer);
    assert_eq!(ids[..4], ["compact", "defrag:master-1", "compare", "snapshot"]);
    assert_eq!(ids.iter().filter(|id| id.matches("master-").count() == 3).count(), 1, "{ids:?}");
    assert_eq!(ids[ids.len() - 3..], ["defrag:master-2", "disarm", "verify"]);
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
    judge::equal_hashes(&lab);
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}
