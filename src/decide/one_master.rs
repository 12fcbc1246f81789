//! Whether etcd of this master may be restarted now: only while every other
//! one is well, so that never two are away at once. Pure.

use crate::model::{AlarmKind, Bytes, KubeletProcess, Member, Obstacle, World};

use super::gates::{LAG_LIMIT, leader_index};

/// What is in the way of restarting this node's etcd; empty = nothing.
#[must_use]
pub fn restart_obstacles(world: &World) -> Vec<Obstacle> {
    let mut found = Vec::new();
    found.extend(other_alarm(world));
    found.extend(hanging(world));
    found.extend(world.voters().filter_map(silent));
    if found.is_empty() && world.leader().is_none() {
        found.push(Obstacle {
            what: "no member knows a leader: an election is under way, or the quorum is lost"
                .to_owned(),
            next: "wait a few seconds; `etcd-rescue status` shows it".to_owned(),
        });
    }
    let leader = leader_index(world);
    found.extend(world.voters().filter_map(|member| lagging(member, leader)));
    if !world.members.iter().any(|member| member.local) {
        found.push(Obstacle {
            what: "which member this node's etcd is cannot be told".to_owned(),
            next: "see what `etcd-rescue locate` finds; leave --endpoints out here".to_owned(),
        });
    }
    found
}

fn other_alarm(world: &World) -> Option<Obstacle> {
    let alarm = world.alarms().into_iter().find(|alarm| alarm.kind != AlarmKind::NoSpace)?;
    Some(Obstacle {
        what: format!("a {} alarm is on: the members do not agree about the data", alarm.kind),
        next: "`etcd-rescue recover --dry-run` says what to do about it".to_owned(),
    })
}

fn hanging(world: &World) -> Option<Obstacle> {
    let data_dir = world.node.data_dir.as_ref().filter(|_| world.node.data_dir_hangs())?;
    Some(Obstacle {
        what: format!(
            "the data directory {} does not answer, so that its disk may hang: an etcd that is \
             stopped now may not start again",
            data_dir.value.display()
        ),
        next: "what is wrong with the disk: `etcd-rescue diagnose`".to_owned(),
    })
}

fn silent(member: &Member) -> Option<Obstacle> {
    let why = member.status.as_ref().err()?;
    let name = member.label();
    if member.defragmenting {
        return Some(Obstacle {
            what: format!("member {name} is defragmenting right now and answers nothing else"),
            next: "wait until it is done; `etcd-rescue status` shows it".to_owned(),
        });
    }
    Some(Obstacle {
        what: format!(
            "member {name} does not answer ({why}), and etcd of this master may only be restarted \
             while every other member is well"
        ),
        next: if member.local {
            "bring it back first: `etcd-rescue locate` says why it is down".to_owned()
        } else {
            format!("bring {name} back first: `etcd-rescue locate` on its own master")
        },
    })
}

fn lagging(member: &Member, leader_index: u64) -> Option<Obstacle> {
    let status = member.status.as_ref().ok()?;
    let behind = leader_index.saturating_sub(status.raft_applied_index);
    (behind > LAG_LIMIT).then(|| Obstacle {
        what: format!("member {} is {behind} entries behind the leader", member.label()),
        next: "wait until it has caught up: `etcd-rescue status` shows the lag".to_owned(),
    })
}

/// Why nobody would restart etcd after its manifest was changed.
#[must_use]
pub fn kubelet_obstacle(kubelet: Option<&KubeletProcess>) -> Option<Obstacle> {
    match kubelet {
        None => Some(Obstacle {
            what: "no kubelet runs on this node: nobody would restart etcd with the new manifest"
                .to_owned(),
            next: "start it first: `systemctl start kubelet`".to_owned(),
        }),
        Some(kubelet) if kubelet.stopped => Some(Obstacle {
            what: format!(
                "the kubelet of this node (pid {}) is stopped: nobody would restart etcd with the \
                 new manifest",
                kubelet.pid
            ),
            next: format!("let it go on first: `kill -CONT {}`", kubelet.pid),
        }),
        Some(_) => None,
    }
}

/// Why this quota would stop all writes at once.
#[must_use]
pub fn quota_obstacle(world: &World, wanted: Bytes) -> Option<Obstacle> {
    let largest = world
        .members
        .iter()
        .filter_map(|member| Some((member.status.as_ref().ok()?.db_size, member)))
        .max_by_key(|(size, _)| *size)?;
    let (size, member) = largest;
    (size >= wanted).then(|| Obstacle {
        what: format!(
            "the database of {} is {size}: with a quota of {wanted} every write would be refused",
            member.label()
        ),
        next: "take a larger one, or make the database smaller first: `etcd-rescue recover`"
            .to_owned(),
    })
}

