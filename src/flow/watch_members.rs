//! The part of `diagnose` that looks at the members side by side for some
//! seconds, and fills the raft log a little where nobody else does.

use std::time::{Duration, Instant};

use crate::{
    act, decide,
    model::{
        World,
        diagnosis::{Latencies, MemberView},
    },
    observe::member_views::Watch,
    wire::Access,
};

use super::session::Session;

/// Longest time that we make a quiet etcd work.
const WRITING: Duration = Duration::from_secs(8);

/// An entry that takes longer is not waited for: the whole has to end in time.
const WRITE: Duration = Duration::from_secs(3);

/// When the looks took so much longer than the window, something hangs; what is
/// known by then must not be lost over entries.
const TOO_LATE: Duration = Duration::from_secs(5);

/// Entries of the log between two looks.
const ROUND: u32 = 10;

/// Watches every member that answers for `window`, and, unless that is
/// forbidden (`passive`, `--dry-run`), goes on with a few entries of our own
/// when too little was written for the members' fsyncs to be judged.
pub async fn watch_members(
    session: &Session,
    access: &Access,
    world: &World,
    window: Duration,
    passive: bool,
) -> Vec<MemberView> {
    let begun = Instant::now();
    let mut watch = Watch::begin(world, access).await;
    watch.read(window).await;
    watch.look_again().await;
    let in_time = begun.elapsed() < window + TOO_LATE;
    if in_time && !passive && !session.settings.dry_run {
        write_while_quiet(access, world, &mut watch).await;
    }
    watch.views()
}

async fn write_while_quiet(access: &Access, world: &World, watch: &mut Watch) {
    let end = Instant::now() + WRITING;
    let access = access.within(access.timeout.min(WRITE));
    let mut entries = 0;
    while Instant::now() < end
        && let Some(through) = decide::write_through(world, &watch.views(), entries)
    {
        let writes = match access.dial(&through.endpoint).await {
            Ok(etcd) => act::quiet_writes(&etcd, ROUND, end).await,
            Err(error) => {
                let mut writes = Latencies::default();
                writes.failed(error.to_string());
                writes
            }
        };
        let refused = writes.failed > 0;
        entries += ROUND;
        watch.wrote(through.id, writes);
        watch.look_again().await;
        if refused {
            break;
        }
    }
}
