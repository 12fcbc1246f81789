//! Looking at every member of the cluster, from this one node.

use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use crate::model::Timestamp;
use tokio::task::JoinSet;

use crate::{
    model::{
        Behaviour, DiskTimes, Located, Member, MemberId, MemberStatus, Quota, QuotaSource, Silence,
        SilenceKind, World, order::InOrder,
    },
    wire::{Access, ListedMember, StatusAnswer, WireError, WireErrorKind},
};

use super::{metrics, metrics_page, scrape::disk_times};

/// What a member gets whose host did not answer before.
const SHORT: Duration = Duration::from_secs(1);

/// Nobody answered: every endpoint that was tried, with its reason.
#[derive(Debug)]
pub struct NobodyAnswers(pub Vec<WireError>);

/// One endpoint that leads to etcd. The status may be missing: a member that
/// is defragmenting still tells the member list.
struct Door {
    endpoint: String,
    status: Result<StatusAnswer, WireError>,
    members: Result<Vec<ListedMember>, WireError>,
}

impl Door {
    fn knows_a_leader(&self) -> bool {
        self.status.as_ref().is_ok_and(|answer| answer.status.leader.is_some())
    }
}

/// Asks every endpoint of this node for the member list, then every member for
/// its status, all at the same time. A member that does not answer is part of
/// the result. `seen` are URLs of members met earlier: they are asked when
/// this node's own endpoints do not answer, and after them the siblings this
/// node's etcd was started with. Members in `dead` get a second at most.
/// Those in `told` are not asked for their metrics: they told them a moment ago.
///
/// # Errors
/// When no endpoint answers at all.
pub async fn look(
    node: &Located,
    access: &Access,
    seen: &[String],
    dead: &[MemberId],
    told: &[Member],
) -> Result<World, NobodyAnswers> {
    let own: Vec<String> = node.endpoints.iter().map(|found| found.value.clone()).collect();
    let (mut doors, errors) = knock(&own, access).await;
    let siblings: Vec<String> = node.siblings.iter().map(|found| found.value.clone()).collect();
    for others in [seen, &siblings] {
        if !doors.iter().any(|door| door.members.is_ok()) {
            doors.extend(knock(others, access).await.0);
        }
    }
    // Without a leader it may run with the data of another cluster.
    if !doors.is_empty() && !doors.iter().any(Door::knows_a_leader) && !siblings.is_empty() {
        let mut access = access.clone();
        access.timeout = access.timeout.min(SHORT);
        doors.extend(knock(&siblings, &access).await.0);
        doors.order_by_key(|door| !door.knows_a_leader());
    }
    let mut complaints: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let mut foreign_id = None;
    let mut lists = Vec::new();
    let mut known = BTreeMap::new();
    // Who answers where, also when it tells no status now.
    let mut doors_of = BTreeMap::new();
    let mut cluster_id = 0;
    for Door { endpoint, status, members } in doors {
        let mut has_leader = false;
        match status {
            Ok(answer) if cluster_id != 0 && answer.cluster_id != cluster_id => {
                complaints.push(format!("{endpoint} belongs to another cluster and is left out"));
                if own.contains(&endpoint) {
                    foreign_id = Some(answer.cluster_id);
                }
                continue;
            }
            Ok(answer) => {
                cluster_id = answer.cluster_id;
                has_leader = answer.status.leader.is_some();
                known.insert(answer.member_id, (endpoint.clone(), answer.status));
            }
            Err(error) => complaints.push(error.to_string()),
        }
        match members {
            Ok(members) => {
                if let Some(itself) = members.iter().find(|member| member.itself) {
                    doors_of.entry(itself.id).or_insert(endpoint);
                }
                lists.push((has_leader, members));
            }
            Err(error) => complaints.push(error.to_string()),
        }
    }
    // A member that lost its leader may hold an old list.
    lists.order_by_key(|(has_leader, _)| !has_leader);
    let Some((_, listed)) = lists.into_iter().next() else {
        return Err(NobodyAnswers(errors));
    };
    // An address on this machine that was asked, and at which nobody answered.
    let silent = |url: &&String| {
        is_loopback(url) && errors.iter().any(|error| error.endpoint == url.as_str())
    };
    for member in &listed {
        if let Some(url) = member.client_urls.iter().find(silent) {
            doors_of.entry(member.id).or_insert_with(|| url.clone());
        }
    }
    let mut members = ask_all(listed, known, &doors_of, access, dead).await;
    mark_local(node, &mut members);
    ask_metrics(&mut members, node, access, told).await;
    Ok(World {
        seen_at: Timestamp::now().as_nanosecond(),
        node: node.clone(),
        cluster_id,
        foreign_id,
        members,
        snapshot_places: Vec::new(),
        sick_disks: Vec::new(),
        live: None,
        equality: None,
        complaints,
    })
}

