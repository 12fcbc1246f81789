//! Members, their numbers and their metrics.

use etcd_rescue::model::{
    Alarm, AlarmKind, Bytes, Container, ContainerState, Member, MemberId, MemberStatus, Quota,
    QuotaSource, Revision, Silence, SilenceKind, World,
    diagnosis::{Examined, Histogram, MemberView, Scrape},
};

use super::{AT, Words, age, bytes, histogram, times};

/// One line about the cluster.
pub fn read(words: &Words, examined: &mut Examined) {
    if words.at(0) == "member" {
        let world = examined.world.get_or_insert_with(World::default);
        let member = member(words, world.members.len() as u64 + 1);
        examined.views.push(MemberView { id: member.id, ..MemberView::default() });
        world.members.push(member);
        return;
    }
    let world = examined.world.as_mut().expect("a member before");
    match words.at(0) {
        "alarm" => {
            let kind =
                if words.at(1) == "CORRUPT" { AlarmKind::Corrupt } else { AlarmKind::NoSpace };
            for status in world.members.iter_mut().filter_map(|it| it.status.as_mut().ok()) {
                status.alarms.push(Alarm { member: MemberId(1), kind });
            }
        }
        "started" => {
            let restarts = u32::from(words.has("restarted"));
            let container = container(AT - age(words.at(1)));
            world.node.container = Some(Container { restarts, ..container });
        }
        _ => {
            let id = world.member_called(words.at(1)).expect("a member of that name").id;
            let peer = words.from(2).first().and_then(|name| world.member_called(name));
            let peer = peer.map(|peer| peer.id);
            let view = examined.views.iter_mut().find(|view| view.id == id).expect("its view");
            view_line(words, view, peer);
        }
    }
}

fn view_line(words: &Words, view: &mut MemberView, peer: Option<MemberId>) {
    let rest = words.from(2);
    match words.at(0) {
        "reads" => view.linearizable = times(rest),
        "serializable" => view.serializable = times(rest),
        "writes-through" => view.writes = times(rest),
        "failed-reads" => {
            view.linearizable.failed = rest.first().and_then(|n| n.parse().ok()).expect("a count");
            view.linearizable.failures = vec!["etcdserver: request timed out".to_owned()];
        }
        "no-metrics" => view.no_metrics = Some(words.rest(2)),
        "fsync" => add(view, |scrape| &mut scrape.fsync, histogram(rest, 1.0, 14), true),
        "since-start" => add(view, |scrape| &mut scrape.fsync, histogram(rest, 1.0, 14), false),
        "commit" => add(view, |scrape| &mut scrape.commit, histogram(rest, 1.0, 14), true),
        "rtt" => {
            let rtt = histogram(words.from(3), 0.1, 16);
            let (_, second) = scrapes(view);
            second.peer_rtt.push((peer.expect("a peer"), rtt));
        }
        "counters" => counters(words, view),
        other => panic!("what is `{other}`?"),
    }
}

fn scrapes(view: &mut MemberView) -> (&mut Scrape, &mut Scrape) {
    let first = view.first.get_or_insert_with(Scrape::default);
    let second = view.second.get_or_insert_with(|| Scrape { at_ms: 5_000.0, ..Scrape::default() });
    (first, second)
}

/// Counts before the window go to both scrapes, those within to the second.
fn add(
    view: &mut MemberView,
    of: impl Fn(&mut Scrape) -> &mut Option<Histogram>,
    more: Histogram,
    within: bool,
) {
    let none = Histogram {
        bounds: more.bounds.clone(),
        cumulative: vec![0; more.cumulative.len()],
        sum: 0.0,
    };
    let (first, second) = scrapes(view);
    let plus = |to: &mut Histogram, more: &Histogram| {
        to.sum += more.sum;
        to.cumulative.iter_mut().zip(&more.cumulative).for_each(|(to, more)| *to += more);
    };
    let before = of(first).get_or_insert_with(|| none.clone());
    if !within {
        plus(before, &more);
    }
    plus(of(second).get_or_insert(none), &more);
}

fn counters(words: &Words, view: &mut MemberView) {
    let restarted = words.has("restarted");
    let (first, second) = scrapes(view);
    let count = |key: &str| words.number::<u64>(key);
    let zero = |key: &str| count(key).map(|_| 0);
    (first.heartbeat_failures, second.heartbeat_failures) = (zero("late"), count("late"));
    (first.leader_changes, second.leader_changes) = (zero("leaders"), count("leaders"));
    (first.failed_proposals, second.failed_proposals) = (zero("failed"), count("failed"));
    (first.slow_applies, second.slow_applies) = (zero("applies"), count("applies"));
    second.pending_proposals = count("pending");
    first.started_at = Some(1_000.0);
    second.started_at = Some(if restarted { 2_000.0 } else { 1_000.0 });
}

fn member(words: &Words, id: u64) -> Member {
    let size = |key, otherwise: u64| words.get(key).map_or(Bytes(otherwise << 20), bytes);
    let status = MemberStatus {
        version: "3.5.30".parse().ok(),
        version_text: "3.5.30".to_owned(),
        db_size: size("db", 90),
        db_size_in_use: size("use", 60),
        quota: Quota { limit: Some(size("quota", 2_048)), source: QuotaSource::Metric },
        // The leader is known when all members are: see `agree`.
        leader: words.has("leader").then_some(MemberId(id)),
        learner: words.has("learner"),
        alarms: Vec::new(),
        errors: Vec::new(),
        revision: Revision(1_000),
        raft_term: 2,
        raft_index: 1_500,
        raft_applied_index: 1_500,
    };
    let silence = |why: String| Silence { kind: SilenceKind::Refused, ..why.into() };
    Member {
        disk_times: etcd_rescue::model::DiskTimes::default(),
        id: MemberId(id),
        name: words.at(1).to_owned(),
        endpoint: format!("https://10.0.0.{id}:2379"),
        local: id == 1,
        learner: words.has("learner"),
        defragmenting: false,
        open_snapshots: None,
        status: words.text("down").map_or(Ok(status), |why| Err(silence(why))),
    }
}

/// Everybody knows the leader.
pub fn agree(examined: &mut Examined) {
    let Some(world) = &mut examined.world else { return };
    let leader = world.leader();
    for status in world.members.iter_mut().filter_map(|member| member.status.as_mut().ok()) {
        status.leader = leader;
    }
}

fn container(started_at: i64) -> Container {
    Container {
        id: "c1".to_owned(),
        name: "etcd".to_owned(),
        pod: "etcd-master-1".to_owned(),
        namespace: "kube-system".to_owned(),
        state: ContainerState::Running,
        created_at: started_at,
        started_at,
        finished_at: 0,
        exit_code: 0,
        reason: String::new(),
        restarts: 0,
        image: "etcd".to_owned(),
        log_path: None,
        pid: Some(4_711),
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
    }
}
