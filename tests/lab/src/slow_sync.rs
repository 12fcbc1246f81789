//! A slow disk below one member: every fdatasync of its etcd (the WAL's and the
//! database's) begins late. strace does it; nothing else of the machine is slower
//! for it.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::Master;

/// strace holds or leaves a process within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// The disk is slow until this is dropped, or until its etcd ends.
#[derive(Debug)]
pub struct SlowSync {
    /// Outside the master; strace is its child.
    launcher: Child,
    member: String,
}

impl Master {
    /// Makes every fdatasync of its etcd, in all threads and those to come, take
    /// `delay` longer. Returns when that is so.
    pub fn slow_sync(&self, delay: Duration) -> Result<SlowSync> {
        let pid = self
            .pid_of(self.etcd_process())
            .with_context(|| format!("{} runs no etcd", self.name()))?;
        let mut strace = self.command("/usr/bin/strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-p", &pid.to_string()]);
        let inject = format!("inject=fdatasync:delay_enter={}", delay.as_micros());
        strace.args(["-e", "trace=fdatasync", "-e", &inject]);
        strace.stdin(Stdio::null()).stdout(Stdio::null());
        // A Ctrl-C of whoever looks on does not heal the disk.
        strace.process_group(0);
        let launcher = strace.spawn().context("starting strace")?;
        // From here on dropping it ends strace.
        let mut slow = SlowSync { launcher, member: self.name().to_owned() };
        let deadline = Instant::now() + PATIENCE;
        while !self.is_traced(pid) {
            if let Some(status) = slow.launcher.try_wait()? {
                anyhow::bail!("strace of {} ended with {status}", slow.member);
            }
            ensure!(Instant::now() < deadline, "strace does not hold {}", slow.member);
            thread::sleep(Duration::from_millis(10));
        }
        Ok(slow)
    }

    /// Ends what [`SlowSync::leave`] left; its disk has its own speed again.
    pub fn end_slow_sync(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.pid_of("strace").is_some() {
            // SIGTERM makes it let go first; it may have ended by itself meanwhile.
            let _ = self.signal("strace", "TERM");
            ensure!(Instant::now() < deadline, "strace does not let {} go", self.name());
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Whether every thread of one of its processes is traced.
    fn is_traced(&self, pid: u32) -> bool {
        let Some(init) = self.init_pid() else { return false };
        let tasks = fs::read_dir(format!("/proc/{init}/root/proc/{pid}/task"));
        let mut threads = tasks.into_iter().flatten().flatten().peekable();
        threads.peek().is_some()
            && threads.all(|thread| {
                let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                status.contains("TracerPid:") && !status.contains("TracerPid:\t0\n")
            })
    }
}

impl SlowSync {
    /// Leaves it slow when this process ends; see [`Master::end_slow_sync`].
    pub fn leave(self) {
        std::mem::forget(self);
    }

    /// The process that nsenter, which stays outside, started inside the master.
    fn strace(&self) -> Option<Pid> {
        let launcher = self.launcher.id();
        let children = fs::read_to_string(format!("/proc/{launcher}/task/{launcher}/children"));
        children.ok()?.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
    }
}

impl Drop for SlowSync {
    fn drop(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while matches!(self.launcher.try_wait(), Ok(None)) {
            // SIGTERM makes it let go first.
            let signal = if Instant::now() < deadline { Signal::SIGTERM } else { Signal::SIGKILL };
            if let Some(strace) = self.strace() {
                // It may have ended by itself, with its etcd.
                let _ = kill(strace, signal);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}