async fn knock(endpoints: &[String], access: &Access) -> (Vec<Door>, Vec<WireError>) {
    let mut tries = JoinSet::new();
    for endpoint in endpoints.iter().cloned() {
        let access = access.clone();
        tries.spawn(async move {
            let etcd = access.reach(&endpoint).await?;
            let (members, status) = tokio::join!(etcd.member_list(), etcd.status());
            match (&status, &members) {
                // Not a door at all: say why, once.
                (Err(error), Err(_)) => Err(error.clone()),
                _ => Ok(Door { endpoint, status, members }),
            }
        });
    }
    let (mut doors, mut errors) = (Vec::new(), Vec::new());
    while let Some(joined) = tries.join_next().await {
        match joined {
            Ok(Ok(door)) => doors.push(door),
            Ok(Err(error)) => errors.push(error),
            // A task of ours only ends early when the runtime does.
            Err(_) => {}
        }
    }
    // Best endpoint first, whoever answered first.
    let rank = |endpoint: &str| endpoints.iter().position(|known| known == endpoint);
    doors.order_by_key(|door| rank(&door.endpoint));
    errors.order_by_key(|error| rank(&error.endpoint));
    (doors, errors)
}

async fn ask_all(
    listed: Vec<ListedMember>,
    mut known: BTreeMap<MemberId, (String, MemberStatus)>,
    doors: &BTreeMap<MemberId, String>,
    access: &Access,
    dead: &[MemberId],
) -> Vec<Member> {
    let mut asked = JoinSet::new();
    for (order, member) in listed.into_iter().enumerate() {
        let answered = known.remove(&member.id);
        let door = doors.get(&member.id).cloned();
        let mut access = access.clone();
        if dead.contains(&member.id) {
            access.timeout = access.timeout.min(SHORT);
        }
        asked.spawn(async move {
            let (endpoint, status) = match answered {
                Some((endpoint, status)) => (endpoint, Ok(status)),
                None => ask(&member, door.as_ref(), &access).await,
            };
            // Only a member that hangs is worth another question.
            let kind = status.as_ref().err().map(|silence| silence.kind);
            let hangs = kind == Some(SilenceKind::Hangs);
            let inflight = format!("{endpoint}/metrics");
            let defragmenting = hangs && defrag_inflight_at(&inflight, &access).await == Some(true);
            let status = status.map_err(|silence| match defragmenting {
                true => {
                    let why = "it is defragmenting right now, as its metrics say".to_owned();
                    Silence { why, ..silence }
                }
                false => silence,
            });
            let learner = member.learner || status.as_ref().is_ok_and(|status| status.learner);
            let member = Member {
                id: member.id,
                name: member.name,
                endpoint,
                local: false,
                learner,
                defragmenting,
                open_snapshots: None,
                disk_times: DiskTimes::default(),
                status,
            };
            (order, member)
        });
    }
    let mut members = asked.join_all().await;
    members.order_by_key(|(order, member)| (member.name.clone(), *order));
    members.into_iter().map(|(_, member)| member).collect()
}

