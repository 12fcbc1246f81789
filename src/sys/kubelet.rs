//! The kubelet's process by /proc, and signals to it that cannot hit another
//! one: a pid is used again, a pid with its start time is not. Used by those
//! who look and by the guardian, so it decides nothing and allocates little.

use std::{fs, io, os::fd::OwnedFd, path::Path};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};

/// Programs with a kubelet inside that hold etcd or the whole node as well:
/// stopping them stops etcd.
const NEVER: [&str; 6] = ["etcd", "k3s", "k3s-server", "rke2", "kubelite", "k0s"];

/// One process for good: pid and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Pid in this pid namespace.
    pub pid: i32,
    /// Field 22 of /proc/PID/stat (proc(5)), clock ticks since boot.
    pub start_time: u64,
}

/// What a process is doing, as far as holding it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs, or would if it were its turn.
    Running,
    /// Stopped by a signal (T; not t, which is a debugger's).
    Stopped,
    /// It is not there, or a zombie.
    Gone,
}

/// Every kubelet process of this pid namespace, the oldest first. Empty when
/// /proc cannot be read, or when `proc` is the view of another pid namespace:
/// its numbers would mean other processes here.
#[must_use]
pub fn kubelets(proc: &Path) -> Vec<Identity> {
    let own = std::process::id().to_string();
    if proc == Path::new("/proc") && fs::read_link("/proc/self").ok() != Some(own.into()) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let mut found: Vec<Identity> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| is_kubelet(proc, *pid))
        .filter_map(|pid| {
            let (state, start_time) = stat(proc, pid)?;
            (state != State::Gone).then_some(Identity { pid, start_time })
        })
        .collect();
    found.sort_by_key(|process| process.start_time);
    found
}

/// What the process with this identity is doing.
#[must_use]
pub fn state(proc: &Path, process: Identity) -> State {
    match stat(proc, process.pid) {
        Some((state, start_time)) if start_time == process.start_time => state,
        _ => State::Gone,
    }
}

/// Field 22 of the process's stat; none when it is not there.
#[must_use]
pub fn start_time(proc: &Path, pid: i32) -> Option<u64> {
    stat(proc, pid).map(|(_, start_time)| start_time)
}

