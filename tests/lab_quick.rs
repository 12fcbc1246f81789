//! The quick order with real masters: one member is made small, proven equal and
//! saved before the others are touched, and `kill -9` at any of its points
//! leaves a full copy or a snapshot. etcdctl and etcdutl judge.

mod common;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use common::{
    alone, fill, freeze_in_defragmentation, has_new_file, judge,
    rescue::{PLACE, Ran, Rescue, Signal, files, rescue},
    snapshot, three, until,
};
use lab::{Fill, Lab, Master};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
/// Whatever order the other suites are asked to test.
const RECOVER: [&str; 6] = ["recover", "--yes", "-w", "json", "--snapshot", "auto"];
const QUOTA: u64 = 64 << 20;

/// More than half of it stays live: what an ended run has made small is not
/// half as big as the others.
const PATTERN: Fill = Fill::Churn { keys: 360, value_bytes: 100_000 };

/// One outage: what was there before it.
struct Outage<'a> {
    lab: &'a Lab,
    data: String,
    sizes: BTreeMap<String, u64>,
    snapshots: Vec<PathBuf>,
}

impl<'a> Outage<'a> {
    /// Fills the cluster until etcd refuses; master-1, where the rescue runs, is
    /// a follower and the first to be made small.
    fn begin(lab: &'a Lab) -> Self {
        fill(lab, PATTERN, "master-2");
        Self::of(lab)
    }

    fn of(lab: &'a Lab) -> Self {
        let sizes = lab.masters().iter();
        Self {
            lab,
            data: judge::data(lab.master("master-1")),
            sizes: sizes.map(|it| (it.name().to_owned(), judge::db_size(it))).collect(),
            snapshots: snapshots(lab),
        }
    }

    /// Whose files are as large as they were.
    fn untouched(&self) -> Vec<&str> {
        self.lab.wait_serving(PATIENCE).unwrap();
        let masters = self.lab.masters().iter();
        let full = masters.filter(|it| judge::db_size(it) >= self.sizes[it.name()]);
        full.map(Master::name).collect()
    }

    /// The snapshot that was saved meanwhile; fails unless it restores to what
    /// was there.
    #[track_caller]
    fn saved(&self) -> bool {
        let mut new = snapshots(self.lab);
        new.retain(|path| !self.snapshots.contains(path));
        let first = self.lab.master("master-1");
        for path in &new {
            snapshot::private(path);
            assert!(snapshot::restored(first, path) == self.data, "{} is not it", path.display());
        }
        !new.is_empty()
    }

    /// The promise: a verified snapshot, or a member that nobody has touched.
    #[track_caller]
    fn never_the_last_copy(&self) {
        let untouched = self.untouched();
        eprintln!("untouched: {untouched:?}");
        assert!(!untouched.is_empty() || self.saved(), "no full copy and no snapshot");
    }

    /// The next run ends it, and nothing is lost or left.
    #[track_caller]
    fn is_over(&self) -> Value {
        let answer = rescue(self.lab.master("master-1"), &RECOVER).ends(0).json();
        assert_eq!(answer["outcome"], "recovered", "{answer:#}");
        assert!(self.saved());
        self.judge();
        answer
    }

    #[track_caller]
    fn judge(&self) {
        let masters = self.lab.masters();
        judge::same_data(&self.data, masters);
        judge::small(&self.data, masters);
        judge::equal_hashes(self.lab);
        assert_eq!(judge::alarms(self.lab), "");
        for master in masters {
            assert!(judge::put(master, "/judge/writes"), "{} takes no write", master.name());
            let left = [files(master, PLACE), files(master, "/var/lib/etcd/member/snap")].concat();
            for path in left.iter().map(|path| path.to_string_lossy()) {
                assert!(!path.ends_with(".part") && !path.contains("db.tmp."), "{path}");
            }
        }
    }
}

fn snapshots(lab: &Lab) -> Vec<PathBuf> {
    let mut all = files(lab.master("master-1"), PLACE);
    all.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    all
}

fn steps(answer: &Value) -> Vec<&str> {
    let steps = answer["steps"].as_array().expect("steps").iter();
    steps.filter_map(|step| step["id"].as_str()).collect()
}

fn start(lab: &Lab) -> Rescue {
    Rescue::start(lab.master("master-1"), &RECOVER)
}

/// SIGKILL where it says this line.
fn killed_at(lab: &Lab, line: &str) -> Ran {
    eprintln!("--- killed at `{line}`");
    let mut run = start(lab);
    run.await_line(line);
    run.kill();
    run.finish()
}

/// SIGKILL while a member is in its defragmentation, which goes on.
fn killed_in_the_first_defragmentation(lab: &Lab) {
    let first = lab.master("master-1");
    let mut run = start(lab);
    run.await_line("Step 1 of");
    freeze_in_defragmentation(first);
    run.kill();
    run.finish();
    first.signal("etcd", "CONT").unwrap();
    first.wait_serving(PATIENCE).unwrap();
    until("its end", PATIENCE, || !has_new_file(first));
}

