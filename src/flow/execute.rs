//! Walking a plan: look, ask, act, check, record - one step after the other.

use std::{collections::VecDeque, time::Duration, time::Instant};

use crate::{
    act,
    consent::{self, Authority, Consent, Policy},
    decide,
    failure::{Exit, Failure},
    model::{
        Alarm, Bytes, Member, MemberId, Plan, Revision, Scope, Step, StepKind, StepStatus, Wishes,
        World,
    },
    say::{Progress, human, json::SnapshotAnswer},
    wire::Compacted,
};

use super::{
    defragment::{Target, defragment_member, settle},
    failures,
    look::{Here, look, look_until_open},
    prove::{equal_data, prove},
    record::Running,
    session::Session,
};

/// What the walk carries from step to step.
struct Walk<'a> {
    session: &'a Session,
    here: &'a Here,
    wishes: &'a Wishes,
    authority: Authority,
    smallest: Option<Bytes>,
    defragmented: Vec<MemberId>,
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
    let mut left: VecDeque<(usize, Step)> = plan.steps.iter().cloned().enumerate().collect();
    let mut deferred = 0;
    while let Some((index, mut step)) = left.pop_front() {
        let world = walk.look(&step).await?;
        refresh(&mut step, &world);
        if leads(&step) && deferred < 2 * plan.steps.len() && defer(&mut left, index, &step) {
            deferred += 1;
            continue;
        }
        let (consent, asked) = walk.ask(plan, index, &step, &world).await?;
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

    async fn snapshot(
        &self,
        step: &Step,
        path: &std::path::Path,
        world: &World,
        consent: Consent,
    ) -> Result<String, Failure> {
        if let Some(directory) = path.parent() {
            act::prepare_directory(directory)
                .map_err(|error| failures::snapshot(self.session, &error))?;
            act::remove_left_overs(directory);
        }
        let status = step.member.and_then(|id| world.member(id)?.status.as_ref().ok());
        let expected = status.map(|status| status.db_size);
        let saved: SnapshotAnswer =
            super::save::save(self.session, self.here, step, path, expected, consent).await?;
        let (size, sha256) = (Bytes(saved.bytes), &saved.sha256);
        let told = format!("{size} verified at {}, sha256 {sha256}", saved.path);
        self.session.record_mut().snapshot = Some(saved);
        Ok(told)
    }

    async fn compact(
        &self,
        step: &Step,
        revision: Revision,
        world: &World,
        consent: Consent,
    ) -> Result<String, Failure> {
        let fail = |error| failures::step(self.session, &error);
        let etcd = self.here.access.dial(&step.endpoint).await.map_err(fail)?;
        let progress = Progress::time(&self.session.voice, "compacting", None);
        let changed = std::mem::replace(&mut self.session.record_mut().changed_anything, true);
        let call = act::compact(&etcd, revision, consent);
        let compacted = progress.while_waiting("deleting old revisions", call).await;
        drop(progress);
        let certainly_nothing = match &compacted {
            Ok(compacted) => *compacted == Compacted::Already,
            Err(error) => !error.kind.effect_unknown(),
        };
        if certainly_nothing {
            self.session.record_mut().changed_anything = changed;
        }
        let compacted = compacted.map_err(fail)?;
        if self.wishes.scope == Scope::Compact {
            for member in world.voters().filter(|member| member.status.is_ok()) {
                settle(self.session, self.here, member, revision).await?;
            }
        }
        if compacted == Compacted::Already {
            return Ok(format!("revision {revision} was already compacted"));
        }
        if self.wishes.scope != Scope::Compact {
            return Ok(format!(
                "history up to revision {revision} is gone; each member deletes its own part, \
                 which is waited for before its defragmentation"
            ));
        }
        Ok(format!(
            "history up to revision {revision} is gone on every member; the files keep their size \
             until `{}` gives the free pages back",
            self.session.settings.command_line("defrag")
        ))
    }

    async fn defragment(
        &mut self,
        step: &Step,
        world: &World,
        revision: Revision,
        expected_stall_ms: u64,
        consent: Consent,
    ) -> Result<String, Failure> {
        let Some(member) = step.member.and_then(|id| world.member(id)) else {
            return Err(failures::member_gone(self.session, &step.member_name));
        };
        let target = Target {
            member,
            revision,
            expected: Duration::from_millis(expected_stall_ms),
            smallest_sibling: self.smallest,
        };
        if self.wishes.no_snapshot && self.last_untouched(world, member.id) {
            // The last full copy: what the others made of theirs is proven
            // equal to it before it is touched.
            let voters: Vec<&Member> =
                world.voters().filter(|member| member.status.is_ok()).collect();
            let equal = equal_data(self.session, self.here, &voters).await;
            // Not done yet, so that it is more than a failed proof.
            let stop = |failure| Failure { exit: Exit::Partial, ..failure };
            self.session.voice.ok(&equal.map_err(stop)?);
        }
        let (detail, after) = defragment_member(self.session, self.here, &target, consent).await?;
        self.defragmented.push(member.id);
        self.smallest = Some(self.smallest.map_or(after, |smallest| smallest.min(after)));
        let quota = member.status.as_ref().ok().and_then(|status| status.quota.limit);
        match quota.filter(|_| self.wishes.scope == Scope::Recover) {
            Some(quota) if after >= quota => {
                Err(failures::data_exceed_quota(self.session, &member.label(), after, quota))
            }
            Some(quota) if decide::nearly_full(after, quota) => Ok(format!(
                "{detail}; only {} below its quota of {quota}: raise it, or delete what fills it, \
                 soon",
                quota.minus(after)
            )),
            _ => Ok(detail),
        }
    }

    /// Whether every other answering voter was defragmented in this run.
    fn last_untouched(&self, world: &World, member: MemberId) -> bool {
        let mut others = world.voters().filter(|other| other.id != member && other.status.is_ok());
        others.all(|other| self.defragmented.contains(&other.id))
    }

    async fn disarm(
        &self,
        step: &Step,
        world: &World,
        consent: Consent,
    ) -> Result<String, Failure> {
        let refusals = decide::disarm_refusals(world);
        if !refusals.is_empty() {
            return Err(failures::refused(self.session, &refusals));
        }
        // What is on now, not what was on when the plan was made.
        let alarms: Vec<Alarm> = world.alarms();
        if alarms.is_empty() {
            return Ok("the alarm was already off".to_owned());
        }
        let fail = |error| failures::step(self.session, &error);
        let etcd = self.here.access.dial(&step.endpoint).await.map_err(fail)?;
        let changed = std::mem::replace(&mut self.session.record_mut().changed_anything, true);
        let confirmed = act::disarm(&etcd, &alarms, consent).await.map_err(|error| {
            if !error.kind.effect_unknown() {
                self.session.record_mut().changed_anything = changed;
            }
            fail(error)
        })?;
        let whose: Vec<String> = confirmed
            .iter()
            .map(|alarm| world.member(alarm.member).map_or(alarm.member.to_string(), |m| m.label()))
            .collect();
        Ok(match whose.as_slice() {
            [] => "the alarm was already off".to_owned(),
            _ => format!("NOSPACE taken off (raised by {})", whose.join(", ")),
        })
    }
}
