//! Walking a plan: look, ask, act, check, record - one step after the other.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    consent::{self, Authority, Consent, Policy},
    decide,
    failure::{Exit, Failure},
    model::{Bytes, Member, MemberId, Plan, Revision, Step, StepKind, StepStatus, Wishes, World},
    say::human,
};

use super::{
    failures, hold,
    look::{Here, look},
    prove::{ENOUGH, prove},
    session::Session,
    turns::{defer, leads, pick_up, refresh},
    undo,
    waiting::look_until_open,
};

/// A server that goes away in each of so many tries of one step has trouble
/// that waiting does not heal.
const MOST_TRIES: u32 = 5;
/// Before the first look at a server that has just gone away.
const BREATH: Duration = Duration::from_millis(500);

/// What the walk carries from step to step.
pub(super) struct Walk<'a> {
    pub(super) session: &'a Session,
    pub(super) here: &'a Here,
    pub(super) wishes: &'a Wishes,
    authority: Authority,
    /// The revision everything is compacted at.
    revision: Revision,
    /// The smallest database among members defragmented in this run.
    pub(super) smallest: Option<Bytes>,
    /// Members defragmented in this run.
    pub(super) defragmented: Vec<MemberId>,
    /// Members whose files may be others than before this run.
    pub(super) touched: Vec<MemberId>,
}

/// Executes the plan; every step re-reads the state it depends on.
pub async fn execute(
    session: &Session,
    here: &Here,
    plan: &Plan,
    wishes: &Wishes,
) -> Result<(), Failure> {
    let policy = Policy::of(session.settings.yes, session.voice.can_ask());
    let mut walk = Walk {
        session,
        here,
        wishes,
        authority: Authority::new(policy),
        revision: plan.revision,
        smallest: None,
        defragmented: Vec::new(),
        touched: Vec::new(),
    };
    let mut plan = plan.clone();
    let mut left: VecDeque<Step> = plan.steps.iter().cloned().collect();
    let mut deferred = 0;
    while let Some(mut step) = left.pop_front() {
        let world = walk.look(&step).await?;
        pick_up(session, &mut plan, &mut left, &mut step, &world, wishes);
        walk.retarget(&mut step, &world);
        refresh(session, &mut step, &world, wishes);
        if leads(&step) && deferred < 2 * plan.steps.len() && defer(&mut left, &step) {
            deferred += 1;
            continue;
        }
        // What is shown is the step as it is now.
        let index = plan.steps.iter().position(|shown| shown.id == step.id).unwrap_or_default();
        if let Some(shown) = plan.steps.get_mut(index) {
            shown.clone_from(&step);
        }
        let (consent, asked) = walk.ask(&plan, index, &step, &world).await?;
        let mut world = world;
        if asked {
            // A person may think for an hour: what they said yes to has to be
            // true still, or they are asked again.
            let led = leads(&step);
            world = walk.look(&step).await?;
            refresh(session, &mut step, &world, wishes);
            if leads(&step) != led {
                session.voice.warn("the leader changed while you were asked");
                left.push_front(step);
                continue;
            }
        }
        if let Some(step) = walk.run_until_done(step, world, consent).await? {
            session.voice.warn("the leader changed meanwhile");
            left.push_front(step);
        }
    }
    Ok(())
}

