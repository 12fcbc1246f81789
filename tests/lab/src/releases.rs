//! Which etcd releases there are to run: those `scripts/setup lab` fetched and
//! those of a directory the user names. Looks only; fetches nothing.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One etcd release on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// As `etcd --version` says it, for example `3.5.16`.
    pub version: String,
    /// The server.
    pub etcd: PathBuf,
    /// The client of the same release.
    pub etcdctl: PathBuf,
    /// The offline tool, where the release has one (3.5 and later).
    pub etcdutl: Option<PathBuf>,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "etcd {}", self.version)
    }
}

impl Release {
    /// The release whose programs lie in `dir`; none when `dir` has no etcd and
    /// etcdctl that run here.
    fn in_directory(dir: &Path) -> Option<Self> {
        let program = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
        let (etcd, etcdctl) = (program("etcd")?, program("etcdctl")?);
        let out = Command::new(&etcd).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: "))?;
        Some(Self {
            version: version.trim().to_owned(),
            etcd,
            etcdctl,
            etcdutl: program("etcdutl"),
        })
    }

    /// The numbers of the version, to compare by.
    pub fn numbers(&self) -> (u32, u32, u32) {
        numbers(&self.version)
    }
}

/// The first three numbers of a version; what is none counts as 0.
pub(crate) fn numbers(version: &str) -> (u32, u32, u32) {
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

/// All releases, oldest first: `target/etcd/*` of the workspace and everything
/// up to two levels below `$ETCD_RELEASES`. A version found twice is taken once.
pub fn releases() -> Vec<Release> {
    let mut dirs = Vec::new();
    collect_directories(&crate::site::workspace().join("target/etcd"), 1, &mut dirs);
    if let Some(named) = env::var_os("ETCD_RELEASES") {
        collect_directories(Path::new(&named), 2, &mut dirs);
    }
    let mut found: Vec<_> = dirs.iter().filter_map(|dir| Release::in_directory(dir)).collect();
    found.sort_by_key(Release::numbers);
    found.dedup_by(|a, b| a.version == b.version);
    found
}

/// The release asked for: an exact version (`3.5.16`) or the newest of a line
/// (`3.5`).
pub fn release(wanted: &str) -> Result<Release> {
    let wanted = wanted.trim_start_matches('v');
    let all = releases();
    let line = format!("{wanted}.");
    all.iter()
        .rev()
        .find(|release| release.version == wanted)
        .or_else(|| all.iter().rev().find(|release| release.version.starts_with(&line)))
        .cloned()
        .with_context(|| {
            let have: Vec<_> = all.iter().map(|release| release.version.as_str()).collect();
            format!(
                "no etcd {wanted} here (have: {}); run scripts/setup lab or set ETCD_RELEASES",
                have.join(", ")
            )
        })
}

/// `dir` and every directory up to so many levels below it.
pub(crate) fn collect_directories(dir: &Path, depth: u32, into: &mut Vec<PathBuf>) {
    into.push(dir.to_owned());
    let Ok(entries) = dir.read_dir() else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        // Links (the names of suites) lead to directories that are listed anyway.
        if depth > 0 && path.is_dir() && !path.is_symlink() {
            collect_directories(&path, depth - 1, into);
        }
    }
}
