//! One member's defragmentation: settle, rewrite, watch, look again, and once
//! more when the file stayed big.

use std::{
    convert::Infallible,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    act,
    consent::Consent,
    decide::{self, DefragVerdict},
    failure::Failure,
    model::{Bytes, Member, MemberId, Revision, Wishes, World},
    observe,
    say::{Progress, human, ticking},
    wire::{WireError, WireErrorKind},
};

use super::{
    failures,
    look::{Here, look},
    session::Session,
    streams, undo,
    waiting::look_until_open,
};

/// More rounds would only stall the member again: something else is wrong.
const ROUNDS: u32 = 3;
/// What was seen longer ago than this is looked at again.
const MOMENT: Duration = Duration::from_millis(200);
/// How often the growing file is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often another member's metric is looked at.
const REMOTE_TICK: Duration = Duration::from_secs(2);

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
    /// What the gates are held against.
    pub wishes: &'a Wishes,
}

/// Settles and defragments one member until its file is small; returns the
/// sentence for the report and the size after.
pub async fn defragment_member(
    session: &Session,
    here: &Here,
    target: &Target<'_>,
    consent: &Consent,
) -> Result<(String, Bytes), Failure> {
    let member = target.member;
    let before = member.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    let mut round = 1;
    loop {
        let began = Instant::now();
        let (settled, waited) = tokio::join!(
            settle(session, here, member, target.revision),
            streams::wait_until_ended(session, here, member)
        );
        settled?;
        let mut waited = waited?;
        if began.elapsed() > MOMENT {
            waited |= streams::wait_until_ended(session, here, member).await?;
        }
        if waited {
            // The world went on meanwhile.
            look_until_open(session, here, target.wishes).await?;
        }
        let began = Instant::now();
        // A repetition is the same step finished, not a new one.
        let answer = rewrite(session, here, target, consent).await?;
        let world = wait_until_serving(session, here, member.id).await?;
        undo::in_flight(session, member, false);
        let took = began.elapsed();
        let Some(Ok(status)) = world.member(member.id).map(|member| &member.status) else {
            return Err(failures::member_gone(session, &member.label()));
        };
        let after = status.db_size;
        if answer == Answer::Lost && after >= before {
            return Err(failures::defrag_lost(session, &member.label()));
        }
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
                if member.local {
                    undo::give_room(session, &world).await;
                }
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
        .reach(&member.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    let settling = act::settle(&etcd, revision);
    let settled = ticking(settling, || progress.tick("deleting old revisions")).await;
    drop(progress);
    settled.map(drop).map_err(|error| failures::step(session, &error))
}

/// What is known when a defragmentation is over for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// etcd said that it is done.
    Done,
    /// The connection broke: it may be done, still running, or killed.
    Lost,
}

/// Sends the defragmentation and shows how far it is. When the answer gets
/// lost it is not sent again: the server may go on without us, and a second
/// request would stall it once more.
async fn rewrite(
    session: &Session,
    here: &Here,
    target: &Target<'_>,
    consent: &Consent,
) -> Result<Answer, Failure> {
    let member = target.member;
    let dialled = async {
        let etcd = here.access.reach(&member.endpoint).await?;
        // Nobody else, whatever the address leads to: that may be a full copy.
        etcd.leads_to(member.id).await.map(|()| etcd)
    };
    let etcd = dialled.await.map_err(|error| failures::step(session, &error))?;
    session.record_mut().changed_anything = true;
    undo::in_flight(session, member, true);
    if let Some(running) = session.record_mut().running.as_mut() {
        running.goes_on = format!(
            "{} keeps defragmenting inside the server, whatever happens here: do not restart it \
             and do not defragment it again before `status` answers.",
            member.label()
        );
    }
    let label = format!("defragmenting {}", member.label());
    let progress = Progress::time(&session.voice, &label, Some(target.expected));
    let answer = tokio::select! {
        answer = act::defragment(&etcd, consent) => answer,
        never = show(here, member, &progress) => match never {},
    };
    drop(progress);
    let lost = answer.as_ref().is_err_and(|error| error.kind.effect_unknown());
    undo::in_flight(session, member, lost);
    if !lost && let Some(running) = session.record_mut().running.as_mut() {
        running.goes_on.clear();
    }
    match answer {
        Ok(()) => Ok(Answer::Done),
        Err(error) if error.kind.effect_unknown() => {
            session.voice.warn(&format!(
                "the answer of {} got lost ({error}); waiting until it answers again",
                member.label()
            ));
            Ok(Answer::Lost)
        }
        Err(error) => Err(defrag_failure(session, member, &error)),
    }
}

fn defrag_failure(session: &Session, member: &Member, error: &WireError) -> Failure {
    match error.kind {
        WireErrorKind::DiskFull => session.stopped(
            format!("{}: its disk is full, the new file did not fit ({error})", member.label()),
            format!(
                "make room on the data-dir filesystem of {}; then `{}`. The new file it broke off \
                 (member/snap/db.tmp.*) still takes room: {}",
                member.label(),
                session.again(),
                if member.local {
                    "that run removes it first"
                } else {
                    "`etcd-rescue defrag --yes` on that master removes it first, and so does \
                     etcd's next start"
                }
            ),
        ),
        _ => failures::step(session, error),
    }
}

/// Shows how far it is, for ever: for this node's member from the new file's
/// growth, for others from their metric, more rarely, as each look is another
/// request to a member that is busy.
async fn show(here: &Here, member: &Member, progress: &Progress) -> Infallible {
    let in_use = member.status.as_ref().map(|status| status.db_size_in_use).unwrap_or_default();
    let left_over: Vec<PathBuf> =
        new_files(here, member).await.into_iter().map(|(path, _)| path).collect();
    loop {
        if member.local {
            tokio::time::sleep(TICK).await;
            let mut files = new_files(here, member).await.into_iter();
            let written = files.find(|(path, _)| !left_over.contains(path));
            progress.tick(&written.map_or("waiting for its answer".to_owned(), |(_, size)| {
                format!("{size} written, at most {in_use}")
            }));
        } else {
            tokio::time::sleep(REMOTE_TICK).await;
            let inflight = observe::defrag_inflight(member, &here.node, &here.access).await;
            progress.tick(match inflight {
                Some(true) => "running, as its metrics say",
                _ => "waiting for its answer",
            });
        }
    }
}

async fn new_files(here: &Here, member: &Member) -> Vec<(PathBuf, Bytes)> {
    match here.node.answering_data_dir() {
        Some(data_dir) if member.local => observe::data_disk::new_files(data_dir).await,
        _ => Vec::new(),
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

pub(super) fn serves(world: &World, member: MemberId) -> bool {
    let Some(Ok(status)) = world.member(member).map(|member| &member.status) else { return false };
    let leader_index = world
        .leader()
        .and_then(|leader| world.member(leader)?.status.as_ref().ok())
        .map_or(0, |leader| leader.raft_index);
    status.leader.is_some() && decide::caught_up(status.raft_applied_index, leader_index)
}
