//! `snapshot save --offline`: broken off at any moment there is no copy, the data
//! are as they were, and the next run makes a whole one; without a raft log, or with
//! that alone; where an installation's etcd is stopped; on a disk that does not read.

mod common;

#[path = "common/stage.rs"]
mod stage;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::until;
use nix::sys::signal::Signal;
use stage::{Refusal, Rescue, refuses, rescue};

/// Enough to be caught in the middle of.
const DATABASE: usize = 192 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

fn save(data: &Path, to: &Path) -> Rescue {
    let (data, to) = (data.display().to_string(), to.display().to_string());
    rescue(&["snapshot", "save", "--yes", "--data-dir", &data, "--offline", &to])
}

/// What is there, with the sum of each file.
fn sums(directory: &Path) -> String {
    let script = "find . -type f | sort | xargs sha256sum";
    let ran = Command::new("sh").args(["-c", script]).current_dir(directory).output();
    String::from_utf8(ran.expect("sha256sum").stdout).expect("text")
}

fn holds_a_part_of(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|found| {
        found.flatten().any(|part| part.file_name().to_string_lossy().ends_with(".part"))
    })
}

#[test]
fn a_copy_that_was_broken_off_is_none_and_the_next_is_whole() {
    let place = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let (data, copies) = (place.path().join("data"), place.path().join("copies"));
    for directory in [data.join("member/wal"), data.join("member/snap"), copies.clone()] {
        fs::create_dir_all(directory).expect("a directory");
    }
    let bytes: Vec<u8> = (0..DATABASE).map(|at| (at / 4096 % 251) as u8).collect();
    fs::write(data.join("member/snap/db"), bytes).expect("a file");
    let log = data.join("member/wal/0000000000000000-0000000000000000.wal");
    fs::write(log, vec![0; 1 << 20]).expect("a file");
    let before = sums(&data);
    let to = copies.join("stopped");

    // The first cleans up behind itself; what the second leaves goes with the next run.
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let running = save(&data, &to).spawn();
        until("the copy has begun", PATIENCE, || holds_a_part_of(&copies));
        running.signal(signal);
        let said = running.finish();
        assert_ne!(said.code, Some(0), "{signal}: {}", said.all());
        assert!(!to.exists(), "{signal}: half a copy has the name of a whole one");
        assert_eq!(sums(&data), before, "{signal}");
        assert_eq!(holds_a_part_of(&copies), signal == Signal::SIGKILL, "{signal}");
    }
    save(&data, &to).run().code(0);
    let names: Vec<_> = fs::read_dir(&copies).expect("copies").flatten().collect();
    assert_eq!(names.len(), 1, "what was broken off is still there: {names:?}");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&to).stdout(Stdio::null());
    assert!(check.status().expect("sha256sum").success());
    assert_eq!(sums(&to.join("member")), sums(&data.join("member")));
}

/// A data directory with what is named, and room for copies beside it.
fn place(files: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir_in("/var/tmp").expect("a directory");
    fs::create_dir_all(place.path().join("data/member")).expect("a directory");
    for file in files {
        let path = place.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, file).expect("a file");
    }
    place
}

const DB: &str = "data/member/snap/db";
const LOG: &str = "data/member/wal/0000000000000000-0000000000000000.wal";

#[test]
fn a_database_without_its_raft_log_is_no_copy_unless_that_is_lost() {
    let place = place(&[DB, "log/0000000000000000-0000000000000000.wal"]);
    let (data, to) = (place.path().join("data"), place.path().join("copy"));
    let what = ["no raft log (*.wal)", "cannot be put back"];
    let again = format!("snapshot save --offline {}", to.display());
    let next = [&format!("{again} --wal-dir DIR"), &format!("{again} --wal-dir none")];
    let next = next.map(String::as_str);
    let refusal = Refusal { code: 4, outcome: "refused", what: &what, next: &next };
    refuses(&save(&data, &to), &refusal);
    assert!(!to.exists());

    let log = place.path().join("log").display().to_string();
    let said = save(&data, &to).and(&["--wal-dir", &log]).run().code(0);
    assert!(to.join("wal-dir/0000000000000000-0000000000000000.wal").exists());
    // It goes back below the links and mounts that are there, and restores whole.
    for part in [
        format!("mkdir {log}/before && mv {log}/*.wal {log}/before/ && cp -a "),
        format!("mv {0}/member/snap {0}/snap.before && cp -a ", data.display()),
    ] {
        assert!(said.out.contains(&part), "{}", said.out);
    }
    for flag in ["--initial-cluster ", "--bump-revision ", " --mark-compacted", " --wal-dir "] {
        assert!(said.out.contains(flag), "{flag}: {}", said.out);
    }
    fs::remove_dir_all(&to).expect("removed");
    let said = save(&data, &to).and(&["--wal-dir", "none"]).run().code(0);
    assert!(said.out.contains("the raft log is missing"), "{}", said.out);
}

