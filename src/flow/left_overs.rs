//! What broken-off defragmentations left on this node's disk: removed as a
//! step of the plan, or before waiting for an etcd that has no room to start.

use std::{path::PathBuf, time::Instant};

use crate::{
    act,
    consent::{Authority, Consent, Policy, needed},
    failure::Failure,
    model::{
        Bytes, ContainerState, DataDir, Located, Step, StepKind, StepReport, StepStatus, World,
    },
    observe::{self, host::HostRoot},
    say::human,
};

use super::{execute::Walk, look::Here, record::millis, session::Session};

/// As the step of a plan is called.
const ID: &str = "left-overs";

impl Walk<'_> {
    /// Removes those of `files` that are still orphans by the look just taken;
    /// one that stays is told, and is no reason to stop: the gates count the
    /// room there really is before every defragmentation.
    pub(super) async fn remove_left_overs(
        &self,
        files: &[(PathBuf, Bytes)],
        world: &World,
        consent: &Consent,
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
        self.session.record_mut().changed_anything |= freed > Bytes(0);
        let now = disk_now(disk).await;
        Ok(format!("{freed} freed; {}", free_now(&now)))
    }
}

/// While this node's etcd does not run and its disk is short of room: removes,
/// after a yes, what a broken-off defragmentation left there, so that its next
/// start has that room. Returns the bytes freed, `None` when there was nothing
/// to do or no yes.
pub async fn free_before_waiting(session: &Session, here: &Here) -> Result<Option<Bytes>, Failure> {
    let node = here.node_now(session).await;
    let Some(disk) = node.disk.clone().filter(DataDir::is_short_of_room) else {
        return Ok(None);
    };
    if disk.orphans.is_empty() || session.settings.dry_run || runs(&node) {
        return Ok(None);
    }
    let Some(consent) = ask(session, &disk).await else { return Ok(None) };
    let orphans: Vec<PathBuf> = disk.orphans.iter().map(|(path, _)| path.clone()).collect();
    let began = Instant::now();
    let freed = remove(session, &disk, &orphans, &consent).await?;
    let now = disk_now(&disk).await;
    let detail = format!(
        "{freed} of a broken-off defragmentation freed before etcd's next start; {}",
        free_now(&now)
    );
    session.voice.ok(&detail);
    session.record_mut().steps.push(StepReport {
        id: ID.to_owned(),
        member: None,
        status: StepStatus::Done,
        elapsed_ms: millis(began),
        detail,
    });
    Ok(Some(freed))
}

/// Whether an etcd runs here, by the runtime's word or by /proc.
fn runs(node: &Located) -> bool {
    let container = node.container.as_ref();
    container.is_some_and(|container| container.state == ContainerState::Running)
        || !observe::process::etcd_processes(&HostRoot::default()).is_empty()
}

/// The word for removing them, by `--yes` or by a person.
async fn ask(session: &Session, disk: &DataDir) -> Option<Consent> {
    let step = Step {
        id: ID.to_owned(),
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
    consent: &Consent,
) -> Result<Bytes, Failure> {
    let snap = disk.path.join("member/snap");
    let removed = act::remove_orphans(&snap, orphans, consent).await.map_err(|error| {
        session.stopped(
            format!("{}: {error}", snap.display()),
            format!("look at that disk; then `{}`", session.again()),
        )
    })?;
    for (path, why) in &removed.kept {
        session.voice.warn(&format!("{} stays: {why}", path.display()));
    }
    Ok(removed.files.iter().fold(Bytes(0), |sum, (_, size)| sum.plus(*size)))
}

/// The disk as it is now; as it was seen last when it cannot be looked at.
async fn disk_now(disk: &DataDir) -> DataDir {
    match observe::data_disk::data_dir(&disk.path).await {
        Ok(Ok((now, _))) => now,
        _ => disk.clone(),
    }
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
