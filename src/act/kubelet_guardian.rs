//! The guardian: a process of its own that stops the kubelet and lets it go
//! when its stdin ends, which the kernel sees to however the rescue ends. It
//! does the stopping itself, so that no kubelet is ever stopped without a
//! guardian. Must not panic, and decides nothing but whom to stop.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::SigSet;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sys::{
    hold_record::HoldRecord,
    kubelet::{Handle, Identity, State, kubelets, state},
};

/// First argument of a guardian.
pub const ENTRY: &str = "__hold-kubelet";
/// What it is called in process lists. Not by our name: who kills every
/// `etcd-rescue` by name must not hit it.
pub const NAME: &str = "kubelet-guard";
/// A request: let the kubelet run until told otherwise.
pub const PAUSE: u8 = b'p';
/// A request: hold it again.
pub const RESUME: u8 = b'r';

/// How often the kubelet is looked at.
const TICK: Duration = Duration::from_millis(150);
/// How long the kernel may take to stop or continue it.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a kubelet that somebody else let go may run: service managers do
/// that so that it can end (systemd.kill(5), SendSIGCONT).
const TO_END: Duration = Duration::from_secs(1);

/// What a guardian answers, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// This one is stopped.
    Held(Identity),
    /// No kubelet runs; the next one is stopped as soon as it is there.
    NoneYet,
    /// This one was stopped by somebody else, and is left as it is.
    Foreign(i32),
    /// It runs, until `RESUME`.
    Paused,
    /// It could not be done; the guardian ends.
    Failed(String),
    /// Unasked: this one was started, or let go, meanwhile, and is stopped.
    Again(Identity),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(it) => write!(f, "held {} {}", it.pid, it.start_time),
            Self::NoneYet => f.write_str("none"),
            Self::Foreign(pid) => write!(f, "foreign {pid}"),
            Self::Paused => f.write_str("paused"),
            Self::Failed(why) => write!(f, "failed {}", why.replace('\n', " ")),
            Self::Again(it) => write!(f, "again {} {}", it.pid, it.start_time),
        }
    }
}

impl Word {
    /// Reads a line back; none of a line that is no word.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let identity = || {
            let (pid, start_time) = rest.split_once(' ')?;
            Some(Identity { pid: pid.parse().ok()?, start_time: start_time.parse().ok()? })
        };
        match word {
            "held" => identity().map(Self::Held),
            "again" => identity().map(Self::Again),
            "none" => Some(Self::NoneYet),
            "foreign" => rest.parse().ok().map(Self::Foreign),
            "paused" => Some(Self::Paused),
            "failed" => Some(Self::Failed(rest.to_owned())),
            _ => None,
        }
    }
}

/// Whom a command line of a guardian is about; none of every other command
/// line.
#[must_use]
pub fn asked_to_guard<S: AsRef<OsStr>>(args: &[S]) -> Option<Identity> {
    let word = |index: usize| args.get(index)?.as_ref().to_str();
    if word(1) != Some(ENTRY) {
        return None;
    }
    Some(Identity { pid: word(2)?.parse().ok()?, start_time: word(3)?.parse().ok()? })
}

/// Holds the kubelet until stdin ends. Any error on the way ends the hold.
pub fn guard(kubelet: Identity) {
    detach();
    let mut guardian = Guardian { held: None, paused: false, running_since: None };
    if let Err(error) = guardian.serve(kubelet) {
        // Nobody may be listening any more.
        let _ = say(&Word::Failed(error.to_string()));
    }
    guardian.let_go();
}

