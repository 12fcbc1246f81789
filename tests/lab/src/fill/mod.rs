//! Real writes until etcd refuses them. The patterns say what is written
//! ([`churn`], [`kubernetes`], [`objects`]); this file writes it, several puts at a time, and
//! makes sure that it ends with what was asked for.

mod churn;
mod kubernetes;
mod noise;
mod objects;

use std::{
    fmt,
    fs::File,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};
use tokio::task::JoinSet;
use tonic::{Code, Status, transport::Channel};

use crate::{
    Lab, Master,
    wire::{
        self,
        etcdserverpb::{
            AlarmRequest, AlarmType, PutRequest, StatusRequest, alarm_request::AlarmAction,
            kv_client::KvClient, maintenance_client::MaintenanceClient,
        },
    },
};

/// What etcd takes as its quota when it is given none.
const DEFAULT_QUOTA: u64 = 2 << 30;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Few keys, many revisions.
    Churn {
        /// How many keys.
        keys: usize,
        /// The size of each value.
        value_bytes: usize,
    },
    /// Keys and values as an API server writes them: about a seventh of the quota
    /// is live, the rest is history.
    Kubernetes,
    /// New keys, each written once.
    Objects {
        /// What each key begins with; a number follows.
        prefix: &'static str,
        /// The size of each value.
        value_bytes: usize,
    },
}

impl Fill {
    /// The usual churn: eight keys with values of 100 kB.
    pub fn churn() -> Self {
        Self::Churn { keys: 8, value_bytes: 100_000 }
    }
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When etcd refuses a write and shows NOSPACE.
    Alarm,
    /// When the leader's database has this size.
    Bytes(u64),
    /// When etcd took so many writes; a few more may be under way.
    Puts(u64),
}

/// What was done.
#[derive(Clone, Debug)]
pub struct FillReport {
    /// Different keys written.
    pub keys: usize,
    /// Writes that etcd took.
    pub puts: u64,
    /// Their keys and values together.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// The leader's database afterwards.
    pub db_size: u64,
    /// What etcd said to the write it refused.
    pub refusal: Option<String>,
}

impl fmt::Display for FillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (puts, keys) = (self.puts, self.keys);
        write!(
            f,
            "{puts} puts on {keys} keys, {:.1} MiB in {:.1?}; ",
            mb(self.bytes),
            self.elapsed
        )?;
        write!(f, "the leader's database is {:.1} MiB", mb(self.db_size))?;
        self.refusal.as_ref().map_or(Ok(()), |text| write!(f, "; etcd now says: {text}"))
    }
}

/// One write.
pub struct Write {
    key: String,
    value: Vec<u8>,
}

/// What a pattern has to offer: writes without end.
trait Pattern {
    /// The next write.
    fn next(&mut self) -> Write;
    /// How many puts may be under way at once.
    fn in_flight(&self) -> usize;
    /// How many different keys it has written so far.
    fn keys(&self) -> usize;
}

/// Fills the cluster of `lab` through its leader.
pub fn fill(lab: &Lab, fill: Fill, until: Until) -> Result<FillReport> {
    let leader = lab.find(&lab.leader()?).context("the leader is no master")?;
    let quota = lab.spec().masters.iter().map(|master| master.quota.unwrap_or(DEFAULT_QUOTA)).min();
    let pattern: Box<dyn Pattern + Send> = match fill {
        Fill::Churn { keys, value_bytes } => Box::new(churn::Churn::new(keys, value_bytes)),
        Fill::Objects { prefix, value_bytes } => {
            Box::new(objects::Objects::new(prefix, value_bytes))
        }
        Fill::Kubernetes => Box::new(kubernetes::Cluster::new(quota.unwrap_or(DEFAULT_QUOTA) / 7)),
    };
    talk(lab, leader, move |channel| write_until(channel, pattern, until))
}

/// Raises CORRUPT for a master's member, as etcd does when it finds the members
/// unequal; etcdctl cannot.
pub fn raise_corrupt(lab: &Lab, master: &Master) -> Result<()> {
    talk(lab, master, async |channel| {
        let mut client = MaintenanceClient::new(channel);
        let header = client.status(StatusRequest {}).await?.into_inner().header;
        let member_id = header.context("a status without a header")?.member_id;
        let (action, alarm) = (AlarmAction::Activate.into(), AlarmType::Corrupt.into());
        client.alarm(AlarmRequest { action, member_id, alarm }).await?;
        Ok(())
    })
}

