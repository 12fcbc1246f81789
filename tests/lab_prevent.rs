//! `prevent` on real masters: the flags are what etcd runs with, the rest of the
//! manifest stays, its directory never holds another file, a value that etcd
//! does not start with is taken back, and a run that is killed or loses power at
//! any step is finished by the next one.

mod common;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use common::{
    alone, fill, judge, release,
    rescue::{PLACE, Rescue, files, rescue},
    switch_off, switch_on, three, until,
};
use lab::{Fill, Lab, Master, Spec};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde_json::Value;

const MANIFESTS: &str = "/etc/kubernetes/manifests";
const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
const RECORD: &str = "/var/lib/etcd-rescue/unfinished-change.json";
const BACKUPS: &str = "/var/lib/etcd-rescue/manifests";

/// Containers stop and start within this time even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Every name that appears in a directory, for as long as it is watched.
struct Watched {
    over: Arc<AtomicBool>,
    names: JoinHandle<BTreeSet<OsString>>,
}

impl Watched {
    fn begin(directory: &Path) -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
        let all = AddWatchFlags::IN_ALL_EVENTS;
        inotify.add_watch(directory, all).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let names = thread::spawn(move || {
            let mut names = BTreeSet::new();
            loop {
                // Read once more after the end was told.
                let last = stop.load(Ordering::SeqCst);
                let events = inotify.read_events().unwrap_or_default();
                names.extend(events.into_iter().filter_map(|event| event.name));
                if last {
                    return names;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { over, names }
    }

    fn end(self) -> Vec<OsString> {
        self.over.store(true, Ordering::SeqCst);
        self.names.join().unwrap().into_iter().collect()
    }
}

/// Waits for the first file that gets a name in this directory.
fn await_file(inotify: &Inotify, wanted: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let events = inotify.read_events().unwrap_or_default();
        let mut names = events.iter().filter_map(|event| event.name.as_ref()?.to_str());
        if names.any(&wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "it never appeared");
        thread::yield_now();
    }
}

fn watch(directory: &Path) -> Inotify {
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
    let named = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    inotify.add_watch(directory, named).unwrap();
    inotify
}

fn manifest(master: &Master) -> String {
    fs::read_to_string(master.path(MANIFEST)).expect("a manifest")
}

/// What the etcd process of this master was started with, by the kernel.
fn args(master: &Master) -> Vec<String> {
    let pid = master.pid_of("etcd").expect("etcd runs");
    let proc = master.path(format!("/proc/{pid}/cmdline"));
    let words = fs::read(proc).expect("its command line");
    words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Puts other words into a manifest as a careful person does, and waits until
/// the kubelet has taken it.
fn edit(master: &Master, change: impl FnOnce(String) -> String) {
    let outside = master.path("/etc/kubernetes/edited");
    fs::write(&outside, change(manifest(master))).unwrap();
    fs::rename(&outside, master.path(MANIFEST)).unwrap();
    // Comments alone are no other pod for this kubelet.
    thread::sleep(Duration::from_secs(1));
    until("etcd runs", PATIENCE, || master.pid_of("etcd").is_some());
    master.wait_serving(PATIENCE).unwrap();
}

fn prevent(master: &Master, more: &[&str], code: i32) -> Value {
    let name = master.name().to_owned();
    let args = [&["prevent", "--confirm", &name, "-w", "json"], more].concat();
    rescue(master, &args).ends(code).json()
}

/// Nothing of a change is left but the backups.
#[track_caller]
fn nothing_is_left(master: &Master) {
    assert!(!master.path(RECORD).exists(), "a record");
    for directory in ["/etc/kubernetes", MANIFESTS, PLACE, BACKUPS] {
        for path in files(master, directory) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(!name.contains("etcd-rescue-") && !name.ends_with(".new"), "{name}");
        }
    }
    assert_eq!(files(master, MANIFESTS).len(), 1);
}

/// `new` is `old` with these lines added and nothing else.
#[track_caller]
fn only_added(old: &str, new: &str, lines: &[&str]) {
    let mut left: Vec<&str> = new.lines().collect();
    for line in lines {
        let at = left.iter().position(|one| one.trim() == format!("- {line}"));
        left.remove(at.unwrap_or_else(|| panic!("no {line} in\n{new}")));
    }
    assert_eq!(left, old.lines().collect::<Vec<_>>());
}

#[test]
fn each_master_in_turn_runs_with_the_flags() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).speed(5)).unwrap();
    assert!(judge::put(lab.master("master-1"), "kept"));
    let data = judge::data(lab.master("master-1"));
    let flags = ["--auto-compaction-mode=periodic", "--auto-compaction-retention=1h"];
    for master in lab.masters() {
        edit(master, |text| {
            text.replace("    - --snapshot", "    # ours: do not touch\n    - --snapshot")
                .replace("  hostNetwork: true\n", "  hostNetwork: true # as kubeadm has it\n")
        });
        let before = manifest(master);
        assert!(before.contains("# ours") && before.contains("# as kubeadm"));
        let planned = prevent(master, &["--dry-run"], 0);
        assert_eq!(planned["outcome"], "planned");
        let diff = planned["diff"].as_array().unwrap();
        assert_eq!(diff.iter().filter(|line| line["kind"] == "added").count(), 2, "{planned:#}");
        assert!(diff.iter().all(|line| line["kind"] != "removed"), "{planned:#}");
        let asked = rescue(master, &["prevent", "--yes", "-w", "json"]).ends(3).json();
        assert_eq!(asked["outcome"], "needs_decision");
        let next = asked["error"]["next"].as_str().unwrap();
        assert!(next.contains(&format!("--confirm {}", master.name())), "{next}");
        let other = ["prevent", "--confirm", "master-9", "-w", "json"];
        rescue(master, &other).ends(3);
        assert_eq!(manifest(master), before);
        assert!(files(master, BACKUPS).is_empty());

        let watched = Watched::begin(&master.path(MANIFESTS));
        let answer = prevent(master, &[], 0);
        let names = watched.end();
        assert_eq!(names, ["etcd.yaml"], "what was ever there");
        assert_eq!(answer["outcome"], "done");
        assert_ne!(answer["restarted"]["container_before"], answer["restarted"]["container_after"]);
        only_added(&before, &manifest(master), &flags);
        let runs = args(master);
        for flag in flags {
            assert!(runs.iter().any(|word| word == flag), "{flag} in {runs:?}");
        }
        judge::status(master);
        let backup = master.path(answer["backup"].as_str().unwrap());
        assert_eq!(fs::read_to_string(backup).unwrap(), before);
        nothing_is_left(master);

        let again = prevent(master, &[], 0);
        assert_eq!(
            (&again["outcome"], &again["restarted"]),
            (&"nothing_to_do".into(), &Value::Null)
        );
        let next = &again["next"];
        match master.name() {
            "master-3" => assert_eq!(next, &Value::Null),
            _ => assert!(next.as_str().is_some_and(|line| line.starts_with("scp ")), "{next}"),
        }
    }
    judge::same_data(&data, lab.masters());
    judge::equal_hashes(&lab);
}

