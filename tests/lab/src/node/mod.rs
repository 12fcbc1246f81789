//! A master from inside: its namespaces and mounts (here), its first process
//! ([`init`]) and its container runtime's configuration ([`containerd`]).
//! Everything here runs in the process called power supply, whose death is the
//! power cut.

pub mod containerd;
pub mod init;
mod real_kubelet;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs},
    unistd::{sethostname, setsid},
};
use serde::{Deserialize, Serialize};

use crate::{network, processes, runtimes::Containerd, site};

/// What a master has to know about itself to boot, beside its disks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
    /// The lab's directory.
    pub lab: PathBuf,
    /// master-1, …
    pub name: String,
    /// Its address.
    pub ip: String,
    /// What makes it different from every other machine, in any lab.
    pub machine_id: String,
    /// The whole cluster, for /etc/hosts.
    pub hosts: Vec<(String, String)>,
    /// Divides the kubelet's times.
    pub speed: u32,
    /// Whether the data directory has a disk of its own.
    pub data_disk: bool,
    /// Whether the kubelet is the real one.
    pub real_kubelet: bool,
    /// The container runtime; none takes the machine's own.
    #[serde(default)]
    pub containerd: Option<Containerd>,
}

/// The image file of a master's own data disk.
pub const DATA_DISK: &str = "data.ext4";
const NODE_FILE: &str = "node.json";

impl Node {
    /// Leaves the description where [`supply_power`] finds it.
    pub fn save(&self, dir: &Path) -> Result<()> {
        fs::write(dir.join(NODE_FILE), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    /// Reads it again.
    pub fn load(dir: &Path) -> Result<Self> {
        Ok(serde_json::from_slice(&fs::read(dir.join(NODE_FILE))?)?)
    }
}

/// The power supply of the master in `dir`: makes the namespaces, boots the
/// master in them and lasts as long as its first process.
pub fn supply_power(dir: &Path) -> Result<()> {
    let node = Node::load(dir)?;
    setsid().context("leaving the session")?;
    unshare(
        CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )
    .context("making namespaces (this needs root)")?;
    network::plug_in(&node.lab, &node.name, &node.ip)?;
    sethostname(&node.name)?;
    let bare: Option<&str> = None;
    mount(bare, "/", bare, MsFlags::MS_REC | MsFlags::MS_PRIVATE, bare)
        .context("making mounts private")?;
    lay_overlays(dir)?;
    bind_directories(dir)?;
    if node.data_disk {
        let disk = dir.join(DATA_DISK);
        // The mount command attaches a loop device that goes with the mount.
        let mut command = Command::new("mount");
        command.args(["-o", "loop"]).arg(disk).arg("/var/lib/etcd");
        network::succeed(command)?;
        fs::set_permissions("/var/lib/etcd", fs::Permissions::from_mode(0o700))?;
    }
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=755"))
        .context("mounting /run")?;
    furnish(&node, dir)?;
    // The next child is the first process of the new process namespace.
    unshare(CloneFlags::CLONE_NEWPID).context("making a process namespace")?;
    let status = Command::new(std::env::current_exe()?)
        .arg(processes::INIT)
        .arg(dir)
        .current_dir("/")
        .status()
        .context("starting init")?;
    println!("power off: {status}");
    Ok(())
}

/// The machine's directories, with everything the master changes kept apart.
fn lay_overlays(dir: &Path) -> Result<()> {
    if is_on_overlay(dir) {
        let store = dir.join("overlay");
        fs::create_dir_all(&store)?;
        let bare: Option<&str> = None;
        mount(Some("tmpfs"), &store, Some("tmpfs"), MsFlags::empty(), bare)?;
    }
    for (i, lower) in site::OVERLAYS.iter().enumerate() {
        let store = dir.join("overlay").join(i.to_string());
        let (upper, work) = (store.join("upper"), store.join("work"));
        fs::create_dir_all(&upper)?;
        fs::create_dir_all(&work)?;
        let options =
            format!("lowerdir={lower},upperdir={},workdir={}", upper.display(), work.display());
        mount(Some("overlay"), *lower, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .with_context(|| format!("laying an overlay over {lower}"))?;
    }
    Ok(())
}

fn bind_directories(dir: &Path) -> Result<()> {
    for (target, name) in site::BINDS {
        let source = dir.join(name);
        fs::create_dir_all(&source)?;
        fs::create_dir_all(target)?;
        let bare: Option<&str> = None;
        mount(Some(&source), target, bare, MsFlags::MS_BIND, bare)
            .with_context(|| format!("binding {target}"))?;
    }
    Ok(())
}

/// The files a master has outside the bound directories.
fn furnish(node: &Node, dir: &Path) -> Result<()> {
    let mut hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    for (name, ip) in &node.hosts {
        hosts += &format!("{ip} {name}\n");
    }
    write_fresh("/etc/hosts", &hosts)?;
    write_fresh("/etc/hostname", &format!("{}\n", node.name))?;
    write_fresh("/etc/machine-id", &format!("{}\n", node.machine_id))?;
    fs::create_dir_all("/etc/containerd")?;
    write_fresh("/etc/containerd/config.toml", &containerd::config(snapshotter(dir)))?;
    let kubelet = match node.real_kubelet {
        true => real_kubelet::config(node),
        false => crate::kubelet::CONFIG.to_owned(),
    };
    write_fresh("/var/lib/kubelet/config.yaml", &kubelet)
}

/// A new file, never the machine's own one opened for writing: in a container
/// files such as /etc/hosts may be mounts.
fn write_fresh(path: &str, text: &str) -> Result<()> {
    let is_mount = fs::read_to_string("/proc/self/mountinfo")?
        .lines()
        .any(|line| line.split(' ').nth(4) == Some(path));
    if is_mount {
        nix::mount::umount2(path, nix::mount::MntFlags::MNT_DETACH)?;
    }
    let _ = fs::remove_file(path);
    fs::write(path, text).with_context(|| format!("writing {path}"))
}

fn snapshotter(dir: &Path) -> &'static str {
    if is_on_overlay(dir) { "native" } else { "overlayfs" }
}

/// overlayfs cannot write to overlayfs, which is all a lab inside a container has.
fn is_on_overlay(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|fs| fs.filesystem_type() == OVERLAYFS_SUPER_MAGIC)
}
