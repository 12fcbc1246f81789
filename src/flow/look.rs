//! Finding etcd and looking at all of it: the first part of every story. What
//! is worth waiting for is `waiting`'s.

use std::{
    cell::RefCell,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    failure::Failure,
    model::{Located, Member, MemberId, SilenceKind, SnapshotPlace, World},
    observe::{self, LocateError},
    wire::{Access, Tls},
};

use super::{failures, no_start, session::Session};

/// How old what is known of this node, and of the members' metrics, may be:
/// containers come and go, and reading everything anew takes a moment.
const FRESH: Duration = Duration::from_secs(1);

/// This node's etcd and the way to it.
pub struct Here {
    /// What was found on this node at first: the way in does not change.
    pub node: Located,
    /// How to dial.
    pub access: Access,
    /// Client URLs of members that answered: other ways in, should this node's
    /// own etcd go away meanwhile.
    seen: RefCell<Vec<String>>,
    /// Members whose host did not answer the last time: asked every time, but
    /// not waited for again.
    dead: RefCell<Vec<MemberId>>,
    /// This node as it was seen last.
    last: RefCell<Option<(Instant, Located)>>,
    /// The members as they were when they told their metrics last.
    told: RefCell<Option<(Instant, Vec<Member>)>>,
}

impl Here {
    /// This node as it is now, or was a moment ago.
    pub async fn node_now(&self, session: &Session) -> Located {
        if let Some((at, node)) = &*self.last.borrow()
            && at.elapsed() < FRESH
        {
            return node.clone();
        }
        // A runtime that does not answer now changes nothing of what was
        // found; it is told by what it is needed for.
        let before = self.last.borrow().as_ref().map_or(&self.node, |(_, node)| node).clone();
        let now = observe::locate(&session.settings).await.unwrap_or(before);
        *self.last.borrow_mut() = Some((Instant::now(), now.clone()));
        now
    }
}

/// This node's etcd; where none runs, what its data say of that.
pub async fn find(session: &Session) -> Result<Located, Failure> {
    let error = match observe::locate(&session.settings).await {
        Ok(node) => return Ok(node),
        Err(error) => error,
    };
    let failure = failures::locate(session, &error);
    let nowhere = matches!(
        error,
        LocateError::NoEtcd { .. }
            | LocateError::NoRuntimeAndNoProcess { .. }
            | LocateError::Down(_)
    );
    Err(match nowhere {
        true => no_start::by_its_data(session, failure).await,
        false => failure,
    })
}

/// Finds etcd on this node and loads the certificates.
pub async fn arrive(session: &Session) -> Result<Here, Failure> {
    let node = find(session).await?;
    let path = |found: &Option<crate::model::Found<std::path::PathBuf>>| {
        found.as_ref().map(|found| found.value.clone())
    };
    let (ca, cert, key) = (path(&node.ca), path(&node.cert), path(&node.key));
    let tls = Tls::load(ca.as_deref(), cert.as_deref(), key.as_deref())
        .map_err(|error| failures::tls(session, &node, &error))?;
    let access = Access::new(tls, session.settings.login.clone(), session.settings.timeout);
    let last = RefCell::new(Some((Instant::now(), node.clone())));
    Ok(Here {
        node,
        access,
        seen: RefCell::default(),
        dead: RefCell::default(),
        last,
        told: RefCell::default(),
    })
}

/// Looks at every member once.
pub async fn look(session: &Session, here: &Here) -> Result<World, Failure> {
    let seen = here.seen.borrow().clone();
    let node = here.node_now(session).await;
    let dead = here.dead.borrow().clone();
    let fresh = here.told.borrow().clone().filter(|(at, _)| at.elapsed() < FRESH);
    let told = fresh.as_ref().map_or(&[][..], |(_, members)| members);
    let mut node_now = node.clone();
    let (looked, ()) = tokio::join!(
        observe::look(&node, &here.access, &seen, &dead, told),
        look_at_disk(&mut node_now)
    );
    let mut world = match looked {
        Ok(world) => World { node: node_now, ..world },
        Err(nobody) => {
            if node.process.is_none() {
                no_start::find_place(session, &node).await;
            }
            return Err(failures::nobody_answers(session, &node, &nobody.0));
        }
    };
    if fresh.is_none() {
        *here.told.borrow_mut() = Some((Instant::now(), world.members.clone()));
    }
    let answering = world.members.iter().filter(|member| member.status.is_ok());
    *here.seen.borrow_mut() = answering.map(|member| member.endpoint.clone()).collect();
    let without_host = world.members.iter().filter(|member| {
        member.status.as_ref().is_err_and(|silence| silence.kind == SilenceKind::NoHost)
    });
    *here.dead.borrow_mut() = without_host.map(|member| member.id).collect();
    observe::left_overs::keep_what_is_used(&mut world, &here.access).await;
    session.record_mut().logbook.looked(&world);
    Ok(world)
}

/// Room is taken and given back while we work, and a disk may begin to hang.
async fn look_at_disk(node: &mut Located) {
    let Some(disk) = &mut node.disk else { return };
    match observe::data_disk::data_dir(&disk.path).await {
        Ok(Ok((now, _))) => *disk = now,
        Ok(Err(_)) => {}
        Err(_) => {
            node.hanging.extend(node.data_dir.iter().map(|found| found.value.clone()));
            node.disk = None;
        }
    }
}

/// The directory asked for, or the usual ones.
pub async fn snapshot_places(
    session: &Session,
    node: &Located,
) -> Result<Vec<SnapshotPlace>, Failure> {
    places_beside(session, node.answering_data_dir()).await
}

/// The same, for whoever knows no more of this node than a data directory, or
/// nothing.
pub async fn places_beside(
    session: &Session,
    data_dir: Option<&Path>,
) -> Result<Vec<SnapshotPlace>, Failure> {
    let Some(directory) = &session.settings.snapshot_dir else {
        let (places, silent) = observe::data_disk::places(data_dir).await.unwrap_or_default();
        for mount in silent {
            session.voice.warn(&format!(
                "the filesystem on {} does not answer and is left alone: its disk may hang",
                mount.display()
            ));
        }
        return Ok(places);
    };
    observe::data_disk::place(directory, data_dir)
        .await
        .map(|place| vec![place])
        .map_err(|why| failures::snapshot_dir(session, directory, &why))
}
