//! What calls return: answers turned into model types, refusals by their
//! texts in etcd 3.4 to 3.6, broken connections, and the snapshot stream.

mod fake;

use std::time::{Duration, Instant};

use etcd_rescue::{
    model::{Alarm, AlarmKind, Bytes, MemberId, Quota, QuotaSource, Revision},
    settings::Login,
    wire::{Compacted, Etcd, LeaseId, Tls, WireError, WireErrorKind as Kind},
};
use fake::etcd::{Act, FakeEtcd, Rpc};
use tonic::Code;

const TIMEOUT: Duration = Duration::from_millis(700);

async fn dial(etcd: &FakeEtcd) -> Etcd {
    let tls = Tls::load(None, None, None).unwrap();
    Etcd::dial(&etcd.endpoint(1), &tls, None, TIMEOUT).await.unwrap()
}

async fn log_in(etcd: &FakeEtcd, password: &str) -> Result<Etcd, WireError> {
    let tls = Tls::load(None, None, None).unwrap();
    let login = Login { name: "root".into(), password: password.into() };
    Etcd::dial(&etcd.endpoint(1), &tls, Some(&login), TIMEOUT).await
}

fn kind<T: std::fmt::Debug>(result: Result<T, WireError>) -> Kind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn status_is_the_members_own_word() {
    let etcd = FakeEtcd::start(3, None).await;
    etcd.state().member(1).errors.push("etcdserver: no leader".into());
    let client = dial(&etcd).await;
    let told = client.status().await.unwrap();
    assert_eq!((told.cluster_id, told.member_id), (0xC1, MemberId(1)));
    assert_eq!(told.status.db_size, Bytes(64 << 20));
    assert_eq!(told.status.quota, Quota::DEFAULT);
    assert_eq!(told.status.leader, Some(MemberId(1)));
    assert_eq!(told.status.revision, Revision(1000));
    let raised = Alarm { member: MemberId(1), kind: AlarmKind::NoSpace };
    assert_eq!(told.status.alarms, [raised]);
    assert_eq!(told.status.errors, ["etcdserver: no leader"]);

    etcd.state().member(1).told_quota = 64 << 20;
    etcd.state().leader = 0;
    let status = client.status().await.unwrap().status;
    assert_eq!(status.quota, Quota { limit: Some(Bytes(64 << 20)), source: QuotaSource::Status });
    assert_eq!(status.leader, None);
}

#[tokio::test]
async fn the_member_list_has_urls_and_learners() {
    let etcd = FakeEtcd::start(2, None).await;
    etcd.state().member(2).learner = true;
    let members = dial(&etcd).await.member_list().await.unwrap();
    assert_eq!(members[1].client_urls, [etcd.endpoint(2)]);
    assert_eq!(members[1].peer_urls, ["https://master-2.example:2380"]);
    assert_eq!(members.iter().map(|m| m.learner).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn compaction_done_already_and_in_the_future() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    let at = |revision| client.compact(Revision(revision), None);
    assert_eq!(at(900).await, Ok(Compacted::Done));
    assert_eq!(at(900).await, Ok(Compacted::Already));
    assert_eq!(kind(at(2000).await), Kind::FutureRevision);
    assert!(Kind::Deadline.effect_unknown());
    etcd.script(1, Rpc::Compact, Act::Hang);
    let error = client.compact(Revision(950), Some(TIMEOUT / 4)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Deadline);
    assert_eq!(error.text, "no answer to a compaction within 175ms");
}

#[tokio::test]
async fn only_nospace_of_a_known_member_is_disarmed() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    let alarm = |member, kind| Alarm { member: MemberId(member), kind };
    for never in
        [alarm(0, AlarmKind::NoSpace), alarm(1, AlarmKind::Corrupt), alarm(1, AlarmKind::Unknown)]
    {
        assert_eq!(kind(client.disarm(never).await), Kind::NeverSent);
    }
    assert!(etcd.calls().iter().all(|call| !call.contains("Alarm")), "{:?}", etcd.calls());
    let raised = alarm(1, AlarmKind::NoSpace);
    assert_eq!(client.disarm(raised).await, Ok(vec![raised]));
    assert_eq!(client.disarm(raised).await, Ok(vec![]));
    assert!(etcd.calls().contains(&"master-1 Alarm(2 1 1)".to_owned()));
}