/// What a person should know before etcd of this node is restarted.
#[must_use]
pub fn restart_cautions(world: &World) -> Vec<String> {
    let mut cautions = Vec::new();
    match world.voters().count() {
        1 => cautions.push(
            "this is the only member: while it restarts (usually some 10 s) the API server has no \
             etcd at all, neither to read nor to write"
                .to_owned(),
        ),
        2 => cautions.push(
            "of two members both are needed: while this one restarts (usually some 10 s) nothing \
             can be written"
                .to_owned(),
        ),
        _ => {}
    }
    if world.members.iter().any(|member| member.local && member.is_leader())
        && world.voters().count() > 2
    {
        cautions.push(
            "this member leads: another one is elected when it stops, which takes about a second"
                .to_owned(),
        );
    }
    cautions
}

/// What to know about a quota of this size on this node.
#[must_use]
pub fn quota_cautions(wanted: Bytes, memory: Option<Bytes>) -> Vec<String> {
    let mut cautions = vec![format!(
        "etcd maps its whole database into memory: with a quota of {wanted} it may come to use \
         that much of {}",
        memory.map_or_else(|| "this node's".to_owned(), |memory| format!("this node's {memory}"))
    )];
    if memory.is_some_and(|memory| wanted.0 > memory.0 / 2) {
        cautions.push(
            "that is more than half of the memory, which the API server needs as well: the kernel \
             may kill one of them"
                .to_owned(),
        );
    }
    cautions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Alarm, DiskTimes, MemberId, MemberStatus, Quota, Revision};

    fn member(id: u64, applied: u64) -> Member {
        let status = MemberStatus {
            version: None,
            version_text: String::new(),
            db_size: Bytes(1),
            db_size_in_use: Bytes(1),
            quota: Quota::DEFAULT,
            leader: Some(MemberId(1)),
            learner: false,
            alarms: Vec::new(),
            errors: Vec::new(),
            revision: Revision(1),
            raft_term: 2,
            raft_index: applied,
            raft_applied_index: applied,
        };
        Member {
            id: MemberId(id),
            name: format!("m{id}"),
            endpoint: String::new(),
            local: id == 1,
            learner: false,
            defragmenting: false,
            open_snapshots: None,
            disk_times: DiskTimes::default(),
            status: Ok(status),
        }
    }

    fn world(members: Vec<Member>) -> World {
        World { members, ..World::default() }
    }

    fn three() -> Vec<Member> {
        (1..=3).map(|id| member(id, 5_000)).collect()
    }

    #[test]
    fn every_member_has_to_be_well() {
        assert_eq!(restart_obstacles(&world(three())), []);
        let with = |change: fn(&mut Member)| {
            let mut members = three();
            change(&mut members[1]);
            restart_obstacles(&world(members))
        };
        assert!(with(|m| m.status = Err("refused".into()))[0].what.contains("m2 does not answer"));
        let lag = with(|m| m.status.as_mut().expect("ok").raft_applied_index = 3_000);
        assert!(lag[0].what.contains("2000 entries behind"), "{lag:?}");
        let alarm = with(|m| {
            let alarms = &mut m.status.as_mut().expect("ok").alarms;
            alarms.push(Alarm { member: MemberId(2), kind: AlarmKind::Corrupt });
        });
        assert!(alarm[0].what.contains("CORRUPT"), "{alarm:?}");
        let busy = with(|m| (m.status, m.defragmenting) = (Err("busy".into()), true));
        assert!(busy[0].what.contains("defragmenting"), "{busy:?}");
        let full = with(|m| {
            let alarms = &mut m.status.as_mut().expect("ok").alarms;
            alarms.push(Alarm { member: MemberId(2), kind: AlarmKind::NoSpace });
        });
        assert_eq!(full, [], "raising the quota is for that");
    }

    #[test]
    fn a_cluster_without_a_spare_member_is_a_caution() {
        assert!(restart_cautions(&world(vec![member(1, 5)]))[0].contains("only member"));
        assert!(restart_cautions(&world(three()[..2].to_vec()))[0].contains("of two members"));
        assert!(restart_cautions(&world(three()))[0].contains("leads"));
    }

    #[test]
    fn a_quota_beyond_half_of_the_memory_is_said() {
        assert_eq!(quota_cautions(Bytes(4 << 30), Some(Bytes(16 << 30))).len(), 1);
        assert_eq!(quota_cautions(Bytes(8 << 30), Some(Bytes(8 << 30))).len(), 2);
    }
}
