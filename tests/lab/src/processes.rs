//! Finds the lab's long-running processes by their command lines, so that no pid
//! file can go stale, and ends them by pid. Never touches a process whose command
//! line does not name the lab's own directory.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

/// Holds the network namespace with the bridge.
pub const SWITCH: &str = "switch";
/// Holds a master's namespaces and is the parent of its init.
pub const SUPPLY: &str = "power-supply";
/// The first process of a master.
pub const INIT: &str = "init";

/// The pid (as this process sees it) of the process of that role for `dir`.
pub fn find(role: &str, dir: &Path) -> Option<u32> {
    let dir = dir.to_str()?;
    pids().find(|&pid| {
        command_line(pid).is_some_and(|words| plays(&words, role, dir)) && settled(role, pid)
    })
}

/// All processes that belong to labs in or below `dir`, with their roles.
pub fn below(dir: &Path) -> Vec<u32> {
    let Some(dir) = dir.to_str() else { return Vec::new() };
    let inside = |path: &String| path == dir || path.starts_with(&format!("{dir}/"));
    let ours = |words: Vec<String>| {
        words.get(1).is_some_and(|role| [SWITCH, SUPPLY, INIT].contains(&role.as_str()))
            && words.get(2).is_some_and(inside)
    };
    pids().filter(|&pid| command_line(pid).is_some_and(ours)).collect()
}

/// Kills `pid` and waits until it is gone; with the first process of a master
/// everything in it goes.
pub fn end(pid: u32) -> Result<()> {
    let target = Pid::from_raw(i32::try_from(pid)?);
    let patience = Instant::now() + Duration::from_secs(20);
    while alive(target) {
        match kill(target, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => bail!("killing process {pid}: {error}"),
        }
        if Instant::now() > patience {
            bail!("process {pid} does not go away");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until `pid` has gone by itself.
pub fn await_end(pid: u32, patience: Duration) -> Result<()> {
    let target = Pid::from_raw(i32::try_from(pid)?);
    let deadline = Instant::now() + patience;
    while alive(target) {
        if Instant::now() > deadline {
            bail!("process {pid} is still there after {patience:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Processes we see, oldest numbers first.
pub fn pids() -> impl Iterator<Item = u32> {
    pids_in(Path::new("/proc"))
}

/// Processes that the process filesystem mounted at `proc` shows.
pub fn pids_in(proc: &Path) -> impl Iterator<Item = u32> + use<> {
    let names = fs::read_dir(proc).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut pids: Vec<u32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter()
}

fn plays(words: &[String], role: &str, dir: &str) -> bool {
    words.get(1).is_some_and(|word| word == role) && words.get(2).is_some_and(|word| word == dir)
}

/// A child between fork and exec still shows its parent's command line. For an
/// init the number inside its own namespace tells them apart.
fn settled(role: &str, pid: u32) -> bool {
    if role != INIT {
        return true;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.is_some_and(|numbers| numbers.split_whitespace().last() == Some("1"))
}

fn command_line(pid: u32) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(
        bytes
            .split(|&byte| byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    )
}

fn alive(pid: Pid) -> bool {
    // A child of ours stays as a zombie until somebody takes its status.
    let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}
