//! What is worth waiting for, and how long: a member between two attempts of
//! its kubelet, an election, a lag. Everything else is told at once.

use std::time::{Duration, Instant};

use crate::model::Timestamp;

use crate::{
    decide::{self, Comeback, Patience},
    failure::{Exit, Failure},
    model::{Located, Member, Wishes, World},
    say::{Progress, human},
};

use super::{
    look::{Here, look},
    missing,
    restart::Restart,
    session::Session,
};

/// How long trouble of no known cause gets to pass in the middle of a plan.
const PASSING_TROUBLE: Duration = Duration::from_secs(30);
/// How long a member gets that may be back within moments.
const SOON: Duration = Duration::from_secs(30);
/// How long an election may take before a missing leader counts.
const ELECTION: Duration = Duration::from_secs(10);
/// Between two looks while somebody is waited for.
const PACE: Duration = Duration::from_millis(500);

/// Something that is waited for.
struct Wait {
    /// Whom or what for: "master-1", "etcd on this node".
    whom: String,
    /// Why it is worth it.
    why: String,
    /// How long.
    patience: Duration,
}

/// The first look of a story that goes on to act: waits for members that come
/// back by themselves, `--wait` at most; tells everything else at once.
/// `allowed` are members that may be missing.
///
/// # Errors
/// Nobody answers, and waiting does not help or did not.
pub async fn look_first(
    session: &Session,
    here: &Here,
    allowed: &[String],
) -> Result<World, Failure> {
    let mut clock = Clock::default();
    let mut shown: Option<Progress> = None;
    loop {
        let looked = look(session, here).await;
        let wait = match &looked {
            Ok(world) => worth_waiting(session, world, allowed),
            Err(failure) if failure.passing => {
                let node = here.node_now(session).await;
                wait_for_this_node(session, &node)
            }
            Err(_) => None,
        };
        let Some(wait) = wait else { return looked };
        let is_new = clock.is_new(&wait.whom);
        if clock.is_over(wait.patience, session.settings.wait) {
            return looked;
        }
        // A new reason is said as a line of its own.
        if is_new {
            drop(shown.take());
            let flag = if wait.patience == session.settings.wait { " (--wait)" } else { "" };
            session.voice.warn(&format!(
                "{} does not answer. Waiting for it, at most {}{flag}; Ctrl-C ends this, and \
                 nothing was changed in etcd",
                wait.whom,
                human::duration(wait.patience)
            ));
            let label = format!("waiting for {}", wait.whom);
            shown = Some(Progress::time(&session.voice, &label, Some(wait.patience)));
        }
        if let Some(progress) = &shown {
            progress.tick(&wait.why);
        }
        tokio::time::sleep(PACE).await;
    }
}

/// How long the present reason to wait has held, and all of them together.
struct Clock {
    began: Instant,
    reason: String,
    since: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        let now = Instant::now();
        Self { began: now, reason: String::new(), since: now }
    }
}

impl Clock {
    /// Whether it is another reason than before, whose time begins now.
    fn is_new(&mut self, reason: &str) -> bool {
        let is_new = self.reason != reason;
        if is_new {
            reason.clone_into(&mut self.reason);
            self.since = Instant::now();
        }
        is_new
    }

    /// Whether the present reason has had its time, or all of them have had
    /// more than the person allows: one member may come back while the next
    /// one goes.
    fn is_over(&self, patience: Duration, allowed: Duration) -> bool {
        self.since.elapsed() >= patience
            || self.began.elapsed() >= allowed.max(patience) + PASSING_TROUBLE
    }
}

/// Looks until the gates are open, for as long as their trouble may pass by
/// itself (a member coming back, an election, a lag).
///
/// # Errors
/// The trouble that stayed.
pub async fn look_until_open(
    session: &Session,
    here: &Here,
    wishes: &Wishes,
) -> Result<World, Failure> {
    let mut clock = Clock::default();
    let mut pause = Duration::from_millis(100);
    let mut progress: Option<Progress> = None;
    loop {
        let (trouble, wait) = match look(session, here).await {
            Ok(world) => {
                let refusals = decide::refusals(&world, wishes);
                if refusals.is_empty() {
                    session.record_mut().refusals.clear();
                    return Ok(world);
                }
                let failure = missing::refused(session, &world, &refusals);
                if decide::patience(&refusals) == Patience::None {
                    return Err(failure);
                }
                (failure, worth_waiting(session, &world, &wishes.allow_missing))
            }
            Err(failure) => {
                let node = here.node_now(session).await;
                (failure, wait_for_this_node(session, &node))
            }
        };
        let usual = PASSING_TROUBLE.min(session.settings.wait);
        let patience = wait.as_ref().map_or(usual, |wait| wait.patience.max(usual));
        let reason = wait.map_or_else(|| "trouble".to_owned(), |wait| wait.whom);
        if clock.is_new(&reason) {
            drop(progress.take());
        }
        if clock.is_over(patience, session.settings.wait) {
            // Nobody answering in the middle of a plan is a stop part-way.
            let exit = if session.record().changed_anything { Exit::Partial } else { trouble.exit };
            return Err(Failure { exit, ..trouble });
        }
        let progress = progress.get_or_insert_with(|| {
            Progress::time(&session.voice, "waiting until it can go on", Some(patience))
        });
        progress.tick(trouble.what.lines().next().unwrap_or_default());
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Whom the cluster as seen is short of, and who comes back by itself.
fn worth_waiting(session: &Session, world: &World, allowed: &[String]) -> Option<Wait> {
    let now = now_ns();
    let restart = Restart::of_world(world);
    let story = restart.as_ref().map(Restart::story);
    let is_allowed = |member: &Member| allowed.iter().any(|name| member.is_called(name));
    let missing: Vec<&Member> =
        world.voters().filter(|member| member.status.is_err() && !is_allowed(member)).collect();
    let comeback = |member: &Member| decide::comes_back(world, member, story, now);
    // The one that takes longest, so that the others are back by then.
    let expected = |wanted| missing.iter().find(|member| comeback(member) == wanted);
    let found = expected(Comeback::InTime)
        .map(|member| (member, session.settings.wait))
        .or_else(|| Some((expected(Comeback::Soon)?, SOON.min(session.settings.wait))));
    if let Some((member, patience)) = found {
        let why = match (&restart, member.local) {
            (Some(restart), true) => restart.sentence(),
            _ => member.status.as_ref().err().map(ToString::to_string).unwrap_or_default(),
        };
        return Some(Wait { whom: member.label(), why, patience });
    }
    // A voter that stays away is told at once; so is one that is enough to
    // lose the quorum.
    (missing.is_empty() && world.leader().is_none()).then(|| Wait {
        whom: "the cluster's leader".to_owned(),
        why: "no member knows one: an election may be under way".to_owned(),
        patience: ELECTION.min(session.settings.wait),
    })
}

/// Nobody answers: whether this node's own etcd will.
fn wait_for_this_node(session: &Session, node: &Located) -> Option<Wait> {
    let restart = Restart::of_node(node);
    decide::local_comes_back(node, restart.as_ref().map(Restart::story), now_ns()).then(|| Wait {
        whom: "etcd on this node".to_owned(),
        why: restart.map_or_else(|| "it is starting".to_owned(), |restart| restart.sentence()),
        patience: session.settings.wait,
    })
}

/// Nanoseconds since the epoch.
fn now_ns() -> i64 {
    Timestamp::now().as_nanosecond()
}
