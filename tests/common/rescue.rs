//! The program under test, run inside a master like an engineer would: waited
//! for line by line, signalled, and its memory watched.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use lab::Master;
pub use nix::sys::signal::Signal;
use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
use serde_json::Value;

/// Where a master's snapshots go when nothing else is said.
pub const PLACE: &str = "/var/lib/etcd-rescue";

/// A line that is awaited comes within this time even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program under test: this build's, or the one `ETCD_RESCUE_BIN` names.
pub fn binary() -> PathBuf {
    let named = env::var_os("ETCD_RESCUE_BIN").map(PathBuf::from);
    let path = named.unwrap_or_else(|| env!("CARGO_BIN_EXE_etcd-rescue").into());
    path.canonicalize().expect("the program under test is built")
}

/// Whether `recover` is to save everything first, as `ETCD_RESCUE_TEST_ORDER`
/// says (`full-first`); else it goes in the order it chooses.
pub fn full_first() -> bool {
    match env::var("ETCD_RESCUE_TEST_ORDER").as_deref() {
        Ok("full-first") => true,
        Ok(other) => panic!("ETCD_RESCUE_TEST_ORDER={other}: only full-first is known"),
        Err(_) => false,
    }
}

/// What is expected in the order that is tested.
pub fn in_order<T>(quick: T, full_first: T) -> T {
    if self::full_first() { full_first } else { quick }
}

/// How one run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// The most memory it ever had, in KiB, as the kernel counted.
    pub peak_kib: u64,
}

impl Ran {
    /// Fails with everything it said unless it ended with this code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.text(), self.stderr);
        self
    }

    /// Its stdout, which has to be exactly one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {}\n{}", self.text(), self.stderr))
    }

    /// Its stdout as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs it in a master to its end.
pub fn rescue<S: AsRef<OsStr>>(master: &Master, args: &[S]) -> Ran {
    Rescue::start(master, args).finish()
}

/// A run under way.
pub struct Rescue {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    lines: Receiver<String>,
    said: String,
    peak: JoinHandle<u64>,
}

impl Rescue {
    /// Starts it in a master, with nobody to ask.
    pub fn start<S: AsRef<OsStr>>(master: &Master, args: &[S]) -> Self {
        let says = |word: &str| args.iter().any(|arg| arg.as_ref() == word);
        let set = says("--snapshot") || says("--no-snapshot");
        let more: &[&str] = match says("recover") && !set && full_first() {
            true => &["--snapshot", "full-first"],
            false => &[],
        };
        let mut child = master
            .command(binary())
            .args(args)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut out = child.stdout.take().expect("piped");
        let err = BufReader::new(child.stderr.take().expect("piped"));
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            out.read_to_end(&mut bytes).expect("read");
            bytes
        });
        let (teller, lines) = mpsc::channel();
        thread::spawn(move || {
            // Nobody may be waiting for lines any more.
            err.lines().map_while(Result::ok).for_each(|line| drop(teller.send(line)));
        });
        let launcher = child.id();
        let peak = thread::spawn(move || peak_kib(launcher));
        Self { child, stdout, lines, said: String::new(), peak }
    }

    /// Waits until it says a line on stderr that has `needle` in it.
    #[track_caller]
    pub fn await_line(&mut self, needle: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push_str(&format!("{line}\n"));
                    if line.contains(needle) {
                        return;
                    }
                }
                Err(_) => panic!("never said `{needle}`:\n{}", self.said),
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = child_of(self.child.id()).expect("it still runs");
        kill(Pid::from_raw(pid), signal).expect("it still runs");
    }

    /// SIGKILL, whether or not it has ended by itself.
    pub fn kill(&self) {
        if let Some(pid) = child_of(self.child.id()) {
            let sent = kill(Pid::from_raw(pid), Signal::SIGKILL);
            assert!(matches!(sent, Ok(()) | Err(Errno::ESRCH)), "{sent:?}");
        }
    }

    /// Lets a run that was stopped go on.
    pub fn go_on(&self) {
        self.signal(Signal::SIGCONT);
        // nsenter stops together with what it started, but does not go on with it.
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGCONT).expect("it still runs");
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Ran {
        // nsenter stops together with what it started, but does not go on with it.
        let launcher = Pid::from_raw(self.child.id().cast_signed());
        kill(launcher, Signal::SIGCONT).expect("it was not waited for yet");
        let stdout = self.stdout.join().expect("read to its end");
        self.said.extend(self.lines.iter().map(|line| line + "\n"));
        let status = self.child.wait().expect("waited for");
        let peak_kib = self.peak.join().expect("watched to its end");
        Ran { code: status.code(), stdout, stderr: self.said, peak_kib }
    }
}

/// The process that nsenter, which stays outside, started inside the master.
pub fn child_of(launcher: u32) -> Option<i32> {
    let path = format!("/proc/{launcher}/task/{launcher}/children");
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// Follows the high-water mark of its memory for as long as `launcher` lives.
fn peak_kib(launcher: u32) -> u64 {
    let runs = || {
        let stat = fs::read_to_string(format!("/proc/{launcher}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    let mut peak = 0;
    while runs() {
        let status = child_of(launcher).map(|pid| format!("/proc/{pid}/status"));
        let status = status.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// The files of a directory of a master; none when it is not there.
pub fn files(master: &Master, dir: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(master.path(dir)).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}
