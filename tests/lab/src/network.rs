//! The lab's network: a bridge in a namespace of its own (the switch) and one
//! veth per master. The machine's own network is never touched.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::{pause, setsid},
};

use crate::{processes, site};

const BRIDGE: &str = "lab";

/// The switch process: makes the bridge and holds its namespace until killed.
pub fn run_switch() -> Result<()> {
    setsid().context("leaving the session")?;
    unshare(CloneFlags::CLONE_NEWNET).context("making a network namespace")?;
    ip(&["link", "add", BRIDGE, "type", "bridge", "forward_delay", "0"])?;
    ip(&["addr", "add", &format!("{}/24", site::GATEWAY), "dev", BRIDGE])?;
    ip(&["link", "set", BRIDGE, "up"])?;
    // Masters have a default route, as real ones do; behind it all is silence.
    ip(&["route", "add", "blackhole", "default"])?;
    loop {
        pause();
    }
}

/// Starts the switch of the lab in `dir` and waits until its bridge is there.
pub fn start_switch(program: &Path, dir: &Path) -> Result<()> {
    Command::new(program)
        .arg(processes::SWITCH)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .context("starting the switch")?;
    let mut result = Ok(());
    for _ in 0..200 {
        thread::sleep(Duration::from_millis(10));
        result = at_switch(dir, &["route", "get", site::GATEWAY]);
        if result.is_ok() {
            return Ok(());
        }
    }
    result.context("the switch does not come up")
}

/// Connects the network namespace of this very process with the switch, as
/// `eth0` with `ip`.
pub fn plug_in(lab: &Path, port: &str, ip_address: &str) -> Result<()> {
    let me = std::process::id().to_string();
    // After a power cut the kernel takes the old pair away in its own time.
    let _ = at_switch(lab, &["link", "del", port]);
    at_switch(lab, &["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", &me])?;
    at_switch(lab, &["link", "set", port, "master", BRIDGE, "up"])?;
    ip(&["link", "set", "lo", "up"])?;
    ip(&["addr", "add", &format!("{ip_address}/24"), "dev", "eth0"])?;
    ip(&["link", "set", "eth0", "up"])?;
    ip(&["route", "add", "default", "via", site::GATEWAY])
}

/// Pulls a master's cable at the switch, or puts it back.
pub fn set_cable(lab: &Path, port: &str, plugged: bool) -> Result<()> {
    at_switch(lab, &["link", "set", port, if plugged { "up" } else { "down" }])
}

fn at_switch(lab: &Path, args: &[&str]) -> Result<()> {
    let pid = processes::find(processes::SWITCH, lab).context("the lab's switch is not running")?;
    let mut command = Command::new("nsenter");
    // Not `ip netns exec`: it remounts /sys and loses the cgroups.
    command.arg(format!("--net=/proc/{pid}/ns/net")).arg("ip").args(args);
    succeed(command)
}

fn ip(args: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(args);
    succeed(command)
}

/// Runs a command to its end; what it said becomes the error when it fails.
pub fn succeed(mut command: Command) -> Result<()> {
    let out =
        command.stdin(Stdio::null()).output().with_context(|| format!("running {command:?}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        bail!("{command:?}: {} ({})", said.trim(), out.status);
    }
    Ok(())
}
