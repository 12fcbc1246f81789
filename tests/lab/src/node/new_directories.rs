//! Directories that the machine's tree has no place for (`/system`, `/var/snap`):
//! the tree around them is put together again in memory, in the master's own
//! mounts, so that the machine gets none.

use std::{fs, os::unix::fs::symlink, path::Path};

use anyhow::{Context, Result};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::{chdir, pivot_root},
};

/// Makes these directories, each directly below `/` or `/var`. `scratch` is a
/// directory to mount on for a moment.
pub fn make(wanted: &[&str], scratch: &Path) -> Result<()> {
    for path in wanted.iter().map(Path::new) {
        let parent = path.parent().context("it has no parent")?;
        if path.exists() {
            continue;
        }
        let new = scratch.join("tree");
        fs::create_dir_all(&new)?;
        gather(parent, &new).with_context(|| format!("putting {} together", parent.display()))?;
        fs::create_dir(new.join(path.file_name().context("it has no name")?))?;
        let bare: Option<&str> = None;
        if parent == Path::new("/") {
            become_root(&new)?;
        } else {
            mount(Some(&new), parent, bare, MsFlags::MS_MOVE, bare)?;
        }
    }
    Ok(())
}

/// A new tree in memory with everything below `old` in it.
fn gather(old: &Path, new: &Path) -> Result<()> {
    let bare: Option<&str> = None;
    mount(Some("tmpfs"), new, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        let (from, to, kind) = (entry.path(), new.join(entry.file_name()), entry.file_type()?);
        if kind.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            continue;
        }
        match kind.is_dir() {
            true => fs::create_dir(&to)?,
            false => fs::write(&to, "")?,
        }
        mount(Some(&from), &to, bare, MsFlags::MS_BIND | MsFlags::MS_REC, bare)
            .with_context(|| format!("binding {}", from.display()))?;
    }
    Ok(())
}

fn become_root(new: &Path) -> Result<()> {
    let old = new.join("old-root");
    fs::create_dir(&old)?;
    pivot_root(new, &old).context("changing the root")?;
    chdir("/")?;
    umount2("/old-root", MntFlags::MNT_DETACH)?;
    fs::remove_dir("/old-root")?;
    Ok(())
}
