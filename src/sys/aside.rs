//! Looking at what may never answer: this very program, started once more as a
//! child that does one thing, writes its answer to a pipe and ends. A task
//! that waits for a dead disk cannot be ended, not even by SIGKILL, and a
//! thread of ours would keep us from ending; a child that hangs is left alone.

use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::Path,
    process::{Child, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::own_program::{self, THIS_PROGRAM};

/// The first argument of such a child.
const ENTRY: &str = "__look-aside";

/// Longest answer that is taken.
const LONGEST: usize = 32 << 20;

/// How often its patience a child gets that the machine did not let run.
const STARVED: u32 = 10;

/// What a question gets that was not answered in time shortly before.
const SHORT: Duration = Duration::from_millis(500);

/// How long that holds.
const LATELY: Duration = Duration::from_secs(60);

/// Whether this process is our program, so that its file can be started as a
/// child; another one that this code is part of (a test) may do anything then.
static OURS: AtomicBool = AtomicBool::new(false);

/// Questions that were not answered in time.
static LATE: Mutex<Vec<Late>> = Mutex::new(Vec::new());

/// Children that were told to end, and have not been seen ending.
static ENDING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A question without an answer, and the child that was left behind with it.
struct Late {
    words: Vec<OsString>,
    at: Instant,
    child: Child,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Missed {
    /// It took too long: what it looked at may hang.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// It could not be started, died, or answered nonsense.
    #[error("{0}")]
    Failed(String),
}

/// Has a child take a look (`words`: a word of `lib.rs`' table and its
/// arguments) that takes no time unless something hangs, and waits for its
/// answer at most so long; only a moment when it was late a short while ago.
///
/// # Errors
/// `Missed`; the child is killed then, and left behind when it does not die.
pub async fn ask<T>(words: &[&OsStr], patience: Duration) -> Result<T, Missed>
where
    T: DeserializeOwned,
{
    read_answer(&ask_child(words, patience, SHORT).await?)
}

/// The same for what takes its time even where nothing hangs: it gets that
/// time however late it was before.
///
/// # Errors
/// As `ask`.
pub async fn have_done<T>(words: &[&OsStr], patience: Duration) -> Result<T, Missed>
where
    T: DeserializeOwned,
{
    read_answer(&ask_child(words, patience, patience).await?)
}

/// An answer goes from this program to itself: what counts is how little code it
/// takes to read it.
fn read_answer<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Missed> {
    postcard::from_bytes(answer)
        .map_err(|error| Missed::Failed(format!("it ended without an answer ({error})")))
}

/// Its answer as it came: no type of answer needs a copy of this.
async fn ask_child(
    words: &[&OsStr],
    patience: Duration,
    again: Duration,
) -> Result<Vec<u8>, Missed> {
    let words: Vec<OsString> = words.iter().map(|word| (*word).to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || ask_and_wait(&words, patience, again));
    // Starting it waits for the disk that this program is on.
    match tokio::time::timeout(patience * STARVED + SHORT, asked).await {
        Ok(asked) => asked.unwrap_or_else(|error| Err(Missed::Failed(error.to_string()))),
        Err(_elapsed) => Err(Missed::Late(patience)),
    }
}

fn ask_and_wait(
    words: &[OsString],
    patience: Duration,
    again: Duration,
) -> Result<Vec<u8>, Missed> {
    if !OURS.load(Ordering::Relaxed) {
        return Err(Missed::Failed("this program starts no children of its own".to_owned()));
    }
    let failed = |error: io::Error| Missed::Failed(error.to_string());
    let patience = patience_now(words, patience, again).ok_or(Missed::Late(patience))?;
    let (channel, theirs) = UnixStream::pair().map_err(failed)?;
    let mut child = start(words, theirs).map_err(|error| {
        Missed::Failed(format!("a child to look ({THIS_PROGRAM}) does not start: {error}"))
    })?;
    let mut deadline = Instant::now() + patience;
    let last = Instant::now() + patience * STARVED;
    let mut bytes = Vec::new();
    let mut whole = read(&channel, deadline, &mut bytes);
    // A machine that is too busy to let it run is no disk that hangs.
    while let (Ok(false), true, true) = (&whole, wants_to_run(&child), deadline < last) {
        deadline = Instant::now() + SHORT;
        whole = read(&channel, deadline, &mut bytes);
    }
    // It has ended or is told to; whether it does is the kernel's matter.
    let _may_be_gone = child.kill();
    if let Ok(false) = whole {
        remember(Late { words: words.to_vec(), at: Instant::now(), child });
        return Err(Missed::Late(patience));
    }
    bury(child);
    whole.map_err(failed)?;
    Ok(bytes)
}

fn start(words: &[OsString], theirs: UnixStream) -> io::Result<Child> {
    own_program::command(Path::new(THIS_PROGRAM))
        .arg0("etcd-rescue")
        .arg(ENTRY)
        .args(words)
        .env_clear()
        .current_dir("/")
        // A Ctrl-C is ours to answer.
        .process_group(0)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Lets go of a child: it needs a moment to end, and one that nobody waits for
/// stays in the process table as long as we run.
fn bury(child: Child) {
    let mut ending = ENDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    ending.push(child);
    ending.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// How long this question is waited for: nothing while the child that was left
/// behind with it is still there, as what it hangs on has not moved; at most
/// `again` when it was late a moment ago.
fn patience_now(words: &[OsString], patience: Duration, again: Duration) -> Option<Duration> {
    let mut late = LATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    late.retain_mut(|one| one.at.elapsed() < LATELY || matches!(one.child.try_wait(), Ok(None)));
    match late.iter_mut().find(|one| one.words == words).map(|one| one.child.try_wait()) {
        Some(Ok(None)) => None,
        Some(_) => Some(patience.min(again)),
        None => Some(patience),
    }
}

fn remember(late: Late) {
    let mut known = LATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.retain(|one| one.words != late.words);
    known.push(late);
}

/// Whether it waits for nothing but a processor (state R in proc(5),
/// /proc/PID/stat).
fn wants_to_run(child: &Child) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

/// Adds to `bytes` up to the end of the answer; false when that takes too long.
fn read(mut channel: &UnixStream, deadline: Instant, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        channel.set_read_timeout(Some(left))?;
        match channel.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(read) => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
        if bytes.len() > LONGEST {
            return Err(io::Error::other("its answer is too long"));
        }
    }
}

/// What a question is about, as a word of it, for `understood` in the child.
#[must_use]
pub fn word(about: &impl Serialize) -> OsString {
    // Whatever of ours is asked about can be written.
    let bytes = postcard::to_allocvec(about).unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// In the child: what `word` was made of; `None` for any other word.
#[must_use]
pub fn understood<T: DeserializeOwned>(word: &OsStr) -> Option<T> {
    let digits = word.as_encoded_bytes().chunks(2);
    let bytes = digits.map(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
    postcard::from_bytes(&bytes.collect::<Option<Vec<u8>>>()?).ok()
}

/// In our program: what it is asked to do, when this process is a child. When
/// it is none, it may start such children from now on.
#[must_use]
pub fn asked() -> Option<Vec<OsString>> {
    OURS.store(true, Ordering::Relaxed);
    let mut args = std::env::args_os().skip(1);
    if args.next()? != ENTRY {
        return None;
    }
    // Nobody waits for us any more then.
    let _best_effort = set_parent_process_death_signal(Some(Signal::KILL));
    Some(args.collect())
}

/// In the child: the answer. What still hangs here in another thread does not
/// keep the parent waiting.
pub fn answer(answer: &impl Serialize) {
    // Stdin is the socket to the parent, both ways.
    let Ok(fd) = io::stdin().as_fd().try_clone_to_owned() else { return };
    let mut channel = UnixStream::from(fd);
    // The parent sees a short answer as none.
    let _nobody_listens = postcard::to_allocvec(answer).map(|bytes| channel.write_all(&bytes));
    // A thread that a dead disk holds would keep the socket open after our end.
    let _best_effort = channel.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::Pid;

    use super::*;

    #[test]
    fn a_word_is_understood() {
        let about = ("sda".to_owned(), Some(7_u64), vec![1.5_f64]);
        assert_eq!(understood(&word(&about)), Some(about));
        for other in ["", "0", "zz", "02ff", "é"] {
            assert_eq!(understood::<(String, u64)>(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn nobody_that_was_let_go_stays_in_the_process_table() {
        let started = || Command::new("true").spawn().expect("started");
        let first = started();
        let entry = std::path::PathBuf::from(format!("/proc/{}", first.id()));
        bury(first);
        while entry.exists() {
            std::thread::sleep(Duration::from_millis(5));
            bury(started());
        }
    }

    #[test]
    fn work_that_was_late_gets_its_time_again() {
        let words = [OsString::from("disks of the test")];
        let patience = Duration::from_secs(15);
        let mut child = Command::new("true").spawn().expect("started");
        child.wait().expect("ended");
        remember(Late { words: words.to_vec(), at: Instant::now(), child });
        assert_eq!(patience_now(&words, patience, SHORT), Some(SHORT));
        assert_eq!(patience_now(&words, patience, patience), Some(patience));
        let child = Command::new("sleep").arg("60").spawn().expect("started");
        let hangs = Pid::from_child(&child);
        remember(Late { words: words.to_vec(), at: Instant::now(), child });
        assert_eq!(patience_now(&words, patience, patience), None, "it has not moved");
        rustix::process::kill_process(hangs, Signal::KILL).expect("killed");
    }
}
