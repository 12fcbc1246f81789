//! The gate of open snapshot streams. bbolt closes its file only when nobody
//! reads it any more (`DB.Close`, go.etcd.io/bbolt), and a defragmentation
//! waits for that with every lock of the member held.

use crate::model::{Member, Refusal, RefusalKind, Scope, Wishes, World};

use super::plan::defrag_order;

/// Members that the plan would defragment while somebody reads a snapshot of
/// them.
pub(super) fn refusals(world: &World, wishes: &Wishes) -> Vec<Refusal> {
    if !matches!(wishes.scope, Scope::Recover | Scope::Defragment) {
        return Vec::new();
    }
    defrag_order(world, wishes).iter().filter_map(|(member, _)| open_streams(member)).collect()
}

/// Why the member may not be defragmented now. Unknown streams are no reason.
#[must_use]
pub fn open_streams(member: &Member) -> Option<Refusal> {
    let open = member.open_snapshots.filter(|open| *open > 0)?;
    let name = member.label();
    let streams =
        if open == 1 { "a snapshot stream".to_owned() } else { format!("{open} snapshot streams") };
    Some(Refusal {
        kind: RefusalKind::SnapshotStreams,
        flag: None,
        what: format!(
            "{streams} of {name} {} open: a backup job (or another member) is reading from it, and \
             a defragmentation would wait for the end of that with everything locked: until then \
             no read and no write on {name} would be answered",
            if open == 1 { "is" } else { "are" }
        ),
        next: format!(
            "let it finish, or end it on {name}: `ss -tnp | grep :2379` there shows who is \
             connected (look for etcdctl in a cron job, an etcd-backup pod, Velero); restarting \
             etcd is not needed. Then run it again, with --wait 30m if a slow one needs longer"
        ),
    })
}
