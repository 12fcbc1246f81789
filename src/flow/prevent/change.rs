//! The change itself: backup, record, new manifest, the wait for the etcd it
//! makes; and the way back when that etcd does not run well.

use std::{path::Path, time::Duration};

use crate::model::Timestamp;

use crate::{
    act::manifest::{self, ManifestError},
    consent::Consent,
    failure::Failure,
    flow::{
        look::Here,
        replaced::{self, Expected, NotRunning, Replaced},
        session::Session,
    },
    model::{
        MANIFEST_BACKUPS, ManifestFile, Phase, Purpose, StepStatus, UNFINISHED_CHANGE,
        UnfinishedChange, World,
    },
    observe,
    say::json::RestartedAnswer,
};

use super::roll_back;

/// A change to a manifest, and what it takes to go back.
pub(super) struct Change {
    /// The record of it.
    pub(super) record: UnfinishedChange,
    /// The manifest from before.
    pub(super) before: Vec<u8>,
    /// How long the new etcd may take, and the old one when it goes back.
    pub(super) patience: Duration,
}

/// What is wanted.
pub(super) struct Order<'a> {
    pub(super) shown: &'a ManifestFile,
    pub(super) new: &'a str,
    pub(super) member: &'a str,
    pub(super) container: Option<String>,
    pub(super) patience: Duration,
}

/// Makes the change; the cluster as it is seen with the new etcd.
pub(super) async fn make(
    session: &Session,
    here: &Here,
    order: &Order<'_>,
    consent: &Consent,
) -> Result<World, Failure> {
    let refused = |error: &ManifestError| not_changed(session, error);
    manifest::open_to_changes(&order.shown.path).map_err(|error| refused(&error))?;
    manifest::remove_left_over_manifests(&order.shown.path);
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S.%fZ");
    let backup = manifest::back_up(order.shown, Path::new(MANIFEST_BACKUPS), &stamp, consent)
        .map_err(|error| refused(&error))?;
    session.record_mut().prevent_mut().backup = Some(backup.display().to_string());
    session.voice.ok(&format!("The manifest is kept as {}", backup.display()));
    let record = UnfinishedChange {
        purpose: Purpose::Prevent,
        manifest: order.shown.path.clone(),
        backup,
        before_sha256: order.shown.sha256.clone(),
        after_sha256: observe::sha256(order.new.as_bytes()),
        phase: Phase::Replacing,
        member: order.member.to_owned(),
        container_before: order.container.clone(),
        began_at: Timestamp::now().to_string(),
        command: session.again(),
    };
    let change = Change { record, before: order.shown.bytes.clone(), patience: order.patience };
    manifest::write_record(Path::new(UNFINISHED_CHANGE), &change.record)
        .map_err(|error| refused(&error))?;
    begin_step(session, &change);
    if let Err(error) = manifest::replace(order.shown, order.new.as_bytes(), consent) {
        // What counts is what lies there.
        let now = observe::manifest_file(&order.shown.path).ok().map(|now| now.sha256);
        if now.as_ref() != Some(&change.record.after_sha256) {
            forget(session);
            session.record_mut().changed_anything = false;
            session.record_mut().running = None;
            return Err(not_changed(session, &error));
        }
        session.voice.warn(&error.to_string());
    }
    session.voice.ok(&format!("The new manifest is in its place: {}", order.shown.path.display()));
    settle(session, here, &change, consent).await
}

/// From here on a signal leaves something half done.
pub(super) fn begin_step(session: &Session, change: &Change) {
    let mut record = session.record_mut();
    record.changed_anything = true;
    record.begin_step("manifest", None);
    if let Some(running) = record.running.as_mut() {
        running.goes_on = format!(
            "The kubelet may just be restarting etcd of {} with the new manifest; the old one is \
             kept as {}. The same command again finishes this or puts the old one back.",
            change.record.member,
            change.record.backup.display()
        );
    }
}

/// Waits for the etcd of the new manifest; goes back when it does not run
/// well.
pub(super) async fn settle(
    session: &Session,
    here: &Here,
    change: &Change,
    consent: &Consent,
) -> Result<World, Failure> {
    match wait_for_new(session, here, change).await {
        Ok(world) => Ok(world),
        Err(failed) => Err(roll_back::roll_back(session, here, change, &failed, consent).await),
    }
}

/// Waits for the etcd of the new manifest.
pub(super) async fn wait_for_new(
    session: &Session,
    here: &Here,
    change: &Change,
) -> Result<World, NotRunning> {
    let expected = Expected {
        member: change.record.member.clone(),
        args: observe::manifest_args(&change.record.manifest),
        mounts: Vec::new(),
        not: change.record.container_before.iter().cloned().collect(),
        patience: change.patience,
    };
    let label = format!("restarting etcd of {}", change.record.member);
    match replaced::wait(session, here, &expected, &label).await {
        Replaced::Failed(failed) => Err(failed),
        Replaced::Runs { container, elapsed_ms, world } => {
            forget(session);
            let detail = format!(
                "{} runs with the new settings, serves and has caught up",
                change.record.member
            );
            session.voice.ok(&detail);
            session.record_mut().end_step(StepStatus::Done, detail);
            session.record_mut().prevent_mut().restarted = Some(RestartedAnswer {
                container_before: change.record.container_before.clone(),
                container_after: container,
                elapsed_ms,
            });
            Ok(*world)
        }
    }
}

/// The change is over, whatever became of it.
pub(super) fn forget(session: &Session) {
    if let Err(error) = manifest::remove_record(Path::new(UNFINISHED_CHANGE)) {
        // The next run finds that nothing is unfinished.
        session.voice.warn(&error.to_string());
    }
}

fn not_changed(session: &Session, error: &ManifestError) -> Failure {
    let again = format!("`{}`", session.again());
    let next = error.hint().map_or(again.clone(), |hint| format!("{hint}; then {again}"));
    session.stopped(format!("the manifest was not changed: {error}"), next)
}
