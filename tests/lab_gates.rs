//! The gates in front of real etcd: live data that exceed the quota, somebody
//! else's snapshot stream, a CORRUPT alarm. What is refused leaves revision,
//! sizes, alarms and files as they were, by etcdctl's word and the disk's.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{
    alone, fill, judge, release,
    rescue::{self, PLACE, Rescue, child_of, rescue},
    three, until,
};
use lab::{Fill, Lab, Master, Spec, Until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

/// Every key is written once: nothing is history.
const LIVE: Fill = Fill::Churn { keys: usize::MAX, value_bytes: 20_000 };

/// All that a refusal has to leave alone.
#[derive(Debug, PartialEq)]
struct Untouched {
    alarms: BTreeSet<String>,
    members: Vec<(i64, u64, BTreeMap<PathBuf, u64>)>,
    files: Vec<PathBuf>,
}

fn untouched(lab: &Lab) -> Untouched {
    let of = |master: &Master| {
        let mut files = BTreeMap::new();
        sizes(&master.path("/var/lib/etcd/member"), &mut files);
        assert!(files.len() >= 3, "{files:?}");
        (judge::revision(master), judge::db_size(master), files)
    };
    let places = ["/var/backups", "/var/backups/etcd-rescue", PLACE];
    let of_all = |dir| lab.masters().iter().flat_map(move |master| rescue::files(master, dir));
    Untouched {
        // etcdctl lists them in any order.
        alarms: judge::alarms(lab).lines().map(str::to_owned).collect(),
        members: lab.masters().iter().map(of).collect(),
        files: places.into_iter().flat_map(of_all).collect(),
    }
}

/// The same twice in a row: etcd writes its last pages a moment later.
fn at_rest(lab: &Lab) -> Untouched {
    let mut seen = untouched(lab);
    until("nothing changes any more", PATIENCE, || {
        thread::sleep(Duration::from_millis(500));
        let before = std::mem::replace(&mut seen, untouched(lab));
        before == seen
    });
    seen
}

fn sizes(dir: &Path, into: &mut BTreeMap<PathBuf, u64>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let meta = entry.metadata().unwrap();
        match meta.is_dir() {
            true => sizes(&entry.path(), into),
            false => drop(into.insert(entry.path(), meta.len())),
        }
    }
}

/// Runs it, and fails unless it is refused for `gate` and changes nothing;
/// what it says to do next.
#[track_caller]
fn refused(lab: &Lab, args: &[&str], gate: &str) -> String {
    let before = at_rest(lab);
    let answer = rescue(lab.master("master-1"), args).ends(4).json();
    assert_eq!(answer["outcome"], "refused", "{answer:#}");
    assert_eq!(answer["refusals"][0]["kind"], gate, "{answer:#}");
    assert_eq!((&answer["steps"], &answer["snapshot"]), (&serde_json::json!([]), &Value::Null));
    assert_eq!(untouched(lab), before);
    answer["error"]["next"].as_str().expect("what next").to_owned()
}

