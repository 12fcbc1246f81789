//! What broken-off defragmentations left on this node's disk: removed as a
//! step of the plan, or before waiting for an etcd that has no room to start.

use std::path::PathBuf;

use crate::{
    act,
    consent::{Authority, Consent, Policy, needed},
    failure::Failure,
    model::{Bytes, ContainerState, DataDir, FreeableKind, Step, StepKind, World},
    observe::{self, host::HostRoot},
    say::human,
};

use super::{execute::Walk, look::Here, session::Session};

impl Walk<'_> {
    /// Removes those of `files` that are still orphans by the look just taken;
    /// one that stays is told, and is no reason to stop: the gates count the
    /// room there really is before every defragmentation.
    pub(super) async fn remove_left_overs(
        &self,
        files: &[(PathBuf, Bytes)],
        world: &World,
        consent: Consent,
    ) -> Result<String, Failure> {
        let Some(disk) = &world.node.disk else {
            return Ok("the data directory is not there any more".to_owned());
        };
        let is_orphan = |path: &PathBuf| disk.orphans.iter().any(|(orphan, _)| orphan == path);
        let (orphans, others): (Vec<PathBuf>, Vec<PathBuf>) =
            files.iter().map(|(path, _)| path.clone()).partition(is_orphan);
        for path in others.iter().filter(|path| path.symlink_metadata().is_ok()) {
            self.session.voice.warn(&format!("{} is in use now and stays", path.display()));
        }
        let freed = remove(self.session, disk, &orphans, consent).await?;
        let now = observe::disk::data_dir(&disk.path).map_or_else(|_| disk.clone(), |(now, _)| now);
        Ok(format!("{freed} freed; {}", free_now(&now)))
    }
}

/// While this node's etcd does not run and its disk is short of room: removes,
/// after a yes, what a broken-off defragmentation left there, so that its next
/// start has that room. Returns the bytes freed, `None` when there was nothing
/// to do or no yes. What is known of the disk is renewed in `here`.
pub async fn free_before_waiting(
    session: &Session,
    here: &mut Here,
) -> Result<Option<Bytes>, Failure> {
    let Some(disk) = here.node.disk.clone().filter(DataDir::is_short_of_room) else {
        return Ok(None);
    };
    if disk.orphans.is_empty() || session.settings.dry_run || runs(here) {
        return Ok(None);
    }
    let Some(consent) = ask(session, &disk).await else { return Ok(None) };
    let orphans: Vec<PathBuf> = disk.orphans.iter().map(|(path, _)| path.clone()).collect();
    let freed = remove(session, &disk, &orphans, consent).await?;
    if let Ok((now, _)) = observe::disk::data_dir(&disk.path) {
        session.voice.ok(&format!(
            "{freed} of a broken-off defragmentation freed before etcd's next start; {}",
            free_now(&now)
        ));
        if now.orphans.is_empty() {
            here.node.freeable.retain(|freeable| freeable.kind != FreeableKind::LeftOver);
        }
        here.node.disk = Some(now);
    }
    Ok(Some(freed))
}

/// Whether an etcd runs here, by the runtime's word at arrival or by /proc now.
fn runs(here: &Here) -> bool {
    let container = here.node.container.as_ref();
    container.is_some_and(|container| container.state == ContainerState::Running)
        || !observe::process::etcd_processes(&HostRoot::default()).is_empty()
}

/// The word for removing them, by `--yes` or by a person.
async fn ask(session: &Session, disk: &DataDir) -> Option<Consent> {
    let step = Step {
        id: "left-overs".to_owned(),
        member: None,
        member_name: String::new(),
        endpoint: String::new(),
        kind: StepKind::RemoveLeftOvers { files: disk.orphans.clone() },
    };
    let details = format!(
        "etcd does not run, and {}. It can get room for its next start: {}",
        free_now(disk),
        human::headline(&step, &World::default())
    );
    let mut authority = Authority::new(Policy::of(session.settings.yes, session.voice.can_ask()));
    let needed = needed(&step, 1, false);
    if authority.will_ask(&needed) {
        session.voice.say(&details);
    }
    authority.obtain(&step, needed, &details, &session.voice).await.ok()
}

async fn remove(
    session: &Session,
    disk: &DataDir,
    orphans: &[PathBuf],
    consent: Consent,
) -> Result<Bytes, Failure> {
    let snap = disk.path.join("member/snap");
    let removed = act::remove_orphans(&snap, orphans, consent).await.map_err(|error| {
        session.stopped(
            format!("{}: {error}", snap.display()),
            format!("look at that disk; then `{}`", session.again()),
        )
    })?;
    if !removed.files.is_empty() {
        session.record_mut().changed_anything = true;
    }
    for (path, why) in &removed.kept {
        session.voice.warn(&format!("{} stays: {why}", path.display()));
    }
    Ok(removed.files.iter().fold(Bytes(0), |sum, (_, size)| sum.plus(*size)))
}

fn free_now(disk: &DataDir) -> String {
    let filesystem = &disk.filesystem;
    format!(
        "{} of {} free on {}",
        filesystem.available,
        filesystem.size,
        filesystem.mount_point.display()
    )
}
