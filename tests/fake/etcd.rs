//! A scripted etcd cluster in this process, speaking real gRPC over real
//! sockets. Left alone it behaves like etcd: compaction frees pages,
//! defragmentation shrinks the file, NOSPACE refuses leases until disarmed.
//! A script changes single answers: delay, error, hang, broken connection.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use etcd_rescue::wire::proto::etcdserverpb::{
    auth_server::AuthServer, cluster_server::ClusterServer, kv_server::KvServer,
    lease_server::LeaseServer, maintenance_server::MaintenanceServer,
};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Status,
    codegen::http::{HeaderMap, HeaderValue},
    metadata::MetadataMap,
    transport::Server,
};

use super::gate::{Cutter, Gate, Metrics};
use full::{full_cluster, full_member};

mod full;
mod services;

/// The calls that can be scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rpc {
    Status,
    MemberList,
    Compact,
    Defragment,
    Alarm,
    HashKv,
    LeaseGrant,
    LeaseRevoke,
    Range,
    DeleteRange,
    Snapshot,
    Authenticate,
}

/// What happens instead of the plain answer.
#[derive(Clone, Debug)]
pub enum Act {
    /// Wait, then answer (and take effect) as usual.
    Delay(Duration),
    /// Take no effect and answer this error.
    Fail(Code, String),
    /// Take no effect and answer with status details that are no base64.
    JunkDetails,
    /// Take no effect and never answer.
    Hang,
    /// Take no effect and break every connection of the member.
    Cut,
    /// Take effect, then break every connection instead of answering.
    DoThenCut,
    /// Snapshot only: send so many blobs, then break the connection.
    CutAfter(usize),
    /// Snapshot only: send so many blobs, then nothing.
    HangAfter(usize),
    /// Snapshot only: send so many blobs, then this error.
    FailAfter(usize, Code, String),
    /// Snapshot only: send so many blobs, then end as if that were all.
    EndAfter(usize),
    /// Snapshot only: send everything, but spoil one byte of the database.
    Spoil,
}

impl Act {
    /// An error answer.
    pub fn fail(code: Code, text: &str) -> Self {
        Self::Fail(code, text.to_owned())
    }
}

/// One member's state; change it freely while the server runs.
#[derive(Clone, Debug, Default)]
pub struct MemberState {
    pub id: u64,
    pub name: String,
    pub endpoint: String,
    pub version: String,
    pub learner: bool,
    pub db_size: i64,
    pub db_size_in_use: i64,
    /// Size of the live data: what defragmentation leaves after compaction.
    pub live_size: i64,
    /// The quota it refuses writes at.
    pub quota: i64,
    /// What Status says of the quota; 0 as in 3.4 and 3.5.
    pub told_quota: i64,
    /// What /metrics says of it, when it does.
    pub metric_quota: Option<i64>,
    pub raft_index: u64,
    pub raft_applied_index: u64,
    pub hash: u32,
    /// What the last compaction hashed on its way, and the revision of the one
    /// before it (-1: none).
    pub compaction_hash: Option<(u32, i64)>,
    /// More texts for `Status.errors`.
    pub errors: Vec<String>,
    /// The database file, for snapshots.
    pub database: Vec<u8>,
    /// Highest revision whose compaction this member has settled.
    pub settled: i64,
    /// Snapshot streams that were begun, by whomever.
    pub streams_begun: u64,
    /// Those of them that have ended.
    pub streams_ended: u64,
}

impl MemberState {
    /// The line of its release, such as (3, 6).
    fn line(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }

    /// Its /metrics, as far as anybody asks.
    fn metrics(&self) -> String {
        let labels = "grpc_method=\"Snapshot\",grpc_service=\"etcdserverpb.Maintenance\"";
        let quota =
            self.metric_quota.map(|quota| format!("etcd_server_quota_backend_bytes {quota}\n"));
        quota.unwrap_or_default()
            + &format!(
                "grpc_server_started_total{{{labels}}} {}\n\
             grpc_server_handled_total{{grpc_code=\"OK\",{labels}}} {}\n",
                self.streams_begun, self.streams_ended
            )
    }
}

