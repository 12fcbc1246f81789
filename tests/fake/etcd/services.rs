//! The scripted cluster's answers, call by call, as etcd gives them.

use std::pin::Pin;

use etcd_rescue::wire::proto::{
    etcdserverpb::{
        auth_server::Auth, cluster_server::Cluster, kv_server::Kv, lease_server::Lease,
        maintenance_server::Maintenance, *,
    },
    mvccpb::KeyValue,
};
use ring::digest::{SHA256, digest};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, async_trait};

use super::{Act, ClusterState, Node, Rpc};

const BLOB: usize = 32 << 10;

type Answer<T> = Result<Response<T>, Status>;

impl ClusterState {
    fn header(&self, member_id: u64) -> Option<ResponseHeader> {
        let (cluster_id, revision, raft_term) = (self.cluster_id, self.revision, self.term);
        Some(ResponseHeader { cluster_id, member_id, revision, raft_term })
    }

    /// Refuses writes as etcd does: by the alarm, or by the quota of any
    /// member, which then raises it.
    fn write(&mut self) -> Result<(), Status> {
        let full = self.members.iter().find(|m| m.db_size >= m.quota).map(|m| m.id);
        if let Some(id) = full
            && !self.alarms.contains(&(id, 1))
        {
            self.alarms.push((id, 1));
        }
        if self.alarms.iter().any(|(_, kind)| *kind == 1) {
            return Err(Status::resource_exhausted("etcdserver: mvcc: database space exceeded"));
        }
        Ok(())
    }
}

#[async_trait]
impl Maintenance for Node {
    async fn alarm(&self, request: Request<AlarmRequest>) -> Answer<AlarmResponse> {
        let asked = request.into_inner();
        let argument = format!("{} {} {}", asked.action, asked.member_id, asked.alarm);
        let id = self.id;
        let removed = self.play(Rpc::Alarm, argument, |state| {
            let named = |alarm: &(u64, i32)| *alarm == (asked.member_id, asked.alarm);
            let told = match asked.action {
                0 => state.alarms.clone(),
                _ => state.alarms.iter().copied().filter(named).collect(),
            };
            if asked.action == 2 {
                state.alarms.retain(|alarm| !named(alarm));
            }
            let alarms =
                told.into_iter().map(|(member_id, alarm)| AlarmMember { member_id, alarm });
            // 3.4 leaves the header of these answers out.
            let told = state.member(id).line() >= (3, 5);
            let header = state.header(id).filter(|_| told);
            Ok(AlarmResponse { header, alarms: alarms.collect() })
        });
        removed.await.map(Response::new)
    }

    async fn status(&self, _: Request<StatusRequest>) -> Answer<StatusResponse> {
        let id = self.id;
        let told = self.play(Rpc::Status, String::new(), |state| {
            let (header, leader, raft_term) = (state.header(id), state.leader, state.term);
            let alarms = state.alarms.clone();
            let member = state.member(id);
            let mut errors = member.errors.clone();
            errors.extend(alarms.iter().map(|(id, kind)| {
                let name = if *kind == 1 { "NOSPACE" } else { "CORRUPT" };
                format!("memberID:{id} alarm:{name} ")
            }));
            Ok(StatusResponse {
                header,
                version: member.version.clone(),
                db_size: member.db_size,
                db_size_in_use: member.db_size_in_use,
                leader,
                raft_term,
                raft_index: member.raft_index,
                raft_applied_index: member.raft_applied_index,
                errors,
                is_learner: member.learner,
                storage_version: match member.line() {
                    line if line >= (3, 6) => format!("{}.{}.0", line.0, line.1),
                    _ => String::new(),
                },
                db_size_quota: member.told_quota,
            })
        });
        told.await.map(Response::new)
    }

    async fn defragment(&self, _: Request<DefragmentRequest>) -> Answer<DefragmentResponse> {
        let id = self.id;
        let done = self.play(Rpc::Defragment, String::new(), |state| {
            let compacted = state.compacted;
            let member = state.member(id);
            if compacted > 0 && member.settled >= compacted {
                member.db_size = member.live_size;
            }
            member.db_size_in_use = member.db_size_in_use.min(member.db_size);
            Ok(DefragmentResponse { header: None })
        });
        done.await.map(Response::new)
    }

    async fn hash_kv(&self, request: Request<HashKvRequest>) -> Answer<HashKvResponse> {
        let (id, revision) = (self.id, request.into_inner().revision);
        let told = self.play(Rpc::HashKv, revision.to_string(), |state| {
            check_revision(state, revision, false)?;
            // As 3.5 does: right at the compacted revision it tells what was
            // hashed while that compaction ran, and where the one before was.
            let at_compacted = revision != 0 && revision == state.compacted;
            let now = (state.member(id).hash, state.compacted);
            let kept = state.member(id).compaction_hash;
            let (hash, compact_revision) = kept.filter(|_| at_compacted).unwrap_or(now);
            let header = state.header(id);
            let hashed = if revision == 0 { state.revision } else { revision };
            let hash_revision = if state.member(id).line() >= (3, 6) { hashed } else { 0 };
            Ok(HashKvResponse { header, compact_revision, hash, hash_revision })
        });
        told.await.map(Response::new)
    }

