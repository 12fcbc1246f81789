//! Finding etcd and looking at all of it: the first part of every story.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use crate::{
    decide::{self, Patience},
    failure::{Exit, Failure},
    model::{Located, SnapshotPlace, Wishes, World},
    observe,
    wire::{Access, Tls},
};

use super::{failures, session::Session};

/// How long a member that just restarted gets to come back before a closed
/// gate counts.
const PASSING_TROUBLE: Duration = Duration::from_secs(30);

/// This node's etcd and the way to it.
pub struct Here {
    /// What was found on this node.
    pub node: Located,
    /// How to dial.
    pub access: Access,
    /// Client URLs of members that answered: other ways in, should this node's
    /// own etcd go away meanwhile.
    seen: RefCell<Vec<String>>,
}

/// Finds etcd on this node and loads the certificates.
pub async fn arrive(session: &Session) -> Result<Here, Failure> {
    let node = observe::locate(&session.settings)
        .await
        .map_err(|error| failures::locate(session, &error))?;
    let path = |found: &Option<crate::model::Found<std::path::PathBuf>>| {
        found.as_ref().map(|found| found.value.clone())
    };
    let (ca, cert, key) = (path(&node.ca), path(&node.cert), path(&node.key));
    let tls = Tls::load(ca.as_deref(), cert.as_deref(), key.as_deref())
        .map_err(|error| failures::tls(session, &error))?;
    let access =
        Access { tls, login: session.settings.login.clone(), timeout: session.settings.timeout };
    Ok(Here { node, access, seen: RefCell::default() })
}

/// Looks at every member once.
pub async fn look(session: &Session, here: &Here) -> Result<World, Failure> {
    let seen = here.seen.borrow().clone();
    let mut world = observe::look(&here.node, &here.access, &seen)
        .await
        .map_err(|nobody| failures::nobody_answers(session, here, &nobody.0))?;
    let answering = world.members.iter().filter(|member| member.status.is_ok());
    *here.seen.borrow_mut() = answering.map(|member| member.endpoint.clone()).collect();
    // Room is taken and given back while we work.
    if let Some(disk) = &mut world.node.disk
        && let Ok((now, _)) = observe::disk::data_dir(&disk.path)
    {
        *disk = now;
    }
    Ok(world)
}

/// Looks, and adds where a snapshot could go.
pub async fn look_with_places(session: &Session, here: &Here) -> Result<World, Failure> {
    let mut world = look(session, here).await?;
    world.snapshot_places = snapshot_places(session, &here.node)?;
    Ok(world)
}

/// The directory asked for, or the usual ones.
fn snapshot_places(session: &Session, node: &Located) -> Result<Vec<SnapshotPlace>, Failure> {
    let data_dir = node.data_dir.as_ref().map(|found| found.value.as_path());
    let Some(directory) = &session.settings.snapshot_dir else {
        return Ok(observe::snapshot_places::snapshot_places(data_dir));
    };
    observe::place(directory, data_dir)
        .map(|place| vec![place])
        .map_err(|why| failures::snapshot_dir(session, directory, &why))
}

/// Looks until the gates are open, for as long as their trouble may pass by
/// itself (a member coming back, an election, a lag).
pub async fn look_until_open(
    session: &Session,
    here: &Here,
    wishes: &Wishes,
) -> Result<World, Failure> {
    let patience = PASSING_TROUBLE.min(session.settings.wait);
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(100);
    loop {
        let trouble = match look(session, here).await {
            Ok(world) => {
                let refusals = decide::refusals(&world, wishes);
                if refusals.is_empty() {
                    session.record_mut().refusals.clear();
                    return Ok(world);
                }
                let failure = failures::refused(session, &refusals);
                if decide::patience(&refusals) == Patience::None {
                    return Err(failure);
                }
                failure
            }
            Err(failure) => failure,
        };
        if Instant::now() >= deadline {
            // Nobody answering in the middle of a plan is a stop part-way.
            let exit = if session.record().changed_anything { Exit::Partial } else { trouble.exit };
            return Err(Failure { exit, ..trouble });
        }
        session.voice.detail(1, &format!("waiting: {trouble}"));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