/// The command in backquotes that has `part` in it, run by a shell of the
/// master as a person would paste it.
#[track_caller]
fn pasted(master: &Master, next: &str, part: &str, change: (&str, &str)) -> String {
    let mut commands = next.split('`').skip(1).step_by(2);
    let command = commands.find(|command| command.contains(part)).expect(next);
    let command = command.replace(change.0, change.1);
    let out = master.command("/bin/sh").args(["-c", &command]).output().unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn live_data_over_the_quota_change_nothing_until_some_are_deleted() {
    let _turn = alone();
    for line in ["3.4", "3.5.16"] {
        let lab = Lab::up(three(line, 32 << 20)).unwrap();
        let first = lab.master("master-1");
        fill(&lab, LIVE, "master-2");
        let next = refused(&lab, &RECOVER, "live_data_over_quota");
        refused(&lab, &[&RECOVER[..], &["--no-snapshot"]].concat(), "live_data_over_quota");

        // There are no events, and nothing else here is safe to lose.
        assert!(next.contains("There are no events to delete"), "{next}");
        assert!(next.contains("etcd-rescue prevent --quota 64MiB"), "{next}");
        let deleted = judge::said(first.etcdctl(&["del", "/churn/1", "--prefix"]));
        assert!(deleted.trim().parse::<u32>().unwrap() > 500, "{deleted}");
        let before = judge::data(first);
        let answer = rescue(first, &RECOVER).ends(0).json();
        assert_eq!(answer["outcome"], "recovered");
        predicted(&answer, 0);
        judge::same_data(&before, lab.masters());
        assert!(judge::put(first, "/judge/first"));
    }
}

/// The predicted size is what a real defragmentation left, within a tenth.
#[track_caller]
fn predicted(answer: &Value, member: usize) {
    let live = &answer["live_data"];
    let after = answer["members"][member]["db_size_after"].as_f64().expect("a size");
    let off = live["db_size"].as_f64().expect("counted") / after - 1.0;
    eprintln!("predicted {live}, got {after}: {:+.1} %", off * 100.0);
    assert_eq!(live["partial"], false);
    assert!(off.abs() < 0.1, "{answer:#}");
}

#[test]
fn a_nearly_full_database_is_recovered_when_that_is_accepted() {
    let _turn = alone();
    // So many keys, written more than once or not, take nine tenths of the quota
    // and a little more; how far the fill overshoots makes no difference.
    for (line, keys, value_bytes, quota) in
        [("3.4", 3_700, 2_000, 16 << 20), ("3.5.16", 1_800, 50_000, 96 << 20)]
    {
        let lab = Lab::up(Spec::new(1, &[release(line)]).quota(quota)).unwrap();
        let live = Fill::Churn { keys, value_bytes };
        lab.fill(live, Until::Bytes(quota / 100 * 93)).unwrap();
        let eight = Fill::Churn { keys: 8, value_bytes: 60_000 };
        fill(&lab, eight, "master-1");
        let next = refused(&lab, &RECOVER, "live_data_over_quota");
        assert!(next.contains(" --accept-nearly-full`"), "{next}");
        let accepted = [&RECOVER[..], &["--accept-nearly-full"]].concat();
        let answer = rescue(lab.master("master-1"), &accepted).ends(0).json();
        assert_eq!(answer["outcome"], "recovered");
        predicted(&answer, 0);

        lab.raise_corrupt(lab.master("master-1")).unwrap();
        let next = refused(&lab, &accepted, "corrupt");
        refused(&lab, &["disarm", "--yes", "-w", "json"], "corrupt");
        refused(&lab, &["compact", "--yes", "-w", "json"], "corrupt");
        let hashes = pasted(lab.master("master-1"), &next, "hashkv", ("-w table", "-w json"));
        assert!(hashes.contains("\"hash\":"), "{hashes}");
        assert!(judge::alarms(&lab).contains("CORRUPT"));
    }
}

/// An etcdctl inside a master that began to read a snapshot and was stopped.
struct Stalled {
    child: Child,
    /// What it writes; /var/tmp is the machine's.
    file: PathBuf,
}

impl Stalled {
    fn begin(master: &Master) -> Self {
        let part = master.path("/var/tmp/foreign.db.part");
        let _ = fs::remove_file(&part);
        let pki = |name: &str| format!("/etc/kubernetes/pki/etcd/{name}");
        let child = master
            .command(&master.release().etcdctl)
            .arg(format!("--cacert={}", pki("ca.crt")))
            .arg(format!("--cert={}", pki("server.crt")))
            .arg(format!("--key={}", pki("server.key")))
            .arg("--endpoints=https://127.0.0.1:2379")
            .args(["snapshot", "save", "/var/tmp/foreign.db"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = || fs::metadata(&part).is_ok_and(|meta| meta.len() > 0);
        let deadline = Instant::now() + PATIENCE;
        while !begun() {
            assert!(Instant::now() < deadline, "etcdctl reads nothing");
            thread::sleep(Duration::from_millis(1));
        }
        let stalled = Self { child, file: master.path("/var/tmp/foreign.db") };
        stalled.signal(Signal::SIGSTOP);
        stalled
    }

    fn signal(&self, signal: Signal) {
        let pid = child_of(self.child.id()).expect("it still runs");
        kill(Pid::from_raw(pid), signal).expect("it still runs");
    }

    /// Lets it read to its end.
    fn release(mut self) {
        self.signal(Signal::SIGCONT);
        self.wake_launcher();
        assert!(self.child.wait().unwrap().success());
    }

    /// nsenter stopped with it, and does not go on with it.
    fn wake_launcher(&self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGCONT);
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        if let Some(pid) = child_of(self.child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        self.wake_launcher();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
        let _ = fs::remove_file(self.file.with_extension("db.part"));
    }
}

#[test]
fn somebody_elses_snapshot_stream_is_waited_for_and_freezes_nobody() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.30", 96 << 20)).unwrap();
    let [first, second, _] = lab.masters() else { panic!("three masters") };
    fill(&lab, Fill::churn(), "master-1");
    let learner = ["member", "add", "late", "--learner", "--peer-urls=https://10.199.0.99:2380"];
    // etcd wants to see all members connected for a while first.
    until("a learner is added", PATIENCE, || lab.etcdctl(&learner).unwrap().status.success());
    let before = judge::data(first);

    let stalled = Stalled::begin(second);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reads = scope.spawn(|| reads_until(second, &over));
        let briefly = [&RECOVER[..], &["--wait", "3s"]].concat();
        let next = refused(&lab, &briefly, "snapshot_streams");
        assert!(next.contains("master-2") && next.contains("ss -tnp"), "{next}");

        let mut patient = Rescue::start(first, &RECOVER);
        patient.await_line("waiting for the snapshot stream on master-2 to end");
        stalled.release();
        let answer = patient.finish().ends(0).json();
        assert_eq!(answer["outcome"], "recovered");
        let cautions = answer["cautions"].to_string();
        assert!(cautions.contains("is a learner") && !cautions.contains("backup"), "{cautions}");
        over.store(true, Ordering::Relaxed);
        assert!(reads.join().unwrap() > 10);
    });
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
}

/// Reads from the member all the time; each has to be answered soon. How many
/// there were.
fn reads_until(master: &Master, over: &AtomicBool) -> u32 {
    let mut reads = 0;
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        judge::said(master.etcdctl(&["get", "/churn/0", "--consistency=s", "--keys-only"]));
        assert!(began.elapsed() < Duration::from_secs(5), "{} was frozen", master.name());
        reads += 1;
        thread::sleep(Duration::from_millis(50));
    }
    until("it still serves", PATIENCE, || master.wait_serving(PATIENCE).is_ok());
    reads
}
