//! The gates: what must hold before anything is changed. `--yes` skips none.

use crate::model::{
    AlarmKind, Behaviour, Member, MemberStatus, Refusal, RefusalKind, Scope, Wishes, World,
    layout::{Layout, May},
};

use super::{apart, etcdctl};

/// Entries a member may be behind before it is left alone. etcd itself refuses
/// requests above 5000 (maxGapBetweenApplyAndCommitIndex), and sends a raft
/// snapshot to members some thousands behind.
pub(super) const LAG_LIMIT: u64 = 1_000;

/// Every gate that is closed, the most severe first; empty = go.
#[must_use]
pub fn refusals(world: &World, wishes: &Wishes) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(corrupt(world));
    if refusals.is_empty() {
        let layout = somebody_elses(world.node.layout());
        let layout = layout.or_else(|| apart::refusal(world, wishes));
        if layout.is_some() {
            // Whatever else is wrong is not for this run.
            return layout.into_iter().collect();
        }
    }
    refusals.extend(hanging_disk(world, wishes));
    refusals.extend(quorum(world));
    // Without a quorum every further gate would only repeat the same news.
    if refusals.iter().any(|refusal| refusal.kind == RefusalKind::NoQuorum) {
        return refusals;
    }
    refusals.extend(missing_voters(world, wishes));
    if wishes.scope != Scope::Purge {
        // Deletes make it no worse.
        refusals.extend(answering(world).filter_map(|(m, s)| learner_over_quota(m, s)));
    }
    let leader_index = leader_index(world);
    refusals.extend(answering(world).filter_map(|(m, s)| lagging(m, s, leader_index)));
    let rewrites = matches!(wishes.scope, Scope::Recover | Scope::Defragment);
    if rewrites && !wishes.accept_version_risk {
        let row = world.node.layout();
        refusals.extend(answering(world).filter_map(|(m, s)| version_risk(m, s, row)).next());
    }
    refusals.extend(last_copy(world, wishes));
    refusals
}

/// An etcd that somebody else looks after.
fn somebody_elses(row: &Layout) -> Option<Refusal> {
    matches!(row.may, May::Look | May::Nothing).then(|| Refusal {
        kind: RefusalKind::Layout,
        flag: None,
        what: row.why.to_owned(),
        next: row.instead.join("\n"),
    })
}

/// How much room there is can be told as little as whether a write would ever
/// end. The last word on it is the disk's: a later look may find it answers.
fn hanging_disk(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let data_dir = world.node.data_dir.as_ref().filter(|_| world.node.data_dir_hangs())?;
    (wishes.scope != Scope::Disarm).then(|| Refusal {
        kind: RefusalKind::DiskHangs,
        flag: None,
        what: format!(
            "this node's data directory {} does not answer, so that its disk may hang: how much \
             room there is cannot be told, and what is written here may never end",
            data_dir.value.display()
        ),
        next: "what is wrong with the disk: `etcd-rescue diagnose` here; the cluster without this \
               member: run the recovery on another master"
            .to_owned(),
    })
}

fn answering(world: &World) -> impl Iterator<Item = (&Member, &MemberStatus)> {
    world.members.iter().filter_map(|member| Some((member, member.status.as_ref().ok()?)))
}

/// The leader's last entry, or the highest anyone has.
pub(super) fn leader_index(world: &World) -> u64 {
    let leader = world.leader();
    let of_leader = answering(world).find(|(m, _)| Some(m.id) == leader).map(|(_, s)| s.raft_index);
    of_leader.unwrap_or_else(|| answering(world).map(|(_, s)| s.raft_index).max().unwrap_or(0))
}

fn corrupt(world: &World) -> Option<Refusal> {
    let alarm = world.alarms().into_iter().find(|alarm| alarm.kind != AlarmKind::NoSpace)?;
    let culprit = world.member(alarm.member).map_or_else(
        || "an unknown member".to_owned(),
        |member| format!("member {}", member.label()),
    );
    Some(Refusal {
        kind: RefusalKind::Corrupt,
        flag: None,
        what: format!(
            "etcd raised a {} alarm for {culprit}: the members do not agree about the data, and \
             compacting or defragmenting now could destroy the good copy",
            alarm.kind
        ),
        next: corrupt_next(world),
    })
}

/// What to do by hand, in order. An etcd with the alarm on answers reads,
/// snapshots and HashKV, and refuses writes (server/etcdserver/apply.go,
/// `applierV3Corrupt`).
fn corrupt_next(world: &World) -> String {
    format!(
        "nothing here clears this alarm, and `etcdctl alarm disarm` would only hide it. In this \
         order:\n\
         1. Save what each member has, on another machine: `etcd-rescue snapshot save PATH --member \
         NAME`\n\
         2. Compare the members; the one whose hash differs from the others' is the damaged one \
         (hashes compare only at one revision: repeat it while somebody writes):\n\
         `{}`\n\
         3. Take the damaged member out (`etcdctl member remove ID`), move its data directory away, \
         and add it again empty (`etcdctl member add`). With no majority of equal hashes, restore a \
         snapshot that you trust on all members",
        etcdctl::line(&world.node, "endpoint hashkv --cluster -w table")
    )
}

