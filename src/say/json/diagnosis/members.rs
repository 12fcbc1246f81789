//! The members in a diagnosis: reads, histograms and counters of each.

use serde::Serialize;

use crate::model::{
    Member, MemberId,
    diagnosis::{Account, Bracket, Latencies, MemberNumbers, MemberView, Spread},
    order::InOrder,
};

/// One member; what it did not tell is null.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MemberViewAnswer {
    id: MemberId,
    name: String,
    endpoint: String,
    local: bool,
    role: &'static str,
    reachable: bool,
    error: Option<String>,
    version: Option<String>,
    db_size_bytes: Option<u64>,
    db_size_in_use_bytes: Option<u64>,
    /// null when it is switched off, too.
    quota_bytes: Option<u64>,
    reads: ReadsAnswer,
    /// Entries of the raft log made by us where hardly anybody else wrote.
    writes: LatenciesAnswer,
    /// Between the two scrapes.
    watched_s: Option<f64>,
    /// Another process answered the second scrape.
    restarted: bool,
    no_metrics: Option<String>,
    fsync: HistogramAnswer,
    commit: HistogramAnswer,
    wal_write: HistogramAnswer,
    peer_rtt: Vec<PeerAnswer>,
    slow_applies: CounterAnswer,
    slow_reads: CounterAnswer,
    failed_reads: CounterAnswer,
    heartbeat_failures: CounterAnswer,
    leader_changes: CounterAnswer,
    failed_proposals: CounterAnswer,
    pending_proposals: Option<u64>,
    open_read_transactions: Option<u64>,
    has_leader: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
struct ReadsAnswer {
    linearizable: LatenciesAnswer,
    serializable: LatenciesAnswer,
}

/// Calls of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct LatenciesAnswer {
    n: usize,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    failed: u64,
    failures: Vec<String>,
}

/// A histogram between the two scrapes, and since the process started.
#[derive(Clone, Debug, Default, Serialize)]
struct HistogramAnswer {
    #[serde(flatten)]
    window: SpreadAnswer,
    since_start: Option<SpreadAnswer>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct SpreadAnswer {
    /// null when there is no window, 0 when nothing came in it.
    n: Option<u64>,
    mean_ms: Option<f64>,
    p50: Option<Bracket>,
    p99: Option<Bracket>,
    buckets: Vec<BucketAnswer>,
}

/// The values over the bucket before and up to this one.
#[derive(Clone, Debug, Serialize)]
struct BucketAnswer {
    /// null: beyond the last bound.
    upto_ms: Option<f64>,
    count: u64,
}

#[derive(Clone, Debug, Serialize)]
struct PeerAnswer {
    id: MemberId,
    #[serde(flatten)]
    rtt: HistogramAnswer,
}

#[derive(Clone, Debug, Default, Serialize)]
struct CounterAnswer {
    /// Since the process started.
    total: Option<u64>,
    /// Between the two scrapes.
    during_watch: Option<u64>,
}

impl MemberViewAnswer {
    /// Every member of the member list.
    pub fn all(account: &Account) -> Vec<Self> {
        let members = account.examined.world.iter().flat_map(|world| &world.members);
        let of = |member: &Member| {
            let view = account.examined.views.iter().find(|view| view.id == member.id);
            let numbers = account.numbers.iter().find(|(id, _)| *id == member.id);
            let default = (MemberView::default(), MemberNumbers::default());
            let view = view.unwrap_or(&default.0);
            Self::new(member, view, numbers.map_or(&default.1, |(_, numbers)| numbers))
        };
        members.map(of).collect()
    }