#[test]
fn the_quick_order_and_a_kill_at_each_of_its_points() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", QUOTA)).unwrap();

    let outage = Outage::begin(&lab);
    let answer = outage.is_over();
    let first = ["compact", "defrag:master-1", "compare", "snapshot"];
    let rest = ["defrag:master-3", "defrag:master-2", "disarm", "verify"];
    assert_eq!(steps(&answer), [first, rest].concat());

    // Before the snapshot, one after the other in one outage: however often, one
    // member alone is touched.
    let outage = Outage::begin(&lab);
    killed_at(&lab, "OK     history up to");
    outage.never_the_last_copy();
    assert!(outage.untouched().len() >= 2, "{:?}", outage.untouched());
    killed_in_the_first_defragmentation(&lab);
    assert_eq!(outage.untouched(), ["master-2", "master-3"]);
    for line in [": compare", "snapshot from", ": compare", "snapshot from"] {
        // Also when somebody else leads then.
        lab.move_leader(if line == ": compare" { "master-3" } else { "master-1" }).unwrap();
        killed_at(&lab, line);
        assert_eq!(outage.untouched(), ["master-2", "master-3"], "{line}");
        outage.never_the_last_copy();
    }
    let answer = outage.is_over();
    assert_eq!(steps(&answer)[..3], ["compact", "compare", "snapshot"], "it is small already");

    // After it.
    let outage = Outage::begin(&lab);
    killed_at(&lab, "verified at");
    assert!(outage.saved());
    assert_eq!(outage.untouched().len(), 2);
    killed_at(&lab, ": defragment master-3");
    outage.never_the_last_copy();
    killed_at(&lab, ": disarm");
    outage.never_the_last_copy();
    let answer = rescue(lab.master("master-1"), &RECOVER).ends(0).json();
    assert!(["recovered", "nothing_to_do"].contains(&answer["outcome"].as_str().unwrap()));
    outage.judge();
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}

/// All are full, and one was made smaller by somebody who kept half of the
/// history.
fn fill_with_one_that_can_wait(lab: &Lab) -> Outage<'_> {
    let [first, _, third] = lab.masters() else { panic!("three masters") };
    fill(lab, Fill::Churn { keys: 100, value_bytes: 100_000 }, "master-2");
    let half = (judge::revision(first) - 300).to_string();
    judge::said(first.etcdctl(&["compact", "--physical", &half]));
    judge::said(third.etcdctl(&["compact", "--physical", &half]).map(succeeded));
    judge::said(third.etcdctl(&["defrag"]));
    let outage = Outage::of(lab);
    let size = outage.sizes["master-3"];
    assert!(size < QUOTA / 10 * 9 && size > QUOTA / 3, "{size}");
    outage
}

/// Settling is answered with an error: everything is compacted already.
fn succeeded(mut output: std::process::Output) -> std::process::Output {
    output.status = std::process::ExitStatus::default();
    output
}

#[test]
fn a_member_that_can_wait_is_done_while_writes_are_accepted() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", QUOTA)).unwrap();
    let first = lab.master("master-1");

    let outage = fill_with_one_that_can_wait(&lab);
    let mut run = start(&lab);
    run.await_line(": defragment master-3");
    run.signal(Signal::SIGSTOP);
    assert_eq!(judge::alarms(&lab), "");
    for master in lab.masters() {
        assert!(judge::put(master, "/judge/writes"), "{} takes no write", master.name());
    }
    assert_eq!(outage.untouched(), ["master-3"]);
    run.go_on();
    let answer = run.finish().ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    let ids = steps(&answer);
    let place = |id: &str| ids.iter().position(|known| *known == id).expect("the step");
    assert!(place("disarm") < place("defrag:master-3") && place("snapshot") < place("disarm"));
    judge::small(&outage.data, lab.masters());
    judge::equal_hashes(&lab);

    // Killed there: nothing is urgent any more, and the next run says what is
    // left.
    let outage = fill_with_one_that_can_wait(&lab);
    killed_at(&lab, ": defragment master-3");
    outage.never_the_last_copy();
    let ran = rescue(first, &["recover", "--yes"]).ends(0);
    let text = ran.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Nothing to do: no alarm is on"), "{text}");
    let left = outage.untouched() == ["master-3"];
    assert_eq!(text.contains("etcd-rescue defrag --member master-3`"), left, "{text}");
    rescue(first, &["defrag", "--yes", "--member", "master-3"]).ends(0);
    outage.judge();

    // All small, and only the alarm was forgotten.
    let outage = Outage::begin(&lab);
    let revision = judge::revision(first).to_string();
    for master in lab.masters() {
        let settle = master.etcdctl(&["compact", "--physical", &revision]);
        judge::said(settle.map(succeeded));
        judge::said(master.etcdctl(&["defrag"]));
    }
    assert!(judge::alarms(&lab).contains("NOSPACE"));
    assert_eq!(steps(&outage.is_over())[..2], ["disarm", "snapshot"]);
}
