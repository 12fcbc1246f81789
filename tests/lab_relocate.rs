//! Data moved to another disk on real masters: refused where it makes no
//! sense, done, broken off at every step and finished, taken back.

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use common::{
    alone, judge,
    rescue::{Ran, Rescue, Signal, rescue},
    switch_off, switch_on, three, until,
};
use lab::{Fill, Lab, Master, Until};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// Where a new disk is mounted; the image is below a directory that outlives a
/// power cut.
const DISK: &str = "/var/lib/new-disk";
const TO: &str = "/var/lib/new-disk/etcd";
const OLD: &str = "/var/lib/etcd";

#[test]
fn a_member_moves_to_another_disk() {
    let _turn = alone();
    let lab = lab();
    let first = lab.master("master-1");
    let watch = Watch::over(&lab);
    let untouched = manifest(first);

    refused_where_it_makes_no_sense(&lab, first);
    let (data, ids) = (judge::data(first), ids(first));
    mount(first, "600M");
    needs_the_members_name(first);
    assert_eq!(manifest(first), untouched);
    assert!(!first.path(TO).exists(), "nothing was made");

    let ran = relocate(first, &["--to", TO, "--confirm", "master-1"]).ends(0);
    let answer = ran.json();
    assert_eq!((&answer["outcome"], &answer["old_data_kept"]), (&"done".into(), &OLD.into()));
    for key in ["bytes", "files", "copy_ms", "down_ms"] {
        assert!(answer[key].as_u64().is_some_and(|it| it > 0), "{key}: {answer:#}");
    }
    for key in ["from_p99_ms", "to_p99_ms"] {
        assert!(answer["fsync"][key].as_f64().is_some_and(|it| it > 0.0), "{key}: {answer:#}");
    }
    runs_from(first, TO);
    judge::same_data(&data, lab.masters());
    judge::equal_hashes(&lab);
    assert_eq!(self::ids(first), ids);
    assert!(first.path(OLD).join("member/snap/db").exists(), "the old data are kept");
    assert_eq!(
        manifest(first).replace(TO, OLD).matches(OLD).count(),
        untouched.matches(OLD).count()
    );
    assert_eq!(relocate(first, &["--to", TO]).ends(0).json()["outcome"], "nothing_to_do");
    journal_and_report_are_written(first);

    relocate(first, &["--remove-old"]).ends(3);
    let removed = relocate(first, &["--remove-old", "--confirm", "master-1"]).ends(0).json();
    assert!(removed["removed_bytes"].as_u64().is_some_and(|it| it > 64_000_000), "{removed:#}");
    assert!(!first.path(OLD).join("member").exists());
    relocate(first, &["--remove-old", "--confirm", "master-1"]).ends(4);
    assert!(judge::put(first, "/judge/after"));
    judge::equal_hashes(&lab);
    watch.only_manifests();
}

#[test]
fn broken_off_at_any_step_it_is_finished_or_taken_back() {
    let _turn = alone();
    let lab = lab();
    let first = lab.master("master-1");
    let watch = Watch::over(&lab);
    let (data, ids) = (judge::data(first), ids(first));
    mount(first, "400M");

    // Before and after the manifest was taken out, and then back.
    for line in ["Step 1 of", "waiting for the kubelet", "Step 2 of"] {
        killed_at(first, line);
        told_by_others(first);
        relocate(first, &["--to", "/var/lib/elsewhere"]).ends(4);
        relocate(first, &["--undo"]).ends(3);
        let back = relocate(first, &["--undo", "--confirm", "master-1"]).ends(0);
        assert_eq!(back.json()["outcome"], "done");
        runs_from(first, OLD);
        assert!(!first.path(TO).exists(), "our copy is gone");
        judge::same_data(&data, [first]);
    }
    // A power cut in the middle of the copy, then kills on the way on.
    let mut run = start(first);
    run.await_line("copying: ");
    first.power_cut().unwrap();
    run.finish();
    first.power_on().unwrap();
    until("the runtime is back", PATIENCE, || {
        rescue(first, &["locate"]).text().contains("containerd")
    });
    let unmounted = relocate(first, &["--to", TO, "--confirm", "master-1"]).ends(4);
    assert!(words(&unmounted.json()["error"]["what"]).contains("is not mounted on"));
    sh(first, &format!("mkdir -p {DISK} && mount -o loop /var/lib/kubelet/disk {DISK}"));
    for line in ["Step 3 of", "Step 4 of"] {
        killed_at(first, line);
    }
    let answer = relocate(first, &["--to", TO, "--confirm", "master-1"]).ends(0).json();
    assert_eq!(answer["outcome"], "done");
    runs_from(first, TO);
    judge::same_data(&data, lab.masters());
    judge::equal_hashes(&lab);
    assert_eq!(self::ids(first), ids);
    assert!(leftovers(first).is_empty(), "{:?}", leftovers(first));
    never_starts_without_its_disk(first);
    judge::same_data(&data, lab.masters());
    assert_eq!(self::ids(first), ids);
    watch.only_manifests();
}

