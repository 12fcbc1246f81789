//! `purge`: deleting what is safe to lose, after a verified snapshot and a typed
//! word; then the recovery, if that is wanted.

use crate::{
    cli::{Purge, PurgeHow, PurgeWhat},
    consent::Answer,
    decide::{self, Decision, Unfit},
    failure::{Exit, Failure},
    model::{Outcome, PurgeTarget, Scope, Wishes, World},
    say::human,
};

use super::{
    disk_health::{disk_health, sick_disks},
    failures,
    look::{Here, arrive, snapshot_places},
    missing,
    recover::{self, Wanted},
    restart,
    session::Session,
    waiting::look_first,
};

mod count;
mod delete;

pub(super) use count::Asked;
use count::count;
use delete::delete;

/// How asking, counting and deleting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There was nothing to delete.
    Nothing,
    /// `--dry-run`.
    Planned,
    /// It was deleted.
    Deleted,
}

/// Deletes what is asked for; with `--recover`, or when a person says so, the
/// recovery goes on from there.
///
/// # Errors
/// Why it could not be done.
pub async fn purge(session: &Session, wanted: &Purge) -> Result<Exit, Failure> {
    let (asked, how) = asked(session, wanted)?;
    session.voice.say("Looking for etcd on this node and asking every member...");
    let here = arrive(session).await?;
    let allowed = &session.settings.allow_missing;
    let (world, health) = tokio::join!(look_first(session, &here, allowed), disk_health(&here));
    let mut world = world?;
    world.sick_disks = sick_disks(health, &world);
    world.snapshot_places = snapshot_places(session, &here.node).await?;
    let wanted = Wanted { scope: Scope::Purge, members: Vec::new(), revision: None };
    let mut wishes = recover::wishes(session, wanted, &world)?;
    session.record_mut().before = Some(world.clone());
    session.record_mut().after = Some(world.clone());
    session.voice.say(&restart::status(session, &world));
    if let Decision::Refused(refusals) = decide::decide(&world, &wishes)
        && let Some(names) = missing::ask_to_go_on_without(session, &refusals).await
    {
        wishes.allow_missing.extend(names);
    }
    let ended = count_ask_delete(session, &here, &mut world, &wishes, &asked).await?;
    match ended {
        Ended::Planned => Ok(planned(session)),
        Ended::Nothing if how.recover => go_on(session).await,
        Ended::Nothing => Ok(nothing_to_do(session)),
        Ended::Deleted if how.recover || says_go_on(session, &world).await => go_on(session).await,
        Ended::Deleted => Ok(done(session, &world)),
    }
}

/// The part between the first look and what follows: gates, counts, the typed
/// word, the snapshot, the deletes.
pub(super) async fn count_ask_delete(
    session: &Session,
    here: &Here,
    world: &mut World,
    wishes: &Wishes,
    asked: &Asked<'_>,
) -> Result<Ended, Failure> {
    let mut decision = decide::decide(world, wishes);
    if recover::lacks_room(&decision) && !session.settings.yes && session.voice.can_ask() {
        world.snapshot_places.extend(recover::ask_for_a_place(session, here).await);
        decision = decide::decide(world, wishes);
    }
    let plan = match decision {
        Decision::Go(plan) => plan,
        Decision::Refused(refusals) => return Err(missing::refused(session, world, &refusals)),
        Decision::NothingToDo(_) => return Ok(Ended::Nothing),
    };
    let counted = count(session, here, world, asked).await?;
    if counted.found.keys == 0 {
        return Ok(Ended::Nothing);
    }
    if let Some(key) = &counted.found.protected {
        return Err(unfit(session, decide::is_protected(&counted.target.word, key)));
    }
    let shown = counted.shown(session, world);
    session.voice.answer(&shown);
    if session.settings.dry_run {
        return Ok(Ended::Planned);
    }
    let consent = count::consent(session, &counted, asked, &shown).await?;
    session.record_mut().set_plan(&plan, world);
    delete(session, here, wishes, &plan, &counted, &consent).await?;
    Ok(Ended::Deleted)
}

