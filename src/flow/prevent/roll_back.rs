//! The way back: the old manifest in its place again, and its etcd serving.

use std::{path::Path, time::Duration};

use crate::{
    act::manifest,
    consent::Consent,
    failure::{Exit, Failure},
    flow::{
        look::Here,
        replaced::{self, Expected, NotRunning, Replaced},
        session::Session,
    },
    model::{Outcome, Phase, StepStatus, UNFINISHED_CHANGE, UnfinishedChange},
    observe,
};

use super::change::{Change, forget};

/// Puts the old manifest back and waits for its etcd; always ends in a
/// failure, which tells how far that came.
pub(super) async fn roll_back(
    session: &Session,
    here: &Here,
    change: &Change,
    failed: &NotRunning,
    consent: &Consent,
) -> Failure {
    let path = &change.record.manifest;
    session.voice.warn(&format!("{}. Putting the old manifest back", failed.why));
    tell_log(session, failed);
    let back = format!("cp {} {}", change.record.backup.display(), path.display());
    let stuck = |what: String| {
        let record = session.record();
        Failure::new(
            Exit::Partial,
            what,
            record.state(),
            format!("look at it; to go back: `{back}`"),
        )
    };
    let record = UnfinishedChange { phase: Phase::RollingBack, ..change.record.clone() };
    if let Err(error) = manifest::write_record(Path::new(UNFINISHED_CHANGE), &record) {
        session.voice.warn(&error.to_string());
    }
    let now = match observe::manifest_file(path) {
        Ok(now) => now,
        Err(error) => {
            return stuck(format!(
                "{}, and {} cannot be read: {error}",
                failed.why,
                path.display()
            ));
        }
    };
    if now.sha256 == change.record.after_sha256 {
        if let Err(error) = manifest::replace(&now, &change.before, consent) {
            return stuck(format!(
                "{}, and the old manifest could not be put back: {error}",
                failed.why
            ));
        }
    } else if now.sha256 != change.record.before_sha256 {
        return stuck(format!("{}, and somebody else changed the manifest meanwhile", failed.why));
    }
    wait_for_old(session, here, change, failed).await
}

async fn wait_for_old(
    session: &Session,
    here: &Here,
    change: &Change,
    failed: &NotRunning,
) -> Failure {
    let member = &change.record.member;
    let expected = Expected {
        member: member.clone(),
        args: observe::manifest_args(&change.record.manifest),
        mounts: Vec::new(),
        not: failed.seen.clone(),
        // It ran before: what it needs now is the kubelet's time.
        patience: change.patience.max(Duration::from_secs(180)),
    };
    let label = format!("going back to the old etcd of {member}");
    let waited = replaced::wait(session, here, &expected, &label).await;
    session.record_mut().end_step(StepStatus::Failed, failed.why.clone());
    match waited {
        Replaced::Runs { .. } => {
            forget(session);
            session.record_mut().outcome = Some(Outcome::RolledBack);
            session.voice.ok(&format!("{member} runs with the old manifest again"));
            Failure::new(
                Exit::Unverified,
                format!(
                    "etcd did not run well with the new manifest, so the old one is back: {}",
                    failed.why
                ),
                format!("{member} runs with its old settings, byte for byte, and serves."),
                format!(
                    "correct the value, then run it again; all that etcd wrote: `{}`",
                    session.settings.command_line("logs --previous --tail 50")
                ),
            )
        }
        Replaced::Failed(old) => Failure::new(
            Exit::Partial,
            format!(
                "{}; the old manifest is back, but {member} does not serve with it yet either: {}",
                failed.why, old.why
            ),
            format!(
                "The old manifest is in its place, byte for byte ({}).",
                change.record.backup.display()
            ),
            format!("look at it: `{}`", session.settings.command_line("locate")),
        ),
    }
}

fn tell_log(session: &Session, failed: &NotRunning) {
    if failed.log.is_empty() {
        return;
    }
    // What matters of them is quoted in the reason.
    session.voice.detail(1, "etcd's last lines:");
    for line in &failed.log {
        session.voice.detail(1, &format!("  {line}"));
    }
    session.record_mut().prevent_mut().log = failed.log.clone();
}
