//! One master from outside: commands in it, its files, and the faults that can be
//! done to it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    MasterSpec, Release, cluster,
    layout::Layout,
    network, pki, processes,
    site::{self, Site},
};

/// One master of a lab.
#[derive(Clone, Debug)]
pub struct Master {
    lab: Site,
    dir: PathBuf,
    name: String,
    ip: String,
    release: Release,
    layout: Layout,
}

impl Master {
    pub(crate) fn new(lab: &Site, index: usize, spec: &MasterSpec) -> Self {
        let name = site::master_name(index);
        Self {
            lab: lab.clone(),
            dir: lab.master(&name),
            ip: site::master_ip(index),
            name,
            release: spec.etcd.clone(),
            layout: spec.layout,
        }
    }

    /// master-1, …; also its host name and, in most layouts, its member's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address in the lab's network.
    pub fn ip(&self) -> &str {
        &self.ip
    }

    /// The etcd it runs.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Who installed it.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Its member's client URL, for whoever is on it.
    pub fn endpoint(&self) -> String {
        let etcd = self.layout.row().etcd.as_ref();
        let host = etcd.filter(|etcd| etcd.loopback_only).map_or(&*self.ip, |_| "127.0.0.1");
        format!("https://{host}:2379")
    }

    /// What the process is called that is its etcd, or holds it.
    pub fn etcd_process(&self) -> &'static str {
        self.layout.row().etcd.as_ref().map_or("etcd", |etcd| etcd.process)
    }

    /// The pid of its first process as the machine sees it; none without power.
    pub fn init_pid(&self) -> Option<u32> {
        processes::find(processes::INIT, &self.dir)
    }

    /// A command that runs inside the master: its network, processes, mounts and
    /// host name. The program and all paths have to be absolute; the working
    /// directory is `/`. The machine's files are visible except where the master
    /// has its own ([`Layout::binds`], [`site::OVERLAYS`], /run).
    ///
    /// # Panics
    /// When the master has no power.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let pid = self.init_pid().unwrap_or_else(|| panic!("{} has no power", self.name));
        let mut command = Command::new("nsenter");
        command
            .args(["-t", &pid.to_string(), "-m", "-u", "-i", "-n", "-p", "--"])
            .arg(program.as_ref());
        command
    }

    /// The path on the machine of a file of the master. Those below
    /// [`Layout::binds`] are there also without power (except a data directory on a
    /// disk of its own).
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        let own_disk =
            path.starts_with("/var/lib/etcd") && self.dir.join(crate::node::DATA_DISK).exists();
        match (site::behind(&self.dir, self.layout, path), self.init_pid()) {
            (Some(behind), _) if !own_disk => behind,
            (_, Some(pid)) => {
                Path::new(&format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path))
            }
            _ => path.to_owned(),
        }
    }

    /// The log of its `init`, `kubelet` or `containerd`.
    pub fn log(&self, of: &str) -> PathBuf {
        self.dir.join(format!("{of}.log"))
    }

    /// Runs its own release's etcdctl against its own member only.
    pub fn etcdctl(&self, args: &[&str]) -> Result<Output> {
        let mut command = cluster::etcdctl(self, &self.release, &self.lab.judge())?;
        command.arg(format!("--endpoints={}", self.endpoint())).args(args);
        command.output().context("running etcdctl")
    }

    /// Waits until its member answers a linearizable read.
    pub fn wait_serving(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !self.etcdctl(&["get", "serving?"]).is_ok_and(|out| out.status.success()) {
            ensure!(
                Instant::now() < deadline,
                "the member of {} does not serve after {patience:?}",
                self.name
            );
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Gives its etcd another peer certificate, valid between these many days
    /// from now on; etcd reads it with its next handshake.
    pub fn reissue_peer_certificate(&self, days: (i64, i64)) -> Result<()> {
        let etcd = self.path("/etc/kubernetes/pki/etcd");
        pki::reissue_peer(&etcd, &self.name, &self.ip, days)
    }

    /// The pid, as the master itself sees it, of its process with that name
    /// (`etcd`, `kubelet`, `containerd`, `kube-apiserver`).
    pub fn pid_of(&self, name: &str) -> Option<u32> {
        let proc = PathBuf::from(format!("/proc/{}/root/proc", self.init_pid()?));
        let called = |pid: &u32| {
            fs::read_to_string(proc.join(pid.to_string()).join("comm"))
                .is_ok_and(|comm| comm.trim() == name)
        };
        processes::pids_in(&proc).find(called)
    }

    /// Sends a signal (`STOP`, `CONT`, `KILL`, …) to its process with that name.
    pub fn signal(&self, name: &str, signal: &str) -> Result<()> {
        let pid = self.pid_of(name).with_context(|| format!("{} runs no {name}", self.name))?;
        let mut command = self.command("/bin/kill");
        command.args(["-s", signal, &pid.to_string()]);
        network::succeed(command)
    }

    /// The state letter of its process with that name, as in /proc: `T` is stopped.
    pub fn state_of(&self, name: &str) -> Option<char> {
        let stat = fs::read_to_string(format!(
            "/proc/{}/root/proc/{}/stat",
            self.init_pid()?,
            self.pid_of(name)?
        ));
        stat.ok()?.rsplit_once(") ")?.1.chars().next()
    }

    /// SIGKILL to etcd. The kubelet, or who else keeps it, starts it again.
    pub fn kill_etcd(&self) -> Result<()> {
        self.signal(self.etcd_process(), "KILL")
    }

    /// Ends the etcd of a layout without a pod for it, with who holds it, for good:
    /// the master's first process, which would start it again, is stopped.
    pub fn end_etcd_for_good(&self) -> Result<()> {
        let init = self.init_pid().with_context(|| format!("{} has no power", self.name))?;
        kill(Pid::from_raw(i32::try_from(init)?), Signal::SIGSTOP)?;
        for name in ["k0s", self.etcd_process()] {
            if self.pid_of(name).is_some() {
                self.signal(name, "KILL")?;
            }
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        // Nobody takes its status.
        while self.state_of(self.etcd_process()).is_some_and(|state| state != 'Z') {
            ensure!(Instant::now() < deadline, "etcd of {} does not end", self.name);
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Ends everything in the master at once, as a power cut does.
    pub fn power_cut(&self) -> Result<()> {
        let supply = processes::find(processes::SUPPLY, &self.dir);
        let init = self.init_pid().with_context(|| format!("{} has no power", self.name))?;
        processes::end(init)?;
        supply.map_or(Ok(()), |pid| processes::await_end(pid, Duration::from_secs(20)))
    }

    /// Gives it power again and returns when its etcd process runs; see
    /// [`Master::wait_serving`] for more.
    pub fn boot(&self) -> Result<()> {
        self.power_on()?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.pid_of(self.etcd_process()).is_none() {
            ensure!(
                Instant::now() < deadline,
                "{} does not start etcd; see {}",
                self.name,
                self.log("kubelet").display()
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Pulls its network cable.
    pub fn cut_network(&self) -> Result<()> {
        network::set_cable(&self.lab.dir, &self.name, false)
    }

    /// Puts the cable back.
    pub fn heal_network(&self) -> Result<()> {
        network::set_cable(&self.lab.dir, &self.name, true)
    }

    /// Gives it power again; returns when its first process is there. Its etcd
    /// may have no manifest to be started by.
    pub fn power_on(&self) -> Result<()> {
        if self.init_pid().is_some() {
            bail!("{} has power", self.name);
        }
        let log = File::options().create(true).append(true).open(self.log("init"))?;
        Command::new(self.lab.program("lab"))
            .arg(processes::SUPPLY)
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir("/")
            .spawn()
            .with_context(|| format!("starting {}", self.name))?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.init_pid().is_none() {
            let said = fs::read_to_string(self.log("init")).unwrap_or_default();
            ensure!(Instant::now() < deadline, "{} does not start: {}", self.name, said.trim());
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}
