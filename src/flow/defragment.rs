//! One member's defragmentation: settle, rewrite, watch, look again, and once
//! more when the file stayed big.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    act,
    consent::Consent,
    decide::{self, DefragVerdict},
    failure::Failure,
    model::{Bytes, Member, MemberId, Revision, World},
    observe,
    say::{Progress, human},
    wire::{WireError, WireErrorKind},
};

use super::{
    failures,
    look::{Here, look},
    session::Session,
};

/// More rounds would only stall the member again: something else is wrong.
const ROUNDS: u32 = 3;
/// How often the growing file or the metric is looked at.
const TICK: Duration = Duration::from_millis(250);

/// What one member's step is about.
pub struct Target<'a> {
    /// The member, as the fresh look shows it.
    pub member: &'a Member,
    /// Compaction up to here must be settled first.
    pub revision: Revision,
    /// Upper bound of the stall.
    pub expected: Duration,
    /// The smallest database among members already done.
    pub smallest_sibling: Option<Bytes>,
}

/// Settles and defragments one member until its file is small; returns the
/// sentence for the report and the size after.
pub async fn defragment_member(
    session: &Session,
    here: &Here,
    target: &Target<'_>,
    consent: Consent,
) -> Result<(String, Bytes), Failure> {
    let member = target.member;
    let before = member.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    let mut round = 1;
    loop {
        settle(session, here, member, target.revision).await?;
        let began = Instant::now();
        // A repetition is the same step finished, not a new one.
        rewrite(session, here, target, &consent).await?;
        let world = wait_until_serving(session, here, member.id).await?;
        let took = began.elapsed();
        let Some(Ok(status)) = world.member(member.id).map(|member| &member.status) else {
            return Err(failures::member_gone(session, &member.label()));
        };
        let after = status.db_size;
        match decide::defrag_verdict(after, status.db_size_in_use, target.smallest_sibling) {
            DefragVerdict::Small => {
                let detail = format!("{before} -> {after} in {}", human::duration(took));
                return Ok((detail, after));
            }
            DefragVerdict::Again(why) if round < ROUNDS => {
                session.voice.say(&format!(
                    "{} is still big ({why}): compaction had not settled there; once more",
                    member.label()
                ));
                round += 1;
            }
            DefragVerdict::Again(why) => {
                return Err(session.stopped(
                    format!("{} stays big after {ROUNDS} defragmentations: {why}", member.label()),
                    format!(
                        "look at its log (`etcd-rescue logs --tail 50` on that master) and at \
                         `{}`; then `{}`",
                        session.settings.command_line("status"),
                        session.again()
                    ),
                ));
            }
        }
    }
}

/// Waits until the member has deleted its own part of the compacted history.
pub async fn settle(
    session: &Session,
    here: &Here,
    member: &Member,
    revision: Revision,
) -> Result<(), Failure> {
    let label = format!("settling compaction on {}", member.label());
    let progress = Progress::time(&session.voice, &label, None);
    let etcd = here
        .access
        .dial(&member.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    let settled = {
        let settle = act::settle(&etcd, revision);
        tokio::pin!(settle);
        loop {
            tokio::select! {
                settled = &mut settle => break settled,
                () = tokio::time::sleep(TICK) => progress.tick("deleting old revisions"),
            }
        }
    };
    drop(progress);
    settled.map(drop).map_err(|error| failures::step(session, &error))
}

/// Sends the defragmentation and watches it to its end, also when the answer
/// gets lost: the server goes on without us, and a second request would only
/// stall it again.
async fn rewrite(
    session: &Session,
    here: &Here,
    target: &Target<'_>,
    consent: &Consent,
) -> Result<(), Failure> {
    let member = target.member;
    let etcd = here
        .access
        .dial(&member.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    session.record_mut().changed_anything = true;
    if let Some(running) = session.record_mut().running.as_mut() {
        running.goes_on = format!(
            "{} keeps defragmenting inside the server, whatever happens here: do not restart it \
             and do not defragment it again before `status` answers.",
            member.label()
        );
    }
    let progress = Progress::time(
        &session.voice,
        &format!("defragmenting {}", member.label()),
        Some(target.expected),
    );
    let call = act::defragment(&etcd, consent);
    tokio::pin!(call);
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer,
            () = tokio::time::sleep(TICK) => tick(here, member, &progress).await,
        }
    };
    let result = match answer {
        Ok(()) => Ok(()),
        Err(error) if error.kind.effect_unknown() => {
            session.voice.warn(&format!(
                "the answer of {} got lost ({error}); watching it instead",
                member.label()
            ));
            watch(here, member, &progress, session.settings.wait).await;
            Ok(())
        }
        Err(error) => Err(defrag_failure(session, member, &error)),
    };
    drop(progress);
    if let Some(running) = session.record_mut().running.as_mut() {
        running.goes_on.clear();
    }
    result
}

fn defrag_failure(session: &Session, member: &Member, error: &WireError) -> Failure {
    match error.kind {
        WireErrorKind::DiskFull => session.stopped(
            format!("{}: its disk is full, the new file did not fit ({error})", member.label()),
            format!(
                "make room on the data-dir filesystem of {}; the aborted member/snap/db.tmp.* file \
                 there is removed at etcd's next start; then `{}`",
                member.label(),
                session.again()
            ),
        ),
        _ => failures::step(session, error),
    }
}

/// Shows how far it is: for this node's member from the new file's growth, for
/// others from their metric.
async fn tick(here: &Here, member: &Member, progress: &Progress) {
    let in_use = member.status.as_ref().map(|status| status.db_size_in_use).unwrap_or_default();
    if let Some(written) = new_file_size(here, member) {
        progress.tick(&format!("{written} written, at most {in_use}"));
    } else if observe::defrag_inflight(member, &here.node, &here.access).await == Some(true) {
        progress.tick("running, as its metrics say");
    } else {
        progress.tick("waiting for its answer");
    }
}

fn new_file_size(here: &Here, member: &Member) -> Option<Bytes> {
    let data_dir: &Path = member.local.then_some(here.node.data_dir.as_ref()?)?.value.as_path();
    let sizes = observe::disk::leftovers(&data_dir.join("member/snap"));
    sizes.into_iter().map(|(_, size)| size).max()
}

/// Waits until nothing says that the defragmentation still runs.
async fn watch(here: &Here, member: &Member, progress: &Progress, patience: Duration) {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let running = observe::defrag_inflight(member, &here.node, &here.access).await;
        if running != Some(true) && here.access.dial(&member.endpoint).await.is_ok() {
            return;
        }
        progress.tick("still at it");
        tokio::time::sleep(TICK).await;
    }
}

/// Waits until the member answers again, has applied what the leader has, and
/// knows a leader.
async fn wait_until_serving(
    session: &Session,
    here: &Here,
    member: MemberId,
) -> Result<World, Failure> {
    let deadline = Instant::now() + session.settings.wait;
    let mut pause = Duration::from_millis(20);
    loop {
        let world = look(session, here).await;
        if let Ok(world) = &world
            && serves(world, member)
        {
            return Ok(world.clone());
        }
        if Instant::now() >= deadline {
            return Err(match world {
                Err(failure) => failure,
                Ok(world) => failures::not_serving(session, &world, member),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

fn serves(world: &World, member: MemberId) -> bool {
    let Some(Ok(status)) = world.member(member).map(|member| &member.status) else { return false };
    let leader_index = world
        .leader()
        .and_then(|leader| world.member(leader)?.status.as_ref().ok())
        .map_or(0, |leader| leader.raft_index);
    status.leader.is_some() && decide::caught_up(status.raft_applied_index, leader_index)
}
