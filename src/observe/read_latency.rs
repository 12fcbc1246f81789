//! How long reads through each member take. Calls are timed as tightly as we
//! can: on a thread of their own, where none of our other work runs, over
//! connections that are up before the first one.

use std::time::{Duration, Instant};

use tokio::task::{JoinSet, spawn_blocking};

use crate::{
    model::diagnosis::Latencies,
    wire::{Access, Etcd, WireError, WireErrorKind},
};

/// Between two reads of one kind through one member: gentle.
const PAUSE: Duration = Duration::from_millis(40);

/// Before another connection is tried.
const REDIAL: Duration = Duration::from_millis(500);

/// Reads through one member.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    /// Which of the endpoints it was.
    pub of: usize,
    /// Through a quorum.
    pub linearizable: Latencies,
    /// From the member alone.
    pub serializable: Latencies,
}

/// Reads through every endpoint at the same time, for so long; each read has
/// the deadline of `access`. One of each kind is under way per endpoint.
pub(super) async fn measure(
    endpoints: Vec<String>,
    access: &Access,
    window: Duration,
) -> Vec<Reads> {
    let access = access.clone();
    let all = spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(measure_here(endpoints, access, window)))
    });
    // Without a thread nothing is known, which is what no reads say.
    all.await.ok().and_then(Result::ok).unwrap_or_default()
}

async fn measure_here(endpoints: Vec<String>, access: Access, window: Duration) -> Vec<Reads> {
    let mut dials = JoinSet::new();
    for (of, endpoint) in endpoints.into_iter().enumerate() {
        let access = access.clone();
        dials.spawn(async move {
            let kinds = [true, false].map(|linearizable| Reader {
                endpoint: endpoint.clone(),
                access: access.clone(),
                linearizable,
                etcd: None,
                latencies: Latencies::default(),
            });
            let [mut linearizable, mut serializable] = kinds;
            tokio::join!(linearizable.dial(), serializable.dial());
            (of, linearizable, serializable)
        });
    }
    // Handshakes cost us time: none is left when reads are timed.
    let dialled = dials.join_all().await;
    let end = Instant::now() + window;
    let mut reads = JoinSet::new();
    for (of, linearizable, serializable) in dialled {
        reads.spawn(async move {
            let (linearizable, serializable) =
                tokio::join!(linearizable.read_until(end), serializable.read_until(end));
            Reads { of, linearizable, serializable }
        });
    }
    reads.join_all().await
}

/// Who makes one kind of reads through one endpoint.
struct Reader {
    endpoint: String,
    access: Access,
    linearizable: bool,
    etcd: Option<Etcd>,
    latencies: Latencies,
}

impl Reader {
    async fn read_until(mut self, end: Instant) -> Latencies {
        while Instant::now() < end {
            let pause = if self.etcd.is_some() { PAUSE } else { REDIAL };
            self.read().await;
            tokio::time::sleep(pause).await;
            if self.etcd.is_none() {
                self.dial().await;
            }
        }
        self.latencies
    }

    async fn dial(&mut self) {
        match self.access.dial(&self.endpoint).await {
            Ok(etcd) => self.etcd = Some(etcd),
            Err(error) => self.failed(&error),
        }
    }

    async fn read(&mut self) {
        let Some(etcd) = &self.etcd else { return };
        let begun = Instant::now();
        let answer = etcd.read_nothing(self.linearizable).await;
        let took = begun.elapsed();
        match answer {
            Ok(()) => self.latencies.answered(took),
            Err(error) => {
                if error.kind == WireErrorKind::Broken {
                    self.etcd = None;
                }
                self.failed(&error);
            }
        }
    }

    fn failed(&mut self, error: &WireError) {
        self.latencies.failed(error.to_string());
    }
}