#[tokio::test]
async fn leases_and_hashes() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    assert_eq!(kind(client.grant_lease(30).await), Kind::NoSpace);
    etcd.state().alarms.clear();
    etcd.state().member(1).db_size = 1 << 20;
    let lease = client.grant_lease(30).await.unwrap();
    assert_eq!(client.revoke_lease(lease).await, Ok(()));
    assert_eq!(kind(client.revoke_lease(LeaseId(1)).await), Kind::Other(5));
    let hash = client.hash_kv(MemberId(1), Revision(1000), TIMEOUT).await.unwrap();
    assert_eq!((hash.hash, hash.compact_revision), (0xABCD, Revision(0)));
    assert_eq!(
        kind(client.hash_kv(MemberId(1), Revision(1001), TIMEOUT).await),
        Kind::FutureRevision
    );
}

#[tokio::test]
async fn another_member_behind_the_address_is_told() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    assert_eq!(client.leads_to(MemberId(1)).await, Ok(()));
    assert_eq!(kind(client.leads_to(MemberId(2)).await), Kind::OtherMember);
    assert_eq!(kind(client.hash_kv(MemberId(2), Revision(0), TIMEOUT).await), Kind::OtherMember);
}

#[tokio::test]
async fn a_read_of_nothing_and_a_question_through_raft_change_nothing() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    let alarms = etcd.state().alarms.clone();
    for linearizable in [true, false] {
        assert_eq!(client.read_nothing(linearizable).await, Ok(()));
    }
    assert_eq!(client.alarms_by_raft().await, Ok(()));
    assert_eq!(etcd.state().alarms, alarms);
    let calls = etcd.calls().join("\n");
    assert!(calls.contains("Range(health)") && calls.contains("Alarm(0 0 0)"), "{calls}");

    let denied = Act::fail(Code::PermissionDenied, "etcdserver: permission denied");
    etcd.script(1, Rpc::Range, denied);
    assert_eq!(client.read_nothing(true).await, Ok(()), "that is an answer, too");
    etcd.script(1, Rpc::Range, Act::fail(Code::Unavailable, "etcdserver: no leader"));
    assert_eq!(kind(client.read_nothing(true).await), Kind::NoLeader);
}

#[tokio::test]
async fn refusals_are_known_by_their_texts_in_every_release() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    let learner = "etcdserver: rpc not supported for learner";
    for (code, text, expected) in [
        (Code::Unavailable, learner, Kind::NotSupportedForLearner),
        (Code::FailedPrecondition, learner, Kind::NotSupportedForLearner),
        (Code::Unknown, "write /d/db.tmp.7: no space left on device", Kind::DiskFull),
        (Code::DataLoss, "etcdserver: corrupt cluster", Kind::Corrupt),
        (Code::Unavailable, "etcdserver: no leader", Kind::NoLeader),
        (Code::Unavailable, "etcdserver: request timed out", Kind::RequestTimedOut),
        (Code::ResourceExhausted, "etcdserver: too many requests", Kind::TooManyRequests),
        (Code::InvalidArgument, "etcdserver: user name is empty", Kind::AuthRequired),
        (Code::PermissionDenied, "etcdserver: permission denied", Kind::PermissionDenied),
        (Code::Unauthenticated, "etcdserver: invalid auth token", Kind::InvalidToken),
        (Code::Unavailable, "etcdserver: server stopped", Kind::Other(14)),
    ] {
        etcd.script(1, Rpc::Defragment, Act::fail(code, text));
        let error = client.defragment().await.unwrap_err();
        assert_eq!(error.kind, expected, "{text}");
        assert_eq!(error.to_string(), format!("{}: {text}", etcd.endpoint(1)));
    }
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_not_the_connection() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    etcd.script(1, Rpc::Status, Act::Hang);
    let begun = Instant::now();
    let error = client.status().await.unwrap_err();
    assert!(begun.elapsed() < TIMEOUT * 3);
    assert_eq!(error.kind, Kind::Deadline);
    assert!(error.kind.effect_unknown());
    assert_eq!(error.text, "no answer to a status request within 700ms");
    assert!(client.status().await.is_ok());
}

#[tokio::test]
async fn a_member_that_defragments_can_still_be_dialled() {
    let etcd = FakeEtcd::single().await;
    etcd.always(1, Rpc::Status, Act::Hang);
    let client = dial(&etcd).await;
    assert_eq!(client.member_list().await.map(|members| members.len()), Ok(1));
}

