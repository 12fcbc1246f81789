//! Asking a lab's cluster, and waiting for it, always with etcdctl: the judge must
//! not be code of this workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{Lab, Layout, Master, MasterSpec, Probes, Release, kubelet, layout::Start, node};

impl Lab {
    /// The masters that have a member.
    pub fn members(&self) -> impl Iterator<Item = &Master> {
        self.masters.iter().filter(|master| master.layout().has_etcd())
    }

    /// All client endpoints; of members that listen on loopback only, each is for
    /// its own master.
    pub fn endpoints(&self) -> Vec<String> {
        self.members().map(Master::endpoint).collect()
    }

    /// Whether members answer on their own master only.
    fn stays_at_home(&self) -> bool {
        let mut rows = self.masters.iter().map(|master| master.layout().row());
        rows.any(|row| row.etcd.as_ref().is_some_and(|etcd| etcd.loopback_only))
    }

    /// The files of the lab's own client certificate: CA, certificate, key.
    pub fn credentials(&self) -> [PathBuf; 3] {
        ["ca.crt", "client.crt", "client.key"].map(|name| self.site.judge().join(name))
    }

    /// Runs the newest etcdctl of the lab against all members; against the first
    /// one that has power where each answers on its own master only.
    pub fn etcdctl(&self, args: &[&str]) -> Result<Output> {
        match self.stays_at_home() {
            true => self.first_with_power()?.etcdctl(args),
            false => self.etcdctl_at(&self.endpoints(), args),
        }
    }

    fn first_with_power(&self) -> Result<&Master> {
        self.members().find(|master| master.init_pid().is_some()).context("no master has power")
    }

    pub(crate) fn etcdctl_at(&self, endpoints: &[String], args: &[&str]) -> Result<Output> {
        let from = self.first_with_power()?;
        let mut command = etcdctl(from, self.newest_release(), &self.site.judge())?;
        command.arg(format!("--endpoints={}", endpoints.join(","))).args(args);
        command.output().context("running etcdctl")
    }

    /// The newest release in the lab, whose tools understand all members.
    pub fn newest_release(&self) -> &Release {
        let all = self.spec.masters.iter().map(|master| &master.etcd);
        all.max_by_key(|release| release.numbers()).expect("a lab has a master")
    }

    /// `endpoint status -w json` of every member that answers, by its master's name.
    pub fn statuses(&self) -> Result<Vec<(String, serde_json::Value)>> {
        const STATUS: [&str; 4] = ["endpoint", "status", "-w", "json"];
        if !self.stays_at_home() {
            let told = statuses_of(&self.etcdctl(&STATUS)?)?;
            let master = |endpoint: &str| self.members().find(|it| it.endpoint() == endpoint);
            let named = told.into_iter().filter_map(|(endpoint, status)| {
                Some((master(&endpoint)?.name().to_owned(), status))
            });
            return Ok(named.collect());
        }
        let mut all = Vec::new();
        for master in self.members().filter(|master| master.init_pid().is_some()) {
            let told = statuses_of(&master.etcdctl(&STATUS)?).unwrap_or_default();
            all.extend(told.into_iter().map(|(_, status)| (master.name().to_owned(), status)));
        }
        Ok(all)
    }

    /// The name of the master whose member leads.
    pub fn leader(&self) -> Result<String> {
        let leads = |status: &serde_json::Value| status["leader"] == status["header"]["member_id"];
        let found = self.statuses()?.into_iter().find(|(_, status)| leads(status));
        Ok(found.context("no member leads")?.0)
    }

