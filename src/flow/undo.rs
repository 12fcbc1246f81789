//! The free undo: the old database file of this node's member, kept under a
//! second name while that member is defragmented. It is made before, told when
//! a run ends badly, and removed when all is proven well. It never stops
//! anything: what fails here is said, and the run goes on.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    act::{self, NodeLock, OldFile},
    consent::Consent,
    decide,
    failure::Failure,
    model::{Bytes, Located, Member, Undo, World, undo_owner},
    say::{Progress, ticking},
    settings::quoted,
};

use super::{look::Here, prove::equal_data, session::Session};

/// How long a run that ends waits for a disk to let go of a name.
const PATIENCE: Duration = Duration::from_secs(2);

/// The second name that this run gave to the database file.
#[derive(Clone, Debug)]
pub struct KeptFile {
    /// The name.
    pub link: PathBuf,
    /// The database file.
    pub database: PathBuf,
    /// Whether a defragmentation that replaces it may be under way.
    pub in_flight: bool,
}

/// Keeps the old file of this node's member as the plan says; the first one of
/// a run is the one to keep.
pub fn keep(session: &Session, undo: &Undo, world: &World, consent: &Consent) {
    let (Some(link), Some(database)) = (undo.link(), database(&world.node)) else { return };
    if session.record().kept_file.is_some() {
        return;
    }
    let etcd = world.node.process.as_ref().map_or(0, |process| process.pid);
    // A system call on a disk that has just answered.
    match act::link_database(&database, link, etcd, consent) {
        Ok(()) => {
            session.journal("undo_made", json!({"path": link}));
            let kept = KeptFile { link: link.clone(), database, in_flight: false };
            session.record_mut().kept_file = Some(kept);
        }
        Err(error) => session.voice.say(&format!("no hard link to the old file: {error}")),
    }
}

/// Notes whether a defragmentation of this node's member may be under way.
pub fn in_flight(session: &Session, member: &Member, is: bool) {
    if let Some(kept) = session.record_mut().kept_file.as_mut().filter(|_| member.local) {
        kept.in_flight = is;
    }
}

/// Gives up the old file when a new one would not fit beside it as well;
/// whether it did.
pub async fn give_room(session: &Session, world: &World) -> bool {
    !decide::has_room_for_undo(world) && give_up(session).await
}

/// Gives up the old file of this run, as its room is needed; whether there was
/// one.
pub async fn give_up(session: &Session) -> bool {
    let Some(KeptFile { link, database, .. }) = session.record_mut().kept_file.take() else {
        return false;
    };
    session.voice.warn("the old file is given up: its room is needed");
    remove(session, link, database).await;
    true
}

/// Removes second names of earlier runs that are the database file still: no
/// defragmentation came to its end. Only under the node's lock.
pub fn drop_unused(session: &Session, world: &World) {
    let Some(database) = database(&world.node) else { return };
    for (link, size) in left(world).filter(|(_, size)| *size == Bytes(0)) {
        if let Ok(OldFile::Gone) = act::remove_link(&link, &database, false) {
            session.journal("undo_removed", json!({"path": link, "bytes": size.0}));
        }
    }
}

/// The end of a run, or of a look, with nothing to complain of: every old file
/// of this member goes, once the members are proven equal, if they are not yet.
/// Only under the node's lock.
pub async fn settle(session: &Session, here: &Here, world: &World, proven: bool) {
    let own = session.record().kept_file.clone();
    let Some(database) = database(&world.node) else { return };
    let mut links: Vec<PathBuf> = left(world).map(|(link, _)| link).collect();
    links.extend(own.map(|kept| kept.link).filter(|own| !links.contains(own)));
    if links.is_empty() {
        return;
    }
    if !proven {
        let voters: Vec<&Member> = world.voters().filter(|member| member.status.is_ok()).collect();
        if let Err(failure) = equal_data(session, here, &voters).await {
            session.voice.warn(&format!("{failure}; the old file stays"));
            for link in &links {
                session.voice.say(&how_to_use(&world.node, link, &database));
            }
            return;
        }
    }
    session.record_mut().kept_file = None;
    for link in links {
        remove(session, link, database.clone()).await;
    }
}

/// The same where no plan is carried out: what an earlier run has left goes, if
/// no other run is at work.
pub async fn settle_left_overs(session: &Session, here: &Here, world: &World, proven: bool) {
    if session.settings.dry_run || left(world).next().is_none() {
        return;
    }
    if let Ok(_lock) = NodeLock::take() {
        settle(session, here, world, proven).await;
    }
}