fn quorum(world: &World) -> Option<Refusal> {
    let voters = world.voters().count();
    let missing: Vec<String> = world
        .voters()
        .filter_map(|member| {
            let error = member.status.as_ref().err()?;
            (!apart::counts_as_up(world, member)).then(|| format!("{} ({error})", member.label()))
        })
        .collect();
    let up = voters - missing.len();
    let (what, next) = if up < world.quorum() && world.leader().is_some() {
        (
            format!(
                "only {up} of {voters} voting members can be reached from this node, {} are needed \
                 (the cluster itself may be fine, as a leader is known): {}",
                world.quorum(),
                missing.join("; ")
            ),
            "bring them back, or make their client port reachable from here; look at each on its \
             own node with `etcd-rescue locate` and `etcd-rescue logs --previous`",
        )
    } else if up < world.quorum() {
        (
            format!(
                "only {up} of {voters} voting members answer, {} are needed: {}",
                world.quorum(),
                missing.join("; ")
            ),
            "bring these members back first: look at each with `etcd-rescue locate` and \
             `etcd-rescue logs --previous` on its own node",
        )
    } else if world.leader().is_none() {
        (
            "no member knows a leader: the cluster has lost its quorum or is electing".to_owned(),
            "wait a few seconds and look again with `etcd-rescue status`; if it stays so, check \
             the network between the masters (port 2380)",
        )
    } else {
        return None;
    };
    Some(Refusal { kind: RefusalKind::NoQuorum, flag: None, what, next: next.to_owned() })
}

fn missing_voters(world: &World, wishes: &Wishes) -> Vec<Refusal> {
    let allowed = |member: &Member| wishes.allow_missing.iter().any(|name| member.is_called(name));
    world
        .voters()
        .filter(|member| !allowed(member) && !apart::is_apart(member))
        .filter_map(|member| {
            let error = member.status.as_ref().err()?;
            let name = member.label();
            if member.defragmenting {
                return Some(Refusal {
                    kind: RefusalKind::MissingVoter,
                    flag: None,
                    what: format!(
                        "member {name} is defragmenting right now and answers nothing else"
                    ),
                    next: "wait until it is done (do not restart it, do not start another \
                           defragmentation); `etcd-rescue status` shows it"
                        .to_owned(),
                });
            }
            Some(Refusal {
                kind: RefusalKind::MissingVoter,
                flag: Some(format!("--allow-missing {name}")),
                what: format!(
                    "member {name} does not answer ({error}); its size is unknown, and when it \
                     comes back full it raises the alarm again"
                ),
                next: format!("repair {name} first, or go on without it: --allow-missing {name}"),
            })
        })
        .collect()
}

fn learner_over_quota(member: &Member, status: &MemberStatus) -> Option<Refusal> {
    let over = member.learner && status.quota.is_exceeded_by(status.db_size);
    over.then(|| Refusal {
        kind: RefusalKind::LearnerOverQuota,
        flag: None,
        what: format!(
            "learner {} is over its quota ({}), and etcd cannot defragment a learner online",
            member.label(),
            status.db_size
        ),
        next: format!(
            "remove the learner ({}) with `etcdctl member remove {}`, recover, then add it again",
            member.label(),
            member.id
        ),
    })
}

fn lagging(member: &Member, status: &MemberStatus, leader_index: u64) -> Option<Refusal> {
    let behind = leader_index.saturating_sub(status.raft_applied_index);
    let bug = status.row(Behaviour::DefragDuringRaftSnapshot);
    let bug = bug.map_or(String::new(), |rule| format!(", and {}", rule.text));
    (behind > LAG_LIMIT).then(|| Refusal {
        kind: RefusalKind::Lagging,
        flag: None,
        what: format!(
            "member {} is {behind} entries behind the leader; it may be receiving a raft \
             snapshot{bug}",
            member.label()
        ),
        next: "wait until it has caught up: `etcd-rescue status` shows the lag".to_owned(),
    })
}

fn version_risk(member: &Member, status: &MemberStatus, row: &Layout) -> Option<Refusal> {
    let rule = status.row(Behaviour::CrashDuringDefrag)?;
    Some(Refusal {
        kind: RefusalKind::Version,
        flag: Some("--accept-version-risk".to_owned()),
        what: format!("member {} runs etcd {}: {}", member.label(), status.version_text, rule.text),
        next: format!(
            "make sure that nothing restarts etcd meanwhile ({}), then add --accept-version-risk",
            row.restarts()
        ),
    })
}

fn last_copy(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let changes_data = wishes.scope != Scope::Disarm;
    let alone = answering(world).filter(|(member, _)| !member.learner).count() < 2;
    (changes_data && wishes.no_snapshot && alone && wishes.unattended).then(|| Refusal {
        kind: RefusalKind::LastCopy,
        flag: None,
        what: "--no-snapshot on a cluster with a single answering member would touch the only \
               copy of the data without a backup"
            .to_owned(),
        next: "leave --no-snapshot out and give a place with --snapshot-dir DIR, or run it in a \
               terminal, where the member's name has to be typed"
            .to_owned(),
    })
}
