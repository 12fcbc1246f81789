//! The story the product exists for: from a cluster that refuses writes to
//! one that accepts them, and the single steps of it.

use std::path::{Path, PathBuf};

use crate::model::Timestamp;

use crate::{
    act::{LockError, LockHolder, NodeLock},
    decide::{self, Decision},
    failure::{Exit, Failure},
    model::{
        Outcome, Plan, RefusalKind, Revision, Scope, SnapshotPlace, StepReport, StepStatus, Wishes,
        World,
    },
    observe,
    say::human,
};

use super::{
    conclude::conclude,
    disk_health::{DiskHealth, disk_health, sick_disks},
    equal::equality,
    execute::execute,
    failures, hold,
    left_overs::free_before_waiting,
    live_data,
    look::{Here, arrive, snapshot_places},
    missing, no_start, offer, restart,
    session::Session,
    streams, undo,
    waiting::look_first,
};

/// What the subcommand asks for.
pub struct Wanted {
    /// Which part.
    pub scope: Scope,
    /// Only these members.
    pub members: Vec<String>,
    /// Compact at this revision.
    pub revision: Option<i64>,
}

/// Runs the recovery, or one step of it, from locating to the last word.
pub async fn recover(session: &Session, wanted: Wanted) -> Result<Exit, Failure> {
    session.voice.say("Looking for etcd on this node and asking every member...");
    if !session.settings.dry_run {
        hold::let_go_of_left_over(session);
    }
    let here = arrive(session).await?;
    if matches!(wanted.scope, Scope::Recover | Scope::Defragment) {
        free_before_waiting(session, &here).await?;
    }
    let writes = wanted.scope != Scope::Disarm;
    let health = async { if writes { disk_health(&here).await } else { DiskHealth::default() } };
    // All of it only reads: the members' data while the disks are looked at.
    let looked = async {
        let mut world = look_first(session, &here, &session.settings.allow_missing).await?;
        let wishes = wishes(session, wanted, &world)?;
        session.record_mut().before = Some(world.clone());
        session.record_mut().after = Some(world.clone());
        session.voice.say(&restart::status(session, &world));
        let (places, ()) = tokio::join!(
            snapshot_places(session, &here.node),
            read_data(session, &here, &mut world, &wishes)
        );
        world.snapshot_places = places?;
        Ok::<_, Failure>((world, wishes))
    };
    let (looked, health) = tokio::join!(looked, health);
    let (mut world, mut wishes) = looked?;
    world.sick_disks = sick_disks(health, &world);

    if let Decision::Refused(refusals) = decide::decide(&world, &wishes)
        && let Some(names) = missing::ask_to_go_on_without(session, &refusals).await
    {
        wishes.allow_missing.extend(names);
        read_data(session, &here, &mut world, &wishes).await;
    }
    session.record_mut().before = Some(world.clone());
    let decision = decide::decide(&world, &wishes);
    let (mut world, mut decision) =
        streams::decide_when_ended(session, &here, &wishes, world, decision).await?;
    if lacks_room(&decision) && !session.settings.yes && session.voice.can_ask() {
        world.snapshot_places.extend(ask_for_a_place(session, &here).await);
        decision = decide::decide(&world, &wishes);
    }
    match decision {
        Decision::NothingToDo(why) => {
            undo::settle_left_overs(session, &here, &world, false).await;
            if let Some(here) = no_start::here(session, &world) {
                session.voice.warn(&here);
                session.record_mut().next_step = Some(here);
            }
            Ok(nothing_to_do(session, &why))
        }
        Decision::Refused(refusals) => {
            if !offer::delete_events(session, &here, &world, &wishes, &refusals).await? {
                return Err(missing::refused(session, &world, &refusals));
            }
            let wanted = Wanted { scope: wishes.scope, members: wishes.members, revision: None };
            Box::pin(recover(session, wanted)).await
        }
        Decision::Go(plan) => {
            session.record_mut().set_plan(&plan, &world);
            if session.settings.dry_run {
                return Ok(show_only(session, &plan, &world));
            }
            if !session.settings.yes && !session.voice.can_ask() {
                return Err(needs_a_person(session, &plan, &world));
            }
            let mut lock = NodeLock::take().map_err(|error| locked(session, &error))?;
            session.open_journal(&mut lock);
            undo::drop_unused(session, &world);
            session.voice.say(&human::plan(&plan, &world, session.voice.width()));
            let walked = execute(session, &here, &plan, &wishes).await;
            // Nothing can come back before the kubelet does.
            hold::release(session);
            walked?;
            conclude(session, &here, &wishes, &world).await
        }
    }
}

/// What the members hold, as far as the plan depends on it; where the gates are
/// closed it does not.
async fn read_data(session: &Session, here: &Here, world: &mut World, wishes: &Wishes) {
    world.equality = equality(session, here, world, wishes).await;
    world.live = live_data::count(session, here, world, wishes).await;
}

/// Whether only a place for the snapshot is missing.
pub(super) fn lacks_room(decision: &Decision) -> bool {
    matches!(decision, Decision::Refused(refusals)
        if refusals.iter().all(|refusal| refusal.kind == RefusalKind::NoRoomForSnapshot))
}

