//! What to tell the person: why the cluster refuses writes. `prevention` says
//! what keeps it from happening again.

use crate::model::{AlarmKind, World};

/// The cause in two sentences.
#[must_use]
pub fn cause(world: &World) -> String {
    let full: Vec<String> = world
        .members
        .iter()
        .filter_map(|member| {
            let status = member.status.as_ref().ok()?;
            let limit = status.quota.limit?;
            status
                .quota
                .is_exceeded_by(status.db_size)
                .then(|| format!("{} ({} of {})", member.label(), status.db_size, limit))
        })
        .collect();
    let raised = world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace);
    match (raised, full.is_empty()) {
        (true, false) => format!(
            "The database of {} reached its quota, so etcd raised NOSPACE and refuses every write \
             on every member. Old revisions and free pages fill it: compaction drops the history, \
             defragmentation gives the pages back, and only then may the alarm be disarmed.",
            full.join(", ")
        ),
        (true, true) => "A NOSPACE alarm is on although every member is under its quota now: \
             etcd never takes it off by itself. Compaction and defragmentation make sure that it \
             does not come back with the next write, then it is disarmed."
            .to_owned(),
        (false, false) => format!(
            "The database of {} is over its quota: the next write raises NOSPACE and stops the \
             cluster. Compaction drops the history and defragmentation gives the pages back.",
            full.join(", ")
        ),
        (false, true) => "A database is close to its quota: when it gets there, etcd raises \
             NOSPACE and refuses every write. Compaction drops the history and defragmentation \
             gives the pages back."
            .to_owned(),
    }
}