    type SnapshotStream = Pin<Box<dyn Stream<Item = Result<SnapshotResponse, Status>> + Send>>;

    async fn snapshot(&self, _: Request<SnapshotRequest>) -> Answer<Self::SnapshotStream> {
        let act = self.note(Rpc::Snapshot, "");
        match act {
            Some(Act::Fail(code, text)) => return Err(Status::new(code, text)),
            Some(Act::Cut) => return self.cut_off().await,
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Delay(span)) => tokio::time::sleep(span).await,
            _ => {}
        }
        let database = self.state().member(self.id).database.clone();
        let (send, receive) = mpsc::channel(1);
        let cutter = self.cutter.clone();
        let open = OpenStream::begin(self);
        tokio::spawn(async move {
            let _open = open;
            let messages = messages(&database, matches!(act, Some(Act::Spoil)));
            for (sent, message) in messages.into_iter().enumerate() {
                match &act {
                    Some(Act::CutAfter(limit)) if *limit == sent => {
                        // What was sent has to be on its way first.
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        cutter.cut();
                        // Ending the stream here could still send its trailers.
                        return send.closed().await;
                    }
                    Some(Act::HangAfter(limit)) if *limit == sent => return send.closed().await,
                    Some(Act::EndAfter(limit)) if *limit == sent => return,
                    Some(Act::FailAfter(limit, code, text)) if *limit == sent => {
                        let _ = send.send(Err(Status::new(*code, text.clone()))).await;
                        return;
                    }
                    _ => {}
                }
                if send.send(Ok(message)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receive))))
    }
}

/// A snapshot stream as long as somebody reads it.
struct OpenStream(Node);

impl OpenStream {
    fn begin(node: &Node) -> Self {
        node.state().member(node.id).streams_begun += 1;
        Self(node.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.state().member(self.0.id).streams_ended += 1;
    }
}

/// The database in blobs of 32 KiB, then its digest in a message of its own.
fn messages(database: &[u8], spoil: bool) -> Vec<SnapshotResponse> {
    let mut left = database.len() as u64;
    let mut messages: Vec<SnapshotResponse> = Vec::new();
    for blob in database.chunks(BLOB) {
        left -= blob.len() as u64;
        let mut blob = blob.to_vec();
        if spoil && left == 0 {
            blob[0] ^= 1;
        }
        let message =
            SnapshotResponse { remaining_bytes: left, blob: blob.into(), ..Default::default() };
        messages.push(message);
    }
    let digest = digest(&SHA256, database).as_ref().to_vec();
    messages.push(SnapshotResponse { blob: digest.into(), ..Default::default() });
    messages
}

fn check_revision(state: &ClusterState, revision: i64, compacting: bool) -> Result<(), Status> {
    if revision > state.revision {
        let text = "etcdserver: mvcc: required revision is a future revision";
        return Err(Status::out_of_range(text));
    }
    let gone = if compacting { revision <= state.compacted } else { revision < state.compacted };
    if gone && (compacting || revision != 0) {
        let text = "etcdserver: mvcc: required revision has been compacted";
        return Err(Status::out_of_range(text));
    }
    Ok(())
}

/// Whether a request for `first` to before `end` means the key; no end means
/// `first` alone, and a zero byte means to the last key.
fn is_in(key: &[u8], first: &[u8], end: &[u8]) -> bool {
    match end {
        [] => key == first,
        [0] => key >= first,
        _ => key >= first && key < end,
    }
}

#[async_trait]
impl Kv for Node {
    async fn range(&self, request: Request<RangeRequest>) -> Answer<RangeResponse> {
        let (id, asked) = (self.id, request.into_inner());
        let argument = String::from_utf8_lossy(&asked.key).into_owned();
        let told = self.play(Rpc::Range, argument, |state| {
            let created = |key: &Vec<u8>| state.created.get(key).copied().unwrap_or(1);
            let named = |key: &Vec<u8>| is_in(key, &asked.key, &asked.range_end);
            let fresh = |key: &Vec<u8>| created(key) >= asked.min_create_revision;
            let mut kvs: Vec<KeyValue> = state
                .keys
                .iter()
                .filter(|(key, _)| named(key) && fresh(key))
                .map(|(key, value)| KeyValue {
                    key: key.clone(),
                    value: if asked.keys_only { Vec::new() } else { value.clone() },
                    create_revision: created(key),
                    ..KeyValue::default()
                })
                .collect();
            let count = kvs.len() as i64;
            let more = asked.limit > 0 && asked.limit < count;
            if more {
                kvs.truncate(usize::try_from(asked.limit).unwrap_or_default());
            }
            let kvs = if asked.count_only { Vec::new() } else { kvs };
            Ok(RangeResponse { header: state.header(id), kvs, more, count })
        });
        told.await.map(Response::new)
    }

