//! Walking a plan: look, ask, act, check, record - one step after the other.

use std::{collections::VecDeque, time::Instant};

use crate::{
    consent::{self, Authority, Consent, Policy},
    decide,
    failure::{Exit, Failure},
    model::{Bytes, MemberId, Plan, Step, StepKind, StepStatus, Wishes, World},
    say::human,
};

use super::{
    failures,
    look::{Here, look, look_until_open},
    prove::prove,
    record::Running,
    session::Session,
};

/// What the walk carries from step to step.
pub(super) struct Walk<'a> {
    pub(super) session: &'a Session,
    pub(super) here: &'a Here,
    pub(super) wishes: &'a Wishes,
    authority: Authority,
    /// The smallest database among members defragmented in this run.
    pub(super) smallest: Option<Bytes>,
    /// Members defragmented in this run.
    pub(super) defragmented: Vec<MemberId>,
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
        smallest: None,
        defragmented: Vec::new(),
    };
    let mut plan = plan.clone();
    let mut left: VecDeque<(usize, Step)> = plan.steps.iter().cloned().enumerate().collect();
    let mut deferred = 0;
    while let Some((index, mut step)) = left.pop_front() {
        let world = walk.look(&step).await?;
        refresh(&mut step, &world);
        if leads(&step) && deferred < 2 * plan.steps.len() && defer(&mut left, index, &step) {
            deferred += 1;
            continue;
        }
        // What is shown is the step as it is now.
        if let Some(shown) = plan.steps.get_mut(index) {
            shown.clone_from(&step);
        }
        let (consent, asked) = walk.ask(&plan, index, &step, &world).await?;
        if !asked {
            walk.run(&step, &world, consent).await?;
            continue;
        }
        // A person may think for an hour: what they said yes to has to be true
        // still, or they are asked again.
        let led = leads(&step);
        let world = walk.look(&step).await?;
        refresh(&mut step, &world);
        if leads(&step) == led {
            walk.run(&step, &world, consent).await?;
        } else {
            session.voice.warn("the leader changed while you were asked");
            left.push_front((index, step));
        }
    }
    Ok(())
}

/// Takes over who leads and where the member is reached now.
fn refresh(step: &mut Step, world: &World) {
    let Some(member) = step.member.and_then(|id| world.member(id)) else { return };
    step.endpoint.clone_from(&member.endpoint);
    if let (StepKind::Defragment { leader, db_size, .. }, Ok(status)) =
        (&mut step.kind, &member.status)
    {
        *leader = world.leader() == Some(member.id);
        *db_size = status.db_size;
    }
}

fn leads(step: &Step) -> bool {
    matches!(step.kind, StepKind::Defragment { leader: true, .. })
}

/// Puts the leader's defragmentation behind the last follower's; false when
/// there is none left to go first.
fn defer(left: &mut VecDeque<(usize, Step)>, index: usize, step: &Step) -> bool {
    let is_defrag = |(_, step): &(usize, Step)| matches!(step.kind, StepKind::Defragment { .. });
    let Some(last) = left.iter().rposition(is_defrag) else { return false };
    left.insert(last + 1, (index, step.clone()));
    true
}

impl Walk<'_> {
    /// A fresh look, with the gates that hold for the step.
    async fn look(&self, step: &Step) -> Result<World, Failure> {
        let world = match step.kind {
            // A snapshot changes nothing, and is wanted most when things are
            // bad.
            StepKind::Snapshot { .. } => look(self.session, self.here).await?,
            // What was done stays done.
            StepKind::Verify => look_until_open(self.session, self.here, self.wishes)
                .await
                .map_err(|failure| Failure { exit: Exit::Unverified, ..failure })?,
            _ => look_until_open(self.session, self.here, self.wishes).await?,
        };
        let local = step.member.and_then(|id| world.member(id)).is_some_and(|member| member.local);
        if local && matches!(step.kind, StepKind::Defragment { .. }) {
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
        let consent = self.authority.obtain(step, needed, &details, voice).await;
        consent.map(|consent| (consent, asked)).map_err(|refused| {
            let record = self.session.record();
            Failure::new(
                Exit::NeedsDecision,
                format!("step `{}` was not done: {refused}", step.id),
                record.state(),
                format!("when you are ready: `{}`", self.session.again()),
            )
        })
    }

    async fn run(&mut self, step: &Step, world: &World, consent: Consent) -> Result<(), Failure> {
        self.session.record_mut().running = Some(Running {
            id: step.id.clone(),
            member: step.member,
            since: Instant::now(),
            goes_on: String::new(),
        });
        let result = match &step.kind {
            StepKind::HoldKubelet { .. } => Ok("not needed".to_owned()),
            StepKind::RemoveLeftOvers { files } => {
                self.remove_left_overs(files, world, consent).await
            }
            StepKind::Snapshot { path } => self.snapshot(step, path, world, consent).await,
            StepKind::Compact { revision } => self.compact(step, *revision, world, consent).await,
            StepKind::Defragment { revision, expected_stall_ms, .. } => {
                self.defragment(step, world, *revision, *expected_stall_ms, consent).await
            }
            StepKind::Disarm { .. } => self.disarm(step, world, consent).await,
            StepKind::Verify => prove(self.session, self.here, world).await,
        };
        match result {
            Ok(detail) => {
                self.session.voice.ok(&detail);
                self.session.record_mut().end_step(StepStatus::Done, detail);
                Ok(())
            }
            Err(failure) => {
                let what = failure.what.clone();
                self.session.record_mut().end_step(StepStatus::Failed, what);
                // The state was told before the step was recorded as failed.
                Err(failure)
            }
        }
    }
}
