//! `snapshot save` and `snapshot verify`.

use std::{cell::Cell, io, path::Path};

use serde::Serialize;

use crate::{
    act,
    consent::{Authority, Policy, needed},
    decide,
    failure::{Exit, Failure},
    model::{Bytes, Member, MemberStatus, Outcome, Refusal, SnapshotPlace, Step, StepKind, World},
    observe,
    say::{Progress, Voice, json::SnapshotAnswer, ticking},
};

use super::{
    disk_health::{DiskHealth, disk_health, sick_disks},
    failures,
    look::{Here, arrive},
    save,
    session::Session,
    waiting::look_first,
};

/// Streams a snapshot to PATH, or to stdout for `-`; with `--dry-run` only says
/// so.
pub async fn save(session: &Session, path: &Path, member: Option<&str>) -> Result<Exit, Failure> {
    let to_stdout = path == Path::new("-");
    if to_stdout && session.voice.terminal().stdout {
        return Err(failures::stdout_is_terminal(session));
    }
    let here = arrive(session).await?;
    let looked = look_first(session, &here, &session.settings.allow_missing);
    let judged = !to_stdout && !session.settings.accept_sick_disk;
    let health = async { if judged { disk_health(&here).await } else { DiskHealth::default() } };
    let (world, health) = tokio::join!(looked, health);
    let world = world?;
    let source = source(session, &world, member, decide::snapshot_source)?;
    let size = source.status.as_ref().map(|status| status.db_size).unwrap_or_default();
    let mut sick_disk = None;
    if !to_stdout {
        let place = check_target(session, &here, path, size).await?;
        sick_disk = sick_below(session, health, &world, &place)?;
    }
    if session.settings.dry_run {
        return Ok(tell_planned(&session.voice, source, path, size));
    }
    if to_stdout {
        return stream_out(session, &here, source).await;
    }
    let step = Step {
        id: "snapshot".to_owned(),
        member: Some(source.id),
        member_name: source.label(),
        endpoint: source.endpoint.clone(),
        kind: StepKind::Snapshot { path: path.to_owned(), sick_disk, expected: size, small: false },
    };
    let policy = Policy::of(session.settings.yes, session.voice.can_ask());
    let consent = Authority::new(policy)
        .obtain(&step, needed(&step, 1, false), "", &session.voice)
        .await
        .map_err(|refused| session.stopped(refused.to_string(), session.again()))?;
    let own = save::own_file(&here, Some(source));
    let saving = save::save(session, &here, &step, path, Some(size), own.as_deref(), &consent);
    let answer = saving.await?;
    tell_saved(&session.voice, &source.label(), &answer);
    Ok(Exit::Ok)
}

/// What `--dry-run` has to say.
#[derive(Serialize)]
struct PlannedAnswer {
    outcome: Outcome,
    exit_code: u8,
    path: String,
    member: String,
    endpoint: String,
    /// Size of the database now; the file is 32 bytes longer.
    db_size: u64,
}

fn tell_planned(voice: &Voice, source: &Member, path: &Path, size: Bytes) -> Exit {
    let member = source.label();
    let to_stdout = path == Path::new("-");
    let place = if to_stdout { "stdout".to_owned() } else { path.display().to_string() };
    let text = format!("would save {size} from {member} to {place}; nothing was written");
    if to_stdout {
        // What is waiting there for a snapshot gets nothing else.
        voice.say(&text);
    } else {
        voice.answer(&text);
    }
    voice.json(&PlannedAnswer {
        outcome: Outcome::Planned,
        exit_code: Exit::Ok as u8,
        path: path.display().to_string(),
        member,
        endpoint: source.endpoint.clone(),
        db_size: size.0,
    });
    Exit::Ok
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

/// The member asked for, else the best one by `best`.
pub(super) fn source<'a>(
    session: &Session,
    world: &'a World,
    member: Option<&str>,
    best: fn(&'a World) -> Result<(&'a Member, &'a MemberStatus), Refusal>,
) -> Result<&'a Member, Failure> {
    match member {
        Some(name) => {
            let member = world
                .member_called(name)
                .ok_or_else(|| failures::unknown_member(session, name, world))?;
            match &member.status {
                Ok(_) => Ok(member),
                Err(why) => Err(failures::member_silent(session, &member.label(), &why.why)),
            }
        }
        None => best(world)
            .map(|(member, _)| member)
            .map_err(|refusal| failures::refused(session, &[refusal])),
    }
}