    async fn put(&self, _: Request<PutRequest>) -> Answer<PutResponse> {
        Err(Status::unimplemented("a rescue writes no key"))
    }

    /// As etcd does it, while NOSPACE is on, too; CORRUPT forbids it.
    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Answer<DeleteRangeResponse> {
        let (id, asked) = (self.id, request.into_inner());
        let argument = String::from_utf8_lossy(&asked.key).into_owned();
        let done = self.play(Rpc::DeleteRange, argument, |state| {
            if state.alarms.iter().any(|(_, kind)| *kind == 2) {
                return Err(Status::data_loss("etcdserver: corrupt cluster"));
            }
            let before = state.keys.len();
            state.keys.retain(|key, _| !is_in(key, &asked.key, &asked.range_end));
            let deleted = (before - state.keys.len()) as i64;
            state.revision += i64::from(deleted > 0);
            Ok(DeleteRangeResponse { header: state.header(id), deleted })
        });
        done.await.map(Response::new)
    }

    async fn compact(&self, request: Request<CompactionRequest>) -> Answer<CompactionResponse> {
        let (id, asked) = (self.id, request.into_inner());
        let done = self.play(Rpc::Compact, asked.revision.to_string(), |state| {
            let checked = check_revision(state, asked.revision, true);
            if checked.is_ok() {
                let before = if state.compacted == 0 { -1 } else { state.compacted };
                for member in &mut state.members {
                    member.compaction_hash = Some((member.hash, before));
                }
                state.compacted = asked.revision;
            }
            // Also the refusal "already compacted" is a barrier.
            if asked.physical {
                let compacted = state.compacted;
                state.member(id).settled = compacted;
            }
            checked.map(|()| CompactionResponse { header: state.header(id) })
        });
        done.await.map(Response::new)
    }
}

#[async_trait]
impl Cluster for Node {
    async fn member_list(&self, _: Request<MemberListRequest>) -> Answer<MemberListResponse> {
        let id = self.id;
        let told = self.play(Rpc::MemberList, String::new(), |state| {
            let members = state.members.iter().map(|member| Member {
                id: member.id,
                name: member.name.clone(),
                peer_ur_ls: vec![format!("https://{}.example:2380", member.name)],
                client_ur_ls: vec![member.endpoint.clone()],
                is_learner: member.learner,
            });
            let members = members.collect();
            Ok(MemberListResponse { header: state.header(id), members })
        });
        told.await.map(Response::new)
    }
}

#[async_trait]
impl Lease for Node {
    async fn lease_grant(&self, request: Request<LeaseGrantRequest>) -> Answer<LeaseGrantResponse> {
        let (id, ttl) = (self.id, request.into_inner().ttl);
        let done = self.play(Rpc::LeaseGrant, ttl.to_string(), |state| {
            state.write()?;
            let lease = 7000 + state.leases.len() as i64;
            state.leases.push(lease);
            Ok(LeaseGrantResponse {
                header: state.header(id),
                id: lease,
                ttl,
                error: String::new(),
            })
        });
        done.await.map(Response::new)
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Answer<LeaseRevokeResponse> {
        let (id, lease) = (self.id, request.into_inner().id);
        let done = self.play(Rpc::LeaseRevoke, lease.to_string(), |state| {
            if !state.leases.contains(&lease) {
                return Err(Status::not_found("etcdserver: requested lease not found"));
            }
            state.leases.retain(|held| *held != lease);
            Ok(LeaseRevokeResponse { header: state.header(id) })
        });
        done.await.map(Response::new)
    }
}

#[async_trait]
impl Auth for Node {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Answer<AuthenticateResponse> {
        let (id, asked) = (self.id, request.into_inner());
        let done = self.play(Rpc::Authenticate, asked.name.clone(), |state| {
            let Some(login) = &state.login else {
                let text = "etcdserver: authentication is not enabled";
                return Err(Status::failed_precondition(text));
            };
            if *login != (asked.name, asked.password) {
                let text = "etcdserver: authentication failed, invalid user ID or password";
                return Err(Status::invalid_argument(text));
            }
            Ok(AuthenticateResponse { header: state.header(id), token: "token.1".to_owned() })
        });
        done.await.map(Response::new)
    }
}
