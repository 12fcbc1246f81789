//! The single steps of a plan, each with its check afterwards. Called by the
//! walk in `execute`, with the look and the consent it has just got.

use std::path::Path;

use crate::{
    act,
    consent::Consent,
    decide,
    failure::{Exit, Failure},
    model::{Alarm, Bytes, Member, MemberId, Revision, Scope, Step, StepKind, World},
    say::{Progress, json::SnapshotAnswer, ticking},
    wire::Compacted,
};

use super::{
    defragment::{defragment_member, settle},
    execute::Walk,
    failures,
    prove::{equal_data, first_write},
    save,
    together::{Running, all},
    undo,
};

impl Walk<'_> {
    pub(super) async fn snapshot(
        &self,
        step: &Step,
        path: &Path,
        world: &World,
        consent: &Consent,
    ) -> Result<String, Failure> {
        if let Some(directory) = path.parent() {
            act::prepare_directory(directory)
                .map_err(|error| failures::snapshot(self.session, &error))?;
            act::remove_left_overs(directory);
        }
        let status = step.member.and_then(|id| world.member(id)?.status.as_ref().ok());
        let expected = status.map(|status| status.db_size);
        if let (StepKind::Snapshot { small: true, .. }, Some(size)) = (&step.kind, expected) {
            self.room_for_snapshot(path, size).await?;
        }
        let own = save::own_file(self.here, step.member.and_then(|id| world.member(id)));
        let own = own.as_deref();
        let saved: SnapshotAnswer =
            save::save(self.session, self.here, step, path, expected, own, consent).await?;
        let (size, sha256) = (Bytes(saved.bytes), &saved.sha256);
        let copied = if saved.from_file { ", copied from this node's own file" } else { "" };
        let told = format!("{size} verified at {}, sha256 {sha256}{copied}", saved.path);
        self.session.record_mut().set_snapshot(saved);
        Ok(told)
    }

    pub(super) async fn compact(
        &self,
        step: &Step,
        revision: Revision,
        world: &World,
        consent: &Consent,
    ) -> Result<String, Failure> {
        let fail = |error| failures::step(self.session, &error);
        let etcd = self.here.access.reach(&step.endpoint).await.map_err(fail)?;
        let progress = Progress::time(&self.session.voice, "compacting", None);
        let changed = std::mem::replace(&mut self.session.record_mut().changed_anything, true);
        let call = act::compact(&etcd, revision, consent);
        let compacted = ticking(call, || progress.tick("deleting old revisions")).await;
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
            let voters = world.voters().filter(|member| member.status.is_ok());
            let settling = voters.map(|member| -> Running<'_, _> {
                Box::pin(settle(self.session, self.here, member, revision))
            });
            all(settling.collect()).await.into_iter().collect::<Result<(), Failure>>()?;
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

    pub(super) async fn defragment(
        &mut self,
        step: &Step,
        world: &World,
        revision: Revision,
        expected_stall_ms: u64,
        consent: &Consent,
    ) -> Result<String, Failure> {
        let Some(member) = step.member.and_then(|id| world.member(id)) else {
            return Err(failures::member_gone(self.session, &step.member_name));
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
        self.keeps_a_copy(world, member)?;
        if let Some(detail) = self.small_already(member) {
            return Ok(detail);
        }
        self.touch(member.id);
        if let StepKind::Defragment { undo, .. } = &step.kind {
            undo::keep(self.session, undo, world, consent);
        }
        let target = self.target(member, revision, expected_stall_ms);
        let (detail, after) = defragment_member(self.session, self.here, &target, consent).await?;
        self.is_small(member, after);
        if let Some(failure) = self.still_too_big(member, after) {
            return Err(failure);
        }
        let quota = member.status.as_ref().ok().and_then(|status| status.quota.limit);
        match quota.filter(|_| self.wishes.scope == Scope::Recover) {
            Some(quota) if decide::nearly_full(after, quota) => Ok(format!(
                "{detail}; only {} below its quota of {quota}: raise it, or delete what fills it, \
                 soon",
                quota.minus(after)
            )),
            _ => Ok(detail),
        }
    }

    /// The end of a recovery whose defragmentation has not freed enough.
    pub(super) fn still_too_big(&self, member: &Member, after: Bytes) -> Option<Failure> {
        let quota = member.status.as_ref().ok()?.quota.limit?;
        (self.wishes.scope == Scope::Recover && after >= quota)
            .then(|| failures::data_exceed_quota(self.session, &member.label(), after, quota))
    }

    /// A member that an earlier run has made as small as the others are made is
    /// not stalled for nothing.
    fn small_already(&self, member: &Member) -> Option<String> {
        let size = member.status.as_ref().ok()?.db_size;
        let smallest = self.smallest.filter(|_| self.wishes.scope == Scope::Recover)?;
        (size <= smallest.plus(Bytes(smallest.0 / 20)))
            .then(|| format!("{size}: as small as the others already, left as it is"))
    }

    /// Whether every other answering voter was defragmented in this run.
    fn last_untouched(&self, world: &World, member: MemberId) -> bool {
        let mut others = world.voters().filter(|other| other.id != member && other.status.is_ok());
        others.all(|other| self.defragmented.contains(&other.id))
    }

    pub(super) async fn disarm(
        &self,
        step: &Step,
        world: &World,
        consent: &Consent,
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
        let etcd = self.here.access.reach(&step.endpoint).await.map_err(fail)?;
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
        let accepted = first_write(self.session, self.here, world).await?;
        Ok(match whose.as_slice() {
            [] => format!("the alarm was already off{accepted}"),
            _ => format!("NOSPACE taken off (raised by {}){accepted}", whose.join(", ")),
        })
    }
}
