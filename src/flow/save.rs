//! One snapshot from a member to a file: streamed, synced, read back from the
//! disk, compared, and only then named. Whom it is taken from, where it goes
//! and what is said about it is the caller's.

use std::{
    cell::Cell,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use crate::{
    act::{self, SnapshotError},
    consent::Consent,
    failure::Failure,
    model::{Bytes, Member, Step},
    observe::snapshot_file::{SnapshotFileError, check_shape},
    say::{Progress, json::SnapshotAnswer, ticking},
};

use super::{failures, look::Here, session::Session};

/// The member's own database file, when the member is this node's and its disk
/// answers.
pub fn own_file(here: &Here, member: Option<&Member>) -> Option<PathBuf> {
    let data_dir = here.node.answering_data_dir().filter(|_| member.is_some_and(|it| it.local))?;
    Some(data_dir.join("member/snap/db"))
}

/// Saves what the member of `step` holds, about `expected` bytes, to a new file
/// `path`; `own` is its database file, when that is here. Whatever fails, or is
/// interrupted, leaves no file.
pub async fn save(
    session: &Session,
    here: &Here,
    step: &Step,
    path: &Path,
    expected: Option<Bytes>,
    own: Option<&Path>,
    consent: &Consent,
) -> Result<SnapshotAnswer, Failure> {
    let fail = |error| failures::snapshot(session, &error);
    let dialled = here.access.dial(&step.endpoint).await;
    let etcd = dialled.map_err(|error| failures::step(session, &error))?;
    if let Some(member) = step.member {
        let its = etcd.leads_to(member).await;
        its.map_err(|error| failures::step(session, &error))?;
    }
    let label = format!("snapshot from {}", step.member_name);
    let progress = Progress::bytes(&session.voice, &label, expected.map(|size| size.0));
    let (done, note) = (Cell::new(0), Cell::new(""));
    let show = || progress.at(done.get(), note.get());
    let received = act::receive(&etcd, path, own, consent, |bytes: Bytes| {
        done.set(bytes.0);
        show();
    });
    let received = ticking(received, show).await.map_err(fail)?;
    note.set("writing to disk");
    let received = ticking(received.sync(), show).await.map_err(fail)?;
    note.set("reading it back");
    // Dropping what was received, here and at any other way out, removes it.
    let received = ticking(received.read_back(), show).await.map_err(fail)?;
    if !received.is_as_received() {
        return Err(changed(session, path));
    }
    let file = received.handle().map_err(fail)?;
    ticking(judge(file), show).await.map_err(|error| bad(session, path, error))?;
    let saved = ticking(received.publish(), show).await.map_err(fail)?;
    Ok(SnapshotAnswer {
        path: path.display().to_string(),
        bytes: saved.bytes.0,
        sha256: saved.sha256,
        from_file: saved.from_file,
    })
}

/// On a thread: a disk takes its time, and a signal must not wait for it.
async fn judge(mut file: File) -> Result<(), SnapshotFileError> {
    let checked = tokio::task::spawn_blocking(move || check_shape(&mut file)).await;
    checked.unwrap_or_else(|lost| Err(io::Error::other(lost).into()))
}

/// What is on disk is no snapshot.
fn bad(session: &Session, path: &Path, error: SnapshotFileError) -> Failure {
    match error {
        SnapshotFileError::Checksum => changed(session, path),
        SnapshotFileError::Shape(_) => {
            let why = "read back from the disk, there is no whole etcd database in it";
            failures::snapshot(session, &SnapshotError::Damaged(why))
        }
        SnapshotFileError::Read(source) => failures::snapshot(session, &unwritten(path, source)),
    }
}

/// What is on disk is not what was sent.
fn changed(session: &Session, path: &Path) -> Failure {
    let failure = failures::snapshot_changed(session, path);
    let elsewhere = failures::snapshot(session, &unwritten(path, io::ErrorKind::Other.into()));
    let state = format!("{} The bad file was removed.", failure.state);
    Failure { state, next: elsewhere.next, ..failure }
}

fn unwritten(path: &Path, source: io::Error) -> SnapshotError {
    SnapshotError::Write { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_open_file_is_judged() -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        io::Write::write_all(&mut file, &[7; 1056])?;
        let judged = judge(file).await.err().map(|error| error.to_string());
        assert_eq!(judged.as_deref(), Some("not a snapshot: there is no etcd database inside"));
        Ok(())
    }
}