/// After a reboot that mounts nothing: no etcd, and no empty directory.
fn never_starts_without_its_disk(master: &Master) {
    master.power_cut().unwrap();
    master.power_on().unwrap();
    until("the kubelet tried", PATIENCE, || {
        rescue(master, &["locate"]).text().contains("containerd")
    });
    std::thread::sleep(Duration::from_secs(5));
    assert!(master.pid_of("etcd").is_none(), "etcd was started without its data");
    assert!(!master.path(TO).exists(), "an empty directory was made");
    sh(master, &format!("mkdir -p {DISK} && mount -o loop /var/lib/kubelet/disk {DISK}"));
    runs_from(master, TO);
}

#[test]
fn what_does_not_do_is_taken_back_without_forgetting() {
    let _turn = alone();
    let lab = lab();
    let watch = Watch::over(&lab);

    // A disk that turns read-only: etcd does not start there.
    let first = lab.master("master-1");
    let data = judge::data(first);
    mount(first, "600M");
    let mut run = start(first);
    run.await_line("Step 3 of");
    sh(first, &format!("mount -o remount,ro {DISK}"));
    let failed = run.finish().ends(6);
    assert!(failed.stderr.contains("Rolled back"), "{}", failed.stderr);
    runs_from(first, OLD);
    judge::same_data(&data, lab.masters());
    assert!(leftovers(first).is_empty(), "{:?}", leftovers(first));

    // The member has written on the new disk before it is undone.
    let second = lab.master("master-2");
    mount(second, "600M");
    killed_at(second, "Step 4 of");
    until("it serves from there", PATIENCE, || {
        second.pid_of("etcd").is_some() && judge::put(second, "/judge/there")
    });
    let data = judge::data(first);
    relocate(second, &["--undo", "--confirm", "master-2"]).ends(0);
    runs_from(second, OLD);
    judge::same_data(&data, lab.masters());
    judge::equal_hashes(&lab);
    let aside = fs::read_dir(second.path(OLD)).unwrap().flatten();
    let aside = aside.filter(|it| it.file_name().to_string_lossy().contains("before-")).count();
    assert_eq!(aside, 1, "what it had before the move is kept aside");
    assert!(!second.path(TO).exists());
    watch.only_manifests();
}

fn lab() -> Lab {
    let lab = Lab::up(three("3.5", 32 << 20).speed(5)).unwrap();
    lab.fill(Fill::Churn { keys: 50, value_bytes: 50_000 }, Until::Bytes(8 << 20)).unwrap();
    lab
}

fn relocate(master: &Master, args: &[&str]) -> Ran {
    rescue(master, &[&["relocate", "-w", "json"], args].concat())
}

fn start(master: &Master) -> Rescue {
    let name = master.name();
    Rescue::start(master, &["relocate", "--to", TO, "--confirm", name])
}

fn killed_at(master: &Master, line: &str) {
    let mut run = start(master);
    run.await_line(line);
    run.signal(Signal::SIGKILL);
    assert_eq!(run.finish().code, None, "killed at `{line}`");
}

/// What happened, for the post-mortem.
fn journal_and_report_are_written(master: &Master) {
    let place = fs::read_dir(master.path("/var/log/etcd-rescue")).unwrap().flatten();
    let texts: Vec<String> = place
        .filter(|it| it.file_name().to_string_lossy().contains("relocate"))
        .map(|it| fs::read_to_string(it.path()).unwrap())
        .collect();
    for word in ["\"event\":\"started\"", "\"step\":\"copy\"", "\"outcome\":\"done\"", "# etcd-r"] {
        assert!(texts.iter().any(|text| text.contains(word)), "{word}: {texts:#?}");
    }
}

/// Nothing is changed by any of these.
fn refused_where_it_makes_no_sense(lab: &Lab, first: &Master) {
    let before = manifest(first);
    let refused = |args: &[&str], part: &str| {
        let ran = relocate(first, &[args, &["--confirm", "master-1"]].concat()).ends(4);
        let answer = ran.json();
        let what = words(&answer["error"]["what"]);
        assert!(what.contains(part), "`{part}` is not in `{what}`");
        assert!(!words(&answer["error"]["next"]).is_empty(), "{answer:#}");
    };
    mount(first, "150M");
    sh(first, &format!("mkdir -p {DISK}/full /var/lib/kubelet/empty; touch {DISK}/full/x"));
    for (to, part) in [
        ("/var/lib/kubelet/empty", "the same disk"),
        ("/var/lib/etcd/new", "inside the data directory"),
        ("/run/new", "its filesystem is tmpfs"),
        ("/var/lib/overlaid", "its filesystem is overlay"),
        ("/var/lib/new-disk/full", "it is not empty"),
        (TO, "no room"),
        ("relative", "not an absolute path"),
        ("/var/lib/none/at/all", "neither it nor"),
    ] {
        refused(&["--to", to], part);
    }
    sh(first, &format!("umount {DISK} && rm /var/lib/kubelet/disk"));
    mount(first, "600M");
    sh(first, &format!("cp {MANIFESTS}/etcd.yaml /root-copy && cp /root-copy {MANIFESTS}/a.bak"));
    refused(&["--to", TO], "a.bak");
    sh(first, &format!("rm {MANIFESTS}/a.bak /root-copy"));
    let third = lab.master("master-3");
    switch_off(third);
    refused(&["--to", TO], "master-3");
    switch_on(third);
    until("all are healthy", PATIENCE, || judge::put(third, "/judge/back"));
    refused(&["--undo"], "no move");
    refused(&["--remove-old"], "no move");
    sh(first, &format!("umount {DISK} && rm /var/lib/kubelet/disk"));
    assert_eq!(manifest(first), before);
}

