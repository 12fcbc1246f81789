//! The kubelet's process by /proc, and signals to it that cannot hit another
//! one: a pid is used again, a pid with its start time is not. Used by those
//! who look and by the guardian, so it decides nothing and allocates little.

use std::{fs, io, os::fd::OwnedFd, path::Path};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

use super::proc_stat::{self, Stat, is_in_this_namespace, numbers};
use crate::model::order::InOrder;

/// Programs with a kubelet inside that hold etcd or the whole node as well:
/// stopping them stops etcd.
const NEVER: [&str; 6] = ["etcd", "k3s", "k3s-server", "rke2", "kubelite", "k0s"];

/// One process for good: pid and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Every kubelet process of this pid namespace that is root's or ours, without
/// those that one of them is just starting: first those whose program is
/// called kubelet, then scripts that are, and of these the oldest first. Empty
/// when /proc cannot be read, or when `proc` is the view of another pid
/// namespace: its numbers would mean other processes here.
#[must_use]
pub fn kubelets(proc: &Path) -> Vec<Identity> {
    let own = std::process::id().to_string();
    if proc == Path::new("/proc") && fs::read_link("/proc/self").ok() != Some(own.into()) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let candidates: Vec<Candidate> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| candidate(proc, pid))
        .collect();
    // Between fork and exec a kubelet's child is called as it is.
    let is_child = |child: &Candidate| {
        candidates.iter().any(|it| it.process.pid == child.parent && it.exe == child.exe)
    };
    let mut found: Vec<&Candidate> = candidates.iter().filter(|it| !is_child(it)).collect();
    found.order_by_key(|it| (base_name(&it.exe) != "kubelet", it.process.start_time));
    found.into_iter().map(|it| it.process).collect()
}

/// What the process with this identity is doing.
#[must_use]
pub fn state(proc: &Path, process: Identity) -> State {
    match letter(proc, process) {
        Some('T') => State::Stopped,
        None | Some('Z' | 'X' | 'x') => State::Gone,
        Some(_) => State::Running,
    }
}

/// Whether it is there and can do something: one that is stopped, by a signal
/// (T) or by a debugger (t), cannot, and nobody knows for how long.
#[must_use]
pub fn works(proc: &Path, process: Identity) -> bool {
    !matches!(letter(proc, process), None | Some('Z' | 'X' | 'x' | 'T' | 't'))
}

fn letter(proc: &Path, process: Identity) -> Option<char> {
    let stat = Stat::of(proc, process.pid)?;
    (stat.start_time == process.start_time).then_some(stat.state)
}

/// Field 22 of the process's stat; none when it is not there.
#[must_use]
pub fn start_time(proc: &Path, pid: i32) -> Option<u64> {
    Stat::of(proc, pid).map(|stat| stat.start_time)
}

/// What looks like a kubelet.
struct Candidate {
    process: Identity,
    parent: i32,
    /// Its program's path; a script's is that of its interpreter.
    exe: String,
}

/// Its name or the name it was called by says kubelet, nothing says that it is
/// more than that, and it is root's own and of this pid namespace: anybody may
/// call a process of theirs kubelet.
fn candidate(proc: &Path, pid: i32) -> Option<Candidate> {
    let dir = proc.join(pid.to_string());
    let comm = fs::read(dir.join("comm")).ok()?;
    let comm = String::from_utf8_lossy(&comm);
    let comm = comm.trim_end();
    let words = fs::read(dir.join("cmdline")).unwrap_or_default();
    let first = words.split(|byte| *byte == 0).next().unwrap_or_default();
    let called = base_name(&String::from_utf8_lossy(first)).to_owned();
    if comm != "kubelet" && called != "kubelet" {
        return None;
    }
    let exe = fs::read_link(dir.join("exe")).unwrap_or_default();
    let exe = exe.to_string_lossy().trim_end_matches(" (deleted)").to_owned();
    let status = proc_stat::status(&dir)?;
    let never = NEVER.iter().any(|name| [comm, &called, base_name(&exe)].contains(name));
    if never || !is_roots(&status) || !is_in_this_namespace(&status) {
        return None;
    }
    let stat = Stat::of(proc, pid)?;
    let process = Identity { pid, start_time: stat.start_time };
    (state(proc, process) != State::Gone).then_some(Candidate { process, parent: stat.parent, exe })
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Its real and effective users are both root, or whoever we are. The owner of
/// /proc/PID would not do: it is root for whatever may not be dumped.
fn is_roots(status: &str) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    let uids: Vec<u32> = numbers(status, "Uid:").into_iter().flatten().take(2).collect();
    uids.len() == 2 && uids.iter().all(|uid| *uid == 0 || *uid == own)
}

/// Its pid; none for what is never a kubelet: the first process, and the
/// numbers that mean groups of processes.
fn pid(process: Identity) -> Option<Pid> {
    if process.pid > 1 { Pid::from_raw(process.pid) } else { None }
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
        let pid = pid(process).ok_or(io::ErrorKind::NotFound)?;
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

    /// SIGKILL.
    ///
    /// # Errors
    /// `NotFound` when it is gone; the kernel's otherwise.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
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
            None => match pid(self.process) {
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
        fake_of(dir, pid, (1, "0\t0\t0\t0"), comm, args, exe, nspid);
    }

    fn fake_of(
        dir: &Path,
        pid: i32,
        (parent, uids): (i32, &str),
        comm: &str,
        args: &str,
        exe: &str,
        nspid: &str,
    ) {
        let dir = dir.join(pid.to_string());
        fs::create_dir(&dir).expect("made");
        let stat = format!(
            "{pid} ({comm}) S {parent} 1 1 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 9 0 {pid}00 5"
        );
        for (name, text) in [
            ("comm", format!("{comm}\n")),
            ("cmdline", args.replace(' ', "\0")),
            ("stat", stat),
            ("status", format!("Name:\t{comm}\nUid:\t{uids}\nNSpid:\t{nspid}\n")),
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
        assert_eq!(pids, [40, 30, 50], "the program first, then what is called so, by age");
        assert_eq!(kubelets(proc)[0].start_time, 4000);
    }

    #[test]
    fn a_process_of_somebody_else_is_no_kubelet_whatever_it_is_called() {
        let dir = tempfile::tempdir().expect("a directory");
        let proc = dir.path();
        let root = "0\t0\t0\t0";
        let kubelet = "/usr/bin/kubelet";
        fake_of(proc, 20, (1, "1000\t1000\t1000\t1000"), "kubelet", kubelet, kubelet, "20");
        fake_of(proc, 21, (1, "1000\t0\t0\t0"), "kubelet", kubelet, kubelet, "21");
        fake_of(proc, 22, (1, ""), "kubelet", kubelet, kubelet, "22");
        fake_of(proc, 30, (1, root), "kubelet", "/bin/sh /x/kubelet", "/bin/dash", "30");
        fake_of(proc, 40, (30, root), "kubelet", kubelet, kubelet, "40");
        fake_of(proc, 41, (40, root), "kubelet", kubelet, kubelet, "41");
        let pids: Vec<i32> = kubelets(proc).iter().map(|process| process.pid).collect();
        assert_eq!(pids, [40, 30], "41 is about to be another program");
    }

    #[test]
    fn a_process_is_found_by_both_its_numbers() {
        let proc = Path::new("/proc");
        let pid = i32::try_from(std::process::id()).expect("a pid");
        let start_time = start_time(proc, pid).expect("we run");
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