/// What the command line names, as far as that can be judged without etcd.
fn asked<'a>(session: &Session, wanted: &'a Purge) -> Result<(Asked<'a>, &'a PurgeHow), Failure> {
    let no_snapshot = Wishes { no_snapshot: session.settings.no_snapshot, ..Wishes::default() };
    let refusals = decide::purge_refusals(&no_snapshot);
    if !refusals.is_empty() {
        return Err(failures::refused(session, &refusals));
    }
    let fit = |unfit: Unfit| self::unfit(session, unfit);
    let (PurgeWhat::Events { how, .. } | PurgeWhat::Prefix { how, .. }) = &wanted.what;
    let settings = &session.settings;
    if how.recover && !settings.yes && !settings.dry_run && !session.voice.can_ask() {
        // Before anything is deleted, not in the middle.
        let line = session.again();
        return Err(Failure::new(
            Exit::NeedsDecision,
            "--recover asks before it compacts and defragments, and this is no terminal",
            failures::UNTOUCHED,
            format!("without questions: `{line} --yes`; or leave --recover out"),
        ));
    }
    match &wanted.what {
        PurgeWhat::Events { namespace, how } => {
            decide::events_below(namespace).map_err(fit)?;
            let asked =
                Asked { target: None, namespaces: namespace, confirm: how.confirm.as_deref() };
            Ok((asked, how))
        }
        PurgeWhat::Prefix { prefix, how } => {
            let target: PurgeTarget = decide::prefix_of(prefix).map_err(fit)?;
            let confirm = how.confirm.as_deref();
            Ok((Asked { target: Some(target), namespaces: &[], confirm }, how))
        }
    }
}

fn unfit(session: &Session, unfit: Unfit) -> Failure {
    session.stopped(unfit.what, unfit.next)
}

fn planned(session: &Session) -> Exit {
    session.voice.say(&format!("Nothing was changed. To do it: `{}`", session.again()));
    session.document(Outcome::Planned, Exit::Ok, None);
    Exit::Ok
}

fn nothing_to_do(session: &Session) -> Exit {
    let below = session.record().purge.as_ref().map(|purge| purge.found.prefixes.join(", "));
    let below = below.unwrap_or_default();
    session.voice.answer(&format!("Nothing to do: there is no key below {below}."));
    session.document(Outcome::NothingToDo, Exit::Ok, None);
    Exit::Ok
}

/// Whether a person wants the recovery at once; nobody is asked twice.
async fn says_go_on(session: &Session, world: &World) -> bool {
    if session.settings.yes || !session.voice.can_ask() || !decide::still_needed(world) {
        return false;
    }
    let question = "Go on: compact, defragment, disarm?";
    session.voice.ask_yes_no(question, None, None).await == Answer::Yes
}

/// The rest of the recovery, with fresh looks; what was done so far stays in
/// the record.
async fn go_on(session: &Session) -> Result<Exit, Failure> {
    session.go_on_as("recover");
    session.voice.blank();
    let wanted = Wanted { scope: Scope::Recover, members: Vec::new(), revision: None };
    Box::pin(recover::recover(session, wanted)).await
}

fn done(session: &Session, world: &World) -> Exit {
    let line = |command: &str| session.settings.command_line(command);
    let next = match decide::still_needed(world) {
        true => format!(
            "The files keep their size, and an alarm that is on stays on, until: `{}`",
            line("recover")
        ),
        false => format!(
            "The files keep their size until: `{}`, then `{}`",
            line("compact"),
            line("defrag")
        ),
    };
    session.record_mut().next_step = Some(next.clone());
    session.close_journal(Outcome::Done, Exit::Ok, None);
    let record = session.record();
    if let Some(snapshot) = &record.snapshot {
        session.voice.answer(&format!(
            "Snapshot, with all that was deleted and every Secret (keep it private):\n{}",
            snapshot.path
        ));
    }
    session.voice.say(&next);
    session.tell_report(&record);
    drop(record);
    session.document(Outcome::Done, Exit::Ok, None);
    Exit::Ok
}

/// What was deleted, said once.
fn tell_deleted(session: &Session) {
    let text = session.record().purge.as_ref().map(human::purged);
    session.voice.answer(&text.unwrap_or_default());
}
