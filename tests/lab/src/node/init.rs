//! The first process of a master: mounts /proc, runs containerd and the kubelet
//! and starts them again when they die, as a service supervisor would, and takes
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
use crate::{runtimes::Containerd, site::Site};

/// Where containerd listens.
pub const SOCKET: &str = "/run/containerd/containerd.sock";
/// Tells that the images are in containerd's store already.
const STOCKED: &str = "images-are-in";

/// Runs a master until its power is cut.
pub fn run(dir: &Path) -> Result<()> {
    let node = Node::load(dir)?;
    let site = Site { dir: node.lab.clone() };
    let bare: Option<&str> = None;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), bare).context("mounting /proc")?;
    let runtime = node.containerd.as_ref();
    let containerd = Service {
        program: runtime.map_or_else(|| "containerd".into(), |own| own.dir.join("containerd")),
        name: "containerd",
        args: Vec::new(),
        // It looks for its shim there, and has to find that of its own version.
        env: runtime.map(|own| ("PATH", own.path())).into_iter().collect(),
        log: dir.join("containerd.log"),
    };
    let kubelet = Service {
        program: site.program("kubelet"),
        name: "/usr/bin/kubelet",
        args: if node.real_kubelet { real_kubelet::args(&node) } else { small_kubelet_args(&node) },
        env: vec![(crate::kubelet::SPEED, node.speed.to_string().into())],
        log: dir.join("kubelet.log"),
    };
    if node.real_kubelet {
        real_kubelet::prepare(&node, dir)?;
    }
    let mut running = vec![(containerd.start()?, &containerd)];
    await_runtime()?;
    stock_images(dir, &site, runtime)?;
    running.push((kubelet.start()?, &kubelet));
    loop {
        let dead = match wait() {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => {
                pid.as_raw().unsigned_abs()
            }
            Ok(_) | Err(Errno::EINTR) => continue,
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
    vec![
        "--config=/var/lib/kubelet/config.yaml".into(),
        format!("--container-runtime-endpoint=unix://{SOCKET}"),
        format!("--hostname-override={}", node.name),
    ]
}

struct Service {
    program: PathBuf,
    name: &'static str,
    args: Vec<String>,
    env: Vec<(&'static str, OsString)>,
    log: PathBuf,
}

impl Service {
    fn start(&self) -> Result<u32> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(&self.program)
            .arg0(self.name)
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

fn await_runtime() -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    while std::os::unix::net::UnixStream::connect(SOCKET).is_err() {
        if Instant::now() > patience {
            bail!("containerd does not open its socket; see containerd.log");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn stock_images(dir: &Path, site: &Site, runtime: Option<&Containerd>) -> Result<()> {
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
        let ctr = runtime.map_or_else(|| "ctr".into(), |own| own.dir.join("ctr"));
        let mut import = Command::new(ctr);
        import.args(["-n", "k8s.io", "images", "import"]).arg(archive);
        crate::network::succeed(import)?;
    }
    File::create(mark)?;
    Ok(())
}
