//! The first process of a master: mounts /proc, runs containerd, the kubelet
//! and what else its layout has outside of containers, and starts them again when they die, as a service supervisor would, and takes
//! the status of every orphan.

use std::{
    ffi::OsString,
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::wait::{WaitStatus, wait},
};

use super::{Node, real_kubelet};
use crate::{
    layout::{Runtime, host_etcd::HostProcess},
    runtimes::Containerd,
    site::Site,
};

/// What the log says when everything was started once.
pub const STARTED: &str = "everything is started";
/// Tells that the images are in containerd's store already.
const STOCKED: &str = "images-are-in";

/// Runs a master until its power is cut.
pub fn run(dir: &Path) -> Result<()> {
    let node = Node::load(dir)?;
    let site = Site { dir: node.lab.clone() };
    let bare: Option<&str> = None;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), bare).context("mounting /proc")?;
    let row = node.layout.row();
    let mut running = Vec::new();
    if let Some(runtime) = row.runtime {
        let containerd = Service::containerd(runtime, node.containerd.as_ref(), dir);
        running.push((containerd.start()?, containerd));
        await_runtime(runtime.socket)?;
        stock_images(dir, &site, runtime.socket, node.containerd.as_ref())?;
    }
    if node.real_kubelet {
        real_kubelet::prepare(&node, dir)?;
    }
    let kubelet = row.kubelet.map(|_| Service::kubelet(&node, &site, dir));
    let others = node.processes.iter().map(|process| Service::of_host(process, dir));
    for service in kubelet.into_iter().chain(others) {
        running.push((service.start()?, service));
    }
    println!("{STARTED}");
    loop {
        let dead = match wait() {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => {
                pid.as_raw().unsigned_abs()
            }
            Ok(_) | Err(Errno::EINTR) => continue,
            // A master of which only its files matter.
            Err(Errno::ECHILD) if running.is_empty() => {
                thread::sleep(Duration::from_secs(1));
                continue;
            }
            Err(error) => bail!("waiting for children: {error}"),
        };
        if let Some(place) = running.iter_mut().find(|(pid, _)| *pid == dead) {
            println!("{} ended; starting it again", place.1.name);
            thread::sleep(Duration::from_secs(1));
            place.0 = place.1.start()?;
        }
    }
}

fn small_kubelet_args(node: &Node) -> Vec<String> {
    let row = node.layout.row();
    let mut args = Vec::new();
    if let Some(kubelet) = row.kubelet {
        args.push(match kubelet.config {
            Some(path) => format!("--config={path}"),
            None => format!("--pod-manifest-path={}", kubelet.manifests),
        });
    }
    args.extend(row.runtime.map(|it| format!("--container-runtime-endpoint=unix://{}", it.socket)));
    args.push(format!("--hostname-override={}", node.name));
    args
}

struct Service {
    program: PathBuf,
    name: String,
    args: Vec<String>,
    env: Vec<(String, OsString)>,
    /// Whether it gets no variable but those.
    alone: bool,
    log: PathBuf,
}

impl Service {
    fn containerd(runtime: Runtime, own: Option<&Containerd>, dir: &Path) -> Self {
        let usual = runtime.config == "/etc/containerd/config.toml";
        let args = if usual { vec![] } else { vec!["-c".to_owned(), runtime.config.to_owned()] };
        Self {
            program: own.map_or_else(|| "containerd".into(), |own| own.dir.join("containerd")),
            name: "containerd".to_owned(),
            args,
            // It looks for its shim there, and has to find that of its own version.
            env: own.map(|own| ("PATH".to_owned(), own.path())).into_iter().collect(),
            alone: false,
            log: dir.join("containerd.log"),
        }
    }

    fn kubelet(node: &Node, site: &Site, dir: &Path) -> Self {
        let args =
            if node.real_kubelet { real_kubelet::args(node) } else { small_kubelet_args(node) };
        Self {
            program: site.program("kubelet"),
            name: "/usr/bin/kubelet".to_owned(),
            args,
            env: vec![(crate::kubelet::SPEED.to_owned(), node.speed.to_string().into())],
            alone: false,
            log: dir.join("kubelet.log"),
        }
    }

    fn of_host(process: &HostProcess, dir: &Path) -> Self {
        let given = process.env.iter().map(|(name, value)| (name.clone(), value.into()));
        let mut env: Vec<(String, OsString)> = given.collect();
        env.extend(process.keeps.as_ref().map(|kept| {
            let kept = serde_json::to_string(kept).unwrap_or_default();
            (super::keeper::KEPT.to_owned(), kept.into())
        }));
        Self {
            program: dir.join("bin").join(&process.name),
            name: process.called.clone(),
            args: process.args.clone(),
            env,
            // etcd takes every ETCD_… for a setting.
            alone: true,
            log: dir.join(format!("{}.log", process.name)),
        }
    }
}

impl Service {
    fn start(&self) -> Result<u32> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.program);
        if self.alone {
            command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");
        }
        let child = command
            .arg0(&self.name)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir("/")
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        Ok(child.id())
    }
}

fn await_runtime(socket: &str) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    while std::os::unix::net::UnixStream::connect(socket).is_err() {
        if Instant::now() > patience {
            bail!("containerd does not open its socket; see containerd.log");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn stock_images(
    dir: &Path,
    site: &Site,
    socket: &str,
    containerd: Option<&Containerd>,
) -> Result<()> {
    let mark = dir.join(STOCKED);
    if mark.exists() {
        return Ok(());
    }
    let mut archives: Vec<_> =
        site.images().read_dir()?.flatten().map(|entry| entry.path()).collect();
    let wanted = std::fs::read_to_string(dir.join("images")).unwrap_or_default();
    archives.retain(|path| {
        path.file_name().is_some_and(|name| wanted.lines().any(|line| name == line))
    });
    for archive in archives {
        let ctr = containerd.map_or_else(|| "ctr".into(), |own| own.dir.join("ctr"));
        let mut import = Command::new(ctr);
        import.args(["-a", socket, "-n", "k8s.io", "images", "import"]).arg(archive);
        crate::network::succeed(import)?;
    }
    File::create(mark)?;
    Ok(())
}
