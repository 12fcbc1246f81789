//! Faults of real servers in the middle of a recovery: processes killed, power
//! cut, cables pulled, leaders changed, slow disks, members down. The run goes
//! on or ends with a state; the next one completes it, and nothing is lost.

mod common;

use std::{collections::BTreeMap, fs, path::PathBuf, thread, time::Duration};

use common::{
    alone, fill, freeze_in_defragmentation, has_new_file, judge,
    rescue::{self, PLACE, Ran, Rescue, Signal, files, in_order},
    switch_off, switch_on, three, until,
};
use lab::{Fill, Lab, Master, Probes};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// How long a cable stays pulled: longer than an election, shorter than a run
/// waits.
const UNPLUGGED: Duration = Duration::from_secs(3);

/// Two thirds of the quota stay live, so that a defragmentation takes a moment.
const PATTERN: Fill = Fill::Churn { keys: 220, value_bytes: 100_000 };

/// One outage: what was there before it.
struct Outage<'a> {
    lab: &'a Lab,
    data: String,
    manifests: BTreeMap<PathBuf, Vec<u8>>,
}

impl<'a> Outage<'a> {
    /// Fills the cluster until etcd refuses.
    fn begin(lab: &'a Lab, leader: &str) -> Self {
        fill(lab, PATTERN, leader);
        Self { lab, data: judge::data(lab.master("master-1")), manifests: manifests(lab) }
    }

    /// Completes a run that ended part-way with another one, and judges.
    #[track_caller]
    fn is_over(&self, ran: Ran) {
        eprintln!("--- ended {:?}", ran.code);
        if ran.code != Some(0) {
            let answer = ran.json();
            assert!(matches!(ran.code, Some(4..=6)), "{answer:#}\n{}", ran.stderr);
            assert!(answer["error"]["next"].as_str().is_some_and(|next| !next.is_empty()));
            self.lab.wait_serving(PATIENCE).unwrap();
            recover(self.lab, &[]).ends(0);
        }
        self.judge();
    }

    /// Nothing lost, nothing left, everything writable.
    #[track_caller]
    fn judge(&self) {
        let masters = self.lab.masters();
        judge::same_data(&self.data, masters);
        judge::small(&self.data, masters);
        assert_eq!(judge::alarms(self.lab), "");
        for master in masters {
            let name = master.name();
            assert!(judge::put(master, &format!("/judge/{name}")), "{name} takes no write");
            assert!(!has_new_file(master), "{name} has a left-over database file");
            let kubelet = master.state_of("kubelet");
            assert!(kubelet.is_some_and(|state| state != 'T'), "{name}: {kubelet:?}");
            let mut parts = files(master, PLACE);
            parts.retain(|path| path.extension().is_some_and(|extension| extension == "part"));
            assert_eq!(parts, Vec::<PathBuf>::new());
        }
        judge::equal_hashes(self.lab);
        assert!(manifests(self.lab) == self.manifests, "a manifests directory was changed");
    }
}

fn manifests(lab: &Lab) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = lab.masters().iter().flat_map(|master| files(master, MANIFESTS));
    paths.map(|path| (path.clone(), fs::read(path).expect("read"))).collect()
}

fn recover(lab: &Lab, more: &[&str]) -> Ran {
    rescue::rescue(lab.master("master-1"), &[&RECOVER, more].concat())
}

fn start(lab: &Lab, more: &[&str]) -> Rescue {
    Rescue::start(lab.master("master-1"), &[&RECOVER, more].concat())
}

/// Holds the run where it says `line`, so that the fault hits this moment for
/// sure.
#[track_caller]
fn at(run: &mut Rescue, line: &str, fault: impl FnOnce()) {
    run.await_line(line);
    run.signal(Signal::SIGSTOP);
    fault();
    run.go_on();
}

fn defragmented(answer: &Value) -> Vec<&str> {
    let ids = answer["steps"].as_array().expect("steps").iter().map(|step| step["id"].as_str());
    ids.flatten().filter_map(|id| id.strip_prefix("defrag:")).collect()
}

#[test]
fn an_etcd_that_is_killed_in_the_middle_of_a_step_costs_nothing() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 32 << 20).speed(20)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };

    // The source of the snapshot in mid-stream, the one that is asked to compact,
    // those that settle their part of that, and the untouched ones.
    let outage = Outage::begin(&lab, "master-2");
    let mut run = start(&lab, &[]);
    let kills = in_order(
        vec![
            ("Step 1 of", first),
            (": defragment master-1", third),
            (": compare master-1", second),
            ("snapshot from master-1", first),
            (": defragment master", third),
        ],
        vec![("snapshot from master-1", first), ("Step 2 of", first), ("Step 3 of", third)],
    );
    for (line, victim) in kills {
        at(&mut run, line, || victim.kill_etcd().unwrap());
    }
    outage.is_over(run.finish());

    // In the middle of its defragmentation: this node's own, and another's.
    for victim in [first, third] {
        let outage = Outage::begin(&lab, "master-2");
        let mut run = start(&lab, &[]);
        run.await_line(in_order("Step 1 of", "Step 2 of"));
        freeze_in_defragmentation(victim);
        victim.kill_etcd().unwrap();
        outage.is_over(run.finish());
    }

    let outage = Outage::begin(&lab, "master-2");
    let mut run = start(&lab, &[]);
    run.await_line("Step 2 of");
    freeze_in_defragmentation(third);
    third.power_cut().unwrap();
    thread::sleep(UNPLUGGED);
    third.boot().unwrap();
    outage.is_over(run.finish());
    judge::stays_writable(&lab, &[first, second, third]);
}

