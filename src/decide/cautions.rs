//! What the person should know before saying yes, beyond the gates.

use crate::model::{QuotaSource, SnapshotPlace, World};

use super::{
    plan::answering,
    versions::{Concern, concerns, rules_for},
};

/// What goes with every defragmentation, in the order it is said.
pub(super) fn of_defragmenting(world: &World) -> Vec<String> {
    unseen_disks(world).into_iter().chain([BACKUP_JOBS.to_owned()]).collect()
}

/// The only copy on the disk that is in trouble is half a copy.
pub(super) fn own_filesystem(place: &SnapshotPlace) -> String {
    format!(
        "the snapshot goes to etcd's own filesystem ({}), as no other has room; copy it off this \
         machine",
        place.filesystem.mount_point.display()
    )
}

/// No gate: what etcd's metrics say of open readers is only renewed when it
/// commits a write, and wrong on a cluster that refuses them.
const BACKUP_JOBS: &str = "a backup job that streams a snapshot meanwhile freezes that \
                                      member until its stream ends: stop such jobs first";

/// Other members' disks cannot be seen from here; where a full one would kill
/// etcd, the person has to look.
fn unseen_disks(world: &World) -> Option<String> {
    let at_risk: Vec<String> = answering(world)
        .filter(|(member, status)| {
            let kills = concerns(status.version, Concern::NoSpaceDuringDefragKills);
            !member.local && !member.learner && kills.is_some()
        })
        .map(|(member, status)| format!("{} ({})", member.label(), status.db_size))
        .collect();
    (!at_risk.is_empty()).then(|| {
        format!(
            "the disks of other masters cannot be seen from here, and these releases die when one \
             fills up: make sure that the data-dir filesystem has at least this much free on {}",
            at_risk.join(", ")
        )
    })
}

/// What is odd about single members.
pub(super) fn of_members(world: &World) -> Vec<String> {
    let mut cautions = Vec::new();
    for (member, status) in answering(world) {
        for rule in status.version.into_iter().flat_map(rules_for) {
            // The room gate speaks of full disks where they matter, and a
            // lagging member is refused.
            if matches!(rule.concern, Concern::AlarmTraffic | Concern::CrashDuringDefrag) {
                cautions.push(format!("{}: {}", member.label(), rule.text));
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
