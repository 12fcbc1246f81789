//! The guardian: a process of its own that stops the kubelet and lets it go
//! when its stdin ends, which the kernel sees to however the rescue ends, and
//! for as long as the rescue stands still. It does the stopping itself, so that
//! no kubelet is ever stopped without a guardian. Must not panic, and decides
//! nothing but whom to stop.

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
/// The rescue is not suspended; said once a second.
pub const BEAT: u8 = b'b';

/// How often the kubelet is looked at.
const TICK: Duration = Duration::from_millis(150);
/// How long the rescue may say nothing: one that is suspended (Ctrl-Z) or
/// frozen neither works nor ends, and a node without a kubelet is worse.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the kernel may take to stop or continue it.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a kubelet that somebody else let go may run: service managers do
/// that so that it can end (systemd.kill(5), SendSIGCONT). And how often it is
/// looked whether there is another one.
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
    let mut guardian = match own_identity() {
        Ok(own) => Guardian::new(own),
        Err(error) => {
            let _ = say(&Word::Failed(error.to_string()));
            return;
        }
    };
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
    own: Identity,
    /// Whom we stopped. Nearly always one.
    held: Vec<Handle>,
    paused: bool,
    /// For how long the rescue has said nothing, by our own ticks: what stops
    /// us, too, does not count.
    silent_for: Duration,
    /// Since when one that we stopped runs although we did not let it go.
    running_since: Option<Instant>,
    /// When it was last looked whether there is another one.
    searched: Instant,
}

impl Guardian {
    fn new(own: Identity) -> Self {
        let (held, searched) = (Vec::new(), Instant::now());
        let silent_for = Duration::ZERO;
        Self { own, held, paused: false, silent_for, running_since: None, searched }
    }

    fn serve(&mut self, kubelet: Identity) -> io::Result<()> {
        self.adopt();
        let word = match self.hold(kubelet) {
            Ok(Word::Held(kubelet)) => {
                self.hold_any()?;
                Word::Held(kubelet)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.hold_any()?,
            word => word?,
        };
        say(&word)?;
        if let Word::Foreign(_) = word {
            return Ok(());
        }
        loop {
            let request = request()?;
            let was_silent = self.is_silent();
            match request {
                Request::Nothing => self.silent_for = self.silent_for.saturating_add(TICK),
                _ => self.silent_for = Duration::ZERO,
            }
            match request {
                Request::Nothing if self.is_silent() => self.let_go(),
                Request::Nothing => self.watch()?,
                Request::Beat if was_silent && !self.paused => {
                    if let Word::Held(kubelet) = self.hold_any()? {
                        say(&Word::Again(kubelet))?;
                    }
                }
                Request::Beat => {}
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

    fn is_silent(&self) -> bool {
        self.silent_for >= SILENCE
    }

    /// Takes over those that a guardian left stopped which is no more.
    fn adopt(&mut self) {
        let Some(record) = HoldRecord::read().filter(|record| !record.is_guarded()) else { return };
        let handles = record.kubelets.into_iter().filter_map(|it| Handle::open(it).ok());
        self.held.extend(handles.filter(|handle| handle.state() == State::Stopped));
    }

    /// Stops every kubelet there is.
    fn hold_any(&mut self) -> io::Result<Word> {
        let mut said = Word::NoneYet;
        for kubelet in kubelets(Path::new("/proc")) {
            match self.hold(kubelet) {
                Ok(word) if said == Word::NoneYet => said = word,
                Ok(word @ Word::Held(_)) if matches!(said, Word::Foreign(_)) => said = word,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Others are held, which is what matters.
                Err(_) if self.held.len() > 1 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(said)
    }

    fn hold(&mut self, kubelet: Identity) -> io::Result<Word> {
        let handle = Handle::open(kubelet)?;
        let known = self.held.iter().any(|held| held.process() == kubelet);
        if handle.state() == State::Stopped && !known {
            return Ok(Word::Foreign(kubelet.pid));
        }
        self.held.retain(|held| held.process() != kubelet && held.state() != State::Gone);
        // Ours from here on, so that any error lets it go again.
        self.held.push(handle);
        let kubelets = self.held.iter().map(Handle::process).collect();
        HoldRecord { kubelets, guardian: self.own }.write()?;
        let Some(handle) = self.held.last() else { return Ok(Word::NoneYet) };
        handle.stop()?;
        self.running_since = None;
        if await_state(handle, |state| state != State::Running) {
            return Ok(Word::Held(kubelet));
        }
        Err(io::Error::other(format!("the kubelet (pid {}) does not stop", kubelet.pid)))
    }

    /// Looks whether there is another kubelet now, or one was let go.
    fn watch(&mut self) -> io::Result<()> {
        if self.paused {
            return Ok(());
        }
        self.held.retain(|held| held.state() != State::Gone);
        let since = if self.held.iter().all(|held| held.state() == State::Stopped) {
            self.running_since = None;
            self.searched
        } else {
            *self.running_since.get_or_insert_with(Instant::now)
        };
        if !self.held.is_empty() && since.elapsed() < TO_END {
            return Ok(());
        }
        self.searched = Instant::now();
        let proc = Path::new("/proc");
        let running = kubelets(proc).into_iter().filter(|it| state(proc, *it) == State::Running);
        for kubelet in running {
            match self.hold(kubelet) {
                Ok(Word::Held(kubelet)) => say(&Word::Again(kubelet))?,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Others are held, which is what matters.
                Err(_) if self.held.len() > 1 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn let_go(&mut self) {
        let_go(&std::mem::take(&mut self.held), self.own);
    }
}

/// Continues the kubelets that this guardian stopped, and takes its record
/// away. Returns whether they are certainly not stopped any more.
pub fn let_go(handles: &[Handle], guardian: Identity) -> bool {
    for handle in handles {
        // Gone is as good as let go.
        let _ = handle.go_on();
    }
    let go_on = handles.iter().all(|handle| await_state(handle, |state| state != State::Stopped));
    if go_on {
        HoldRecord::remove(guardian);
    }
    go_on
}

fn own_identity() -> io::Result<Identity> {
    let pid = nix::unistd::getpid().as_raw();
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
    Beat,
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
        1 if byte[0] == BEAT => Request::Beat,
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
