//! The guardian of the kubelet as its parent sees it: a child at the other end
//! of a socket, asked, heard, beaten time to and ended.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::Path,
    process::{Child, Stdio},
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::kubelet_guardian::{BEAT, ENTRY, NAME, Word};
use crate::sys::{
    kubelet::{Identity, start_time, works},
    own_program,
};

/// How long a guardian may take to answer: it waits for the kernel, too.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How often the guardian hears that we are not suspended.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// The process at the other end of a socket.
#[derive(Debug)]
pub(super) struct Guardian {
    child: Child,
    /// Its stdin, both ways. The only end of ours: when it is closed, by us or
    /// by our death, the kubelet goes on.
    pub(super) channel: Arc<UnixStream>,
    /// The beginning of a line that is not complete yet.
    pending: Vec<u8>,
}

impl Guardian {
    /// Starts this `program` as the guardian of that kubelet.
    pub(super) fn start(program: &Path, kubelet: Identity) -> io::Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let child = own_program::command(program)
            .arg0(NAME)
            .args([ENTRY, &kubelet.pid.to_string(), &kubelet.start_time.to_string()])
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        // One that does not read must not make us wait.
        channel.set_nonblocking(true)?;
        let channel = Arc::new(channel);
        let beats = Arc::downgrade(&channel);
        let guardian = Self { child, channel, pending: Vec::new() };
        thread::Builder::new().name("kubelet-hold".to_owned()).spawn(move || beat(&beats))?;
        Ok(guardian)
    }

    /// Whether it is there and not stopped itself.
    pub(super) fn works(&mut self) -> bool {
        let pid = self.child.id().cast_signed();
        let proc = Path::new("/proc");
        let identity = start_time(proc, pid).map(|start_time| Identity { pid, start_time });
        matches!(self.child.try_wait(), Ok(None)) && identity.is_some_and(|it| works(proc, it))
    }

    /// The answer to a request, in time.
    pub(super) fn answer(&mut self) -> io::Result<Word> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.word(left)? {
                // Said before it heard the request.
                Some(Word::Again(_)) => {}
                Some(word) => return Ok(word),
                None => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    /// The next line; none when there is no complete one within this time.
    pub(super) fn word(&mut self, patience: Duration) -> io::Result<Option<Word>> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                let word = Word::parse(line.trim_end());
                return word.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            if poll(&mut [PollFd::new(&self.channel, PollFlags::IN)], Some(&left))? == 0 {
                return Ok(None);
            }
            let mut buffer = [0; 256];
            match (&*self.channel).read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.pending.extend_from_slice(&buffer[..read]),
            }
        }
    }

    /// Closes the channel and waits for its end.
    pub(super) fn end(mut self) {
        let _ = self.channel.shutdown(Shutdown::Both);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= deadline || !self.works() {
                // It hangs in the kernel, or was stopped; what it leaves is
                // let go by us.
                return self.kill();
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it without its doing; the kubelet stays as it is.
    pub(super) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells the guardian once a second that we are not suspended, for as long as
/// there is a channel to it. A thread of its own, as the work of this process
/// may keep the one that waits for everything else.
fn beat(channel: &Weak<UnixStream>) {
    while let Some(channel) = channel.upgrade() {
        // A full channel or a dead guardian is seen by `check`.
        let _ = (&*channel).write(&[BEAT]);
        drop(channel);
        thread::sleep(BEAT_EVERY);
    }
}
