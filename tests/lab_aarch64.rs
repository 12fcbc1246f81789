//! The binary for aarch64, run by qemu inside real masters (`scripts/test` builds
//! it). What it reads of the kernel goes through the emulator, and the children it
//! starts of itself are run by that, too. The judge is etcdctl.

mod common;

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use common::{alone, fill, judge, release, rescue::PLACE, snapshot, three, until};
use lab::{Fill, Lab, Master, Probes, Spec};
use serde_json::Value;

/// Where `scripts/build --target aarch64` leaves it.
const BUILT: &str = "target/aarch64-unknown-linux-musl/release/etcd-rescue";

/// qemu with the binary as its first argument; none where either is missing.
struct Emulated {
    qemu: PathBuf,
    binary: PathBuf,
}

impl Emulated {
    /// The binary that `ETCD_RESCUE_AARCH64_BIN` names, or the one that was built.
    fn here() -> Option<Self> {
        let named = env::var_os("ETCD_RESCUE_AARCH64_BIN").map(PathBuf::from);
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(BUILT);
        if named.is_none() && !built.exists() {
            eprintln!("SKIPPED: `scripts/build --target aarch64` has not built it");
            return None;
        }
        let binary = named.unwrap_or(built).canonicalize().expect("the binary that is named");
        let folders = env::var_os("PATH").unwrap_or_default();
        let mut places = env::split_paths(&folders).map(|dir| dir.join("qemu-aarch64-static"));
        let Some(qemu) = places.find(|path| path.exists()) else {
            eprintln!("SKIPPED: `scripts/setup aarch64` has not installed qemu-aarch64-static");
            return None;
        };
        Some(Self { qemu, binary })
    }

    /// On this machine.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.qemu);
        command.arg(&self.binary);
        command
    }

    /// Runs it in a master to its end.
    #[track_caller]
    fn rescue<S: AsRef<OsStr>>(&self, master: &Master, args: &[S], codes: &[i32]) -> String {
        let mut command = master.command(&self.qemu);
        command.arg(&self.binary).args(args);
        ends(command, codes)
    }

    #[track_caller]
    fn json(&self, master: &Master, args: &[&str], codes: &[i32]) -> Value {
        let said = self.rescue(master, &[args, &["-w", "json"]].concat(), codes);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"))
    }
}

/// Its stdout, once it ended with one of these codes.
#[track_caller]
fn ends(mut command: Command, codes: &[i32]) -> String {
    let out = command.output().expect("qemu starts");
    let (said, told) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.code().is_some_and(|code| codes.contains(&code)), "{said}\n{told}");
    said.into_owned()
}

#[test]
fn the_command_line_is_that_of_the_other_cpu() {
    let Some(emulated) = Emulated::here() else { return };
    for (arg, wanted) in [("--version", "etcd-rescue "), ("--help", "Usage: etcd-rescue")] {
        let mut command = emulated.command();
        command.arg(arg);
        let said = ends(command, &[0]);
        assert!(said.contains(wanted), "{said}");
    }
    let mut wrong = emulated.command();
    wrong.arg("--no-such-flag");
    ends(wrong, &[2]);
}

#[test]
fn three_masters_are_looked_at_saved_and_recovered() {
    let Some(emulated) = Emulated::here() else { return };
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-2");
    let before = judge::data(first);

    let found = emulated.json(first, &["locate"], &[0]);
    assert_eq!(found["name"]["value"], "master-1");
    assert_eq!(found["data_dir"]["value"], "/var/lib/etcd");
    assert_eq!(found["container"]["state"], "running");
    let status = emulated.json(first, &["status"], &[0]);
    assert_eq!(status["revision"], judge::revision(first));
    assert_eq!(status["members"].as_array().map(Vec::len), Some(3));
    // A child of ours looked at it.
    assert!(
        emulated.rescue(first, &["status"], &[0]).contains("available on /var/lib/etcd"),
        "no disk seen"
    );

    let content = snapshot::content_now(first);
    let saved = emulated.json(first, &["snapshot", "save", "/var/lib/own.db"], &[0]);
    let file = first.path("/var/lib/own.db");
    assert_eq!(saved["sha256"], snapshot::sha256(&file));
    assert_eq!(snapshot::content(first, &file), content);

    let answer = emulated.json(first, &["recover", "--yes"], &[0]);
    assert_eq!(answer["outcome"], "recovered", "{answer:#}");
    let kept = answer["snapshot"]["path"].as_str().expect("a snapshot");
    assert!(kept.starts_with(PLACE), "{kept}");
    assert_eq!(snapshot::restored(first, &first.path(kept)), before);
    assert_eq!(judge::alarms(&lab), "");
    judge::small(&before, lab.masters());
    judge::same_data(&before, lab.masters());
    judge::equal_hashes(&lab);
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());

    // Devices are asked in ways an emulator may not know: that is unknown, no crash.
    let diagnosed = emulated.json(first, &["diagnose", "--window", "2s"], &[0, 8]);
    assert!(diagnosed.is_object(), "{diagnosed}");
}

/// Its guardian is a process of its own here, too.
#[test]
fn a_kubelet_that_kills_etcd_is_held_by_an_emulated_guardian() {
    let Some(emulated) = Emulated::here() else { return };
    let _turn = alone();
    let spec = Spec::new(1, &[release("3.5.16")]).quota(32 << 20);
    let lab = Lab::up(spec.probes(Probes::Health).speed(10)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-1");
    let before = judge::data(first);

    let answer = emulated.json(first, &["recover", "--yes"], &[0]);
    assert_eq!(answer["outcome"], "recovered", "{answer:#}");
    let step = &answer["steps"][0];
    assert_eq!((&step["id"], &step["status"]), (&"hold-kubelet".into(), &"done".into()));
    until("the kubelet runs", Duration::from_secs(5), || {
        first.state_of("kubelet").is_some_and(|state| state != 'T')
    });
    assert!(!first.path("/run/etcd-rescue/kubelet-hold.json").exists());
    lab.wait_serving(Duration::from_secs(60)).unwrap();
    judge::same_data(&before, [first]);
    judge::stays_writable(&lab, &[first]);
}
