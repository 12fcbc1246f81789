//! Asking a lab's cluster, and waiting for it, always with etcdctl: the judge must
//! not be code of this workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{Lab, Master, Probes, Release, kubelet};

impl Lab {
    /// All client endpoints.
    pub fn endpoints(&self) -> Vec<String> {
        self.masters.iter().map(Master::endpoint).collect()
    }

    /// The files of the lab's own client certificate: CA, certificate, key.
    pub fn credentials(&self) -> [PathBuf; 3] {
        ["ca.crt", "client.crt", "client.key"].map(|name| self.site.judge().join(name))
    }

    /// Runs the newest etcdctl of the lab against all members.
    pub fn etcdctl(&self, args: &[&str]) -> Result<Output> {
        self.etcdctl_at(&self.endpoints(), args)
    }

    pub(crate) fn etcdctl_at(&self, endpoints: &[String], args: &[&str]) -> Result<Output> {
        let from = self
            .masters
            .iter()
            .find(|master| master.init_pid().is_some())
            .context("no master has power")?;
        let mut command = etcdctl(from, self.newest_release(), &self.site.judge())?;
        command.arg(format!("--endpoints={}", endpoints.join(","))).args(args);
        command.output().context("running etcdctl")
    }

    /// The newest release in the lab, whose tools understand all members.
    pub fn newest_release(&self) -> &Release {
        let all = self.spec.masters.iter().map(|master| &master.etcd);
        all.max_by_key(|release| release.numbers()).expect("a lab has a master")
    }

    /// `endpoint status -w json` of every member that answers, by its endpoint.
    pub fn statuses(&self) -> Result<Vec<(String, serde_json::Value)>> {
        let out = self.etcdctl(&["endpoint", "status", "-w", "json"])?;
        // A member that does not answer fails the command but not the others.
        let all: Vec<serde_json::Value> = serde_json::from_slice(&out.stdout)
            .with_context(|| format!("etcdctl: {}", String::from_utf8_lossy(&out.stderr)))?;
        Ok(all
            .into_iter()
            .map(|one| {
                (one["Endpoint"].as_str().unwrap_or_default().to_owned(), one["Status"].clone())
            })
            .collect())
    }

    /// The name of the master whose member leads.
    pub fn leader(&self) -> Result<String> {
        let statuses = self.statuses()?;
        let leads = |status: &serde_json::Value| status["leader"] == status["header"]["member_id"];
        let (endpoint, _) =
            statuses.iter().find(|(_, status)| leads(status)).context("no member leads")?;
        let master = self.masters.iter().find(|master| master.endpoint() == *endpoint);
        Ok(master.context("the leader is no master")?.name().to_owned())
    }

    /// Makes the member of that master the leader.
    pub fn move_leader(&self, to: &str) -> Result<()> {
        if self.leader()? == to {
            return Ok(());
        }
        let wanted = self.find(to).with_context(|| format!("no master is called {to}"))?.endpoint();
        let statuses = self.statuses()?;
        let (_, status) = statuses
            .iter()
            .find(|(endpoint, _)| *endpoint == wanted)
            .context("it does not answer")?;
        let id = status["header"]["member_id"].as_u64().context("it tells no id")?;
        let out = self.etcdctl(&["move-leader", &format!("{id:x}")])?;
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
        self.wait_for(&["endpoint", "health"], patience)
    }

    /// Waits until every member answers a linearizable read.
    pub fn wait_serving(&self, patience: Duration) -> Result<()> {
        self.masters.iter().try_for_each(|master| master.wait_serving(patience))
    }

    pub(crate) fn wait_for(&self, args: &[&str], patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let complaint = match self.etcdctl(args) {
                Ok(out) if out.status.success() => return Ok(()),
                Ok(out) => String::from_utf8_lossy(&out.stderr).into_owned(),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > deadline {
                bail!(
                    "etcdctl {}: still failing after {patience:?}: {}",
                    args.join(" "),
                    complaint.trim()
                );
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until the kubelets know that etcd is up, which they would in any
    /// cluster that has lived long enough to be full.
    pub(crate) fn wait_started(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        for (master, spec) in self.masters.iter().zip(&self.spec.masters) {
            let log = || fs::read_to_string(master.log("kubelet")).unwrap_or_default();
            while spec.probes != Probes::None && !kubelet::has_started_etcd(&log()) {
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
