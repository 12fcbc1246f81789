//! `snapshot save` and `snapshot verify`.

use std::{io, path::Path};

use serde::Serialize;

use crate::{
    act,
    consent::{Authority, Needed, Policy},
    decide,
    failure::{Exit, Failure},
    model::{Bytes, Member, Step, StepKind, World},
    observe,
    say::{Progress, Voice, json::SnapshotAnswer},
};

use super::{
    failures,
    look::{Here, arrive, look},
    session::Session,
};

/// Streams a snapshot to PATH, or to stdout for `-`.
pub async fn save(session: &Session, path: &Path, member: Option<&str>) -> Result<Exit, Failure> {
    let to_stdout = path == Path::new("-");
    if to_stdout && session.voice.terminal().stdout {
        return Err(failures::stdout_is_terminal(session));
    }
    let here = arrive(session).await?;
    let world = look(session, &here).await?;
    let source = source(session, &world, member)?;
    if to_stdout {
        return stream_out(session, &here, source).await;
    }
    let size = source.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    check_target(session, path, size)?;
    let step = Step {
        id: "snapshot".to_owned(),
        member: Some(source.id),
        member_name: source.label(),
        endpoint: source.endpoint.clone(),
        kind: StepKind::Snapshot { path: path.to_owned() },
    };
    let consent = Authority::new(Policy::AllYes)
        .obtain(&step, Needed::Nothing, "", &session.voice)
        .await
        .map_err(|refused| session.stopped(refused.to_string(), session.again()))?;
    let etcd = here
        .access
        .dial(&source.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    let label = format!("snapshot from {}", source.label());
    let progress = Progress::bytes(&session.voice, &label, Some(size.0));
    let show = |done: Bytes| progress.at(done.0, "");
    let saved = act::save(&etcd, path, consent, show)
        .await
        .map_err(|error| failures::snapshot(session, &error))?;
    drop(progress);
    observe::snapshot_file::check(path)
        .map_err(|error| failures::snapshot_file(session, path, &error))?;
    let answer = SnapshotAnswer {
        path: path.display().to_string(),
        bytes: saved.bytes.0,
        sha256: saved.sha256,
    };
    tell_saved(&session.voice, &source.label(), &answer);
    Ok(Exit::Ok)
}

fn tell_saved(voice: &Voice, member: &str, answer: &SnapshotAnswer) {
    voice.answer(&format!(
        "{}: {} from {member}, verified, sha256 {}",
        answer.path,
        Bytes(answer.bytes),
        answer.sha256
    ));
    voice.json(answer);
}

/// The member asked for, else the one a plan would take.
fn source<'a>(
    session: &Session,
    world: &'a World,
    member: Option<&str>,
) -> Result<&'a Member, Failure> {
    match member {
        Some(name) => {
            let member = world
                .member_called(name)
                .ok_or_else(|| failures::unknown_member(session, name, world))?;
            match &member.status {
                Ok(_) => Ok(member),
                Err(why) => Err(failures::member_silent(session, &member.label(), why)),
            }
        }
        None => decide::snapshot_source(world)
            .map(|(member, _)| member)
            .map_err(|refusal| failures::refused(session, &[refusal])),
    }
}

/// Everything that can be known about the place before a byte is sent.
fn check_target(session: &Session, path: &Path, size: Bytes) -> Result<(), Failure> {
    let refuse = |why: String| Err(failures::snapshot_path(session, path, &why));
    if path.file_name().is_none() {
        return refuse("it does not name a file".to_owned());
    }
    match path.symlink_metadata() {
        Ok(found) if found.file_type().is_symlink() => {
            return refuse("it is a symbolic link, which is never followed".to_owned());
        }
        Ok(_) => return refuse("it is already there, and nothing is overwritten".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return refuse(error.to_string()),
    }
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return refuse(format!("the directory {} does not exist", directory.display()));
    }
    match observe::place(directory, None) {
        Ok(place) if place.filesystem.available < size.plus(Bytes::MIB) => refuse(format!(
            "{} has {} free, the snapshot needs {size}",
            place.filesystem.mount_point.display(),
            place.filesystem.available
        )),
        Ok(_) => Ok(()),
        Err(why) => refuse(why),
    }
}

async fn stream_out(session: &Session, here: &Here, source: &Member) -> Result<Exit, Failure> {
    let etcd = here
        .access
        .dial(&source.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    let size = source.status.as_ref().map(|status| status.db_size.0).ok();
    let progress =
        Progress::bytes(&session.voice, &format!("snapshot from {}", source.label()), size);
    let mut sink = Stdout(&session.voice);
    let saved = act::stream(&etcd, Path::new("(stdout)"), &mut sink, |done| {
        progress.at(done.0, "");
    })
    .await
    .map_err(|error| failures::snapshot(session, &error))?;
    progress.finish(&format!(
        "{} streamed, checksum right, sha256 {} - compare with `sha256sum` at the other end",
        saved.bytes, saved.sha256
    ));
    Ok(Exit::Ok)
}

/// stdout through the one voice.
struct Stdout<'a>(&'a Voice);

impl io::Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.raw(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct VerifyAnswer<'a> {
    path: String,
    valid: bool,
    bytes: u64,
    sha256: &'a str,
    page_size: u32,
}

/// Checks a snapshot file on disk; needs no etcd.
pub fn verify(session: &Session, path: &Path) -> Result<Exit, Failure> {
    let file = observe::snapshot_file::check(path)
        .map_err(|error| failures::snapshot_file(session, path, &error))?;
    session.voice.answer(&format!(
        "{}: a whole snapshot, {}, checksum right, sha256 {}",
        path.display(),
        file.bytes,
        file.sha256
    ));
    session.voice.json(&VerifyAnswer {
        path: path.display().to_string(),
        valid: true,
        bytes: file.bytes.0,
        sha256: &file.sha256,
        page_size: file.page_size,
    });
    Ok(Exit::Ok)
}