#[test]
fn a_pulled_cable_another_leader_and_a_slow_disk_are_lived_through() {
    let _turn = alone();
    // No probe: a kubelet that kills a slow etcd is a fault of its own.
    let lab = Lab::up(three("3.4", 32 << 20).probes(Probes::None)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };

    let outage = Outage::begin(&lab, "master-2");
    let mut run = start(&lab, &[]);
    // An election in between changes whose turn it is, not what comes when.
    let defrag = ": defragment master";
    let mut cuts = in_order(
        vec![
            ("Step 1 of", second),
            (defrag, third),
            (": compare", second),
            ("snapshot from", third),
        ],
        vec![("Step 1 of", second), ("Step 2 of", third), (defrag, second)],
    );
    cuts.extend([(defrag, first), (defrag, third), (": disarm", second), (": verify", third)]);
    for (step, cut) in cuts {
        at(&mut run, step, || cut.cut_network().unwrap());
        thread::sleep(UNPLUGGED);
        cut.heal_network().unwrap();
    }
    outage.is_over(run.finish());

    let outage = Outage::begin(&lab, "master-2");
    let mut run = start(&lab, &[]);
    at(&mut run, in_order(": compare", "Step 2 of"), || lab.move_leader("master-3").unwrap());
    at(&mut run, ": defragment master-3 (leader)", || lab.move_leader("master-1").unwrap());
    let ran = run.finish().ends(0);
    assert_eq!(defragmented(&ran.json()).last(), Some(&"master-3"), "{}", ran.stderr);
    outage.is_over(ran);

    let outage = Outage::begin(&lab, "master-2");
    let slow = third.slow_sync(Duration::from_millis(300)).unwrap();
    let ran = recover(&lab, &[]).ends(0);
    drop(slow);
    outage.is_over(ran);
    judge::stays_writable(&lab, &[first, second, third]);
}

#[test]
fn members_that_are_down_are_named_waited_for_and_picked_up() {
    let _turn = alone();
    let lab = Lab::up(three("3.5", 32 << 20).speed(20)).unwrap();
    let [first, second, third] = lab.masters() else { panic!("three masters") };

    let outage = Outage::begin(&lab, "master-2");
    let revision = judge::revision(first);
    let untouched = |master: &Master| {
        assert!(!judge::is_compacted(master, revision - 1));
        assert_eq!(files(first, PLACE), Vec::<PathBuf>::new(), "a snapshot was taken");
    };
    // This node's own etcd is down for good, the others serve.
    switch_off(first);
    let said = recover(&lab, &["--wait", "2s"]).ends(4);
    assert!(said.stderr.contains("kubelet"), "{}", said.stderr);
    untouched(second);
    // So is a second one: no quorum is left.
    switch_off(third);
    until("the quorum is gone", PATIENCE, || !judge::put(second, "/judge/none"));
    let said = recover(&lab, &["--wait", "2s"]);
    assert!(matches!(said.code, Some(4 | 7)), "{}", said.stderr);
    untouched(second);
    switch_on_both(first, third);

    // One is without power from the start.
    third.power_cut().unwrap();
    until("a leader", PATIENCE, || {
        first.etcdctl(&["get", "x"]).is_ok_and(|out| out.status.success())
    });
    let said = recover(&lab, &[]).ends(4);
    for words in ["scp ", "ssh "] {
        assert!(said.stderr.contains(words), "{words} in {}", said.stderr);
    }
    untouched(first);
    // It comes back in the middle of a run without it.
    let mut run = start(&lab, &["--allow-missing", "master-3"]);
    at(&mut run, in_order(": compare", "Step 3 of"), || {
        third.boot().unwrap();
        third.wait_serving(PATIENCE).unwrap();
    });
    let ran = run.finish().ends(0);
    assert!(defragmented(&ran.json()).contains(&"master-3"), "{}", ran.stderr);
    outage.is_over(ran);

    // It comes back after such a run.
    let outage = Outage::begin(&lab, "master-2");
    third.power_cut().unwrap();
    let answer = recover(&lab, &["--allow-missing", "master-3"]).ends(0).json();
    assert!(answer["left"].to_string().contains("master-3"), "{answer:#}");
    judge::same_data(&outage.data, [first, second]);
    judge::small(&outage.data, [first, second]);
    third.boot().unwrap();
    third.wait_serving(PATIENCE).unwrap();
    recover(&lab, &[]).ends(0);
    outage.judge();

    // The one we are on stays away and is named.
    let outage = Outage::begin(&lab, "master-2");
    switch_off(first);
    recover(&lab, &["--wait", "2s", "--allow-missing", "master-1"]).ends(0);
    judge::same_data(&outage.data, [second, third]);
    judge::small(&outage.data, [second, third]);
    switch_on(first);
    recover(&lab, &[]).ends(0);
    outage.judge();
    judge::stays_writable(&lab, &[first, second, third]);
}

/// Neither serves before the other one is there.
fn switch_on_both(one: &Master, other: &Master) {
    one.signal("kubelet", "CONT").unwrap();
    switch_on(other);
    one.wait_serving(PATIENCE).unwrap();
}
