//! A client of the cluster that knows nothing of the tool under test: it writes and
//! reads all the time and notes when that succeeds.
//!
//! Every member is read from (serializable, hence answered by that member alone)
//! every 50 ms, and every 100 ms it is asked for the size of its database. A small
//! key is written every 50 ms to one member after the other; each member has its
//! own writer and its own connection, so a frozen one holds up no other. What has
//! not been answered after a second is given up and tried again.

use std::{
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result};
use lab::{
    Lab,
    wire::{
        self,
        etcdserverpb::{
            PutRequest, RangeRequest, StatusRequest, kv_client::KvClient,
            maintenance_client::MaintenanceClient,
        },
    },
};
use tokio::{
    task::LocalSet,
    time::{MissedTickBehavior, interval_at, timeout},
};
use tonic::transport::Channel;

use crate::{clock, network};

/// Its keys begin with this; nobody else's do.
pub const PREFIX: &str = "/bench-probe/";

const TICK: Duration = Duration::from_millis(50);
const SIZE_TICK: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_secs(1);

/// What happened at one member; times by [`clock`].
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When a read was answered.
    pub reads: Vec<u64>,
    /// When a write was accepted.
    pub accepted: Vec<u64>,
    /// When a write was refused for want of space.
    pub refused: Vec<u64>,
    /// When the database had which size in bytes.
    pub sizes: Vec<(u64, u64)>,
}

/// A prober at work.
pub struct Prober {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Seen>>>,
}

impl Prober {
    /// Starts it in the network of the last master; returns when every member
    /// has answered it.
    pub fn start(lab: &Lab) -> Result<Self> {
        let last = lab.masters().last().context("a lab has a master")?;
        let (endpoints, files) = (lab.endpoints(), lab.credentials());
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = mpsc::channel();
        let told = stop.clone();
        let thread = network::start(last, move || probe(endpoints, files, told, ready))?;
        if is_ready.recv().is_err() {
            // It has ended, so this is why.
            network::join(thread)?;
            anyhow::bail!("the prober ended at once");
        }
        Ok(Self { stop, thread })
    }

    /// Ends it; what it saw at each member, in order.
    pub fn stop(self) -> Result<Vec<Seen>> {
        self.stop.store(true, Ordering::Relaxed);
        network::join(self.thread)
    }
}

async fn probe(
    endpoints: Vec<String>,
    files: [PathBuf; 3],
    stop: Arc<AtomicBool>,
    ready: mpsc::Sender<()>,
) -> Result<Vec<Seen>> {
    let [ca, cert, key] = &files;
    let mut channels = Vec::new();
    for endpoint in &endpoints {
        let channel = wire::etcd(endpoint, ca, cert, key).await?;
        read(channel.clone()).await.context("a member does not answer the prober")?;
        channels.push(channel);
    }
    // Whoever waits for it may have given up.
    let _ = ready.send(());
    let local = LocalSet::new();
    let count = u32::try_from(channels.len())?;
    let stop = Rc::new(move || stop.load(Ordering::Relaxed));
    let mut members = Vec::new();
    for (i, channel) in channels.into_iter().enumerate() {
        let turn = TICK * u32::try_from(i)?;
        let stop = stop.clone();
        members.push(local.spawn_local(async move {
            let (reads, (accepted, refused), sizes) = tokio::join!(
                reader(channel.clone(), &*stop),
                writer(channel.clone(), i, (turn, TICK * count), &*stop),
                measurer(channel, &*stop),
            );
            Seen { reads, accepted, refused, sizes }
        }));
    }
    local
        .run_until(async {
            let mut seen = Vec::new();
            for member in members {
                seen.push(member.await?);
            }
            Ok(seen)
        })
        .await
}

fn ticks(first: Duration, every: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

async fn read(channel: Channel) -> Result<()> {
    let request = RangeRequest {
        key: format!("{PREFIX}0").into_bytes(),
        serializable: true,
        ..Default::default()
    };
    timeout(DEADLINE, KvClient::new(channel).range(request)).await??;
    Ok(())
}

async fn reader(channel: Channel, stop: &dyn Fn() -> bool) -> Vec<u64> {
    let mut reads = Vec::new();
    let mut ticks = ticks(Duration::ZERO, TICK);
    while !stop() {
        ticks.tick().await;
        if read(channel.clone()).await.is_ok() {
            reads.push(clock::now());
        }
    }
    reads
}

async fn writer(
    channel: Channel,
    member: usize,
    (first, every): (Duration, Duration),
    stop: &dyn Fn() -> bool,
) -> (Vec<u64>, Vec<u64>) {
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let key = format!("{PREFIX}{member}").into_bytes();
    let mut ticks = ticks(first, every);
    while !stop() {
        ticks.tick().await;
        let request = PutRequest { key: key.clone(), value: b"written".to_vec(), lease: 0 };
        match timeout(DEADLINE, KvClient::new(channel.clone()).put(request)).await {
            Ok(Ok(_)) => accepted.push(clock::now()),
            Ok(Err(status)) if status.message().contains("database space exceeded") => {
                refused.push(clock::now());
            }
            // No leader, too slow, no connection: neither is an answer.
            _ => {}
        }
    }
    (accepted, refused)
}

async fn measurer(channel: Channel, stop: &dyn Fn() -> bool) -> Vec<(u64, u64)> {
    let mut sizes = Vec::new();
    let mut ticks = ticks(Duration::ZERO, SIZE_TICK);
    while !stop() {
        ticks.tick().await;
        let mut client = MaintenanceClient::new(channel.clone());
        if let Ok(Ok(status)) = timeout(DEADLINE, client.status(StatusRequest {})).await {
            sizes.push((clock::now(), status.into_inner().db_size.unsigned_abs()));
        }
    }
    sizes
}
