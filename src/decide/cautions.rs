//! What the person should know before saying yes, beyond the gates.

use crate::model::{
    Behaviour, Bytes, Equality, EtcdVersion, Member, MemberStatus, QuotaSource, SnapshotPlace,
    World,
};

use super::plan::answering;

/// What goes with every defragmentation, in the order it is said.
pub(super) fn of_defragmenting(world: &World, order: &[(&Member, &MemberStatus)]) -> Vec<String> {
    [unseen_disks(world), unseen_streams(order)].into_iter().flatten().collect()
}

/// The only copy on the disk that is in trouble is half a copy.
pub(super) fn own_filesystem(place: &SnapshotPlace) -> String {
    format!(
        "the snapshot goes to etcd's own filesystem ({}), as no other has room; copy it off this \
         machine",
        place.filesystem.mount_point.display()
    )
}

/// One snapshot is a copy of one member; where they differ each is the last copy
/// of what only it holds, and compaction drops history on all of them.
pub(super) fn of_differing(world: &World) -> Option<String> {
    let Some(Equality::Different(_)) = &world.equality else { return None };
    let saves: Vec<String> = answering(world)
        .filter(|(member, _)| !member.learner)
        .map(|(member, _)| member.label())
        .collect();
    Some(format!(
        "the members differ, and one snapshot is a copy of one of them only: save each before this \
         goes on (`etcd-rescue snapshot save PATH --member NAME`, of {}), as it may be that only \
         one is right",
        saves.join(", ")
    ))
}

/// Where the metrics tell of open streams, the gate looks at them before each
/// defragmentation.
fn unseen_streams(order: &[(&Member, &MemberStatus)]) -> Option<String> {
    let unseen = order.iter().any(|(member, _)| member.open_snapshots.is_none());
    unseen.then(|| {
        "a backup job that streams a snapshot meanwhile freezes that member until its stream ends: \
         stop such jobs first"
            .to_owned()
    })
}

/// Other members' disks cannot be seen from here; where a full one would kill
/// etcd, or a database is large, the person has to look.
fn unseen_disks(world: &World) -> Option<String> {
    let mut kills = false;
    let mut unseen = Vec::new();
    for (member, status) in answering(world).filter(|(member, _)| !member.local && !member.learner)
    {
        let dies = status.row(Behaviour::NoSpaceDuringDefragKills).is_some();
        if dies || status.db_size >= LARGE {
            kills |= dies;
            unseen.push(format!("{} ({})", member.label(), status.db_size));
        }
    }
    (!unseen.is_empty()).then(|| {
        format!(
            "the free disk space of other masters is unknown here{}: make sure that the data-dir \
             filesystem has up to this much free on {}",
            if kills { ", and these releases die when a disk fills up" } else { "" },
            unseen.join(", ")
        )
    })
}

/// From here on a new database file is much for a disk of a control plane.
const LARGE: Bytes = Bytes(512 << 20);

/// What is odd about single members.
pub(super) fn of_members(world: &World) -> Vec<String> {
    let mut cautions = Vec::new();
    for (member, status) in answering(world) {
        for row in status.version.into_iter().flat_map(EtcdVersion::rows) {
            // The room gate speaks of full disks where they matter, and a
            // lagging member is refused.
            if matches!(row.what, Behaviour::AlarmTraffic | Behaviour::CrashDuringDefrag) {
                cautions.push(format!("{}: {}", member.label(), row.text));
            }
        }
    }
    for (member, status) in answering(world) {
        if status.version.is_none() {
            cautions.push(format!(
                "{} says it is etcd `{}`, which is no release known here: no version rule was \
                 applied",
                member.label(),
                status.version_text
            ));
        }
        if status.quota.source == QuotaSource::Assumed {
            cautions.push(format!(
                "the quota of {} could not be read; {} is assumed",
                member.label(),
                status.quota.limit.map_or("none".to_owned(), |limit| limit.to_string())
            ));
        }
        for error in &status.errors {
            cautions.push(format!("{} reports: {error}", member.label()));
        }
    }
    for member in world.voters().filter(|member| member.status.is_err()) {
        cautions.push(format!(
            "{} does not answer and stays as it is; when it comes back full, it raises the alarm \
             again",
            member.label()
        ));
    }
    for member in world.members.iter().filter(|member| member.learner) {
        cautions.push(format!("{} is a learner: it is left alone", member.label()));
    }
    cautions
}