#[tokio::test]
async fn a_learner_can_be_dialled_although_it_refuses_the_greeting() {
    let etcd = FakeEtcd::single().await;
    let refused = Act::fail(Code::Unavailable, "etcdserver: rpc not supported for learner");
    etcd.always(1, Rpc::MemberList, refused);
    let client = dial(&etcd).await;
    assert!(client.status().await.is_ok());
    assert_eq!(kind(client.member_list().await), Kind::NotSupportedForLearner);
}

#[tokio::test]
async fn defragmentation_waits_longer_than_any_deadline() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    client.compact(Revision(1000), None).await.unwrap();
    etcd.script(1, Rpc::Defragment, Act::Delay(TIMEOUT * 2));
    assert_eq!(client.defragment().await, Ok(()));
    assert_eq!(client.status().await.unwrap().status.db_size, Bytes(1 << 20));
}

#[tokio::test]
async fn a_connection_cut_during_a_call_is_broken_and_stays_so() {
    let etcd = FakeEtcd::single().await;
    for act in [Act::Cut, Act::DoThenCut] {
        let client = dial(&etcd).await;
        etcd.script(1, Rpc::Defragment, act);
        let error = client.defragment().await.unwrap_err();
        assert_eq!(error.kind, Kind::Broken, "{error}");
        assert!(error.text.starts_with("the connection broke during the call: "), "{error}");
        assert_eq!(kind(client.clone().status().await), Kind::Broken);
        assert!(dial(&etcd).await.status().await.is_ok(), "a new dial works");
    }
}

#[tokio::test]
async fn logins() {
    let etcd = FakeEtcd::single().await;
    let client = log_in(&etcd, "right").await.expect("authentication is off: no token needed");
    assert!(client.status().await.is_ok());
    etcd.state().login = Some(("root".into(), "right".into()));
    assert!(log_in(&etcd, "right").await.is_ok());
    let error = log_in(&etcd, "wrong").await.unwrap_err();
    assert_eq!(error.kind, Kind::LoginRefused);
    assert!(!error.to_string().contains("wrong"));
}

async fn read_all(client: &Etcd, idle: Duration) -> Result<Vec<u8>, WireError> {
    let mut stream = client.snapshot(idle).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[tokio::test]
async fn a_snapshot_is_the_database_and_its_digest() {
    let etcd = FakeEtcd::single().await;
    let bytes = read_all(&dial(&etcd).await, TIMEOUT).await.unwrap();
    let (database, digest) = bytes.split_at(bytes.len() - 32);
    assert_eq!(database, etcd.state().member(1).database);
    assert_eq!(ring::digest::digest(&ring::digest::SHA256, database).as_ref(), digest);
}

#[tokio::test]
async fn a_snapshot_that_does_not_come_whole() {
    let etcd = FakeEtcd::single().await;
    let full = "read /d/db: input/output error";
    for (act, expected) in [
        (Act::CutAfter(2), Kind::Broken),
        (Act::HangAfter(2), Kind::Deadline),
        (Act::Hang, Kind::Deadline),
        (Act::FailAfter(2, Code::Unknown, full.into()), Kind::Other(2)),
        (Act::fail(Code::Unauthenticated, "etcdserver: invalid auth token"), Kind::InvalidToken),
        (
            Act::fail(Code::FailedPrecondition, "etcdserver: rpc not supported for learner"),
            Kind::NotSupportedForLearner,
        ),
    ] {
        let client = dial(&etcd).await;
        etcd.script(1, Rpc::Snapshot, act.clone());
        assert_eq!(kind(read_all(&client, TIMEOUT / 2).await), expected, "{act:?}");
    }
}

#[tokio::test]
async fn a_big_snapshot_streams_through_small_windows() {
    let etcd = FakeEtcd::single().await;
    etcd.state().member(1).database = vec![7; 48 << 20];
    let client = dial(&etcd).await;
    let mut stream = client.snapshot(Duration::from_secs(20)).await.unwrap();
    let mut total = 0;
    while let Some(piece) = stream.next().await.unwrap() {
        total += piece.len();
    }
    assert_eq!(total, (48 << 20) + 32);
    assert!(client.status().await.is_ok());
}

#[tokio::test]
async fn status_details_nobody_can_read_are_left_out() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd).await;
    etcd.script(1, Rpc::HashKv, Act::JunkDetails);
    assert_eq!(kind(client.hash_kv(MemberId(1), Revision(1), TIMEOUT).await), Kind::NoLeader);
}