/// Talks to a master's member. A socket belongs to the network its thread was
/// in, so one moves there.
fn talk<T: Send + 'static, F: Future<Output = Result<T>>>(
    lab: &Lab,
    master: &Master,
    talk: impl FnOnce(Channel) -> F + Send + 'static,
) -> Result<T> {
    let pid = master.init_pid().with_context(|| format!("{} has no power", master.name()))?;
    let network = File::open(format!("/proc/{pid}/ns/net"))?;
    let (judge, endpoint) = (lab.site.judge(), master.endpoint());
    let work = move || -> Result<T> {
        setns(network, CloneFlags::CLONE_NEWNET).context("entering the master's network")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let files = ["ca.crt", "client.crt", "client.key"].map(|name| judge.join(name));
            talk(wire::etcd(&endpoint, &files[0], &files[1], &files[2]).await?).await
        })
    };
    std::thread::spawn(work).join().map_err(|_| anyhow::anyhow!("the talking thread panicked"))?
}

async fn write_until(
    channel: Channel,
    mut pattern: Box<dyn Pattern + Send>,
    until: Until,
) -> Result<FillReport> {
    let started = Instant::now();
    let mut report = FillReport {
        keys: 0,
        puts: 0,
        bytes: 0,
        elapsed: Duration::ZERO,
        db_size: 0,
        refusal: None,
    };
    let mut flying: JoinSet<(u64, Result<(), Status>)> = JoinSet::new();
    while report.refusal.is_none() && !reached(&channel, &mut report, until).await? {
        while flying.len() < pattern.in_flight() {
            let write = pattern.next();
            flying.spawn(put(channel.clone(), write));
        }
        if let Some(done) = flying.join_next().await {
            report.note(done?)?;
        }
    }
    while let Some(done) = flying.join_next().await {
        report.note(done?)?;
    }
    report.keys = pattern.keys();
    if until == Until::Alarm {
        await_alarm(&channel).await?;
    }
    report.db_size = db_size(&channel).await?;
    report.elapsed = started.elapsed();
    Ok(report)
}

impl FillReport {
    fn note(&mut self, (bytes, answer): (u64, Result<(), Status>)) -> Result<()> {
        match answer {
            Ok(()) => {
                self.puts += 1;
                self.bytes += bytes;
            }
            Err(status) if status.message().contains("database space exceeded") => {
                self.refusal = Some(status.message().to_owned());
            }
            // A slow disk or a change of leader: the next writes will tell.
            Err(status) if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) => {}
            Err(status) if status.message().contains("too many requests") => {}
            Err(status) => bail!("etcd refuses a write: {status}"),
        }
        Ok(())
    }
}

async fn put(channel: Channel, write: Write) -> (u64, Result<(), Status>) {
    let bytes = (write.key.len() + write.value.len()) as u64;
    let request = PutRequest { key: write.key.into_bytes(), value: write.value, lease: 0 };
    let answer = KvClient::new(channel).put(request).await.map(|_| ());
    if answer.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (bytes, answer)
}

/// Whether a wanted size is there; asked now and then only.
async fn reached(channel: &Channel, report: &mut FillReport, until: Until) -> Result<bool> {
    let wanted = match until {
        Until::Alarm => return Ok(false),
        Until::Puts(wanted) => return Ok(report.puts >= wanted),
        Until::Bytes(wanted) => wanted,
    };
    if report.puts.is_multiple_of(16) || report.db_size == 0 {
        report.db_size = db_size(channel).await?;
    }
    Ok(report.db_size >= wanted)
}

async fn db_size(channel: &Channel) -> Result<u64> {
    let status =
        MaintenanceClient::new(channel.clone()).status(StatusRequest {}).await?.into_inner();
    Ok(status.db_size.unsigned_abs())
}

/// A refused write only proposes the alarm; the log has to carry it first.
async fn await_alarm(channel: &Channel) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status =
            MaintenanceClient::new(channel.clone()).status(StatusRequest {}).await?.into_inner();
        if status.errors.iter().any(|error| error.contains("NOSPACE")) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "etcd refused a write but shows no NOSPACE alarm");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
