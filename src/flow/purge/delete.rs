//! The snapshot and the deletes, range by range: interrupted at any moment, what
//! is gone is told, and a rerun deletes the rest.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    act::{self, NodeLock},
    consent::Consent,
    decide,
    failure::Failure,
    model::{Bytes, KeyRange, Plan, Revision, StepStatus, Wishes, World},
    say::{Progress, ticking},
    wire::{Etcd, WireError},
};

use super::{
    super::{
        execute::execute,
        failures,
        look::{Here, look},
        recover::locked,
        session::Session,
        waiting::look_until_open,
    },
    count::Counted,
    tell_deleted,
};

/// Between two ranges a member gets as long as the last one took, and at most
/// this: others want something of it, too.
const LONGEST_BREAK: Duration = Duration::from_millis(250);
/// Before the first retry; doubled until the longest.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// Before a late retry.
const LATER_RETRY: Duration = Duration::from_secs(5);

/// Takes the snapshot the plan holds, then deletes what was counted.
pub(super) async fn delete(
    session: &Session,
    here: &Here,
    wishes: &Wishes,
    plan: &Plan,
    counted: &Counted,
    consent: &Consent,
) -> Result<(), Failure> {
    let mut lock = NodeLock::take().map_err(|error| locked(session, &error))?;
    session.open_journal(&mut lock);
    let in_snapshot = in_snapshot(&look(session, here).await?, counted.revision);
    execute(session, here, plan, wishes).await?;
    session.voice.blank();
    session.record_mut().begin_step("purge", None);
    let deleted =
        Deleting { session, here, wishes, counted, in_snapshot, consent }.all_ranges().await;
    match deleted {
        Ok(world) => {
            let left = left(here, &world, counted).await;
            let mut record = session.record_mut();
            let purge = record.purge.get_or_insert_default();
            purge.left = left;
            let told = format!("{} keys, {}", purge.deleted_keys, purge.deleted_bytes);
            record.end_step(StepStatus::Done, format!("deleted {told}"));
            drop(record);
            tell_deleted(session);
            Ok(())
        }
        Err(failure) => {
            session.record_mut().end_step(StepStatus::Failed, failure.what.clone());
            Err(failure)
        }
    }
}

/// What the loop over the ranges needs.
struct Deleting<'a> {
    session: &'a Session,
    here: &'a Here,
    wishes: &'a Wishes,
    counted: &'a Counted,
    /// What was made later than at this revision stays.
    in_snapshot: Revision,
    consent: &'a Consent,
}

