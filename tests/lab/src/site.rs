//! Where everything of a lab lies on the machine: one directory per lab, one
//! below it per master. Knows paths only; [`crate::sweep`] removes them.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use crate::layout::Layout;

/// The first three bytes of every address. The bridge lives in a network
/// namespace of its own, so labs beside each other may use the same addresses.
const NETWORK: &str = "10.199.0";
/// The switch's own address.
pub const GATEWAY: &str = "10.199.0.1";

/// Directories of the machine that a master sees through an overlay, so that
/// what it writes there stays in the lab.
pub const OVERLAYS: [&str; 3] = ["/etc", "/var/lib", "/var/log"];

/// The workspace this crate was built in.
pub fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// The environment variable that names the directory of all labs.
pub const LABS: &str = "ETCD_RESCUE_LAB_DIR";

/// The directory of all labs: `$ETCD_RESCUE_LAB_DIR`, else below /var/tmp,
/// which is a real disk where /tmp and /run often are memory.
pub fn labs() -> PathBuf {
    env::var_os(LABS).map_or_else(|| PathBuf::from("/var/tmp/etcd-rescue-lab"), PathBuf::from)
}

/// Names become directories and must not lead out of theirs.
pub fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = !name.is_empty() && name.len() <= 40 && name.chars().all(plain);
    ensure!(fits, "a lab's name is up to 40 letters, digits and hyphens");
    Ok(())
}

/// The directory of the lab called `name`.
pub fn lab(name: &str) -> PathBuf {
    labs().join(name)
}

/// The files of one lab.
#[derive(Clone, Debug)]
pub struct Site {
    /// The lab's directory.
    pub dir: PathBuf,
}

impl Site {
    /// What was asked for, as JSON.
    pub fn spec(&self) -> PathBuf {
        self.dir.join("spec.json")
    }

    /// The lab's own executable. A copy: a rebuild must not pull it away from
    /// under a running master, and masters need the name `kubelet` for it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// Container images, ready to import.
    pub fn images(&self) -> PathBuf {
        self.dir.join("images")
    }

    /// `ca.crt`, `client.crt` and `client.key`, with which the lab itself asks.
    pub fn judge(&self) -> PathBuf {
        self.dir.join("judge")
    }

    /// The directory of one master.
    pub fn master(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The name of the master with this index (from 0).
pub fn master_name(index: usize) -> String {
    format!("master-{}", index + 1)
}

/// The address of the master with this index (from 0).
pub fn master_ip(index: usize) -> String {
    format!("{NETWORK}.{}", 11 + index)
}

/// The directory of the lab behind `path` of a master, when it is one that
/// stays while the master is off.
pub fn behind(master: &Path, layout: Layout, path: &Path) -> Option<PathBuf> {
    layout
        .binds()
        .find_map(|(mount, dir)| Some(master.join(dir).join(path.strip_prefix(mount).ok()?)))
}
