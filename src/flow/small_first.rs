//! What only the quick order has: the proof that a member which was made small
//! holds what the untouched ones hold, and the care for these until its
//! snapshot is on disk.

use std::path::Path;

use crate::{
    decide,
    failure::{Exit, Failure},
    model::{Bytes, Member, MemberId, Revision, Step, StepKind, World},
    observe,
    settings::quoted,
};

use super::{
    defragment::settle,
    equal::{Equal, NotEqual, compare},
    execute::Walk,
    failures, undo,
};

impl Walk<'_> {
    /// Whether the small snapshot, or the proof before it, is of another member
    /// than planned: of the one that was made small, whoever that was by then.
    pub(super) fn retarget(&self, step: &mut Step, world: &World) {
        if !matches!(step.kind, StepKind::Compare | StepKind::Snapshot { small: true, .. }) {
            return;
        }
        let made_small = self.defragmented.first().filter(|id| step.member != Some(**id));
        let Some(member) = made_small.and_then(|id| world.member(*id)) else { return };
        step.member = Some(member.id);
        step.member_name = member.label();
        step.endpoint.clone_from(&member.endpoint);
        if let (StepKind::Snapshot { path, .. }, Ok(status)) = (&mut step.kind, &member.status) {
            // The name says whose data they are.
            path.set_file_name(decide::snapshot_name(world, member, status, self.wishes));
        }
    }

    /// Proves that the member holds what all others hold; the sentence for the
    /// report. Whatever else it is, everything stops here, and nobody else is
    /// touched.
    pub(super) async fn compare(
        &self,
        step: &Step,
        revision: Revision,
        world: &World,
    ) -> Result<String, Failure> {
        let Some(member) = step.member.and_then(|id| world.member(id)) else {
            return Err(failures::member_gone(self.session, &step.member_name));
        };
        // One that was small already may still delete its part of the history.
        settle(self.session, self.here, member, revision).await?;
        let voters: Vec<&Member> = world.voters().filter(|member| member.status.is_ok()).collect();
        if voters.iter().all(|voter| voter.id == member.id) {
            return Err(self.stays_untouched(member, "no other member answers".to_owned(), world));
        }
        match compare(self.session, self.here, &voters).await {
            Ok(Equal { hash, revision }) => Ok(format!(
                "{} holds what the {}: HashKV {hash:08x} at revision {revision}",
                member.label(),
                others(voters.len() - 1)
            )),
            Err(NotEqual::Different(who)) => Err(self.stays_untouched(member, who, world)),
            Err(NotEqual::Unknown(why)) => {
                let why = format!("the members could not be proven equal: {why}");
                Err(self.stays_untouched(member, why, world))
            }
        }
    }

    /// The end of the quick order while there are full copies.
    fn stays_untouched(&self, small: &Member, what: String, world: &World) -> Failure {
        let full: Vec<&Member> = world
            .voters()
            .filter(|member| member.id != small.id && !self.defragmented.contains(&member.id))
            .collect();
        let names: Vec<String> = full.iter().map(|member| member.label()).collect();
        let (keep, files) = if names.len() == 1 {
            ("keeps", "its file as it is")
        } else {
            ("keep", "their files as they are")
        };
        let state = format!(
            "{} Nobody else was defragmented: {} {keep} {files}.",
            self.session.record().state(),
            names.join(", ")
        );
        let first = self.save_each(&full);
        let next = format!(
            "{first}. Then find out which one is odd (`etcdctl endpoint hashkv --cluster`): an odd one \
             is removed and added again empty. If they prove equal after all: `{}`",
            self.session.again()
        );
        Failure::new(Exit::Partial, what, state, next)
    }

    /// What to type to save these; of those that do not answer there is nothing
    /// to save from here.
    fn save_each(&self, members: &[&Member]) -> String {
        let answering = members.iter().filter(|member| member.status.is_ok());
        let lines: Vec<String> = answering
            .map(|member| {
                let name = quoted(&member.label());
                let words = format!("snapshot save PATH-{name} --member {name}");
                format!("`{}`", self.session.settings.command_line(&words))
            })
            .collect();
        match lines.is_empty() {
            true => "wait until the others answer".to_owned(),
            false => format!("save a full copy of each first: {}", lines.join(", ")),
        }
    }

    /// Refuses to touch a member when that could cost the last full copy: the
    /// plan never asks for it, and this holds whatever became of the plan.
    pub(super) fn keeps_a_copy(&self, world: &World, member: &Member) -> Result<(), Failure> {
        let saved = self.session.record().snapshot.is_some();
        if saved || self.wishes.no_snapshot {
            return Ok(());
        }
        let Some(why) = decide::no_copy_left(world, member.id, &self.touched) else {
            return Ok(());
        };
        Err(self.session.stopped(
            format!("{} is not defragmented before a snapshot is saved: {why}", member.label()),
            format!("`{} --snapshot full-first`", self.session.again()),
        ))
    }

    /// Notes that a member's file may be another one from now on.
    pub(super) fn touch(&mut self, member: MemberId) {
        if !self.touched.contains(&member) {
            self.touched.push(member);
        }
    }

    /// Whether the small snapshot fits where the plan puts it: how big it is
    /// was only guessed when the plan was made.
    pub(super) async fn room_for_snapshot(&self, path: &Path, size: Bytes) -> Result<(), Failure> {
        let data_dir = self.here.node.answering_data_dir();
        let Ok(place) = observe::data_disk::target(path, data_dir).await else {
            // It is told by writing there.
            return Ok(());
        };
        let (needed, free) =
            (decide::needed_at(place.shares_data_dir, size), place.filesystem.available);
        if free >= needed {
            return Ok(());
        }
        if place.shares_data_dir && undo::give_up(self.session).await {
            return Box::pin(self.room_for_snapshot(path, size)).await;
        }
        let why = format!(
            "{} has {free} free, and a snapshot of {size} needs {needed}",
            place.filesystem.mount_point.display()
        );
        Err(self.session.stopped(
            format!("there is no room for the snapshot: {why}"),
            format!(
                "name a directory that has room, another disk's or a share's: `{} --snapshot-dir DIR`",
                self.session.again()
            ),
        ))
    }
}

fn others(count: usize) -> String {
    if count == 1 { "other member holds".to_owned() } else { format!("{count} others hold") }
}
