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
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Signal, set_parent_process_death_signal};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// The first argument of such a child.
const ENTRY: &str = "__look-aside";

/// Longest answer that is taken.
const LONGEST: usize = 32 << 20;

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

/// Has a child do `words` (a word of `lib.rs`' table and its arguments) and
/// waits for its answer at most so long.
///
/// # Errors
/// `Missed`; the child is killed then, and left behind when it does not die.
pub async fn ask<T>(words: &[&OsStr], patience: Duration) -> Result<T, Missed>
where
    T: DeserializeOwned + Send + 'static,
{
    let words: Vec<OsString> = words.iter().map(|word| (*word).to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || ask_and_wait(&words, patience));
    asked.await.unwrap_or_else(|error| Err(Missed::Failed(error.to_string())))
}

fn ask_and_wait<T: DeserializeOwned>(words: &[OsString], patience: Duration) -> Result<T, Missed> {
    let failed = |error: io::Error| Missed::Failed(error.to_string());
    let deadline = Instant::now() + patience;
    let (channel, theirs) = UnixStream::pair().map_err(failed)?;
    let mut child = Command::new("/proc/self/exe")
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
        .map_err(failed)?;
    let answer = read(&channel, deadline);
    // It has ended or is told to; whether it does is the kernel's matter.
    let _may_be_gone = child.kill();
    let _may_hang = child.try_wait();
    match answer.map_err(failed)? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| Missed::Failed(format!("it ended without an answer ({error})"))),
        None => Err(Missed::Late(patience)),
    }
}

/// Everything up to the end of the answer; nothing when that takes too long.
fn read(mut channel: &UnixStream, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        channel.set_read_timeout(Some(left))?;
        match channel.read(&mut buffer) {
            Ok(0) => return Ok(Some(bytes)),
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

/// In the child: what it is asked to do, when this process is one.
#[must_use]
pub fn asked() -> Option<Vec<OsString>> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != ENTRY {
        return None;
    }
    // Nobody waits for us any more then.
    let _best_effort = set_parent_process_death_signal(Some(Signal::KILL));
    Some(args.collect())
}

/// In the child: the answer.
pub fn answer(answer: &impl Serialize) {
    // Stdin is the socket to the parent, both ways.
    let Ok(fd) = io::stdin().as_fd().try_clone_to_owned() else { return };
    let mut channel = UnixStream::from(fd);
    // The parent sees a short answer as none.
    let _nobody_listens = serde_json::to_vec(answer).map(|bytes| channel.write_all(&bytes));
    // A thread that a dead disk holds would keep the socket open after our end.
    let _best_effort = channel.shutdown(Shutdown::Both);
}
