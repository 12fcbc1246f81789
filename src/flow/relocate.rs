//! `relocate`: this member's data on another disk, one master at a time. The
//! story: look, say what will be done, ask for the member's name, take the
//! manifest out, copy, compare, put the edited manifest in, see that the member
//! is well - and at any trouble before that, back to the old data. Broken off
//! anywhere, the same line goes on and `--undo` goes back, by what is seen on
//! disk and by two records that hold what cannot be seen.

mod back;
mod begun;
mod check;
mod down;
mod fsync;
mod newest;
mod old;
mod onward;
mod page;
mod tell;
mod troubles;
mod way_back_troubles;

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    act::NodeLock,
    cli::Relocate,
    consent::{self, Consent, Refused},
    failure::{Exit, Failure},
    model::{Outcome, Purpose, UNFINISHED_CHANGE},
    observe,
    settings::{duration, quoted},
};

use super::{
    hold,
    look::{Here, arrive},
    recover::locked,
    session::Session,
};

use self::begun::{Begun, begun};

/// What was asked for, besides where to.
#[derive(Clone, Copy, Debug)]
struct Request<'a> {
    /// `--confirm`.
    confirmed: Option<&'a str>,
    /// `--rollback-after`.
    patience: Duration,
}

/// Answers the command.
///
/// # Errors
/// Why it could not be done, and what state the member is in now.
pub async fn relocate(session: &Session, wanted: &Relocate) -> Result<Exit, Failure> {
    let patience = duration("--rollback-after", &wanted.rollback_after)?;
    let request = Request { confirmed: wanted.confirm.as_deref(), patience };
    session.voice.say("Looking for etcd on this node and asking every member...");
    let mut lock = None;
    if !session.settings.dry_run {
        hold::let_go_of_left_over(session);
        // Before the records are read: another run may be at them.
        lock = Some(NodeLock::take().map_err(|error| locked(session, &error))?);
        lock.iter_mut().for_each(|lock| lock.describe(&session.again()));
    }
    let begun = begun(session)?;
    let here = arrive(session).await?;
    let exit = match (&wanted.to, begun) {
        (Some(to), Some(begun)) => go_on(session, &here, to, begun, request, &mut lock).await,
        (Some(to), None) => move_to(session, &here, to, request, &mut lock).await,
        (None, begun) if wanted.undo => undo(session, &here, begun, request, &mut lock).await,
        (None, begun) => old::remove_old(session, &here, begun, request, &mut lock).await,
    }?;
    session.close_journal(Outcome::Done, exit, None);
    session.tell_report(&session.record());
    Ok(exit)
}

/// A new relocation, from the checks to the last word.
async fn move_to(
    session: &Session,
    here: &Here,
    to: &Path,
    request: Request<'_>,
    lock: &mut Option<NodeLock>,
) -> Result<Exit, Failure> {
    if let Some(exit) = tell::is_there_already(session, here, to) {
        return Ok(exit);
    }
    let plan = check::check(session, here, to).await?;
    session.voice.say(&page::page(&plan, session.voice.width()));
    if session.settings.dry_run {
        return Ok(tell::planned(session, &plan));
    }
    let what = "Move the data of";
    let consent = ask(session, &plan.begun.record.member, request, what, lock).await?;
    check::still_so(session, here, &plan).await?;
    session.record_mut().before = Some(plan.world);
    let mut begun = begun::begin(session, plan.begun, &consent)?;
    let syncs = plan.syncs;
    onward::onward(session, here, &mut begun, request.patience, syncs, &consent).await
}

/// The same line once more, after a run that was broken off.
async fn go_on(
    session: &Session,
    here: &Here,
    to: &Path,
    mut begun: Begun,
    request: Request<'_>,
    lock: &mut Option<NodeLock>,
) -> Result<Exit, Failure> {
    if begun.record.to != to.components().collect::<std::path::PathBuf>() {
        return Err(troubles::another_target(session, &begun, to));
    }
    session.voice.warn(&tell::unfinished(&begun));
    if session.settings.dry_run {
        return Ok(tell::would_go_on(session, &begun));
    }
    let what = "Go on with the move of";
    let consent = ask(session, &begun.record.member, request, what, lock).await?;
    let syncs = Default::default();
    onward::onward(session, here, &mut begun, request.patience, syncs, &consent).await
}

/// `--undo`.
async fn undo(
    session: &Session,
    here: &Here,
    begun: Option<Begun>,
    request: Request<'_>,
    lock: &mut Option<NodeLock>,
) -> Result<Exit, Failure> {
    let Some(mut begun) = begun else { return Err(troubles::nothing_to_undo(session)) };
    session.voice.warn(&tell::unfinished(&begun));
    if session.settings.dry_run {
        return Ok(tell::would_go_back(session, &begun));
    }
    let what = "Take back the move of";
    let consent = ask(session, &begun.record.member, request, what, lock).await?;
    let back = back::go_back(session, here, &mut begun, request.patience, &consent).await?;
    Ok(tell::went_back(session, &begun, &back))
}

/// What to type on a node where a relocation was broken off, by its record;
/// for the commands that meet an etcd without a manifest.
pub(super) fn broken_off(session: &Session) -> Option<String> {
    let change = observe::unfinished_change(Path::new(UNFINISHED_CHANGE)).ok()??;
    let Purpose::Relocate { to, .. } = &change.purpose else { return None };
    let to = quoted(&to.to_string_lossy());
    Some(format!(
        "a move of this member's data was broken off here ({}): go on with `{}`, or go back with \
         `{}`",
        change.began_at,
        session.settings.command_line(&format!("relocate --to {to}")),
        session.settings.command_line("relocate --undo")
    ))
}

/// The member's name, typed or given.
async fn ask(
    session: &Session,
    member: &str,
    request: Request<'_>,
    what: &str,
    lock: &mut Option<NodeLock>,
) -> Result<Consent, Failure> {
    let question = format!("{what} {member} now? Its etcd is down on this node meanwhile.");
    let voice = &session.voice;
    let asked = consent::by_word_or_flag(&question, member, "", request.confirmed, voice).await;
    let consent = asked.map_err(|refused| refused_word(session, member, refused))?;
    note_word(session, request, lock);
    Ok(consent)
}

/// From here on this run may change something: the journal begins.
fn note_word(session: &Session, request: Request<'_>, lock: &mut Option<NodeLock>) {
    if let Some(lock) = lock {
        session.open_journal(lock);
    }
    let by = if request.confirmed.is_some() { "--confirm" } else { "a person" };
    session.journal("answered", json!({"step": "relocate", "by": by, "answer": "yes"}));
}

/// There was no word, or another one.
fn refused_word(session: &Session, member: &str, refused: Refused) -> Failure {
    let line = format!("{} --confirm {}", session.again(), quoted(member));
    let next = match refused {
        Refused::OtherWord => format!("this member is called {member}: `{line}`"),
        _ => format!("in a terminal: `{}`; or without the question: `{line}`", session.again()),
    };
    let state = "Nothing was changed by this run.";
    Failure::new(Exit::NeedsDecision, format!("not done: {refused}"), state, next)
}
