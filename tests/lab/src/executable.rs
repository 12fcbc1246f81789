//! Finds the executable that masters run. A test binary is not it, so it is built
//! next to the test binary when needed.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, Result, bail};

/// The path of the `lab` executable of this build.
pub fn path() -> Result<PathBuf> {
    if let Some(named) = env::var_os("ETCD_RESCUE_LAB_BIN") {
        return Ok(named.into());
    }
    let me = env::current_exe()?;
    if me.file_stem().is_some_and(|name| name == "lab") {
        return Ok(me);
    }
    // Tests run as threads of one process; one build is enough for all.
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BUILT
        .get_or_init(|| build(&me).map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(anyhow::Error::msg)
}

fn build(me: &Path) -> Result<PathBuf> {
    let target = me
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())
        .context("this program lies in no target directory; set ETCD_RESCUE_LAB_BIN")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package", "lab", "--bin", "lab", "--target-dir"])
        .arg(target)
        .current_dir(crate::site::workspace());
    let out = command.output().context("running cargo")?;
    if !out.status.success() {
        bail!("building the lab: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(target.join("debug/lab"))
}
