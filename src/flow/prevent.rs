//! `prevent`: etcd's settings on this master, and changing them so that at any
//! moment, a power cut included, either the old manifest or the new one runs.

mod after_quota;
mod change;
mod found;
mod next_master;
mod resume;
mod roll_back;
mod tell;
mod turn;
mod wanted;

use std::time::Duration;

use crate::{
    act::NodeLock,
    cli::{Prevent, USUAL_PATIENCE},
    consent::{self, Consent, Refused},
    decide,
    failure::{Exit, Failure},
    model::{Outcome, PreventWishes, World},
    say::json::PreventAnswer,
};

use self::{
    change::Order,
    found::{Found, advice, gates, unfit},
    tell::{conclude, nothing_to_do, planned, show},
};
use super::{
    hold,
    look::{Here, arrive, look},
    recover::locked,
    session::Session,
    waiting::look_first,
};

/// Bytes a second that a slow disk brings.
const SLOW_DISK: u64 = 20_000_000;

/// Answers the command.
///
/// # Errors
/// Why it could not be done.
pub async fn prevent(session: &Session, wanted: &Prevent) -> Result<Exit, Failure> {
    session.record_mut().prevent = Some(PreventAnswer::default());
    let (wishes, patience) = wanted::wishes(session, wanted)?;
    session.voice.say("Looking at etcd of this node and at every member...");
    if !session.settings.dry_run {
        hold::let_go_of_left_over(session);
    }
    let here = arrive(session).await?;
    let lock = finish_what_was_begun(session, &here, wanted, patience).await?;
    let world = look_first(session, &here, &[]).await?;
    let advice = advice(session, &world, &wishes)?;
    let edits = advice.edits();
    if edits.is_empty() {
        return nothing_to_do(session, &here, &world, wanted, &wishes, lock).await;
    }
    let found = Found::look(session, &world)?;
    let edited = decide::manifest_text(&found.file.bytes)
        .and_then(|text| decide::edit_manifest(text, &edits))
        .map_err(|why| unfit(session, &found.manifest, &why.why))?;
    gates(session, &found, &world, &wishes)?;
    show(session, &found, &world, &advice, &edited);
    if session.settings.dry_run {
        return Ok(planned(session));
    }
    let mut lock = match lock {
        Some(lock) => lock,
        None => take_lock(session)?,
    };
    let consent = ask(session, &here, &found, &wishes, wanted).await?;
    session.record_mut().before = Some(world.clone());
    session.open_journal(&mut lock);
    let order = Order {
        shown: &found.file,
        new: &edited.text,
        member: &found.member,
        container: here.node_now(session).await.container.map(|container| container.id),
        patience: self::patience(wanted, patience, &world),
    };
    let world = change::make(session, &here, &order, &consent).await?;
    let exit = conclude(session, &here, &world, wanted, &wishes, Outcome::Done).await?;
    session.close_journal(Outcome::Done, exit, None);
    session.tell_report(&session.record());
    Ok(exit)
}

/// Finishes a change that an earlier run was broken off in, or takes it back;
/// the lock when there was one.
async fn finish_what_was_begun(
    session: &Session,
    here: &Here,
    wanted: &Prevent,
    patience: Duration,
) -> Result<Option<NodeLock>, Failure> {
    let Some(record) = resume::unfinished(session)? else { return Ok(None) };
    if session.settings.dry_run {
        session.voice.warn(&format!(
            "a change of {} was broken off; without --dry-run it is finished or taken back first",
            record.began_at
        ));
        return Ok(None);
    }
    let lock = take_lock(session)?;
    resume::finish(session, here, record, patience, wanted.confirm.as_deref()).await?;
    Ok(Some(lock))
}

/// The word for the change; afterwards everything is looked at once more, as a
/// person may think for an hour.
async fn ask(
    session: &Session,
    here: &Here,
    found: &Found,
    wishes: &PreventWishes,
    wanted: &Prevent,
) -> Result<Consent, Failure> {
    let question = format!(
        "Put this into {}? The kubelet then restarts etcd of {}.",
        found.manifest.path.display(),
        found.member
    );
    session.voice.blank();
    let given = consent(session, &question, &found.member, wanted.confirm.as_deref()).await;
    let given = given.map_err(|why| {
        refused_word(session, &format!("the manifest was not changed: {why}"), &found.member)
    })?;
    gates(session, found, &look(session, here).await?, wishes)?;
    if wanted.confirm.is_some() {
        turn::wait_for_turn(session, here, found, wishes).await?;
    }
    Ok(given)
}

fn take_lock(session: &Session) -> Result<NodeLock, Failure> {
    let mut lock = NodeLock::take().map_err(|error| locked(session, &error))?;
    lock.describe(&session.again());
    Ok(lock)
}

/// The member's name, typed or given with `--confirm`.
async fn consent(
    session: &Session,
    question: &str,
    member: &str,
    confirmed: Option<&str>,
) -> Result<Consent, Refused> {
    let details = "The old manifest is kept outside of the kubelet's directory, and put back by \
                   itself when etcd does not run well with the new one.";
    consent::by_word_or_flag(question, member, details, confirmed, &session.voice).await
}

/// Nothing goes on without the word; `what` says what was not done.
fn refused_word(session: &Session, what: &str, member: &str) -> Failure {
    Failure::new(
        Exit::NeedsDecision,
        what,
        session.record().state(),
        format!(
            "in a terminal (`ssh -t MASTER`): `{0}`; or without questions: `{0} --confirm {1}`",
            session.again(),
            crate::settings::quoted(member)
        ),
    )
}

/// How long the new etcd may take: as it was asked for; when it was not, longer
/// for a large database, which etcd reads from end to end before it serves.
fn patience(wanted: &Prevent, given: Duration, world: &World) -> Duration {
    let sizes = world.members.iter().filter_map(|member| member.status.as_ref().ok());
    let size = sizes.map(|status| status.db_size.0).max().unwrap_or_default();
    if wanted.rollback_after == USUAL_PATIENCE {
        given.max(Duration::from_secs(60 + size / SLOW_DISK))
    } else {
        given
    }
}
