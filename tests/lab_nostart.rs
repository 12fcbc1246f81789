//! What keeps a real etcd from starting, planted one by one in a master of
//! three: the verdict names each, by the disk and by the log, says what to do,
//! and calls nothing damage that is none. One lab for all of it.

mod common;

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{
    alone, judge, release,
    rescue::{Ran, rescue},
    snapshot, until,
};
use lab::{Lab, Master, Spec};
use serde_json::Value;

/// Probes and back-offs at a twentieth of their time, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
const AWAY: &str = "/etc/kubernetes/etcd-away.yaml";
const MEMBER: &str = "/var/lib/etcd/member";
const DATABASE: &str = "/var/lib/etcd/member/snap/db";
const FILLER: &str = "/var/lib/etcd/filler";

fn stop(master: &Master) {
    if master.path(MANIFEST).exists() {
        fs::rename(master.path(MANIFEST), master.path(AWAY)).expect("moved out");
    }
    until("etcd ends", PATIENCE, || master.pid_of("etcd").is_none());
}

fn start(master: &Master) {
    fs::rename(master.path(AWAY), master.path(MANIFEST)).expect("moved in");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp {} {}", from.display(), to.display());
}

/// Data that are well, kept beside the lab, and how to have them back.
struct Kept(tempfile::TempDir);

impl Kept {
    fn of(master: &Master) -> Self {
        let kept = Self(tempfile::tempdir().expect("a directory"));
        copy(&master.path(MEMBER), &kept.0.path().join("member"));
        kept
    }

    fn put_back(&self, master: &Master) {
        fs::remove_dir_all(master.path(MEMBER)).expect("removed");
        copy(&self.0.path().join("member"), &master.path(MEMBER));
    }
}

fn wal(master: &Master) -> Vec<PathBuf> {
    let files = fs::read_dir(master.path(MEMBER).join("wal")).expect("there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    files.sort();
    files
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = fs::File::options().write(true).open(path).expect("opened");
    file.write_all_at(bytes, at).expect("written");
}

/// Waits until the verdict is exactly this, with these words of its
/// evidence, while etcd does not serve.
#[track_caller]
fn await_exact(master: &Master, command: &str, exact: &str, words: &[&str]) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = rescue(master, &[command, "-w", "json"]);
        let seen: Value = serde_json::from_slice(&seen.stdout).unwrap_or_default();
        let text = seen["restart"]["text"].as_str().unwrap_or_default();
        if seen["restart"]["exact"] == exact && words.iter().all(|word| text.contains(word)) {
            let text = text.to_owned();
            eprintln!("{exact}: {text}");
            assert!(!judge::put(master, "not-while-it-is-down"), "{exact}: it serves");
            return text;
        }
        assert!(Instant::now() < deadline, "no {exact}: {seen:#}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn flat(ran: &Ran) -> String {
    let all = format!("{} {}", ran.stderr, String::from_utf8_lossy(&ran.stdout));
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What `recover` says is to be done holds these words, in this order.
#[track_caller]
fn recover_says(master: &Master, words: &[&str]) {
    let ran = rescue(master, &["recover", "--yes", "--timeout", "2s", "--wait", "1s"]);
    let said = flat(&ran);
    let mut rest = said.as_str();
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("no {word:?} there: {}", ran.stderr));
        rest = &rest[at + word.len()..];
    }
    assert!(!said.contains("rm -"), "{said}");
}

