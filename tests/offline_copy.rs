//! `snapshot save --offline` that is broken off at any moment: there is no copy
//! then, the data are as they were, and the next run makes a whole one.

mod common;

#[path = "common/stage.rs"]
mod stage;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::until;
use nix::sys::signal::Signal;
use stage::{Rescue, rescue};

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