#[test]
fn a_script_on_all_masters_at_once_never_stops_two() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).speed(5)).unwrap();
    let pids: Vec<_> = lab.masters().iter().map(|master| master.pid_of("etcd")).collect();
    let runs: Vec<Rescue> = lab
        .masters()
        .iter()
        .map(|master| {
            let args = ["prevent", "--confirm", master.name(), "-w", "json"];
            Rescue::start(master, &args)
        })
        .collect();
    let over = Arc::new(AtomicBool::new(false));
    let most_away = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::SeqCst) {
                let runs = |master: &&Master| master.pid_of("etcd").is_none();
                most = most.max(lab.masters().iter().filter(runs).count());
                thread::sleep(Duration::from_millis(5));
            }
            most
        });
        let codes: Vec<_> = runs.into_iter().map(|run| run.finish().code).collect();
        over.store(true, Ordering::SeqCst);
        assert_eq!(codes[0], Some(0), "{codes:?}");
        // The others saw it away, or came after it.
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 4))), "{codes:?}");
        watch.join().unwrap()
    });
    assert_eq!(most_away, 1, "one master at a time");
    assert_ne!(lab.master("master-1").pid_of("etcd"), pids[0]);
    for master in lab.masters() {
        assert_eq!(prevent(master, &[], 0)["exit_code"], 0, "a rerun does the rest");
        nothing_is_left(master);
    }
}