fn needs_the_members_name(first: &Master) {
    let planned = relocate(first, &["--to", TO, "--dry-run"]).ends(0).json();
    assert_eq!(planned["outcome"], "planned");
    for args in [&["--to", TO][..], &["--to", TO, "--yes"], &["--to", TO, "--confirm", "other"]] {
        let answer = relocate(first, args).ends(3).json();
        let next = words(&answer["error"]["next"]);
        assert!(next.contains(&format!("relocate --to {TO} --confirm master-1")), "{next}");
    }
}

/// What a tired engineer would type first on that node.
fn told_by_others(master: &Master) {
    let told = |args: &[&str]| {
        let ran = rescue(master, args);
        let text = format!("{}{}", ran.text(), ran.stderr);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    if master.path(format!("{MANIFESTS}/etcd.yaml")).exists() {
        return;
    }
    for command in ["locate", "status"] {
        let text = told(&[command]);
        assert!(text.contains("relocate --undo"), "{command}: {text}");
    }
}

/// The directory that is mounted in etcd's container, by the kernel's word.
#[track_caller]
fn runs_from(master: &Master, directory: &str) {
    master.wait_serving(PATIENCE).unwrap();
    let pid = master.pid_of("etcd").expect("etcd runs");
    let root = format!("/proc/{}/root/proc/{pid}/root/var/lib/etcd", master.init_pid().unwrap());
    let inside = fs::metadata(format!("{root}/member")).expect("its data");
    let outside = fs::metadata(master.path(directory).join("member"));
    let outside = outside.unwrap_or_else(|error| panic!("{directory}: {error}"));
    use std::os::unix::fs::MetadataExt;
    assert_eq!((inside.dev(), inside.ino()), (outside.dev(), outside.ino()), "{directory}");
    assert!(manifest(master).contains(&format!("path: {directory}\n")));
}

fn manifest(master: &Master) -> String {
    fs::read_to_string(master.path(format!("{MANIFESTS}/etcd.yaml"))).unwrap()
}

/// Names and ids, as etcd tells them.
fn ids(master: &Master) -> Vec<String> {
    let text = judge::said(master.etcdctl(&["member", "list"]));
    let mut ids: Vec<String> = text.lines().map(str::to_owned).collect();
    ids.sort();
    ids
}

/// Files of ours beside the manifests, and the record of a change.
fn leftovers(master: &Master) -> Vec<PathBuf> {
    let beside = fs::read_dir(master.path("/etc/kubernetes")).unwrap().flatten();
    let ours = beside.filter(|it| it.file_name().to_string_lossy().contains("rescue"));
    let ours = ours.map(|it| it.path());
    let record = master.path("/var/lib/etcd-rescue/unfinished-change.json");
    ours.chain([record].into_iter().filter(|it| it.exists())).collect()
}

/// A disk of its own for the new data: it goes with the master's power.
#[track_caller]
fn mount(master: &Master, size: &str) {
    sh(
        master,
        &format!(
            "truncate -s {size} /var/lib/kubelet/disk && mkfs.ext4 -q -m 0 /var/lib/kubelet/disk \
             && mkdir -p {DISK} && mount -o loop /var/lib/kubelet/disk {DISK}"
        ),
    );
}

#[track_caller]
fn sh(master: &Master, line: &str) -> String {
    let output = master.command("/bin/sh").args(["-c", line]).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn words(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Looks at every manifests directory all the time.
struct Watch {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    fn over(lab: &Lab) -> Self {
        let paths: Vec<PathBuf> = lab.masters().iter().map(|it| it.path(MANIFESTS)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let seen = thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !ended.load(Ordering::Relaxed) {
                for entry in paths.iter().filter_map(|it| fs::read_dir(it).ok()).flatten().flatten()
                {
                    seen.insert(entry.file_name().to_string_lossy().into_owned());
                }
                thread::sleep(Duration::from_millis(1));
            }
            seen
        });
        Self { stop, seen }
    }

    /// Nothing but manifests that belong there was ever seen; `a.bak` is the
    /// test's own.
    fn only_manifests(self) {
        self.stop.store(true, Ordering::Relaxed);
        let mut seen = self.seen.join().unwrap();
        seen.remove("a.bak");
        assert_eq!(seen, BTreeSet::from(["etcd.yaml".to_owned()]));
    }
}