/// What all members share.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    pub cluster_id: u64,
    pub leader: u64,
    pub term: u64,
    pub revision: i64,
    pub compacted: i64,
    /// (member id, alarm number: 1 NOSPACE, 2 CORRUPT).
    pub alarms: Vec<(u64, i32)>,
    pub keys: BTreeMap<Vec<u8>, Vec<u8>>,
    /// When a key was made; 1 when nothing else is said.
    pub created: BTreeMap<Vec<u8>, i64>,
    pub leases: Vec<i64>,
    /// User and password; `None` = authentication is off.
    pub login: Option<(String, String)>,
    pub members: Vec<MemberState>,
    /// Every call in order: "master-1 Compact(42)".
    pub calls: Vec<String>,
    once: HashMap<(u64, Rpc), VecDeque<Act>>,
    always: HashMap<(u64, Rpc), Act>,
}

impl ClusterState {
    /// The member with this id.
    pub fn member(&mut self, id: u64) -> &mut MemberState {
        self.members.iter_mut().find(|member| member.id == id).unwrap()
    }

    /// Scripts the next such call of member `id`; several queue up.
    pub fn script(&mut self, id: u64, rpc: Rpc, act: Act) {
        self.once.entry((id, rpc)).or_default().push_back(act);
    }

    /// Forgets what is still scripted for such calls of member `id`.
    pub fn forget(&mut self, id: u64, rpc: Rpc) {
        self.once.remove(&(id, rpc));
    }

    fn next(&mut self, id: u64, rpc: Rpc) -> Option<Act> {
        let once = self.once.get_mut(&(id, rpc)).and_then(VecDeque::pop_front);
        once.or_else(|| self.always.get(&(id, rpc)).cloned())
    }
}

/// What happens to the cluster right after a call took its effect.
type Change = Box<dyn FnOnce(&mut ClusterState) + Send>;

/// The changes that wait for a member's next such call.
type Changes = Arc<Mutex<HashMap<(u64, Rpc), VecDeque<Change>>>>;

/// The running cluster. Dropping it stops every server.
pub struct FakeEtcd {
    state: Arc<Mutex<ClusterState>>,
    changes: Changes,
    gates: Vec<Gate>,
    servers: Vec<JoinHandle<()>>,
}

impl FakeEtcd {
    /// Starts so many members, ids 1.., names master-1.., the first leading.
    /// A NOSPACE alarm of member 1 is raised; each database is 64 MiB of
    /// which 1 MiB lives.
    pub async fn start(size: u64, tls: Option<Arc<ServerConfig>>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let state = Arc::new(Mutex::new(full_cluster()));
        let changes = Changes::default();
        let (mut gates, mut servers) = (Vec::new(), Vec::new());
        for id in 1..=size {
            let shared = Arc::clone(&state);
            let page: Metrics = Arc::new(move || shared.lock().unwrap().member(id).metrics());
            let (gate, incoming) = Gate::with_metrics(tls.clone(), Some(page)).await;
            let endpoint = format!("{scheme}://{}", gate.address);
            state.lock().unwrap().members.push(full_member(id, endpoint));
            let node = Node {
                id,
                state: Arc::clone(&state),
                changes: Arc::clone(&changes),
                cutter: gate.cutter.clone(),
            };
            let router = Server::builder()
                .add_service(KvServer::new(node.clone()))
                .add_service(MaintenanceServer::new(node.clone()))
                .add_service(ClusterServer::new(node.clone()))
                .add_service(LeaseServer::new(node.clone()))
                .add_service(AuthServer::new(node));
            servers.push(tokio::spawn(async move {
                let _ = router.serve_with_incoming(ReceiverStream::new(incoming)).await;
            }));
            gates.push(gate);
        }
        Self { state, changes, gates, servers }
    }

    /// One plain-http member.
    pub async fn single() -> Self {
        Self::start(1, None).await
    }

