//! The free undo: the old database file of this node's member under a second
//! name. It goes after a success, is told after a failure, survives a kill and
//! goes with the next run, and what is put back starts and catches up.

mod common;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{
    alone, fill, judge,
    rescue::{PLACE, Rescue, Signal, files, rescue},
    three, until,
};
use lab::{Fill, Lab, Master};
use serde_json::Value;

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The database below a mount that has room beside the data directory.
const DATABASE: &str = "/var/lib/etcd/data/member/snap/db";
const HOME: &str = "/var/lib/etcd/etcd-rescue";

/// Two thirds of the quota stay live, so that a defragmentation takes a moment.
const PATTERN: Fill = Fill::Churn { keys: 220, value_bytes: 100_000 };

#[test]
fn an_old_file_is_kept_until_all_is_well_and_can_be_put_back() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).data_below("data")).unwrap();
    let first = lab.master("master-1");

    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    it_is_planned_and_goes_after_a_success(first);
    judge::same_data(&before, lab.masters());
    a_single_step_proves_the_members_equal(first);

    fill(&lab, PATTERN, "master-2");
    let before = judge::data(lab.master("master-3"));
    let (link, commands) = ended_in_between_it_is_told(first);
    put_back_it_starts_and_is_equal(&lab, &link, &commands);
    judge::same_data(&before, lab.masters());
    rescue(first, &RECOVER).ends(0);

    fill(&lab, PATTERN, "master-2");
    let link = killed_at(first, "Step 5 of");
    assert_eq!(rescue(first, &RECOVER).ends(0).json()["outcome"], "recovered");
    assert!(!link.exists() && undos(first).is_empty());

    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    let link = killed_at(first, "proving");
    assert_eq!(rescue(first, &RECOVER).ends(0).json()["outcome"], "nothing_to_do");
    assert!(!link.exists() && undos(first).is_empty());
    judge::same_data(&before, lab.masters());
    judge::equal_hashes(&lab);
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}

#[test]
fn a_mount_of_its_own_is_no_reason_to_stop() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-2");
    let plan = rescue(first, &["recover", "--dry-run"]).ends(0).text();
    let plan = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plan.contains("(no hard link to the old file: its mount ends there)"), "{plan}");
    let answer = rescue(first, &RECOVER).ends(0).json();
    assert_eq!(planned(&answer), Value::Null);
    assert!(!files(first, PLACE).iter().any(|path| is_undo(path)));
}

fn it_is_planned_and_goes_after_a_success(first: &Master) {
    let inode = inode(first);
    let answer = rescue(first, &RECOVER).ends(0).json();
    let link = PathBuf::from(planned(&answer).as_str().expect("a path"));
    assert_eq!(link.parent(), Some(Path::new(HOME)));
    assert_eq!(answer["undo_path"], Value::Null, "it is gone");
    assert_ne!(inode, self::inode(first), "it was rewritten");
    assert_eq!(undos(first), Vec::<PathBuf>::new());
    let journal = answer["report_path"].as_str().unwrap().replace(".md", ".jsonl");
    let journal = fs::read_to_string(first.path(journal)).unwrap();
    for event in [r#""event":"undo_made""#, r#""event":"undo_removed""#] {
        assert!(journal.contains(event), "{event}: {journal}");
    }
}

fn a_single_step_proves_the_members_equal(first: &Master) {
    let inode = inode(first);
    let defrag = ["defrag", "--yes", "--no-snapshot", "--member", "master-1", "-w", "json"];
    let answer = rescue(first, &defrag).ends(0).json();
    assert!(planned(&answer).is_string() && answer["undo_path"].is_null(), "{answer:#}");
    assert_ne!(inode, self::inode(first), "it was rewritten");
    assert_eq!(undos(first), Vec::<PathBuf>::new());
}

/// SIGTERM after this node's member was rewritten: the old file, and what to
/// type to put it back.
fn ended_in_between_it_is_told(first: &Master) -> (PathBuf, Vec<String>) {
    let inode = inode(first);
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("Step 5 of");
    run.signal(Signal::SIGTERM);
    let answer = run.finish().ends(143).json();
    let link = PathBuf::from(answer["undo_path"].as_str().expect("a path"));
    assert_eq!(the_only_one(first), link);
    assert_eq!(fs::symlink_metadata(first.path(&link)).unwrap().ino(), inode);
    let text = |part: &str| answer["error"][part].as_str().unwrap().to_owned();
    assert!(text("state").contains(&format!("is kept at {}", link.display())), "{answer:#}");
    let next = text("next");
    let (_, advice) = next.split_once("the old one can come back").expect("how");
    (link, advice.split('`').skip(1).step_by(2).take(3).map(str::to_owned).collect())
}

fn put_back_it_starts_and_is_equal(lab: &Lab, link: &Path, commands: &[String]) {
    let first = lab.master("master-1");
    let inode = fs::symlink_metadata(first.path(link)).unwrap().ino();
    let [stop, back, start] = commands else { panic!("{commands:?}") };
    let typed = |line: &str| {
        let output = first.command("/bin/sh").args(["-c", line]).output().expect("sh runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    typed(stop);
    until("etcd ends", PATIENCE, || first.pid_of("etcd").is_none());
    typed(back);
    typed(start);
    first.wait_serving(PATIENCE * 2).unwrap();
    assert_eq!(self::inode(first), inode, "it runs on the old file");
    assert_eq!(undos(first), Vec::<PathBuf>::new());
    judge::equal_hashes(lab);
}

/// SIGKILL after this node's member was rewritten: the name that is left.
fn killed_at(first: &Master, line: &str) -> PathBuf {
    let inode = inode(first);
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line(line);
    run.kill();
    run.finish();
    let link = first.path(the_only_one(first));
    let old = fs::symlink_metadata(&link).unwrap();
    assert_eq!((old.ino(), old.nlink()), (inode, 1), "the old file, and nowhere else");
    link
}

fn the_only_one(master: &Master) -> PathBuf {
    let [link] = &undos(master)[..] else { panic!("{:?}", undos(master)) };
    Path::new(HOME).join(link.file_name().expect("a name"))
}

/// The path in the plan's step for this node's member.
fn planned(answer: &Value) -> Value {
    let steps = answer["plan"].as_array().expect("a plan");
    let step = steps.iter().find(|step| step["id"] == "defrag:master-1").expect("its step");
    step["undo_path"].clone()
}

fn inode(master: &Master) -> u64 {
    let path = [DATABASE, "/var/lib/etcd/member/snap/db"].map(|path| master.path(path));
    path.iter().find_map(|path| fs::symlink_metadata(path).ok()).expect("a database").ino()
}

fn is_undo(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("undo-"))
}

fn undos(master: &Master) -> Vec<PathBuf> {
    files(master, HOME).into_iter().filter(|path| is_undo(path)).collect()
}