#[track_caller]
fn diagnose_says(master: &Master, word: &str) {
    let answer = rescue(master, &["diagnose", "-w", "json", "--window", "1s"]).ends(8).json();
    let findings = answer["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["code"] == "etcd_will_not_start");
    let found = found.unwrap_or_else(|| panic!("{findings:#?}"));
    assert!(found["what"].as_str().is_some_and(|what| what.contains(word)), "{found:#}");
    assert!(found["next"].as_str().is_some_and(|next| next.contains('`')), "{found:#}");
}

const COPY: &str = "snapshot save --offline";

#[test]
fn each_cause_is_named_and_a_torn_end_is_none() {
    let _turn = alone();
    let spec = Spec::new(3, &[release("3.5.16")]).quota(32 << 20).speed(20);
    let spec = spec.etcd_flag("--snapshot-count=40").data_disk(300 << 20);
    let lab = Lab::up(spec).unwrap();
    let first = lab.master("master-1");
    stop(first);
    let old = Kept::of(first);
    start(first);
    first.wait_serving(PATIENCE).unwrap();
    for key in 0..120 {
        assert!(judge::put(first, &format!("key-{key}")));
    }
    stop(first);
    copied_and_brought_back(first);
    start(first);
    first.wait_serving(PATIENCE).unwrap();
    stop(first);
    a_torn_end_is_no_damage(first);
    // From here on it takes no part in the cluster: older data would make it
    // forget what it has promised.
    let kept = Kept::of(first);

    damaged_files(first, &kept, &old);
    held_by_another(first);
    not_of_this_cluster(first, &kept);
    certificates(first);
    full_disk(first);
    removed(&lab, first);
}

/// The copy is whole, starts as it is, and its database restores.
fn copied_and_brought_back(first: &Master) {
    let place = tempfile::tempdir().expect("a directory");
    let to = place.path().join("copy");
    let to_text = to.to_str().expect("text");
    let args = ["snapshot", "save", "-w", "json", "--data-dir", "/var/lib/etcd", "--offline"];
    let args = |to: &'static str| [&args[..], &[to]].concat();
    let inside = rescue(first, &args("/var/lib/etcd/member/x")).ends(4);
    assert!(flat(&inside).contains("inside etcd's own data"), "{}", inside.stderr);
    let answer = rescue(
        first,
        &["snapshot", "save", "-w", "json", "--data-dir", "/var/lib/etcd", "--offline", to_text],
    )
    .ends(0)
    .json();
    let files = answer["files"].as_array().expect("files");
    assert!(files.iter().any(|file| file["path"] == "member/snap/db"), "{answer:#}");
    let check = Command::new("sha256sum")
        .args(["--strict", "--quiet", "-c", "SHA256SUMS"])
        .current_dir(&to)
        .status();
    assert!(check.is_ok_and(|status| status.success()));
    let data = snapshot::restored_with(first, &to.join("member/snap/db"), &["--skip-hash-check"]);
    assert!(data.contains("\"key\""), "{data}");
    rescue(first, &["snapshot", "save", "--data-dir", "/var/lib/etcd", "--offline", to_text])
        .ends(4);
    fs::remove_dir_all(first.path(MEMBER)).expect("removed");
    let empty = rescue(first, &args("/root/nothing")).ends(4);
    assert!(flat(&empty).contains("no etcd database"), "{}", empty.stderr);
    copy(&to.join("member"), &first.path(MEMBER));
}

/// Where the records of a log begin, and their lengths without the padding.
fn records(path: &Path) -> Vec<(u64, u64)> {
    let file = fs::File::open(path).expect("opened");
    let (mut at, mut records) = (0, Vec::new());
    let mut header = [0; 8];
    while file.read_exact_at(&mut header, at).is_ok() && header != [0; 8] {
        let field = u64::from_le_bytes(header);
        let padding = if field >> 63 == 1 { field >> 56 & 7 } else { 0 };
        let length = field & ((1 << 56) - 1);
        records.push((at, length));
        at += 8 + length + padding;
    }
    records
}

/// A last record whose end was never written, and a file that is cut inside it.
fn a_torn_end_is_no_damage(first: &Master) {
    for is_cut in [false, true] {
        let path = wal(first).pop().expect("a log");
        let (at, length) = records(&path).pop().expect("records");
        if is_cut {
            let file = fs::File::options().write(true).open(&path).expect("opened");
            file.set_len(at + 8 + length / 2).expect("cut");
        } else {
            overwrite(&path, at + 8, &vec![0; length as usize]);
        }
        for command in ["recover", "locate"] {
            let words = [command, "--yes", "--wait", "1s", "--data-dir", "/var/lib/etcd"];
            let said = flat(&rescue(first, &words));
            assert!(!said.contains("damaged:") && !said.contains("member remove"), "{said}");
        }
        start(first);
        first.wait_serving(PATIENCE).unwrap();
        stop(first);
    }
}

fn damaged_files(first: &Master, kept: &Kept, old: &Kept) {
    let path = wal(first).remove(0);
    let (at, length) = records(&path)[30];
    overwrite(&path, at + 8 + length - 4, &[0xa5; 4]);
    start(first);
    let text = await_exact(first, "locate", "wal_damaged", &["crc mismatch", "disk agrees"]);
    assert!(text.contains(&format!("the record at byte {at} ")), "{text}");
    recover_says(first, &[COPY, "member remove", "member add master-1", "member/snap/db"]);
    diagnose_says(first, "the record at byte");
    stop(first);
    kept.put_back(first);

    for page in 0..2 {
        overwrite(&first.path(DATABASE), page * 4096 + 40, &[0xa5; 40]);
    }
    start(first);
    let text = await_exact(first, "locate", "database_damaged", &["; it wrote", "disk agrees"]);
    assert!(text.contains("meta pages"), "{text}");
    recover_says(first, &[COPY, "member add master-1", "earlier snapshot"]);
    stop(first);
    kept.put_back(first);

    copy(&old.0.path().join("member/snap/db"), &first.path(DATABASE));
    start(first);
    let text = await_exact(first, "locate", "snap_db_missing", &["; it wrote", "disk agrees"]);
    assert!(text.contains(".snap.db is missing"), "{text}");
    recover_says(first, &[COPY, "member add master-1"]);
    stop(first);
    kept.put_back(first);
}

fn held_by_another(first: &Master) {
    let mut holder = first
        .command("/usr/bin/flock")
        .args(["-x", DATABASE, "sleep", "1000"])
        .stdout(Stdio::null())
        .spawn()
        .expect("flock");
    thread::sleep(Duration::from_secs(6));
    start(first);
    let text = await_exact(first, "locate", "data_locked", &["pid "]);
    assert!(text.contains("flock -x") || text.contains("sleep 1000"), "{text}");
    recover_says(first, &["fuser -v /var/lib/etcd/member/snap/db"]);
    // First, so that it never takes part with what is put back later.
    stop(first);
    first.signal("sleep", "KILL").unwrap();
    holder.wait().expect("ended");
}

fn not_of_this_cluster(first: &Master, kept: &Kept) {
    fs::remove_dir_all(first.path(MEMBER)).expect("removed");
    start(first);
    await_exact(first, "locate", "data_dir_empty", &["no raft log", "bootstrapped"]);
    recover_says(first, &["findmnt -T /var/lib/etcd", "member remove"]);
    stop(first);

    let _ = fs::remove_dir_all(first.path(MEMBER));
    foreign_data(first);
    start(first);
    let text = await_exact(first, "status", "other_cluster", &["its data are of"]);
    assert!(text.contains("its data are of cluster"), "{text}");
    recover_says(first, &["right disk", COPY]);
    stop(first);
    kept.put_back(first);
}

/// Data of a cluster of the same members with another token.
fn foreign_data(first: &Master) {
    let manifest = fs::read_to_string(first.path(AWAY)).expect("read");
    let flags = manifest.lines().filter_map(|line| line.trim().strip_prefix("- --"));
    let mut etcd = first
        .command(&first.release().etcd)
        .args(flags.map(|flag| format!("--{flag}")))
        .arg("--initial-cluster-token=another")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("etcd");
    until("it has data", PATIENCE, || {
        first.path(DATABASE).exists() && first.path(MEMBER).join("wal").exists()
    });
    thread::sleep(Duration::from_secs(1));
    first.signal("etcd", "KILL").expect("killed");
    let _ = etcd.wait();
}

fn certificates(first: &Master) {
    let pki = first.path("/etc/kubernetes/pki/etcd");
    let saved = tempfile::tempdir().expect("a directory");
    for file in ["peer.crt", "peer.key"] {
        copy(&pki.join(file), &saved.path().join(file));
    }
    for (days, exact, words) in [
        ((-20, -3), "certificate_expired", "kubeadm certs renew etcd-peer"),
        ((2, 20), "clock", "chronyc tracking"),
    ] {
        first.reissue_peer_certificate(days).unwrap();
        start(first);
        let text = await_exact(first, "status", exact, &["peer certificate"]);
        assert!(text.contains("peer certificate /etc/kubernetes/pki/etcd/peer.crt"), "{text}");
        recover_says(first, &[words]);
        diagnose_says(first, "peer.crt");
        stop(first);
    }
    for file in ["peer.crt", "peer.key"] {
        copy(&saved.path().join(file), &pki.join(file));
    }
}

fn full_disk(first: &Master) {
    start(first);
    first.wait_serving(PATIENCE).unwrap();
    let filler = fs::File::create(first.path(FILLER)).expect("made");
    let block = vec![0x5a; 64 << 10];
    let mut size = 0;
    while filler.write_all_at(&block, size).is_ok() {
        size += block.len() as u64;
    }
    drop(filler);
    let before = first.pid_of("etcd");
    let value = "v".repeat(100_000);
    until("etcd dies of it", PATIENCE, || {
        drop(first.etcdctl(&["put", "big", &value]));
        first.pid_of("etcd") != before
    });
    let text = await_exact(first, "locate", "disk_full", &["; it wrote"]);
    assert!(text.contains("no room is left") || text.contains("no space left"), "{text}");
    recover_says(first, &["Make room on /var/lib/etcd"]);
    stop(first);
    fs::remove_file(first.path(FILLER)).expect("removed");
    start(first);
    first.wait_serving(PATIENCE).unwrap();
    stop(first);
}

fn removed(lab: &Lab, first: &Master) {
    let second = lab.master("master-2");
    let list = judge::said(second.etcdctl(&["member", "list"]));
    let line = list.lines().find(|line| line.contains("master-1")).expect("listed");
    let id = line.split(',').next().expect("an id");
    judge::said(second.etcdctl(&["member", "remove", id]));
    start(first);
    let text = await_exact(first, "status", "member_removed", &[]);
    assert!(text.contains("removed") || text.contains("any more"), "{text}");
    recover_says(first, &[COPY, "it is removed already", "member add master-1"]);
}
