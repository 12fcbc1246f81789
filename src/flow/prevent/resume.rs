//! A change that an earlier run was broken off in: finished, or taken back.
//! The record only says where the backup is; what is done is seen on the
//! manifest.

use std::{fs, path::Path, time::Duration};

use crate::{
    act::manifest,
    failure::{Exit, Failure},
    flow::{
        look::Here,
        replaced::{self, Expected, Replaced},
        session::Session,
    },
    model::{Phase, Purpose, UNFINISHED_CHANGE, UnfinishedChange},
    observe,
    settings::quoted,
};

use super::{
    change::{self, Change},
    consent, refused_word, roll_back,
};

/// The change an earlier run left, when there is one.
pub(super) fn unfinished(session: &Session) -> Result<Option<UnfinishedChange>, Failure> {
    let path = Path::new(UNFINISHED_CHANGE);
    let found = observe::unfinished_change(path).map_err(|error| {
        session.stopped(
            format!("the record of an unfinished change, {UNFINISHED_CHANGE}, cannot be read: {error}"),
            format!(
                "see what it is; when etcd's manifest is as it should be: `rm {UNFINISHED_CHANGE}`, \
                 then `{}`",
                session.again()
            ),
        )
    })?;
    match found {
        Some(UnfinishedChange { purpose: Purpose::Relocate { to, .. }, began_at, .. }) => {
            Err(session.stopped(
                format!(
                    "a relocation to {} that began at {began_at} was broken off, and comes first",
                    to.display()
                ),
                format!(
                    "finish it: `{}`, or take it back: `{}`",
                    session
                        .settings
                        .command_line(&format!("relocate --to {}", quoted(&to.to_string_lossy()))),
                    session.settings.command_line("relocate --undo")
                ),
            ))
        }
        found => Ok(found),
    }
}

/// Finishes it or takes it back; afterwards nothing is unfinished.
pub(super) async fn finish(
    session: &Session,
    here: &Here,
    record: UnfinishedChange,
    patience: Duration,
    confirmed: Option<&str>,
) -> Result<(), Failure> {
    session.voice.warn(&format!(
        "an earlier run (`{}`, {}) was broken off in the middle of a change to {}",
        record.command,
        record.began_at,
        record.manifest.display()
    ));
    let now = observe::manifest_file(&record.manifest).ok().map(|now| now.sha256);
    manifest::remove_left_over_manifests(&record.manifest);
    if now.as_ref() == Some(&record.before_sha256) {
        return before_is_there(session, here, &record, patience).await;
    }
    if now.as_ref() != Some(&record.after_sha256) {
        return Err(somebody_edited(session, &record));
    }
    session.voice.say("The new manifest is in its place. Seeing whether etcd runs well with it.");
    let before = fs::read(&record.backup).unwrap_or_default();
    let backup_is_good = observe::sha256(&before) == record.before_sha256;
    let change = Change { record, before, patience };
    change::begin_step(session, &change);
    let failed = match change::wait_for_new(session, here, &change).await {
        Ok(_) => return Ok(()),
        Err(failed) => failed,
    };
    if !backup_is_good {
        return Err(session.stopped(
            format!("{}, and its backup is not the manifest from before any more", failed.why),
            format!("see what is left of it: `ls -l {}`", change.record.backup.display()),
        ));
    }
    session.voice.warn(&failed.why);
    let question = format!("Put the old manifest of {} back?", change.record.member);
    let member = &change.record.member;
    let given = consent(session, &question, member, confirmed).await.map_err(|why| {
        let what = format!("{}, and the old manifest was not put back: {why}", failed.why);
        refused_word(session, &what, member)
    })?;
    Err(roll_back::roll_back(session, here, &change, &failed, &given).await)
}

/// Nothing was changed yet, or it was taken back already.
async fn before_is_there(
    session: &Session,
    here: &Here,
    record: &UnfinishedChange,
    patience: Duration,
) -> Result<(), Failure> {
    if record.phase != Phase::RollingBack {
        session.voice.ok("The old manifest is still in its place: nothing was changed");
        change::forget(session);
        return Ok(());
    }
    session.voice.say("The old manifest is back in its place. Waiting for its etcd.");
    let expected = Expected {
        member: record.member.clone(),
        args: observe::manifest_args(&record.manifest),
        patience: patience.max(Duration::from_secs(180)),
        ..Expected::default()
    };
    let label = format!("going back to the old etcd of {}", record.member);
    match replaced::wait(session, here, &expected, &label).await {
        Replaced::Runs { .. } => {
            change::forget(session);
            session.voice.ok(&format!("{} runs with the old manifest again", record.member));
            Ok(())
        }
        Replaced::Failed(failed) => Err(Failure::new(
            Exit::Partial,
            format!("{} does not serve with its old manifest: {}", record.member, failed.why),
            "The old manifest is in its place, byte for byte.",
            format!("look at it: `{}`", session.settings.command_line("locate")),
        )),
    }
}

fn somebody_edited(session: &Session, record: &UnfinishedChange) -> Failure {
    let (manifest, backup) = (record.manifest.display(), record.backup.display());
    session.stopped(
        format!(
            "{manifest} is neither the manifest from before that change nor the new one: somebody \
             edited or moved it"
        ),
        format!(
            "compare them: `diff {backup} {manifest}`\n\
             to go back to the old one: `cp {backup} {manifest}`, then `{again}`\n\
             to keep what is there: `rm {UNFINISHED_CHANGE}`, then `{again}`",
            again = session.again()
        ),
    )
}