    /// The state of all members. Do not hold it across an await.
    pub fn state(&self) -> MutexGuard<'_, ClusterState> {
        self.state.lock().unwrap()
    }

    /// The client URL of member `id`.
    pub fn endpoint(&self, id: u64) -> String {
        self.state().member(id).endpoint.clone()
    }

    /// Scripts the next such call of member `id`; several queue up.
    pub fn script(&self, id: u64, rpc: Rpc, act: Act) -> &Self {
        self.state().script(id, rpc, act);
        self
    }

    /// Scripts every such call of member `id` once the queue is empty.
    pub fn always(&self, id: u64, rpc: Rpc, act: Act) -> &Self {
        self.state().always.insert((id, rpc), act);
        self
    }

    /// Changes the cluster right after the next such call of member `id` took
    /// its effect; several queue up.
    pub fn then(
        &self,
        id: u64,
        rpc: Rpc,
        change: impl FnOnce(&mut ClusterState) + Send + 'static,
    ) -> &Self {
        let mut changes = self.changes.lock().unwrap();
        changes.entry((id, rpc)).or_default().push_back(Box::new(change));
        drop(changes);
        self
    }

    /// A snapshot stream of member `id` that somebody else reads is open.
    pub fn open_stream(&self, id: u64) {
        self.state().member(id).streams_begun += 1;
    }

    /// It has ended.
    pub fn end_stream(&self, id: u64) {
        self.state().member(id).streams_ended += 1;
    }

    /// Snapshot streams of member `id` that are open.
    pub fn open_streams(&self, id: u64) -> u64 {
        let mut state = self.state();
        let member = state.member(id);
        member.streams_begun - member.streams_ended
    }

    /// Breaks every connection of member `id`.
    pub fn cut(&self, id: u64) {
        self.gates[usize::try_from(id).unwrap() - 1].cutter.cut();
    }

    /// The calls so far, with what mattered of their arguments.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }
}

impl Drop for FakeEtcd {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

/// One member's services.
#[derive(Clone)]
struct Node {
    id: u64,
    state: Arc<Mutex<ClusterState>>,
    changes: Changes,
    cutter: Cutter,
}

impl Node {
    fn state(&self) -> MutexGuard<'_, ClusterState> {
        self.state.lock().unwrap()
    }

    /// Notes the call and plays its script, then takes the effect.
    async fn play<T>(
        &self,
        rpc: Rpc,
        argument: String,
        effect: impl FnOnce(&mut ClusterState) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let effect = |state: &mut ClusterState| {
            let answer = effect(state);
            let mut changes = self.changes.lock().unwrap();
            if let Some(change) = changes.get_mut(&(self.id, rpc)).and_then(VecDeque::pop_front) {
                change(state);
            }
            answer
        };
        match self.note(rpc, &argument) {
            None => effect(&mut self.state()),
            Some(Act::Delay(span)) => {
                tokio::time::sleep(span).await;
                effect(&mut self.state())
            }
            Some(Act::Fail(code, text)) => Err(Status::new(code, text)),
            Some(Act::JunkDetails) => Err(junk_details()),
            Some(Act::Cut) => self.cut_off().await,
            Some(Act::DoThenCut) => {
                let _ = effect(&mut self.state());
                self.cut_off().await
            }
            Some(_) => std::future::pending().await,
        }
    }

    fn note(&self, rpc: Rpc, argument: &str) -> Option<Act> {
        let mut state = self.state();
        let name = state.member(self.id).name.clone();
        state.calls.push(format!("{name} {rpc:?}({argument})"));
        state.next(self.id, rpc)
    }

    async fn cut_off<T>(&self) -> Result<T, Status> {
        self.cutter.cut();
        std::future::pending().await
    }
}

/// What tonic would write, but for the details.
fn junk_details() -> Status {
    let mut head = HeaderMap::new();
    head.insert("grpc-status-details-bin", HeaderValue::from_static("%"));
    Status::with_metadata(
        Code::Unavailable,
        "etcdserver: no leader",
        MetadataMap::from_headers(head),
    )
}
