//! Which containerd releases there are to run masters on: the machine's own, those
//! `scripts/setup lab` fetched and those of a directory the user names. Looks only;
//! fetches nothing.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{releases, site};

/// One containerd release on this machine. Its shim and ctr lie beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containerd {
    /// As `containerd --version` says it, without what a distribution added: `1.7.24`.
    pub version: String,
    /// The directory with `containerd`, `ctr` and `containerd-shim-runc-v2`.
    pub dir: PathBuf,
}

impl fmt::Display for Containerd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "containerd {}", self.version)
    }
}

impl Containerd {
    /// The release in `dir`; none unless everything it takes is there and runs.
    fn in_directory(dir: &Path) -> Option<Self> {
        let all = ["containerd", "ctr", "containerd-shim-runc-v2"];
        if !all.iter().all(|name| dir.join(name).is_file()) {
            return None;
        }
        let out = Command::new(dir.join("containerd")).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let version = text.split_whitespace().nth(2)?.trim_start_matches('v');
        let version = version.split(['~', '+', '-']).next()?.to_owned();
        Some(Self { version, dir: dir.to_owned() })
    }

    /// The numbers of the version, to compare by.
    pub fn numbers(&self) -> (u32, u32, u32) {
        releases::numbers(&self.version)
    }

    /// `PATH` under which its own shim is found before the machine's.
    pub fn path(&self) -> OsString {
        let usual = env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
        let dirs = std::iter::once(self.dir.clone()).chain(env::split_paths(&usual));
        env::join_paths(dirs).unwrap_or(usual)
    }
}

/// All releases, oldest first: the machine's own, `target/containerd/*` of the
/// workspace and everything up to three levels below `$CONTAINERD_RELEASES` (an
/// unpacked archive has them in `bin`). A version found twice is taken once, the
/// machine's own before others.
pub fn runtimes() -> Vec<Containerd> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = env::split_paths(&path).collect();
    releases::collect_directories(&site::workspace().join("target/containerd"), 1, &mut dirs);
    if let Some(named) = env::var_os("CONTAINERD_RELEASES") {
        releases::collect_directories(Path::new(&named), 3, &mut dirs);
    }
    let mut found: Vec<_> = dirs.iter().filter_map(|dir| Containerd::in_directory(dir)).collect();
    found.sort_by_key(Containerd::numbers);
    found.dedup_by(|a, b| a.version == b.version);
    found
}

/// The release asked for: an exact version (`1.7.24`) or the newest of a line
/// (`1.7`, `2`).
pub fn runtime(wanted: &str) -> Result<Containerd> {
    let wanted = wanted.trim_start_matches('v');
    let all = runtimes();
    let line = format!("{wanted}.");
    all.iter()
        .rev()
        .find(|one| one.version == wanted || one.version.starts_with(&line))
        .cloned()
        .with_context(|| {
            let have: Vec<_> = all.iter().map(|one| one.version.as_str()).collect();
            format!(
                "no containerd {wanted} here (have: {}); run scripts/setup lab or set \
                 CONTAINERD_RELEASES",
                have.join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn program(path: &Path, says: &str) {
        fs::write(path, format!("#!/bin/sh\necho '{says}'\n")).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
    }

    #[test]
    fn a_release_is_whole_or_none() {
        let dir = env::temp_dir().join(format!("lab-runtimes-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("made");
        program(&dir.join("containerd"), "containerd github.com/x/v2 2.1.9+unknown ");
        program(&dir.join("ctr"), "");
        let without_shim = Containerd::in_directory(&dir);
        program(&dir.join("containerd-shim-runc-v2"), "");
        let whole = Containerd::in_directory(&dir);
        fs::remove_dir_all(&dir).expect("removed");
        assert_eq!(without_shim, None);
        let whole = whole.expect("a release");
        assert_eq!((whole.version.as_str(), whole.numbers()), ("2.1.9", (2, 1, 9)));
        assert!(whole.path().to_string_lossy().starts_with(&format!("{}:", dir.display())));
    }
}