/// Everything that can be known about the place before a byte is sent.
async fn check_target(
    session: &Session,
    here: &Here,
    path: &Path,
    size: Bytes,
) -> Result<SnapshotPlace, Failure> {
    let refuse = |why: String| failures::snapshot_path(session, path, &why);
    let data_dir = here.node.answering_data_dir();
    let place = observe::data_disk::target(path, data_dir).await.map_err(refuse)?;
    let needed = decide::needed_at(place.shares_data_dir, size);
    let filesystem = &place.filesystem;
    if filesystem.available >= needed {
        return Ok(place);
    }
    let (mount, free) = (filesystem.mount_point.display(), filesystem.available);
    let why = if place.shares_data_dir {
        "to leave etcd, whose disk it is, room for its log and for a defragmentation"
    } else {
        "to be on the safe side"
    };
    Err(refuse(format!("{mount} has {free} free, the snapshot needs {size}, and {needed} {why}")))
}

/// The failing disk whose name has to be typed before this place is used; it
/// may be the only copy there will be.
fn sick_below(
    session: &Session,
    health: DiskHealth,
    world: &World,
    place: &SnapshotPlace,
) -> Result<Option<String>, Failure> {
    if session.settings.accept_sick_disk {
        return Ok(None);
    }
    let sick_disks = sick_disks(health, world);
    let Some(sick) = decide::sick_disk_below(place, &sick_disks) else { return Ok(None) };
    if session.settings.yes || !session.voice.can_ask() {
        let refusal = decide::only_copy_on_sick_disk(place, sick);
        return Err(failures::refused(session, &[refusal]));
    }
    session.voice.warn(&format!("{} is failing: {}", sick.label, sick.signs.join("; ")));
    Ok(Some(sick.disk.clone()))
}

async fn stream_out(session: &Session, here: &Here, source: &Member) -> Result<Exit, Failure> {
    let etcd = here
        .access
        .dial(&source.endpoint)
        .await
        .map_err(|error| failures::step(session, &error))?;
    let size = source.status.as_ref().map(|status| status.db_size.0).ok();
    let label = format!("snapshot from {}", source.label());
    let progress = Progress::bytes(&session.voice, &label, size);
    let done = Cell::new(0);
    let show = || progress.at(done.get(), "");
    let sink = Stdout(session.voice.clone());
    let streamed = act::stream(&etcd, Path::new("(stdout)"), sink, |bytes| {
        done.set(bytes.0);
        show();
    });
    let streamed = ticking(streamed, show).await;
    let saved = streamed.map_err(|error| failures::snapshot(session, &error))?;
    progress.finish(&format!(
        "{} streamed, checksum right, sha256 {} - compare with `sha256sum` at the other end",
        saved.bytes, saved.sha256
    ));
    Ok(Exit::Ok)
}

/// stdout through the one voice.
struct Stdout(Voice);

impl io::Write for Stdout {
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
pub async fn verify(session: &Session, path: &Path) -> Result<Exit, Failure> {
    // On a thread of its own, so that a signal is heard while a big file on a
    // slow disk is read.
    let owned = path.to_owned();
    let checked = tokio::task::spawn_blocking(move || observe::snapshot_file::check(&owned)).await;
    let file = checked
        .map_err(|error| session.stopped(error.to_string(), session.again()))?
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