#[test]
fn a_raft_log_alone_is_copied_and_nothing_at_all_is_said_once() {
    let place = place(&[LOG]);
    let (data, to) = (place.path().join("data"), place.path().join("copy"));
    let said = save(&data, &to).run().code(0);
    assert!(!said.out.contains("snapshot restore"), "no database: {}", said.out);
    fs::remove_file(place.path().join(LOG)).expect("removed");
    fs::remove_dir_all(&to).expect("removed");
    let next = ["--data-dir DIR`"];
    let refusal = Refusal { code: 4, outcome: "refused", what: &["no etcd database"], next: &next };
    let (human, _) = refuses(&save(&data, &to), &refusal);
    assert_eq!(human.err.matches("--data-dir").count(), 1, "{}", human.err);
}

/// k3s, its etcd stopped: what is named is copied, and what is usual there too.
#[test]
fn the_data_of_an_installation_that_is_down_are_copied() {
    let place = place(&[DB, LOG]);
    let (data, to) = (place.path().join("data"), place.path().join("copy"));
    let k3s = "mount -t tmpfs none /var/lib && mkdir -p /var/lib/rancher/k3s/server/db/etcd";
    save(&data, &to).setup(k3s).run().code(0);
    assert_eq!(sums(&to.join("member")), sums(&data.join("member")));
    fs::remove_dir_all(&to).expect("removed");
    let usual =
        format!("{k3s} && cp -a {}/member /var/lib/rancher/k3s/server/db/etcd/", data.display());
    let to_text = to.display().to_string();
    let said = rescue(&["snapshot", "save", "--yes", "--offline", &to_text]).setup(&usual).run();
    assert!(said.code(0).out.contains("/var/lib/rancher/k3s/server/db/etcd/member"));
}

/// A link that is no raft log's: what to do about that, not the same again.
#[test]
fn what_is_no_data_is_told_with_a_way_of_its_own() {
    let place = place(&[DB, LOG]);
    let (data, to) = (place.path().join("data"), place.path().join("copy"));
    std::os::unix::fs::symlink("/etc/hostname", data.join("member/x")).expect("linked");
    let next = ["ls -la ", "cp -aL "];
    let what = ["member/x is a symbolic link"];
    refuses(&save(&data, &to), &Refusal { code: 4, outcome: "refused", what: &what, next: &next });
    // Beside `member` it is nobody's matter.
    fs::rename(data.join("member/x"), data.join("x")).expect("moved");
    save(&data, &to).run().code(0);
}

/// What is put back as it was printed starts for an etcd that is not root, and has
/// all it had, its raft log beside its data or on its own.
#[test]
fn what_is_put_back_as_printed_starts_without_root() {
    let Some(release) = lab::releases().pop() else {
        eprintln!("skipped: no etcd here (scripts/setup lab fetches some)");
        return;
    };
    for apart in [false, true] {
        let place = tempfile::tempdir_in("/var/tmp").expect("a directory");
        let at = |name: &str| place.path().join(name).display().to_string();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).expect("set");
        fs::copy(&release.etcd, at("etcd")).expect("copied");
        for directory in [at("data"), at("log")] {
            fs::create_dir(&directory).expect("made");
            std::os::unix::fs::chown(&directory, Some(4711), Some(4711)).expect("root");
        }
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("one");
        let (client, peer) = (format!("http://{}", free()), format!("http://{}", free()));
        let start = || {
            let mut etcd = Command::new("setpriv");
            etcd.args(["--reuid=4711", "--regid=4711", "--clear-groups", "--pdeathsig=KILL"])
                .args([&at("etcd"), "--data-dir", &at("data"), "--listen-peer-urls", &peer])
                .args(["--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &format!("default={peer}")])
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .stderr(fs::File::create(at("said")).expect("a file"));
            if apart {
                etcd.args(["--wal-dir", &at("log/wal")]);
            }
            etcd.spawn().expect("setpriv")
        };
        let ctl = |words: &[&str]| {
            let mut ctl = Command::new(&release.etcdctl);
            ctl.env("ETCDCTL_API", "3").args(["--endpoints", &client]).args(words);
            String::from_utf8(ctl.output().expect("etcdctl").stdout).expect("text")
        };
        let mut etcd = start();
        until("etcd serves", PATIENCE, || ctl(&["put", "key", "value"]) == "OK\n");
        let stop = |etcd: &mut std::process::Child| {
            etcd.kill().and_then(|()| etcd.wait()).expect("it ends");
        };
        stop(&mut etcd);
        let log = at("log/wal");
        let more = if apart { vec!["--wal-dir", &log] } else { Vec::new() };
        let (data, to) = (place.path().join("data"), place.path().join("copy"));
        let said = save(&data, &to).and(&more).run().code(0);
        let (_, lines) = said.out.split_once("etcd stopped:\n").expect("how to put it back");
        let lines = lines.lines().take_while(|line| !line.starts_with("Make"));
        for line in lines {
            let put_back = Command::new("sh").args(["-c", line]).status();
            assert!(put_back.is_ok_and(|status| status.success()), "{line}");
        }
        let mut etcd = start();
        until("it serves what it had", PATIENCE, || ctl(&["get", "key"]) == "key\nvalue\n");
        stop(&mut etcd);
    }
}
