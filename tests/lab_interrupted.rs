//! Runs that are stopped: by Ctrl-C, by `kill`, and by `kill -9` at every step
//! of one outage. Each ending tells the state, and the next run goes on.

mod common;

use std::{path::PathBuf, time::Duration};

use common::{
    alone, fill, has_new_file, judge,
    rescue::{PLACE, Rescue, Signal, files, full_first, in_order, rescue},
    three, until,
};
use lab::{Fill, Lab, Master};
use serde_json::Value;

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

/// Two thirds of the quota stay live, so that a defragmentation takes a moment.
const PATTERN: Fill = Fill::Churn { keys: 450, value_bytes: 100_000 };

#[test]
fn a_run_that_is_stopped_anywhere_is_finished_by_the_next() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 64 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, PATTERN, "master-2");
    let before = judge::data(first);
    let revision = judge::revision(first);

    let before_any_step = in_order("etcd cluster", "Step 1 of");
    let answer = interrupted_at(first, &RECOVER, before_any_step, Signal::SIGINT, 130);
    says_what_was_done(&answer, &[]);
    let save = ["snapshot", "save", "/var/lib/mine.db", "-w", "json"];
    let answer = interrupted_at(first, &save, "snapshot from", Signal::SIGTERM, 143);
    assert_eq!(answer["exit_code"], 143);
    assert!(!first.path("/var/lib/mine.db").exists());
    assert!(!first.path("/var/lib/mine.db.part").exists());
    assert_eq!(unfinished(first), Vec::<PathBuf>::new());

    killed_at(first, "snapshot from");
    assert_eq!(unfinished(first).len(), 1, "the writer had no chance to remove it");
    assert_eq!(judge::is_compacted(first, revision - 1), !full_first());
    // The end of the snapshot's step; everybody else is full until then.
    let saved = in_order("verified at", "Step 2 of");
    killed_at(first, saved);
    assert_eq!(unfinished(first), Vec::<PathBuf>::new(), "a left-over of the run before");

    hung_up_in_mid_run(first, saved);
    let answer = interrupted_in_a_defragmentation(&lab);
    says_what_was_done(
        &answer,
        in_order(&["compact", "compare", "snapshot"][..], &["snapshot", "compact"]),
    );
    let state = answer["error"]["state"].as_str().unwrap();
    assert!(state.contains("keeps defragmenting"), "{state}");
    assert!(judge::is_compacted(first, revision - 1));

    if full_first() {
        killed_at(first, ": defragment");
        one_at_a_time(first);
        killed_at(first, "Step 2 of");
    } else {
        one_at_a_time(first);
    }
    assert!(judge::alarms(&lab).contains("NOSPACE"));

    let answer = rescue(first, &RECOVER).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    let (last, report) = kept(first);
    assert_eq!((&last["event"], &last["outcome"]), (&"ended".into(), &"recovered".into()));
    assert!(report.contains(": recovered\n"), "{report}");
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
    judge::equal_hashes(&lab);
}

/// Signals a run as soon as it has said `line`.
fn interrupted_at(master: &Master, args: &[&str], line: &str, signal: Signal, code: i32) -> Value {
    let mut run = Rescue::start(master, args);
    run.await_line(line);
    run.signal(signal);
    run.finish().ends(code).json()
}

fn killed_at(master: &Master, line: &str) {
    let mut run = Rescue::start(master, &RECOVER);
    run.await_line(line);
    run.signal(Signal::SIGKILL);
    assert_eq!(run.finish().code, None);
}

/// A dropped SSH session: the journal ends with the state, the report can be
/// read, and what comes after this goes on.
fn hung_up_in_mid_run(master: &Master, line: &str) {
    let answer = interrupted_at(master, &RECOVER, line, Signal::SIGHUP, 129);
    let (last, report) = kept(master);
    assert_eq!((&last["event"], &last["exit_code"]), (&"ended".into(), &129.into()));
    let state = last["state"].as_str().expect("a state");
    assert!(state.contains("snapshot"), "{last}");
    assert_eq!(answer["error"]["state"], last["state"]);
    for part in ["SIGHUP", "## What is left to do", "| snapshot "] {
        assert!(report.contains(part), "`{part}` is not in {report}");
    }
    let path = answer["report_path"].as_str().expect("a report");
    assert!(path.starts_with("/var/log/etcd-rescue/"), "{path}");
}

/// The last line of the newest journal, and the newest report.
fn kept(master: &Master) -> (Value, String) {
    let newest = |extension: &str| {
        let mut files = files(master, "/var/log/etcd-rescue");
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        let newest = files.into_iter().max().expect("a run left one");
        std::fs::read_to_string(newest).expect("readable")
    };
    let journal = newest("jsonl");
    let last = journal.lines().last().expect("a line");
    (serde_json::from_str(last).expect("JSON"), newest("md"))
}

/// Freezes the member whose new file is growing, so that its defragmentation
/// is under way for sure, and presses Ctrl-C.
fn interrupted_in_a_defragmentation(lab: &Lab) -> Value {
    let mut run = Rescue::start(lab.master("master-1"), &RECOVER);
    run.await_line("Step 3 of");
    let mut rewriting = None;
    until("a new database file", Duration::from_secs(30), || {
        let found = lab.masters().iter().find(|master| has_new_file(master));
        rewriting = found.filter(|master| {
            master.signal("etcd", "STOP").unwrap();
            let frozen_in_it = has_new_file(master);
            if !frozen_in_it {
                // It was done already; the next member's turn comes.
                master.signal("etcd", "CONT").unwrap();
            }
            frozen_in_it
        });
        rewriting.is_some()
    });
    let rewriting = rewriting.expect("found");
    run.signal(Signal::SIGINT);
    let answer = run.finish().ends(130).json();
    rewriting.signal("etcd", "CONT").unwrap();
    lab.wait_serving(Duration::from_secs(60)).unwrap();
    until("the defragmentation ends", Duration::from_secs(60), || !has_new_file(rewriting));
    answer
}

/// A second run is refused while one is at work, here a frozen one; once that
/// is dead, its lock is in nobody's way.
fn one_at_a_time(master: &Master) {
    let mut run = Rescue::start(master, &RECOVER);
    run.await_line("Step 1 of");
    run.signal(Signal::SIGSTOP);
    let second = rescue(master, &RECOVER).ends(4);
    assert_eq!(second.json()["outcome"], "refused");
    assert!(second.stderr.contains("another etcd-rescue is at work"), "{}", second.stderr);
    run.signal(Signal::SIGKILL);
    run.finish();
}

fn says_what_was_done(answer: &Value, done: &[&str]) {
    let steps = answer["steps"].as_array().expect("steps");
    let ended: Vec<_> = steps.iter().filter(|step| step["status"] == "done").collect();
    let ids: Vec<_> = ended.iter().filter_map(|step| step["id"].as_str()).collect();
    assert!(ids.starts_with(done) && ids.is_empty() == done.is_empty(), "{ids:?}");
    assert_eq!(answer["exit_code"], 130);
    let state = answer["error"]["state"].as_str().expect("a state");
    assert!(done.iter().all(|id| state.contains(id)), "{state}");
    assert!(done.is_empty() == state.contains("Nothing was changed"), "{state}");
}

/// The unfinished snapshots of the default place.
fn unfinished(master: &Master) -> Vec<PathBuf> {
    let mut files = files(master, PLACE);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "part"));
    files
}