impl Deleting<'_> {
    /// Deletes range after range; the world as it was looked at last.
    async fn all_ranges(&self) -> Result<World, Failure> {
        let session = self.session;
        let (mut world, mut etcd) = self.dial().await?;
        let total = self.counted.found.bytes;
        let label = format!("deleting {} keys", self.counted.found.keys);
        let progress = Progress::bytes(&session.voice, &label, Some(total.0));
        for range in &self.counted.ranges {
            let began = Instant::now();
            let mut retry = FIRST_RETRY;
            // Once the effect of a request is unknown, its answer was lost, and
            // with it how many it deleted.
            let mut unknown = false;
            let gone = loop {
                let (at, note) = self.so_far();
                let request = act::purge_range(&etcd, range, self.in_snapshot, self.consent);
                self.begun();
                let error = match ticking(request, || progress.at(at, &note)).await {
                    Ok(gone) if unknown => break gone.max(range.keys),
                    Ok(gone) => break gone,
                    Err(error) => error,
                };
                unknown |= error.kind.effect_unknown();
                if !error.kind.passes() || began.elapsed() >= session.settings.wait {
                    return Err(self.failed(&error));
                }
                self.told_retry(&error);
                tokio::time::sleep(retry.min(session.settings.wait)).await;
                retry = (retry * 2).min(LATER_RETRY);
                (world, etcd) = self.dial().await?;
            };
            self.counted_off(range, gone);
            let (at, note) = self.so_far();
            progress.at(at, &note);
            tokio::time::sleep(began.elapsed().min(LONGEST_BREAK)).await;
        }
        Ok(world)
    }

    /// A member that takes requests, once the gates are open.
    async fn dial(&self) -> Result<(World, Etcd), Failure> {
        let Self { session, here, wishes, .. } = self;
        let began = Instant::now();
        loop {
            let world = look_until_open(session, here, wishes).await?;
            let (member, _) = decide::any_voter(&world)
                .map_err(|refusal| failures::refused(session, &[refusal]))?;
            match here.access.dial(&member.endpoint).await {
                Ok(etcd) => return Ok((world, etcd)),
                Err(error) if error.kind.passes() && began.elapsed() < session.settings.wait => {
                    tokio::time::sleep(FIRST_RETRY).await;
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// A request that deletes is on its way.
    fn begun(&self) {
        let (_, note) = self.so_far();
        let mut record = self.session.record_mut();
        record.changed_anything = true;
        record.purge.get_or_insert_default().begun = true;
        if let Some(running) = &mut record.running {
            running.goes_on = format!(
                "{note} were deleted so far, and maybe those of one more request; nothing else was \
                 touched."
            );
        }
    }

    /// One range is gone. What vanished by itself is no deletion of ours.
    fn counted_off(&self, range: &KeyRange, gone: u64) {
        let part = u128::from(range.bytes.0) * u128::from(gone.min(range.keys));
        let bytes = u64::try_from(part / u128::from(range.keys.max(1))).unwrap_or(range.bytes.0);
        let mut record = self.session.record_mut();
        let purge = record.purge.get_or_insert_default();
        purge.deleted_keys += gone;
        purge.deleted_bytes = purge.deleted_bytes.plus(Bytes(bytes));
    }

    /// Bytes deleted, and the keys in words.
    fn so_far(&self) -> (u64, String) {
        let record = self.session.record();
        let (keys, bytes) =
            record.purge.as_ref().map_or((0, 0), |it| (it.deleted_keys, it.deleted_bytes.0));
        (bytes, format!("{keys} of {} keys", self.counted.found.keys))
    }

    fn told_retry(&self, error: &WireError) {
        self.session.journal("step_repeated", json!({"step": "purge", "why": error.to_string()}));
        self.session.voice.warn(&format!("{error}; looking again, then once more"));
    }

    fn failed(&self, error: &WireError) -> Failure {
        failures::step(self.session, error)
    }
}

/// The revision up to which every snapshot from now on holds all keys that were
/// counted: whichever voter it is taken from, that one may be behind the one
/// that was counted. The gates keep that small.
fn in_snapshot(world: &World, counted: Revision) -> Revision {
    let statuses = world.voters().filter_map(|member| member.status.as_ref().ok());
    statuses.map(|status| status.revision).min().map_or(counted, |least| least.min(counted))
}

/// How many keys are below the prefixes now.
async fn left(here: &Here, world: &World, counted: &Counted) -> Option<u64> {
    let (member, _) = decide::any_voter(world).ok()?;
    let etcd = here.access.dial(&member.endpoint).await.ok()?;
    let mut left = 0;
    for prefix in &counted.target.prefixes {
        left += etcd.count_keys(&KeyRange::below(prefix.as_bytes())).await.ok()?;
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, DiskTimes, Member, MemberId, MemberStatus, Quota};

    fn member(id: u64, revision: i64, learner: bool) -> Member {
        let status = MemberStatus {
            version: None,
            version_text: String::new(),
            db_size: Bytes(1),
            db_size_in_use: Bytes(1),
            quota: Quota::DEFAULT,
            leader: Some(MemberId(1)),
            learner,
            alarms: Vec::new(),
            errors: Vec::new(),
            revision: Revision(revision),
            raft_term: 2,
            raft_index: 9,
            raft_applied_index: 9,
        };
        Member {
            id: MemberId(id),
            name: format!("m{id}"),
            endpoint: String::new(),
            local: id == 1,
            learner,
            defragmenting: false,
            open_snapshots: None,
            disk_times: DiskTimes::default(),
            status: Ok(status),
        }
    }

    #[test]
    fn what_the_slowest_voter_does_not_know_stays() {
        let members = vec![member(1, 90, false), member(2, 70, false), member(3, 10, true)];
        let world = World { members, ..World::default() };
        assert_eq!(in_snapshot(&world, Revision(80)), Revision(70));
        assert_eq!(in_snapshot(&world, Revision(60)), Revision(60));
        assert_eq!(in_snapshot(&World::default(), Revision(60)), Revision(60));
    }
}
