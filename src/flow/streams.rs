//! Waiting until nobody reads a snapshot of a member any more: it would be
//! frozen by a defragmentation until they are done.

use std::time::{Duration, Instant};

use crate::{
    decide::{self, Decision, Patience},
    failure::Failure,
    model::{Member, Wishes, World},
    observe,
    say::Progress,
};

use super::{
    failures,
    look::{Here, look, snapshot_places},
    session::Session,
};

/// Between two looks at a member's metrics.
const PAUSE: Duration = Duration::from_millis(500);

/// The decision once open streams no longer stand in its way, as long as they
/// are all that does. A dry run waits for nothing.
pub async fn decide_when_ended(
    session: &Session,
    here: &Here,
    wishes: &Wishes,
    mut world: World,
    mut decision: Decision,
) -> Result<(World, Decision), Failure> {
    let deadline = Instant::now() + session.settings.wait;
    while !session.settings.dry_run
        && let Decision::Refused(refusals) = &decision
        && decide::patience(refusals) == Patience::AsToldToWait
    {
        for member in &world.members {
            wait_until(deadline, session, here, member).await?;
        }
        if Instant::now() >= deadline {
            // One ends and the next begins.
            break;
        }
        // Metrics that fail just now end no wait.
        tokio::time::sleep(PAUSE.min(session.settings.wait)).await;
        let live = world.live;
        let snapshot_places = snapshot_places(session, &here.node).await?;
        let sick_disks = world.sick_disks;
        // They apply the same log: members that were equal stay so.
        let equality = world.equality;
        let looked = look(session, here).await?;
        world = World { live, snapshot_places, sick_disks, equality, ..looked };
        decision = decide::decide(&world, wishes);
    }
    Ok((world, decision))
}

/// Waits until no snapshot stream of the member is open, as long as `--wait`
/// says; whether there was one. Metrics that cannot be had are no reason to
/// wait.
pub async fn wait_until_ended(
    session: &Session,
    here: &Here,
    member: &Member,
) -> Result<bool, Failure> {
    wait_until(Instant::now() + session.settings.wait, session, here, member).await
}

async fn wait_until(
    deadline: Instant,
    session: &Session,
    here: &Here,
    member: &Member,
) -> Result<bool, Failure> {
    let mut progress: Option<Progress> = None;
    loop {
        let open = match &member.status {
            Ok(_) => observe::open_snapshots(member, &here.node, &here.access).await,
            Err(_) => None,
        };
        let now = Member { open_snapshots: open, ..member.clone() };
        let Some(refusal) = decide::open_streams(&now) else {
            return Ok(progress.is_some());
        };
        if Instant::now() >= deadline {
            drop(progress);
            return Err(failures::refused(session, &[refusal]));
        }
        let shown = progress.get_or_insert_with(|| {
            let label = format!("waiting for the snapshot stream on {} to end", member.label());
            Progress::time(&session.voice, &label, Some(session.settings.wait))
        });
        shown.tick("somebody else's backup is reading from it");
        tokio::time::sleep(PAUSE.min(session.settings.wait)).await;
    }
}
