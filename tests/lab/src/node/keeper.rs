//! A stand-in for k0s, as far as it matters to who looks for etcd: a process of
//! that name that starts etcd, and starts it again when it ends.

use std::{os::unix::process::CommandExt, process::Command, thread, time::Duration};

use anyhow::{Context, Result};

use crate::layout::host_etcd::HostProcess;

/// The environment variable that says what to keep, as JSON.
pub const KEPT: &str = "LAB_KEEPS";

/// Runs until killed.
pub fn run() -> Result<()> {
    let kept = std::env::var(KEPT).context("nothing says what to keep running")?;
    let kept: HostProcess = serde_json::from_str(&kept)?;
    // The copies lie side by side.
    let program = std::env::current_exe()?.with_file_name(&kept.name);
    loop {
        let status = Command::new(&program)
            .arg0(&kept.called)
            .args(&kept.args)
            .envs(kept.env.iter().map(|(name, value)| (name, value)))
            .env_remove(KEPT)
            .status()
            .with_context(|| format!("starting {}", program.display()))?;
        println!("{} ended: {status}", kept.called);
        thread::sleep(Duration::from_secs(1));
    }
}
