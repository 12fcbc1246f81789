//! What a run leaves for the post-mortem: a journal, line by line, and a report,
//! whatever becomes of the run, the terminal or the disk. Against the real
//! binary and a scripted cluster.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use cluster::Cluster;
use common::until;
use fake::etcd::{Act, Rpc};
use nix::sys::signal::Signal;
use serde_json::Value;
use stage::Rescue;

const PATIENCE: Duration = Duration::from_secs(60);

/// A place of the test's own for /var/log.
struct Kept {
    dir: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The run with this place as its /var/log.
    fn of(&self, rescue: Rescue) -> Rescue {
        rescue.setup(&format!("mount --bind '{}' /var/log", self.dir.path().display()))
    }

    /// The run with this place as its /run.
    fn as_run_of(&self, rescue: Rescue) -> Rescue {
        rescue.setup(&format!("mount --bind '{}' /run", self.dir.path().display()))
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("etcd-rescue")
    }

    /// Files with this extension, oldest first.
    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        files.sort();
        files
    }

    /// The lines of the newest journal.
    #[track_caller]
    fn journal(&self) -> Vec<Value> {
        lines(self.files("jsonl").last().expect("a journal"))
    }

    /// The newest report.
    #[track_caller]
    fn report(&self) -> String {
        fs::read_to_string(self.files("md").last().expect("a report")).unwrap()
    }
}

/// Every line, which has to be a JSON object with the promised keys.
#[track_caller]
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        let time: Result<etcd_rescue::model::Timestamp, _> = line["time"].as_str().unwrap().parse();
        assert!(time.is_ok() && line["event"].is_string(), "{line}");
        assert_eq!(line["run"], lines[0]["run"], "{line}");
        assert!(line.get("plan_id").is_some(), "{line}");
    }
    lines
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

