//! Takes labs down: processes, then what the kernel does not take away with them
//! (cgroups), then files. Touches nothing outside the labs' directory but the
//! cgroups named by pods that ran there.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    cgroups,
    node::Node,
    processes,
    site::{self, Site},
};

/// Takes down the lab in `dir`, as far as it is there.
pub fn sweep(dir: &Path) -> Result<()> {
    ensure!(!dir.exists() || is_lab(dir), "{} is no lab", dir.display());
    // Again until none is left: a process that was just being born shows later.
    loop {
        let pids = processes::below(dir);
        if pids.is_empty() {
            break;
        }
        pids.into_iter().try_for_each(processes::end)?;
    }
    cgroups::remove_pods(&pod_uids(dir));
    entries(dir.to_owned())
        .filter_map(|master| Node::load(&master).ok())
        .for_each(|node| cgroups::remove_root(&node.machine_id));
    if dir.exists() {
        remove(dir)?;
    }
    // The directory of all labs is ours, if nobody named one, and goes with the
    // last of them.
    if std::env::var_os(site::LABS).is_none() {
        let _ = dir.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// Takes down every lab on this machine.
pub fn down_all() -> Result<Vec<String>> {
    let entries = fs::read_dir(site::labs()).into_iter().flatten().flatten();
    let labs = entries.filter(|entry| is_lab(&entry.path()));
    let mut names: Vec<_> = labs.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    for name in &names {
        sweep(&site::lab(name)).with_context(|| format!("taking down {name}"))?;
    }
    Ok(names)
}

/// Nothing is removed that does not look like one: the directory of labs may be
/// anybody's.
fn is_lab(dir: &Path) -> bool {
    Site { dir: dir.to_owned() }.spec().is_file()
}

/// The kernel needs a moment to let go of a dead namespace's mounts.
fn remove(dir: &Path) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..50 {
        last = remove_marked(dir);
        if last.is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    last.with_context(|| format!("removing {}", dir.display()))
}

/// What marks the directory as a lab goes last, so that an interrupted removal
/// can be repeated.
fn remove_marked(dir: &Path) -> std::io::Result<()> {
    let mark = Site { dir: dir.to_owned() }.spec();
    for path in fs::read_dir(dir)?.flatten().map(|entry| entry.path()) {
        if path != mark {
            fs::remove_dir_all(path)?;
        }
    }
    fs::remove_dir_all(dir)
}

/// The uids of all pods that ever ran in the lab, from the names of their log
/// directories: `<namespace>_<name>_<uid>`.
fn pod_uids(dir: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    entries(dir.to_owned())
        .flat_map(|master| entries(master.join("pods")))
        .filter_map(|pod| Some(name(&pod)?.rsplit_once('_')?.1.to_owned()))
        .collect()
}

fn entries(dir: PathBuf) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}