/// Out of reach of what ends the rescue: its terminal, its session, signals,
/// the memory killer, and the control group of an SSH session. What is not
/// allowed here is done without: the end of stdin counts, whatever happens.
fn detach() {
    let _ = nix::unistd::setsid();
    let _ = SigSet::all().thread_block();
    // A caller's pipes would otherwise stay open for as long as we are there.
    let fds = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let fds: Vec<i32> = fds.filter_map(|fd| fd.file_name().to_str()?.parse().ok()).collect();
    for fd in fds.into_iter().filter(|fd| *fd > 2) {
        let _ = nix::unistd::close(fd);
    }
    for (path, text) in [
        ("/proc/self/comm", NAME),
        ("/proc/self/oom_score_adj", "-1000"),
        ("/sys/fs/cgroup/cgroup.procs", "0"),
        ("/sys/fs/cgroup/systemd/cgroup.procs", "0"),
    ] {
        let file = fs::OpenOptions::new().write(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }
}

struct Guardian {
    /// Whom we stopped.
    held: Option<Handle>,
    paused: bool,
    /// Since when the one we stopped runs although we did not let it go.
    running_since: Option<Instant>,
}

impl Guardian {
    fn serve(&mut self, kubelet: Identity) -> io::Result<()> {
        let word = match self.hold(kubelet) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.hold_any()?,
            word => word?,
        };
        say(&word)?;
        if let Word::Foreign(_) = word {
            return Ok(());
        }
        loop {
            match request()? {
                Request::Nothing => self.watch()?,
                Request::Pause => {
                    self.let_go();
                    self.paused = true;
                    say(&Word::Paused)?;
                }
                Request::Resume => {
                    self.paused = false;
                    let word = self.hold_any()?;
                    say(&word)?;
                }
                Request::End => return Ok(()),
            }
        }
    }

    /// Stops whatever kubelet there is.
    fn hold_any(&mut self) -> io::Result<Word> {
        let Some(kubelet) = kubelets(Path::new("/proc")).into_iter().next() else {
            return Ok(Word::NoneYet);
        };
        match self.hold(kubelet) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Word::NoneYet),
            word => word,
        }
    }

    fn hold(&mut self, kubelet: Identity) -> io::Result<Word> {
        let handle = Handle::open(kubelet)?;
        if handle.state() == State::Stopped && !is_ours(kubelet) {
            return Ok(Word::Foreign(kubelet.pid));
        }
        let own = own_identity()?;
        let record = HoldRecord {
            pid: kubelet.pid,
            start_time: kubelet.start_time,
            guardian: own.pid,
            guardian_start_time: own.start_time,
        };
        record.write()?;
        // Ours from here on, so that any error lets it go again.
        let handle = self.held.insert(handle);
        handle.stop()?;
        self.running_since = None;
        if await_state(handle, |state| state != State::Running) {
            return Ok(Word::Held(kubelet));
        }
        Err(io::Error::other(format!("the kubelet (pid {}) does not stop", kubelet.pid)))
    }

    /// Looks whether the kubelet is another one now, or was let go.
    fn watch(&mut self) -> io::Result<()> {
        if self.paused {
            return Ok(());
        }
        let next = match self.held.as_ref().map(|held| (held.process(), held.state())) {
            Some((_, State::Stopped)) => {
                self.running_since = None;
                return Ok(());
            }
            Some((held, State::Running)) => {
                let since = *self.running_since.get_or_insert_with(Instant::now);
                if since.elapsed() < TO_END {
                    return Ok(());
                }
                Some(held)
            }
            Some((_, State::Gone)) | None => {
                self.held = None;
                let proc = Path::new("/proc");
                kubelets(proc).into_iter().find(|it| state(proc, *it) == State::Running)
            }
        };
        let Some(kubelet) = next else { return Ok(()) };
        match self.hold(kubelet) {
            Ok(Word::Held(kubelet)) => say(&Word::Again(kubelet)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn let_go(&mut self) {
        let Some(handle) = self.held.take() else { return };
        let_go(&handle);
    }
}

/// Continues a kubelet that we stopped, and takes the record away. Returns
/// whether it is certainly not stopped any more.
pub fn let_go(handle: &Handle) -> bool {
    // Gone is as good as let go.
    let _ = handle.go_on();
    let goes_on = await_state(handle, |state| state != State::Stopped);
    if goes_on {
        HoldRecord::remove();
    }
    goes_on
}

/// Whether the record says that a rescue which is no more stopped it, or we.
fn is_ours(kubelet: Identity) -> bool {
    HoldRecord::read().is_some_and(|record| {
        record.kubelet() == kubelet
            && (record.guardian == own_pid()
                || state(Path::new("/proc"), record.guardian()) == State::Gone)
    })
}

fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}

fn own_identity() -> io::Result<Identity> {
    let pid = own_pid();
    let start_time = crate::sys::kubelet::start_time(Path::new("/proc"), pid);
    let start_time = start_time.ok_or_else(|| io::Error::other("/proc does not show us"))?;
    Ok(Identity { pid, start_time })
}

/// Waits until the kernel has done what a signal asked for.
fn await_state(handle: &Handle, wanted: impl Fn(State) -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !wanted(handle.state()) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

enum Request {
    Nothing,
    Pause,
    Resume,
    End,
}

/// The next request; `Nothing` after a tick without one.
fn request() -> io::Result<Request> {
    let stdin = io::stdin();
    let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    if poll(&mut fds, Some(&tick))? == 0 {
        return Ok(Request::Nothing);
    }
    let mut byte = [0];
    // No buffer in between: what is read ahead would not wake the next poll.
    Ok(match rustix::io::read(&stdin, &mut byte)? {
        1 if byte[0] == PAUSE => Request::Pause,
        1 if byte[0] == RESUME => Request::Resume,
        _ => Request::End,
    })
}

/// Stdin is a socket: the answers go back the way the requests come.
fn say(word: &Word) -> io::Result<()> {
    let line = format!("{word}\n");
    let written = rustix::io::write(io::stdin(), line.as_bytes())?;
    if written == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        let it = Identity { pid: 812, start_time: 4711 };
        for word in [
            Word::Held(it),
            Word::Again(it),
            Word::NoneYet,
            Word::Foreign(9),
            Word::Paused,
            Word::Failed("no such process".to_owned()),
        ] {
            assert_eq!(Word::parse(&word.to_string()), Some(word));
        }
        for line in ["", "held", "held x y", "again 1", "foreign", "hello 1 2"] {
            assert_eq!(Word::parse(line), None, "{line}");
        }
    }

    #[test]
    fn only_its_own_command_line_makes_a_guardian() {
        let it = Identity { pid: 812, start_time: 4711 };
        assert_eq!(asked_to_guard(&[NAME, ENTRY, "812", "4711"]), Some(it));
        for args in [&["etcd-rescue"][..], &["x", "recover"], &["x", ENTRY], &["x", ENTRY, "1"]] {
            assert_eq!(asked_to_guard(args), None, "{args:?}");
        }
    }
}