fn called(cluster: &Cluster, call: &str) -> bool {
    cluster.etcd.calls().iter().any(|made| made.contains(call))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_leaves_a_journal_and_a_report() {
    let (cluster, kept) = (Cluster::start(3).await, Kept::new());
    let said = kept.of(cluster.unattended("recover")).run().code(0);
    let document = said.json();
    let journal = kept.journal();
    let events = events(&journal);
    assert_eq!(events[..4], ["started", "looked", "hashes", "plan"], "{events:?}");
    for event in ["answered", "step_started", "step_ended", "snapshot", "hashes"] {
        assert!(events.contains(&event), "{event} is not in {events:?}");
    }
    let (started, plan) = (&journal[0], &journal[3]);
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert!(started["command"].as_str().unwrap().contains("recover --endpoints"), "{started}");
    assert_eq!(journal[1]["members"][0]["alarms"][0], "NOSPACE", "{}", journal[1]);
    assert_eq!(plan["steps"], document["plan"]);
    assert_eq!(plan["plan_id"], document["plan_id"]);
    let snapshot = journal.iter().find(|line| line["event"] == "snapshot").unwrap();
    assert_eq!(snapshot["sha256"], document["snapshot"]["sha256"]);
    let ended = journal.last().unwrap();
    assert_eq!(ended["event"], "ended");
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&"recovered".into(), &0.into()));

    let [report] = &kept.files("md")[..] else { panic!("{:?}", kept.files("md")) };
    let name = report.file_name().unwrap().to_str().unwrap();
    assert_eq!(document["report_path"], format!("/var/log/etcd-rescue/{name}"));
    assert!(said.told().contains(&format!("Report: /var/log/etcd-rescue/{name}")), "{}", said.err);
    let text = kept.report();
    let sha256 = document["snapshot"]["sha256"].as_str().unwrap();
    for part in [": recovered\n", "| defrag:master-2 | master-2 |", sha256, "`0000abcd`", "```sh"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&kept.folder()), mode(report)), (0o700, 0o600));
    assert_eq!(mode(&kept.files("jsonl")[0]), 0o600);
    assert_eq!(fs::read_dir(kept.folder()).unwrap().count(), 2, "nothing half-written");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_change_nothing_is_left() {
    let (cluster, kept) = (Cluster::start(3).await, Kept::new());
    kept.of(cluster.rescue(&["status"])).run().code(0);
    kept.of(cluster.rescue(&["recover", "--dry-run"])).run().code(0);
    kept.of(cluster.rescue(&["recover"])).run().code(3);
    cluster.etcd.state().alarms.push((3, 2));
    let said = kept.of(cluster.unattended("recover")).run().code(4);
    assert_eq!(said.json()["report_path"], Value::Null);
    assert!(!kept.folder().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_session_leaves_the_state_and_a_rerun_goes_on() {
    let (cluster, kept) = (Cluster::start(3).await, Kept::new());
    cluster.etcd.script(2, Rpc::Defragment, Act::Hang);
    let run = kept.of(cluster.unattended("recover")).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    run.signal(Signal::SIGHUP);
    let said = run.finish().code(129);
    let journal = kept.journal();
    let names = events(&journal);
    assert_eq!(names[names.len() - 3..], ["signal", "step_ended", "ended"], "{names:?}");
    let ended = journal.last().unwrap();
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&"partial".into(), &129.into()));
    let report = kept.report();
    let goes_on = "master-2 keeps defragmenting inside the server";
    for text in [ended["state"].as_str().unwrap(), &report] {
        assert!(text.contains("Done so far: compact.") && text.contains(goes_on), "{text}");
    }
    for part in ["stopped part-way", "SIGHUP", "## What is left to do", "`etcd-rescue status --end"]
    {
        assert!(report.contains(part), "{part} is not in {report}");
    }
    assert!(said.json()["report_path"].is_string());

    kept.of(cluster.unattended("recover")).run().code(0);
    assert_eq!(kept.journal().last().unwrap()["outcome"], "recovered");
    assert_eq!((kept.files("jsonl").len(), kept.files("md").len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_survives_a_kill() {
    let (cluster, kept) = (Cluster::start(3).await, Kept::new());
    cluster.etcd.script(2, Rpc::Defragment, Act::Hang);
    let run = kept.of(cluster.unattended("recover")).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    run.signal(Signal::SIGKILL);
    run.finish();
    let journal = kept.journal();
    let last = journal.last().unwrap();
    assert_eq!(
        (&last["event"], &last["step"]),
        (&"step_started".into(), &"defrag:master-2".into())
    );
    kept.of(cluster.unattended("recover")).run().code(0);
    assert_eq!(kept.journal().last().unwrap()["outcome"], "recovered");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_it_is_kept_in_memory() {
    for (disk, why) in [("size=1m", "free"), ("ro", "Read-only file system")] {
        let (cluster, kept) = (Cluster::start(1).await, Kept::new());
        let rescue = cluster.unattended("recover");
        let rescue = rescue.setup(&format!("mount -t tmpfs -o {disk} none /var/log"));
        let said = kept.as_run_of(rescue).run().code(0);
        assert!(said.told().contains("gone after a reboot: /run/etcd-rescue/"), "{}", said.err);
        assert!(said.told().contains(why), "{}", said.err);
        assert_eq!(kept.journal().last().unwrap()["outcome"], "recovered");
        assert!(kept.report().contains("(in memory: gone after a reboot)"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_room_ends_it_moves_on() {
    let (cluster, kept) = (Cluster::start(1).await, Kept::new());
    cluster.etcd.script(1, Rpc::Defragment, Act::Delay(Duration::from_secs(3)));
    let rescue = cluster.unattended("recover").setup("mount -t tmpfs -o size=20m none /var/log");
    let run = kept.as_run_of(rescue).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    let mut filler = File::create(run.root().join("var/log/filler")).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let begun = run.root().join("var/log/etcd-rescue");
    let left = fs::read_dir(begun).unwrap().next().unwrap().unwrap().path();
    let before = lines(&left);
    let said = run.finish().code(0);
    assert_eq!(said.told().matches("gone after a reboot").count(), 1, "{}", said.err);
    let journal = kept.journal();
    assert_eq!(journal[..before.len()], before, "with all that was written");
    assert_eq!(journal.last().unwrap()["outcome"], "recovered");
    assert!(kept.report().contains("/run/etcd-rescue/"));
}

/// A filesystem that answers no write until this is dropped.
struct Frozen(File);

impl Frozen {
    fn new(path: &Path) -> Self {
        // An open handle, as the way there ends with the process.
        let frozen = Self(File::open(path).unwrap());
        assert!(frozen.fsfreeze("-f").success());
        frozen
    }

    fn fsfreeze(&self, what: &str) -> ExitStatus {
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        Command::new("fsfreeze").args([what, &path]).status().unwrap()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.fsfreeze("-u");
    }
}

/// A disk of its own for /var/log.
const DISK: &str = "truncate -s 64M /run/disk && mkfs.ext4 -q /run/disk && \
                    mount -o loop /run/disk /var/log";

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_answer_holds_nothing_up() {
    let (cluster, kept) = (Cluster::start(1).await, Kept::new());
    cluster.etcd.script(1, Rpc::Defragment, Act::Delay(Duration::from_secs(3)));
    let run = kept.as_run_of(cluster.unattended("recover")).setup(DISK).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    let frozen = Frozen::new(&run.root().join("var/log"));
    until("the report", PATIENCE, || !kept.files("md").is_empty());
    assert_eq!(cluster.etcd.state().alarms, []);
    // A thread in the frozen disk keeps the process from ending.
    drop(frozen);
    let said = run.finish().code(0);
    assert!(said.told().contains("the disk does not answer"), "{}", said.err);
    assert_eq!(kept.journal().last().unwrap()["outcome"], "recovered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_does_not_lose_the_report() {
    let (cluster, kept) = (Cluster::start(1).await, Kept::new());
    cluster.etcd.script(1, Rpc::Defragment, Act::Hang);
    let run = kept.as_run_of(cluster.unattended("recover")).setup(DISK).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    let frozen = Frozen::new(&run.root().join("var/log"));
    for _ in 0..3 {
        // The first is handled; the others come while it waits for the disk.
        run.signal(Signal::SIGINT);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    until("the report", PATIENCE, || !kept.files("md").is_empty());
    drop(frozen);
    run.finish().code(130);
    assert_eq!(kept.journal().last().unwrap()["exit_code"], 130);
    assert!(kept.report().contains("keeps defragmenting inside the server"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_it() {
    let (cluster, kept) = (Cluster::start(3).await, Kept::new());
    cluster.etcd.state().login = Some(("root".to_owned(), "pass-hunter2".to_owned()));
    let rescue = cluster.unattended("recover").and(&["--user", "root:pass-hunter2"]);
    kept.of(rescue).run().code(0);
    let rescue = cluster.unattended("defrag").and(&["--user", "root"]);
    kept.of(rescue.env("ETCDCTL_PASSWORD", "pass-hunter2")).run().code(0);
    let key = fs::read_to_string(&cluster.key).unwrap();
    let key = key.lines().nth(1).unwrap();
    for path in [kept.files("jsonl"), kept.files("md")].concat() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("--user root"), "{text}");
        for secret in ["hunter2", key, "token.1"] {
            assert!(!text.contains(secret), "{secret} is in {}", path.display());
        }
    }
    assert_eq!(kept.files("md").len(), 2);
}

/// Reads the terminal until this was printed.
#[track_caller]
fn read_to(terminal: &mut File, text: &str) {
    let mut seen = String::new();
    let mut bytes = [0; 4096];
    while !seen.contains(text) {
        let read = terminal.read(&mut bytes).unwrap_or(0);
        assert!(read > 0, "never said `{text}`: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_goes_away_is_no_surprise() {
    let at_a_question = "Done so far: snapshot. The snapshot is safe at";
    for (streams, state) in [(false, at_a_question), (true, "Nothing was changed in etcd.")] {
        let (cluster, kept) = (Cluster::start(3).await, Kept::new());
        if streams {
            cluster.etcd.script(2, Rpc::Snapshot, Act::HangAfter(1));
        }
        let rescue = kept
            .of(cluster.rescue(&["recover"]).and(&cluster.snapshot_flags()))
            .and(&["--snapshot", "full-first"]);
        let (run, mut terminal) = rescue.spawn_in_terminal();
        if streams {
            until("Snapshot", PATIENCE, || called(&cluster, "Snapshot"));
        } else {
            read_to(&mut terminal, "y/N");
        }
        drop(terminal);
        run.finish().code(129);
        let journal = kept.journal();
        let ended = journal.last().unwrap();
        assert_eq!((&ended["event"], &ended["exit_code"]), (&"ended".into(), &129.into()));
        assert!(ended["state"].as_str().unwrap().contains(state), "{ended}");
        assert!(events(&journal).contains(&"asked") != streams, "{journal:?}");
        assert!(kept.report().contains("SIGHUP"));
        assert!(cluster.files_left().is_empty() == streams, "{:?}", cluster.files_left());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_nohup_a_dead_terminal_does_not_stop_it() {
    let (cluster, kept) = (Cluster::start(1).await, Kept::new());
    cluster.etcd.script(1, Rpc::Defragment, Act::Delay(Duration::from_secs(3)));
    let rescue = cluster.rescue(&["recover", "--yes"]).and(&cluster.snapshot_flags());
    let (run, terminal) = kept.of(rescue.setup("trap '' HUP")).spawn_in_terminal();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    drop(terminal);
    run.finish().code(0);
    assert_eq!(kept.journal().last().unwrap()["outcome"], "recovered");
    assert_eq!(cluster.etcd.state().alarms, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_says_who_holds_it_and_what_to_do() {
    let cluster = Cluster::start(1).await;
    let shared = tempfile::tempdir().unwrap();
    let place = format!("mount --bind '{}' /run", shared.path().display());
    cluster.etcd.script(1, Rpc::Defragment, Act::Hang);
    let first = cluster.unattended("recover").setup(&place).spawn();
    until("Defragment", PATIENCE, || called(&cluster, "Defragment"));
    let second = cluster.unattended("recover").setup(&place).run().code(4);
    let what = second.json()["error"]["what"].as_str().unwrap().to_owned();
    assert!(what.contains("another etcd-rescue is at work on this node (pid "), "{what}");
    assert!(what.contains("UTC: `etcd-rescue recover --endpoints"), "{what}");
    let next = second.json()["error"]["next"].as_str().unwrap().to_owned();
    assert!(next.contains("`kill -TERM ") && next.contains("`etcd-rescue recover"), "{next}");
    first.signal(Signal::SIGTERM);
    first.finish().code(143);
}