    fn new(member: &Member, view: &MemberView, numbers: &MemberNumbers) -> Self {
        let status = member.status.as_ref().ok();
        let last = view.second.as_ref().or(view.first.as_ref());
        let counter = |total: Option<u64>, during_watch| CounterAnswer { total, during_watch };
        let histogram = |window: &Option<Spread>, ever: &Option<Spread>| {
            HistogramAnswer::new(window.as_ref(), ever.as_ref(), numbers.seconds.is_some())
        };
        Self {
            id: member.id,
            name: member.name.clone(),
            endpoint: member.endpoint.clone(),
            local: member.local,
            role: member.role(),
            reachable: status.is_some(),
            error: member.status.as_ref().err().map(ToString::to_string),
            version: status.map(|status| status.version_text.clone()),
            db_size_bytes: status.map(|status| status.db_size.0),
            db_size_in_use_bytes: status.map(|status| status.db_size_in_use.0),
            quota_bytes: status.and_then(|status| status.quota.limit).map(|limit| limit.0),
            reads: ReadsAnswer {
                linearizable: LatenciesAnswer::new(&view.linearizable),
                serializable: LatenciesAnswer::new(&view.serializable),
            },
            writes: LatenciesAnswer::new(&view.writes),
            watched_s: numbers.seconds,
            restarted: numbers.restarted,
            no_metrics: view.no_metrics.clone(),
            fsync: histogram(&numbers.fsync, &numbers.fsync_since_start),
            commit: histogram(&numbers.commit, &numbers.commit_since_start),
            wal_write: histogram(&numbers.wal_write, &None),
            peer_rtt: peers(numbers),
            slow_applies: counter(last.and_then(|it| it.slow_applies), numbers.slow_applies),
            slow_reads: counter(last.and_then(|it| it.slow_reads), numbers.slow_reads),
            failed_reads: counter(last.and_then(|it| it.failed_reads), numbers.failed_reads),
            heartbeat_failures: counter(
                last.and_then(|it| it.heartbeat_failures),
                numbers.heartbeat_failures,
            ),
            leader_changes: counter(last.and_then(|it| it.leader_changes), numbers.leader_changes),
            failed_proposals: counter(
                last.and_then(|it| it.failed_proposals),
                numbers.failed_proposals,
            ),
            pending_proposals: numbers.pending_proposals,
            open_read_transactions: numbers.open_reads,
            has_leader: last.and_then(|scrape| scrape.has_leader),
        }
    }
}

fn peers(numbers: &MemberNumbers) -> Vec<PeerAnswer> {
    let ever = numbers.peer_rtt_since_start.iter();
    let mut ids: Vec<MemberId> = numbers.peer_rtt.iter().chain(ever).map(|(id, _)| *id).collect();
    ids.order();
    ids.dedup();
    let of = |list: &[(MemberId, Spread)], id| {
        list.iter().find(|(of, _)| *of == id).map(|(_, spread)| spread.clone())
    };
    let peer = |id| {
        let (window, ever) = (of(&numbers.peer_rtt, id), of(&numbers.peer_rtt_since_start, id));
        let watched = numbers.seconds.is_some();
        PeerAnswer { id, rtt: HistogramAnswer::new(window.as_ref(), ever.as_ref(), watched) }
    };
    ids.into_iter().map(peer).collect()
}

impl LatenciesAnswer {
    pub fn new(latencies: &Latencies) -> Self {
        Self {
            n: latencies.millis.len(),
            p50_ms: latencies.quantile(0.5),
            p99_ms: latencies.quantile(0.99),
            max_ms: latencies.max(),
            failed: latencies.failed,
            failures: latencies.failures.clone(),
        }
    }
}

impl HistogramAnswer {
    /// `watched`: there is a window, even if nothing came in it.
    fn new(window: Option<&Spread>, ever: Option<&Spread>, watched: bool) -> Self {
        let mut answer = Self {
            window: window.map(SpreadAnswer::new).unwrap_or_default(),
            since_start: ever.map(SpreadAnswer::new),
        };
        if watched && ever.is_some() {
            answer.window.n = answer.window.n.or(Some(0));
        }
        answer
    }
}

impl SpreadAnswer {
    fn new(spread: &Spread) -> Self {
        let bucket = |(upto_ms, count): &(Option<f64>, u64)| BucketAnswer {
            upto_ms: *upto_ms,
            count: *count,
        };
        Self {
            n: Some(spread.n),
            mean_ms: Some(spread.mean_ms),
            p50: Some(spread.p50),
            p99: Some(spread.p99),
            buckets: spread.buckets.iter().map(bucket).collect(),
        }
    }
}