impl Walk<'_> {
    /// A fresh look, with the gates that hold for the step.
    async fn look(&self, step: &Step) -> Result<World, Failure> {
        // A snapshot or a disarm is better done than not, killed or not.
        let rewrites =
            matches!(step.kind, StepKind::Defragment { .. } | StepKind::DefragmentTogether { .. });
        if rewrites && let Some(failure) = hold::lost(self.session) {
            return Err(failure);
        }
        let world = match step.kind {
            // A snapshot changes nothing, and both are wanted most when things
            // are bad.
            StepKind::Snapshot { .. } | StepKind::HoldKubelet { .. } => {
                look(self.session, self.here).await?
            }
            // What was done stays done.
            StepKind::Verify => look_until_open(self.session, self.here, self.wishes)
                .await
                .map_err(|failure| Failure { exit: Exit::Unverified, ..failure })?,
            _ => look_until_open(self.session, self.here, self.wishes).await?,
        };
        let is_its_own = |member: &Member| match &step.kind {
            StepKind::DefragmentTogether { members, .. } => members.contains(&member.id),
            _ => step.member == Some(member.id),
        };
        if rewrites && world.members.iter().any(|member| member.local && is_its_own(member)) {
            if undo::give_room(self.session, &world).await {
                return Box::pin(self.look(step)).await;
            }
            decide::room_for_database(&world, Bytes(0))
                .map_err(|refusal| failures::refused(self.session, &[refusal]))?;
        }
        Ok(world)
    }

    /// The consent, and whether a person gave it.
    async fn ask(
        &mut self,
        plan: &Plan,
        index: usize,
        step: &Step,
        world: &World,
    ) -> Result<(Consent, bool), Failure> {
        let voters = world.voters().count();
        let needed = consent::needed(step, voters, self.wishes.no_snapshot);
        let voice = &self.session.voice;
        let details = human::step(plan, index, world, voice.width());
        voice.blank();
        let asked = self.authority.will_ask(&needed);
        if !asked {
            let (number, steps) = (index + 1, plan.steps.len());
            voice.say(&format!("Step {number} of {steps}: {}", human::headline(step, world)));
        } else {
            voice.say(&details);
        }
        if asked {
            self.session.record_mut().asked(step);
        }
        let needs_none = needed == consent::Needed::Nothing;
        let consent = self.authority.obtain(step, needed, &details, voice).await;
        self.session.journal_answer(step, needs_none, asked, consent.as_ref().err());
        consent.map(|consent| (consent, asked)).map_err(|refused| {
            let record = self.session.record();
            let mut next = format!("when you are ready: `{}`", self.session.again());
            if let StepKind::HoldKubelet { .. } = step.kind {
                next.push_str(&format!(
                    "; without holding it: `{} --no-hold`",
                    self.session.again()
                ));
            }
            Failure::new(
                Exit::NeedsDecision,
                format!("step `{}` was not done: {refused}", step.id),
                record.state(),
                next,
            )
        })
    }

    /// Runs a step until it is done. When the server goes away in the middle,
    /// it is waited for, the state is read anew, and the step is done again:
    /// each one may be repeated, and the word given for it still stands, unless
    /// the member leads now: then the step is given back, as its turn has not
    /// come and the word was for a follower.
    async fn run_until_done(
        &mut self,
        mut step: Step,
        mut world: World,
        consent: Consent,
    ) -> Result<Option<Step>, Failure> {
        let began = Instant::now();
        let mut tries = 1;
        self.session.record_mut().begin_step(&step.id, step.member);
        loop {
            let failure = match self.run(&step, &world, &consent).await {
                Ok(detail) => {
                    self.session.voice.ok(&detail);
                    self.session.record_mut().end_step(StepStatus::Done, detail);
                    return Ok(None);
                }
                Err(failure) => failure,
            };
            let over = began.elapsed() >= self.session.settings.wait || tries >= MOST_TRIES;
            if !failure.passing || over {
                return Err(self.failed(failure));
            }
            tries += 1;
            self.session.journal("step_repeated", json!({"step": step.id, "why": failure.what}));
            self.session.voice.warn(&format!("{failure}; looking again, then once more"));
            tokio::time::sleep(BREATH).await;
            let led = leads(&step);
            world = self.look(&step).await.map_err(|failure| self.failed(failure))?;
            refresh(self.session, &mut step, &world, self.wishes);
            if leads(&step) && !led {
                self.session.record_mut().running = None;
                return Ok(Some(step));
            }
        }
    }

    /// The step under way ends with this. Its state was told before it is
    /// recorded as failed.
    fn failed(&self, failure: Failure) -> Failure {
        self.session.record_mut().end_step(StepStatus::Failed, failure.what.clone());
        failure
    }

    async fn run(
        &mut self,
        step: &Step,
        world: &World,
        consent: &Consent,
    ) -> Result<String, Failure> {
        match &step.kind {
            StepKind::HoldKubelet { .. } => hold::take(self.session, self.here, consent).await,
            StepKind::RemoveLeftOvers { files } => {
                self.remove_left_overs(files, world, consent).await
            }
            StepKind::Snapshot { path, .. } => self.snapshot(step, path, world, consent).await,
            StepKind::Compact { revision } => self.compact(step, *revision, world, consent).await,
            StepKind::Defragment { revision, expected_stall_ms, .. } => {
                self.defragment(step, world, *revision, *expected_stall_ms, consent).await
            }
            StepKind::DefragmentTogether { revision, members, expected_stall_ms, undo, .. } => {
                let stall = *expected_stall_ms;
                self.defragment_together(members, undo, world, *revision, stall, consent).await
            }
            StepKind::Compare => self.compare(step, self.revision, world).await,
            StepKind::Disarm { .. } => self.disarm(step, world, consent).await,
            StepKind::Verify => prove(self.session, self.here, world, ENOUGH).await,
        }
    }
}