#[test]
fn a_value_that_etcd_does_not_start_with_is_taken_back() {
    let _turn = alone();
    for (masters, wanted) in [(3, "3.5.16"), (1, "3.4.23")] {
        let lab = Lab::up(Spec::new(masters, &[release(wanted)]).speed(5)).unwrap();
        let first = lab.master("master-1");
        assert!(judge::put(first, "kept"));
        let data = judge::data(first);
        let before = fs::read(first.path(MANIFEST)).unwrap();
        let broken = ["--auto-compaction-retention", "banana"];
        let watched = Watched::begin(&first.path(MANIFESTS));
        let answer = prevent(first, &broken, 6);
        assert_eq!(watched.end(), ["etcd.yaml"]);
        assert_eq!(answer["outcome"], "rolled_back");
        let what = answer["error"]["what"].as_str().unwrap();
        assert!(what.contains("banana"), "{what}");
        assert!(answer["log"].as_array().is_some_and(|log| !log.is_empty()));
        assert!(fs::read(first.path(MANIFEST)).unwrap() == before, "byte for byte");
        assert!(!args(first).iter().any(|word| word.contains("auto-compaction")));
        judge::same_data(&data, lab.masters());
        nothing_is_left(first);
        if masters == 1 {
            // A caution, and the way back, whatever the word.
            let answer = prevent(first, &["--auto-compaction-mode", "bogus"], 6);
            assert_eq!(answer["outcome"], "rolled_back");
            assert!(answer["cautions"].to_string().contains("`bogus` is no mode"), "{answer:#}");
            assert!(fs::read(first.path(MANIFEST)).unwrap() == before, "byte for byte");
        }

        // Killed while the broken etcd is tried: the next run takes it back.
        let name = first.name();
        let confirmed = ["prevent", "--confirm", name, "-w", "json", broken[0], broken[1]];
        let mut run = Rescue::start(first, &confirmed);
        run.await_line("restarting etcd");
        run.kill();
        run.finish();
        let without = rescue(first, &["prevent", "-w", "json", broken[0], broken[1]]).ends(3);
        let next = without.json()["error"]["next"].to_string();
        assert!(next.contains("--confirm master-1") && next.contains("banana"), "{next}");
        let answer = rescue(first, &confirmed).ends(6).json();
        assert_eq!(answer["outcome"], "rolled_back");
        assert!(fs::read(first.path(MANIFEST)).unwrap() == before, "byte for byte");
        first.wait_serving(PATIENCE).unwrap();
        judge::same_data(&data, lab.masters());
        nothing_is_left(first);
        lab.down().unwrap();
    }
}

#[test]
fn nothing_is_changed_where_it_could_go_wrong() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).speed(5)).unwrap();
    let first = lab.master("master-1");
    let before = manifest(first);
    let pid = first.pid_of("etcd");
    let refused = |what: &str| {
        let answer = prevent(first, &[], 4);
        assert_eq!(answer["outcome"], "refused");
        let said = answer["error"].to_string();
        assert!(said.contains(what), "{what}: {said}");
        assert_eq!((manifest(first), first.pid_of("etcd")), (before.clone(), pid));
        assert!(!first.path(RECORD).exists() && files(first, BACKUPS).is_empty());
    };
    let mount = |args: &[&str]| {
        assert!(first.command("/bin/mount").args(args).status().unwrap().success());
    };

    switch_off(lab.master("master-2"));
    refused("master-2 does not answer");
    switch_on(lab.master("master-2"));

    mount(&["-o", "remount,bind,ro", "/etc/kubernetes"]);
    refused("read-only");
    mount(&["-o", "remount,bind,rw", "/etc/kubernetes"]);

    mount(&["--bind", MANIFESTS, MANIFESTS]);
    refused("mount point of its own");
    assert!(first.command("/bin/umount").arg(MANIFESTS).status().unwrap().success());

    first.signal("kubelet", "STOP").unwrap();
    refused("kill -CONT");
    first.signal("kubelet", "CONT").unwrap();

    // The same pod, so that this kubelet has nothing to do.
    let copy = first.path(format!("{MANIFEST}.bak"));
    fs::write(&copy, &before).unwrap();
    refused("mv /etc/kubernetes/manifests/etcd.yaml.bak");
    fs::remove_file(copy).unwrap();

    let small = prevent(first, &["--quota", "16k"], 4);
    assert!(small["error"]["what"].as_str().unwrap().contains("every write would be refused"));
    let large = prevent(first, &["--quota", "9GiB"], 2);
    assert_eq!(large["outcome"], "failed");
    assert_eq!(manifest(first), before);
    assert_eq!(prevent(first, &[], 0)["outcome"], "done");
}

/// Where a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Backup,
    Record,
    Replaced,
    Waiting,
}