/// Its name or the name it was called by says kubelet, nothing says that it is
/// more than that, and it lives in this pid namespace.
fn is_kubelet(proc: &Path, pid: i32) -> bool {
    let dir = proc.join(pid.to_string());
    let Ok(comm) = fs::read(dir.join("comm")) else { return false };
    let comm = String::from_utf8_lossy(&comm);
    let comm = comm.trim_end();
    let words = fs::read(dir.join("cmdline")).unwrap_or_default();
    let first = words.split(|byte| *byte == 0).next().unwrap_or_default();
    let called = base_name(&String::from_utf8_lossy(first)).to_owned();
    if comm != "kubelet" && called != "kubelet" {
        return false;
    }
    let exe = fs::read_link(dir.join("exe")).unwrap_or_default();
    let exe = exe.to_string_lossy();
    let exe = base_name(exe.trim_end_matches(" (deleted)"));
    !NEVER.iter().any(|name| [comm, &called, exe].contains(name)) && in_this_namespace(&dir)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// NSpid has one number per pid namespace, from this one inwards (proc(5));
/// kernels before 4.1 do not tell.
fn in_this_namespace(dir: &Path) -> bool {
    let status = fs::read_to_string(dir.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.is_none_or(|pids| pids.split_whitespace().count() <= 1)
}

/// State and start time: fields 3 and 22, counted behind the name in
/// parentheses, which may hold anything (proc(5)).
fn stat(proc: &Path, pid: i32) -> Option<(State, u64)> {
    let text = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = match fields.next()? {
        "T" => State::Stopped,
        "Z" | "X" | "x" => State::Gone,
        _ => State::Running,
    };
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// A process that can be signalled without hitting its pid's next owner.
#[derive(Debug)]
pub struct Handle {
    process: Identity,
    /// None before Linux 5.3.
    pidfd: Option<OwnedFd>,
}

impl Handle {
    /// Takes hold of a process of this pid namespace.
    ///
    /// # Errors
    /// `NotFound` when it is not there any more; the kernel's otherwise.
    pub fn open(process: Identity) -> io::Result<Self> {
        let pid = Pid::from_raw(process.pid).filter(|_| process.pid > 1);
        let pid = pid.ok_or(io::ErrorKind::NotFound)?;
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => Some(pidfd),
            // Kernels before 5.3, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => None,
            Err(Errno::SRCH) => return Err(io::ErrorKind::NotFound.into()),
            Err(error) => return Err(error.into()),
        };
        let handle = Self { process, pidfd };
        // Only now is it certain whom the descriptor means.
        match handle.state() {
            State::Gone => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(handle),
        }
    }

    /// Whom it means.
    #[must_use]
    pub fn process(&self) -> Identity {
        self.process
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> State {
        state(Path::new("/proc"), self.process)
    }

    /// SIGSTOP: asks the kernel to stop it; done when `state` says so.
    ///
    /// # Errors
    /// `NotFound` when it is gone; the kernel's otherwise.
    pub fn stop(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// `NotFound` when it is gone; the kernel's otherwise.
    pub fn go_on(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let sent = match &self.pidfd {
            Some(pidfd) => pidfd_send_signal(pidfd, signal),
            None if self.state() == State::Gone => Err(Errno::SRCH),
            None => match Pid::from_raw(self.process.pid) {
                Some(pid) => kill_process(pid, signal),
                None => Err(Errno::SRCH),
            },
        };
        sent.map_err(|error| match error {
            Errno::SRCH => io::ErrorKind::NotFound.into(),
            error => error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(dir: &Path, pid: i32, comm: &str, args: &str, exe: &str, nspid: &str) {
        let dir = dir.join(pid.to_string());
        fs::create_dir(&dir).expect("made");
        let stat =
            format!("{pid} ({comm}) S 1 1 1 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 9 0 {pid}00 5");
        for (name, text) in [
            ("comm", format!("{comm}\n")),
            ("cmdline", args.replace(' ', "\0")),
            ("stat", stat),
            ("status", format!("Name:\t{comm}\nNSpid:\t{nspid}\n")),
        ] {
            fs::write(dir.join(name), text).expect("written");
        }
        std::os::unix::fs::symlink(exe, dir.join("exe")).expect("linked");
    }

    #[test]
    fn a_kubelet_is_told_from_what_merely_holds_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let proc = dir.path();
        fake(proc, 40, "kubelet", "/usr/bin/kubelet --v=2", "/usr/bin/kubelet", "40");
        fake(proc, 30, "lab", "/usr/bin/kubelet --v=2", "/opt/lab", "30");
        fake(proc, 50, "kubelet", "/bin/sh /x/kubelet", "/bin/dash (deleted)", "50");
        fake(proc, 60, "kubelet", "/usr/bin/kubelet", "/usr/bin/kubelet", "60 7");
        fake(proc, 61, "kubelet", "kubelet", "/usr/local/bin/k3s (deleted)", "61");
        fake(proc, 62, "k3s-server", "kubelet", "/x", "62");
        fake(proc, 63, "kubelite", "/snap/kubelite --start-kubelet", "/snap/kubelite", "63");
        fake(proc, 64, "etcd", "etcd kubelet", "/usr/bin/etcd", "64");
        fake(proc, 65, "kubelet-guard", "kubelet-guard x", "/x", "65");
        let pids: Vec<i32> = kubelets(proc).iter().map(|process| process.pid).collect();
        assert_eq!(pids, [30, 40, 50]);
        assert_eq!(kubelets(proc)[1].start_time, 4000);
    }

    #[test]
    fn a_process_is_found_by_both_its_numbers() {
        let proc = Path::new("/proc");
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let (_, start_time) = stat(proc, pid).expect("we run");
        let own = Identity { pid, start_time };
        assert_eq!(state(proc, own), State::Running);
        let other = Identity { pid, start_time: start_time + 1 };
        assert_eq!(state(proc, other), State::Gone);
        assert!(Handle::open(own).is_ok());
        assert_eq!(Handle::open(other).err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
        assert!(Handle::open(Identity { pid: 1, start_time: 0 }).is_err(), "never the first");
        assert!(Handle::open(Identity { pid: -1, start_time: 0 }).is_err(), "never everybody");
    }
}