/// Lets the person name a directory, say of a disk or a share they have just
/// mounted.
pub(super) async fn ask_for_a_place(session: &Session, here: &Here) -> Option<SnapshotPlace> {
    let question = "No filesystem found here has room for the snapshot.\n\
                    Directory to save it in (Enter = stop):";
    loop {
        let typed = session.voice.ask_line(question).await?;
        if typed.is_empty() {
            return None;
        }
        let data_dir = here.node.answering_data_dir();
        match observe::data_disk::place(Path::new(&typed), data_dir).await {
            Ok(place) => return Some(place),
            Err(why) => session.voice.warn(&format!("{typed}: {why}")),
        }
    }
}

pub(super) fn wishes(session: &Session, wanted: Wanted, world: &World) -> Result<Wishes, Failure> {
    let settings = &session.settings;
    for name in wanted.members.iter().chain(&settings.allow_missing) {
        if world.member_called(name).is_none() {
            return Err(failures::unknown_member(session, name, world));
        }
    }
    Ok(Wishes {
        scope: wanted.scope,
        allow_missing: settings.allow_missing.clone(),
        accept_version_risk: settings.accept_version_risk,
        accept_nearly_full: settings.accept_nearly_full,
        accept_sick_disk: settings.accept_sick_disk,
        no_hold: settings.no_hold,
        no_snapshot: settings.no_snapshot,
        full_first: settings.full_first,
        parallel: settings.parallel,
        snapshot: snapshot_before_deletes(session, world),
        unattended: settings.yes || !session.voice.can_ask(),
        members: wanted.members,
        revision: wanted.revision.map(Revision),
        stamp: Timestamp::now().strftime("%Y%m%dT%H%M%S.%fZ"),
    })
}

/// The snapshot that was taken before keys were deleted in this very run, as
/// long as it holds all there is: NOSPACE was on then and is on now, so that
/// nothing was written since. It has to be there still, whole as far as its
/// size tells: a person may have moved it while they were asked.
fn snapshot_before_deletes(session: &Session, world: &World) -> Option<PathBuf> {
    let record = session.record();
    let under_alarm = record.purge.as_ref().is_some_and(|purge| purge.begun && purge.under_alarm);
    let snapshot = record.snapshot.as_ref().filter(|_| under_alarm && world.has_nospace())?;
    let path = PathBuf::from(&snapshot.path);
    let there = path.symlink_metadata().ok()?;
    (there.is_file() && there.len() == snapshot.bytes).then_some(path)
}

fn nothing_to_do(session: &Session, why: &str) -> Exit {
    session.close_journal(Outcome::NothingToDo, Exit::Ok, None);
    session.voice.answer(&format!("Nothing to do: {why}."));
    session.document(Outcome::NothingToDo, Exit::Ok, None);
    Exit::Ok
}

fn planned_steps(session: &Session, plan: &Plan, world: &World) {
    session.record_mut().steps = plan
        .steps
        .iter()
        .map(|step| StepReport {
            id: step.id.clone(),
            member: step.member,
            status: StepStatus::Planned,
            elapsed_ms: 0,
            detail: human::headline(step, world),
        })
        .collect();
}

fn show_only(session: &Session, plan: &Plan, world: &World) -> Exit {
    planned_steps(session, plan, world);
    session.voice.answer(&human::plan(plan, world, session.voice.width()));
    session.voice.say(&format!("Nothing was changed. To do it: `{}`", session.again()));
    session.document(Outcome::Planned, Exit::Ok, None);
    Exit::Ok
}

fn needs_a_person(session: &Session, plan: &Plan, world: &World) -> Failure {
    let failure = Failure::new(
        Exit::NeedsDecision,
        "there is a plan, but nobody to ask: this is not a terminal, and --yes was not given",
        session.record().state(),
        format!(
            "in a terminal (`ssh -t MASTER`): `{}`; or without questions: `{} --yes`",
            session.again(),
            session.again()
        ),
    );
    planned_steps(session, plan, world);
    session.voice.answer(&human::plan(plan, world, session.voice.width()));
    failure
}

/// Another run is at work here, or it cannot be told.
pub(super) fn locked(session: &Session, error: &LockError) -> Failure {
    let again = session.again();
    let next = match error {
        LockError::Held(LockHolder { pid: Some(pid), stopped: true, .. }) => format!(
            "let it go on with `kill -CONT {pid}` (or `fg` in its terminal), or end it with \
             `kill -TERM {pid}` and then `kill -CONT {pid}`; then `{again}`"
        ),
        LockError::Held(LockHolder { pid: Some(pid), .. }) => format!(
            "wait for the other one, or end it cleanly with `kill -TERM {pid}`; then `{again}`"
        ),
        LockError::Held(_) => format!("wait for the other one, or end it; then `{again}`"),
        LockError::Io(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            format!("run it as root: `sudo {again}`")
        }
        LockError::Io(_) => {
            format!("see that the file's directory is there and can be written; then `{again}`")
        }
    };
    Failure::new(Exit::Refused, error.to_string(), "Nothing was changed by this run.", next)
}