/// Tries a member's client URLs in turn; first the one it answered at just now.
async fn ask(
    member: &ListedMember,
    door: Option<&String>,
    access: &Access,
) -> (String, Result<MemberStatus, Silence>) {
    // Another member's loopback address would reach this node's own etcd.
    let told = member.client_urls.iter().filter(|url| !is_loopback(url) && Some(*url) != door);
    let urls: Vec<&String> = door.into_iter().chain(told).collect();
    let mut silence = match (member.client_urls.is_empty(), urls.is_empty()) {
        (true, _) => "added to the cluster, but never started".into(),
        (false, true) => own_node_only(member),
        (false, false) => Silence::default(),
    };
    for url in &urls {
        let answer = async { access.reach(url).await?.status().await };
        match answer.await {
            Ok(answer) if answer.member_id == member.id => {
                return ((*url).clone(), Ok(answer.status));
            }
            Ok(answer) => {
                silence = format!("{url} belongs to another member, {}", answer.member_id).into();
            }
            Err(wire) => {
                silence = Silence { kind: silence_kind(wire.kind), ..wire.to_string().into() }
            }
        }
    }
    let shown = urls.first().copied().or(member.client_urls.first()).cloned().unwrap_or_default();
    (shown, Err(silence))
}

fn own_node_only(member: &ListedMember) -> Silence {
    let host = member.peer_urls.iter().find_map(|url| host(url)).map(str::to_owned);
    let at = host.as_ref().map_or_else(String::new, |host| format!(", {host}"));
    let why = format!("it advertises a loopback address only: run this on its own node{at}");
    Silence { kind: SilenceKind::OwnNodeOnly, why, peer_host: host }
}

/// The host of a URL, without the brackets of IPv6.
fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split([':', '/']).next(),
    };
    host.filter(|host| !host.is_empty())
}

fn silence_kind(kind: WireErrorKind) -> SilenceKind {
    use WireErrorKind as Kind;
    match kind {
        Kind::Refused | Kind::Broken => SilenceKind::Refused,
        Kind::TimedOut | Kind::HostUnreachable | Kind::NotResolved => SilenceKind::NoHost,
        Kind::Deadline | Kind::Silent | Kind::RequestTimedOut => SilenceKind::Hangs,
        Kind::NotTls
        | Kind::WantsTls
        | Kind::TlsRefused
        | Kind::ServerCertExpired
        | Kind::ServerCertNotYetValid
        | Kind::ServerCertUnusable
        | Kind::WrongCa
        | Kind::NameMismatch
        | Kind::ClientCertRefused
        | Kind::NoCa => SilenceKind::Tls,
        _ => SilenceKind::Other,
    }
}

/// Whether a URL points at the loopback interface.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]")
}

/// Finds the member of this node: etcd runs here, the member's address is one
/// of this machine's, and the names agree. With foreign --endpoints another
/// cluster's member may well have the same name. Two that fit are none.
fn mark_local(node: &Located, members: &mut [Member]) {
    if node.process.is_none() && node.container.is_none() && node.manifest.is_none() {
        return;
    }
    let is_own = |member: &Member| {
        let elsewhere = SilenceKind::OwnNodeOnly;
        if member.status.as_ref().is_err_and(|silence| silence.kind == elsewhere) {
            return false;
        }
        let same_name = node.name.as_ref().is_none_or(|name| name.value == member.name);
        same_name && is_own_address(&member.endpoint)
    };
    let mut own = members.iter_mut().filter(|member| is_own(member));
    if let (Some(member), None) = (own.next(), own.next()) {
        member.local = true;
    }
}

/// Whether the URL's host is an address of this machine: only those can be
/// bound. A host name is not looked up; the member's name has to do.
fn is_own_address(url: &str) -> bool {
    match host(url).unwrap_or_default().parse::<IpAddr>() {
        Ok(ip) => UdpSocket::bind((ip, 0)).is_ok(),
        Err(_) => true,
    }
}