    /// Makes the member of that master the leader.
    pub fn move_leader(&self, to: &str) -> Result<()> {
        let leader = self.leader()?;
        if leader == to {
            return Ok(());
        }
        let statuses = self.statuses()?;
        let (_, status) =
            statuses.iter().find(|(name, _)| *name == to).context("it does not answer")?;
        let id = status["header"]["member_id"].as_u64().context("it tells no id")?;
        let out = self.master(&leader).etcdctl(&["move-leader", &format!("{id:x}")])?;
        ensure!(
            out.status.success(),
            "move-leader: {}",
            String::from_utf8_lossy(&out.stderr).trim()
        );
        let patience = Instant::now() + Duration::from_secs(10);
        while self.leader().ok().as_deref() != Some(to) {
            ensure!(Instant::now() < patience, "{to} does not become the leader");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until `etcdctl endpoint health` succeeds for all members. With an
    /// alarm on it does not (from 3.5 on); see [`Lab::wait_serving`].
    pub fn wait_healthy(&self, patience: Duration) -> Result<()> {
        const HEALTH: [&str; 2] = ["endpoint", "health"];
        match self.stays_at_home() {
            true => {
                self.members().try_for_each(|it| await_success(patience, || it.etcdctl(&HEALTH)))
            }
            false if self.members().next().is_none() => Ok(()),
            false => self.wait_for(&HEALTH, patience),
        }
    }

    /// Waits until every member answers a linearizable read.
    pub fn wait_serving(&self, patience: Duration) -> Result<()> {
        self.members().try_for_each(|master| master.wait_serving(patience))
    }

    pub(crate) fn wait_for(&self, args: &[&str], patience: Duration) -> Result<()> {
        await_success(patience, || self.etcdctl(args))
    }

    /// Waits until the kubelets know that etcd is up, which they would in any
    /// cluster that has lived long enough to be full.
    pub(crate) fn wait_started(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        for (master, spec) in self.masters.iter().zip(&self.spec.masters) {
            let log = || fs::read_to_string(master.log("kubelet")).unwrap_or_default();
            while has_startup_probe(spec) && !kubelet::has_started_etcd(&log()) {
                ensure!(
                    Instant::now() < deadline,
                    "{}: etcd passes no startup probe",
                    master.name()
                );
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

impl Lab {
    /// Waits until everything was started on masters that have no member to ask.
    pub(crate) fn wait_booted(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        for master in self.masters.iter().filter(|master| !master.layout().has_etcd()) {
            let log = || fs::read_to_string(master.log("init")).unwrap_or_default();
            while !log().lines().any(|line| line == node::init::STARTED) {
                ensure!(Instant::now() < deadline, "{} does not boot", master.name());
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

fn has_startup_probe(spec: &MasterSpec) -> bool {
    let etcd = spec.layout.row().etcd.as_ref();
    let pod = etcd.is_some_and(|etcd| matches!(etcd.start, Start::StaticPod(_)));
    pod && spec.layout != Layout::Openshift && spec.probes != Probes::None
}

fn await_success(patience: Duration, ask: impl Fn() -> Result<Output>) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let complaint = match ask() {
            Ok(out) if out.status.success() => return Ok(()),
            Ok(out) => String::from_utf8_lossy(&out.stderr).into_owned(),
            Err(error) => format!("{error:#}"),
        };
        let late = Instant::now() > deadline;
        ensure!(!late, "etcdctl still fails after {patience:?}: {}", complaint.trim());
        thread::sleep(Duration::from_millis(200));
    }
}

/// By endpoint. A member that does not answer fails the command but not the others.
fn statuses_of(out: &Output) -> Result<Vec<(String, serde_json::Value)>> {
    let all: Vec<serde_json::Value> = serde_json::from_slice(&out.stdout)
        .with_context(|| format!("etcdctl: {}", String::from_utf8_lossy(&out.stderr)))?;
    let endpoint =
        |one: &serde_json::Value| one["Endpoint"].as_str().unwrap_or_default().to_owned();
    Ok(all.into_iter().map(|one| (endpoint(&one), one["Status"].clone())).collect())
}

/// etcdctl in the network of `from`, with the lab's own certificate.
pub fn etcdctl(from: &Master, release: &Release, judge: &Path) -> Result<Command> {
    let pid = from.init_pid().with_context(|| format!("{} has no power", from.name()))?;
    let mut command = Command::new("nsenter");
    // etcdctl stops at a variable that says the same as a flag.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ETCDCTL_") {
            command.env_remove(name);
        }
    }
    command
        .arg(format!("--net=/proc/{pid}/ns/net"))
        .arg(&release.etcdctl)
        .env("ETCDCTL_API", "3")
        .arg(format!("--cacert={}", judge.join("ca.crt").display()))
        .arg(format!("--cert={}", judge.join("client.crt").display()))
        .arg(format!("--key={}", judge.join("client.key").display()));
    Ok(command)
}
