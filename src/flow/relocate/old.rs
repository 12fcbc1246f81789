//! `--remove-old`: the data of before, once etcd runs from its new place.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    act::{NodeLock, copy_tree::remove_data, manifest::remove_record},
    consent::{self, Consent},
    failure::{Exit, Failure},
    flow::{
        defragment::serves,
        look::{Here, look},
        session::Session,
    },
    model::{ContainerState, Located, MemberId, Outcome, RELOCATION, Relocation, StepStatus},
    observe,
    say::json::RelocationAnswer,
};

use super::{Request, begun::Begun, note_word, refused_word, troubles};

/// What a data directory is made of, and what we keep beside it.
const MEMBER: &str = "member";

/// Removes them, after the member's name.
pub(super) async fn remove_old(
    session: &Session,
    here: &Here,
    begun: Option<Begun>,
    request: Request<'_>,
    lock: &mut Option<NodeLock>,
) -> Result<Exit, Failure> {
    if let Some(begun) = begun {
        return Err(troubles::still_under_way(session, &begun));
    }
    let record = superseded(session, here).await?;
    let size = observe::data_disk::data_dir(&record.from).await;
    let size = size.ok().and_then(Result::ok).map(|(disk, _)| disk.used).unwrap_or_default();
    let (member, from) = (&record.member, record.from.display());
    let what = format!(
        "The old data of {member} in {from} ({size}); etcd runs from {}.",
        record.to.display()
    );
    session.voice.say(&what);
    if session.settings.dry_run {
        let answer = RelocationAnswer::new(Outcome::Planned, Exit::Ok, &record);
        session.voice.answer(&format!("would remove {size} in {from}"));
        session.voice.json(&RelocationAnswer { next: session.again(), ..answer });
        return Ok(Exit::Ok);
    }
    let question = format!("Remove the old data in {from} for good?");
    let voice = &session.voice;
    let asked = consent::by_word_or_flag(&question, member, &what, request.confirmed, voice).await;
    let consent = asked.map_err(|refused| refused_word(session, member, refused))?;
    note_word(session, request, lock);
    // A person may think for an hour.
    let record = superseded(session, here).await?;
    remove(session, &record, &consent)
}

/// The record of the move that ended well, while etcd runs from its new place.
async fn superseded(session: &Session, here: &Here) -> Result<Relocation, Failure> {
    let record = observe::relocation(Path::new(RELOCATION))
        .map_err(|error| troubles::record(session, RELOCATION, &error))?;
    let Some(record) = record.filter(|record| record.done && record.from != record.to) else {
        return Err(troubles::nothing_to_remove(session));
    };
    let node = here.node_now(session).await;
    let world = look(session, here).await?;
    let id = MemberId(u64::from_str_radix(&record.member_id, 16).unwrap_or_default());
    if !(runs_from(&node, &record.to) && serves(&world, id)) {
        return Err(troubles::not_on_the_new_disk(session, &record));
    }
    // A link, or a mount of the new disk, would lead to what is in use.
    let is = |path: &Path| fs::symlink_metadata(path).map(|it| (it.dev(), it.ino(), it.is_dir()));
    match (is(&record.from), is(&record.to)) {
        (Ok(from), Ok(to)) if !from.2 || from == to => {
            Err(troubles::not_the_old_data(session, &record))
        }
        _ => Ok(record),
    }
}

fn remove(session: &Session, record: &Relocation, consent: &Consent) -> Result<Exit, Failure> {
    let (names, others) = names(&record.from);
    let mut run = session.record_mut();
    run.changed_anything = true;
    run.begin_step("remove_old", None);
    drop(run);
    let freed = remove_data(&record.from, &names, consent)
        .map_err(|error| troubles::not_removed(session, record, &error))?;
    remove_record(Path::new(RELOCATION)).map_err(|error| troubles::manifest(session, &error))?;
    session.record_mut().end_step(StepStatus::Done, format!("{freed} removed"));
    if !others.is_empty() {
        let others = others.join(", ");
        session.voice.warn(&format!("{} still holds {others}", record.from.display()));
    }
    session.voice.answer(&format!("{freed} removed in {}.", record.from.display()));
    let answer = RelocationAnswer::new(Outcome::Done, Exit::Ok, record);
    session.voice.json(&RelocationAnswer { removed_bytes: Some(freed.0), ..answer });
    Ok(Exit::Ok)
}

/// Whether the etcd that runs here has its data below that directory, by the
/// runtime's word.
fn runs_from(node: &Located, to: &Path) -> bool {
    let container =
        node.container.as_ref().filter(|container| container.state == ContainerState::Running);
    let mounted = container
        .is_some_and(|container| container.mounts.iter().any(|it| to.starts_with(&it.host_path)));
    mounted && node.data_dir.as_ref().is_some_and(|found| found.value == to)
}

/// What is etcd's in the old directory, and what is not.
fn names(from: &Path) -> (Vec<OsString>, Vec<String>) {
    let entries = fs::read_dir(from).into_iter().flatten().filter_map(Result::ok);
    let all: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    let ours = |name: &&PathBuf| {
        let text = name.to_string_lossy();
        text == MEMBER || text.starts_with("member.etcd-rescue-")
    };
    let (etcd, others): (Vec<&PathBuf>, Vec<&PathBuf>) = all.iter().partition(ours);
    let others = others.into_iter().map(|name| name.display().to_string());
    (
        etcd.into_iter().map(OsString::from).collect(),
        others.filter(|it| it != "lost+found").collect(),
    )
}