/// Reads what only /metrics tells: who reads a snapshot, and before 3.6 the
/// quota; without it this node's own flags count, else etcd's default.
async fn ask_metrics(members: &mut [Member], node: &Located, access: &Access, told: &[Member]) {
    let mut scrapes = JoinSet::new();
    for (index, member) in members.iter_mut().enumerate() {
        let Ok(status) = &mut member.status else { continue };
        if let Some(before) = told.iter().find(|before| before.id == member.id)
            && let Ok(then) = &before.status
        {
            status.quota = then.quota;
            member.open_snapshots = before.open_snapshots;
            member.disk_times = before.disk_times.clone();
            continue;
        }
        let (url, access) = (metrics_page::url(member, node), access.clone());
        scrapes.spawn(async move { (index, metrics_page::fetch(&url, &access).await.ok()) });
    }
    while let Some(scraped) = scrapes.join_next().await {
        let Ok((index, page)) = scraped else { continue };
        let Some(member) = members.get_mut(index) else { continue };
        member.open_snapshots = page.as_deref().and_then(metrics::open_snapshots);
        member.disk_times = page.as_deref().map(disk_times).unwrap_or_default();
        settle_quota(member, page.as_deref().and_then(told_quota), node);
    }
}

/// 3.6 tells its quota in Status; before, the metric does.
fn settle_quota(member: &mut Member, metric: Option<Quota>, node: &Located) {
    let own = node.quota.as_ref().filter(|_| member.local).map(|found| found.value);
    let Ok(status) = &mut member.status else { return };
    let tells = status.row(Behaviour::StatusTellsQuota).is_some();
    if tells || status.quota.source == QuotaSource::Status {
        return;
    }
    // The same flag on every master is the rule; whose word it is stays
    // visible.
    let assumed = || {
        let here = node.quota.as_ref().map_or(Quota::DEFAULT, |found| found.value);
        Quota { source: QuotaSource::Assumed, ..here }
    };
    status.quota = metric.or(own).unwrap_or_else(assumed);
}

fn told_quota(page: &str) -> Option<Quota> {
    let bytes = metrics::value(page, "etcd_server_quota_backend_bytes")?;
    // The metric is set to the default's value when the flag is unset, so the
    // two cannot be told apart by it; only 2 GiB exactly is called default.
    match Quota::from_flag(bytes as i64, QuotaSource::Metric) {
        quota if quota.limit == Quota::DEFAULT.limit => Some(Quota::DEFAULT),
        quota => Some(quota),
    }
}

/// Whether a member says that a defragmentation is running (metric
/// `etcd_disk_defrag_inflight`, 3.4.18+). /metrics answers while it runs;
/// `None` when it cannot be had.
pub async fn defrag_inflight(member: &Member, node: &Located, access: &Access) -> Option<bool> {
    defrag_inflight_at(&metrics_page::url(member, node), access).await
}

/// The same, of whoever serves this page.
pub(super) async fn defrag_inflight_at(url: &str, access: &Access) -> Option<bool> {
    let page = metrics_page::fetch(url, access).await.ok()?;
    let running = metrics::value(&page, "etcd_disk_defrag_inflight");
    Some(running.is_some_and(|count| count > 0.0))
}

/// Snapshot streams of a member that are open now; `None` when its metrics
/// cannot be had.
pub async fn open_snapshots(member: &Member, node: &Located, access: &Access) -> Option<u64> {
    let page = metrics_page::fetch(&metrics_page::url(member, node), access).await.ok()?;
    metrics::open_snapshots(&page)
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, is_own_address};

    #[test]
    fn own_addresses_are_known() {
        assert!(is_own_address("https://127.0.0.1:2379") && is_own_address("https://[::1]:2379"));
        assert!(!is_own_address("https://192.0.2.1:2379"), "TEST-NET-1 is nobody's");
    }

    #[test]
    fn loopback_urls_are_known() {
        for url in ["https://127.0.0.1:2379", "http://localhost:1", "https://[::1]:2379"] {
            assert!(is_loopback(url), "{url}");
        }
        assert!(!is_loopback("https://10.0.0.1:2379"));
    }
}