/// Starts a change of the retention, and kills it there.
fn killed_at(master: &Master, retention: &str, moment: Moment, kill: impl FnOnce(&Rescue)) {
    let name = master.name();
    let args = ["prevent", "--confirm", name, "--auto-compaction-retention", retention];
    fs::create_dir_all(master.path(BACKUPS)).unwrap();
    let watches = [BACKUPS, PLACE, MANIFESTS].map(|directory| watch(&master.path(directory)));
    let mut run = Rescue::start(master, &args);
    match moment {
        Moment::Backup => await_file(&watches[0], |_| true),
        Moment::Record => await_file(&watches[1], |name| name == "unfinished-change.json"),
        Moment::Replaced => await_file(&watches[2], |_| true),
        Moment::Waiting => {
            run.await_line("restarting etcd");
            thread::sleep(Duration::from_millis(700));
        }
    }
    kill(&run);
    let killed = run.finish();
    assert!(!killed.stderr.contains("Done: "), "{moment:?} came too late: {}", killed.stderr);
}

#[track_caller]
fn finished_by_the_next(master: &Master, retention: &str) {
    let before = manifest(master);
    let answer = prevent(master, &["--auto-compaction-retention", retention], 0);
    assert_eq!(answer["outcome"], "done", "{answer:#}");
    let flag = format!("--auto-compaction-retention={retention}");
    assert!(args(master).contains(&flag), "{flag}");
    assert!(manifest(master).contains(&flag), "{before}");
    master.wait_serving(PATIENCE).unwrap();
    nothing_is_left(master);
}

#[test]
fn a_run_killed_at_any_step_is_finished_by_the_next() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).speed(5)).unwrap();
    let first = lab.master("master-1");
    assert!(judge::put(first, "kept"));
    let data = judge::data(first);
    let moments = [Moment::Backup, Moment::Record, Moment::Replaced, Moment::Waiting];
    for (hours, moment) in (1..).zip(moments) {
        let retention = format!("{hours}h");
        killed_at(first, &retention, moment, Rescue::kill);
        finished_by_the_next(first, &retention);
        judge::same_data(&data, lab.masters());
    }
    for (hours, moment) in (5..).zip(moments) {
        let retention = format!("{hours}h");
        killed_at(first, &retention, moment, |_| first.power_cut().unwrap());
        first.boot().unwrap();
        first.wait_serving(PATIENCE).unwrap();
        finished_by_the_next(first, &retention);
        judge::same_data(&data, lab.masters());
    }
    // Somebody edits the manifest after the run was killed: it is theirs.
    killed_at(first, "9h", Moment::Replaced, Rescue::kill);
    until("etcd runs", PATIENCE, || first.pid_of("etcd").is_some());
    edit(first, |text| text.replace("retention=9h", "retention=10h"));
    let theirs = manifest(first);
    let answer = prevent(first, &["--auto-compaction-retention", "9h"], 4);
    assert!(answer["error"]["next"].as_str().unwrap().contains("diff /var/lib/etcd-rescue/"));
    assert_eq!(manifest(first), theirs);
}

#[test]
fn a_signal_while_it_waits_leaves_a_change_that_the_next_run_finishes() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.5.16")]).speed(5)).unwrap();
    let first = lab.master("master-1");
    let mut run = Rescue::start(first, &["prevent", "--confirm", "master-1"]);
    run.await_line("restarting etcd");
    run.signal(nix::sys::signal::Signal::SIGINT);
    let ended = run.finish().ends(130);
    assert!(ended.stderr.contains("command again finishes this"), "{}", ended.stderr);
    assert!(first.path(RECORD).exists());
    finished_by_the_next(first, "1h");
}

#[test]
fn a_larger_quota_on_every_master_ends_the_alarm() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20).speed(5)).unwrap();
    // Each key is written once: all of it is live.
    fill(&lab, Fill::Churn { keys: 100_000, value_bytes: 100_000 }, "master-1");
    let data = judge::data(lab.master("master-1"));
    for master in lab.masters() {
        let answer = prevent(master, &["--quota", "64MiB", "--yes"], 0);
        assert_eq!(answer["outcome"], "done");
        let last = master.name() == "master-3";
        let quota = &answer["quota"];
        assert_eq!(quota["disarmed"], last, "{answer:#}");
        assert_eq!(quota["alarm_on"], !last);
        assert_eq!(judge::alarms(&lab).is_empty(), last);
        assert!(args(master).contains(&format!("--quota-backend-bytes={}", 64 << 20)));
        assert_eq!(answer["next"].is_null(), last, "{}", answer["next"]);
    }
    judge::same_data(&data, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}