/// Any other end of a run: a name that still is the database file goes, and an
/// old file is told.
pub fn tell(session: &Session, mut failure: Failure) -> Failure {
    let own = session.record().kept_file.clone();
    let mut links = Vec::new();
    if let Some(KeptFile { link, database, in_flight }) = own {
        if !in_flight && is_removed(&link, &database) {
            session.record_mut().kept_file = None;
            session.journal("undo_removed", json!({"path": link}));
        } else {
            session.journal("undo_kept", json!({"path": link}));
            links.push((link, database));
        }
    }
    let seen = session.record().after.clone().filter(|_| session.record().logbook.is_open());
    if let Some((world, database)) =
        seen.as_ref().and_then(|world| Some((world, self::database(&world.node)?)))
    {
        let others = left(world).filter(|(_, size)| *size > Bytes(0)).map(|(link, _)| link);
        let others: Vec<PathBuf> =
            others.filter(|link| links.iter().all(|(own, _)| own != link)).collect();
        links.extend(others.into_iter().map(|link| (link, database.clone())));
    }
    let record = session.record();
    let node = record.before.as_ref().map(|world| &world.node);
    for (link, database) in links {
        let path = link.display();
        failure.state.push_str(&format!(" This node's old database file is kept at {path}."));
        failure.next.push('\n');
        failure.next.push_str(&how_to_use(node.unwrap_or(&Located::default()), &link, &database));
    }
    drop(record);
    failure
}

/// Removes a name that still is the database file; whether it is gone. A run
/// that ends because a disk hangs must not hang there itself.
fn is_removed(link: &Path, database: &Path) -> bool {
    let (tell, told) = mpsc::channel();
    let (link, database) = (link.to_owned(), database.to_owned());
    // Whoever waits may be gone by then.
    thread::spawn(move || drop(tell.send(act::remove_link(&link, &database, false))));
    matches!(told.recv_timeout(PATIENCE), Ok(Ok(OldFile::Gone)))
}

/// Removes an old file, however large; a thread, as that takes a moment.
async fn remove(session: &Session, link: PathBuf, database: PathBuf) {
    let progress = Progress::time(&session.voice, "removing the old database file", None);
    let path = link.clone();
    let removal = tokio::task::spawn_blocking(move || act::remove_link(&path, &database, true));
    let removed = ticking(removal, || progress.tick("giving its room back")).await;
    drop(progress);
    match removed.unwrap_or_else(|lost| Err(std::io::Error::other(lost))) {
        Ok(_) => session.journal("undo_removed", json!({"path": link})),
        Err(error) => {
            session.voice.warn(&format!("{} stays: {error}", link.display()));
        }
    }
}

/// Old files of this node's member in this cluster.
fn left(world: &World) -> impl Iterator<Item = (PathBuf, Bytes)> {
    let local = world.members.iter().find(|member| member.local).map(|member| member.id);
    let owner = local.map(|member| (world.cluster_id, member));
    let ours = move |path: &Path| owner.is_some() && path.file_name().and_then(undo_owner) == owner;
    let found = world.node.disk.iter().flat_map(|disk| &disk.undos);
    found.filter(move |(path, _)| ours(path)).cloned()
}

/// The database file, without symlinks on the way to its data directory.
fn database(node: &Located) -> Option<PathBuf> {
    let disk = node.disk.as_ref()?;
    // Where there is no place for a second name, there is none.
    disk.undo_dir.as_ref()?;
    Some(disk.path.canonicalize().ok()?.join("member/snap/db"))
}

/// What to type to put the old file back; several lines.
fn how_to_use(node: &Located, link: &Path, database: &Path) -> String {
    let (old, new) = (quoted(&link.to_string_lossy()), quoted(&database.to_string_lossy()));
    let (stop, start) = match node.manifest.as_ref().map(|manifest| &manifest.path) {
        Some(path)
            if let (Some(outside), Some(name)) = (path.ancestors().nth(2), path.file_name()) =>
        {
            let parked = outside.join(name);
            let (path, parked) = (path.display(), parked.display());
            (format!(" (`mv {path} {parked}`)"), format!(" (`mv {parked} {path}`)"))
        }
        _ => Default::default(),
    };
    format!(
        "Should this node's new file be bad, the old one can come back: stop etcd here{stop} and wait \
         until it is gone, `mv -f {old} {new}`, start it{start}. It has the old size, catches up by \
         itself, and does until etcd writes its next member/snap/*.snap. Not needed: `rm {old}`; a run \
         that proves all well removes it"
    )
}
