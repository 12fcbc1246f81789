//! `usage --from -`: a snapshot or database through a pipe. Its tree is read
//! from the end, so it is kept on a disk for as long as that takes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::unistd::geteuid;

use super::{
    super::{failures, look, session::Session},
    Read, file, next,
    spool::Spool,
};
use crate::{
    act::SpoolError,
    failure::{Exit, Failure},
    model::{Bytes, SnapshotPlace, usage::SourceKind},
    observe,
    say::{Progress, ticking},
};

/// Takes in what comes, and reads it.
pub(super) async fn read(session: &Session) -> Result<Read, Failure> {
    if session.voice.terminal().stdin {
        return Err(is_terminal(session));
    }
    let places = places(session).await?;
    let spool = Spool::find(&places, None).map_err(|why| no_room(session, &why))?;
    let (spool, taken) = take_in(session, spool).await?;
    if taken == Bytes(0) {
        let what = "nothing came through the pipe";
        return Err(session.stopped(what, how(session)));
    }
    file::read_spooled(session, &spool, SourceKind::Pipe, String::new(), String::new())
        .await
        .map_err(|failure| Failure {
            next: format!("look what the command before the pipe said, then {}", how(session)),
            ..failure
        })
}

/// On a thread of its own: a pipe may be silent for as long as it likes.
async fn take_in(session: &Session, spool: Spool) -> Result<(Spool, Bytes), Failure> {
    let progress = Progress::bytes(&session.voice, "taking in the pipe", None);
    let done = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&done);
    let taking = tokio::task::spawn_blocking(move || {
        let taken = spool.file.fill(io::stdin().lock(), spool.most, |bytes| {
            counted.store(bytes.0, Ordering::Relaxed);
        });
        (spool, taken)
    });
    let show = || progress.at(done.load(Ordering::Relaxed), "");
    let (spool, taken) = ticking(taking, show)
        .await
        .map_err(|lost| session.stopped(lost.to_string(), session.again()))?;
    drop(progress);
    match taken {
        Ok(taken) => Ok((spool, taken)),
        Err(error @ SpoolError::Input(_)) => Err(session.stopped(error.to_string(), how(session))),
        Err(error) => {
            let directory = spool.directory.display();
            Err(no_room(session, &format!("{directory}: {error}")))
        }
    }
}

/// The directory asked for, or this node's disks, which may be no master's.
async fn places(session: &Session) -> Result<Vec<SnapshotPlace>, Failure> {
    if !geteuid().is_root() && session.settings.snapshot_dir.is_none() {
        // A person's own machine: what everybody may use and a reboot keeps.
        let place = observe::data_disk::place("/var/tmp".as_ref(), None).await;
        return Ok(place.into_iter().collect());
    }
    match observe::locate(&session.settings).await {
        Ok(node) => look::snapshot_places(session, &node).await,
        Err(_) => {
            let data_dir = next::data_dir_with_a_database(session, None).await;
            look::places_beside(session, data_dir.as_deref()).await
        }
    }
}

fn is_terminal(session: &Session) -> Failure {
    Failure::new(
        Exit::Usage,
        "`--from -` reads a pipe, and stdin is a terminal",
        failures::UNTOUCHED,
        how(session),
    )
}

fn no_room(session: &Session, why: &str) -> Failure {
    let next = format!(
        "name a directory with room: `{}`\nor save it first: `{}`, then `{}`",
        next::ours(session, &session.command, Some("DIR")),
        next::ours(session, "snapshot save FILE", None),
        next::ours(session, "usage --from FILE", None)
    );
    let failure = session.stopped(why, next);
    Failure { state: format!("{} Nothing was left on disk.", failure.state), ..failure }
}

/// How a pipe is made.
fn how(session: &Session) -> String {
    format!("`{}`", next::piped(session))
}
