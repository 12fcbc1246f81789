//! The way back to the old data: the manifest from before in its place, the
//! member well there, our copy gone. When the member has already written to
//! the copy, the old data must never be started as they are: they would have
//! forgotten what the member promised to its peers (raft's votes and log). Then
//! what is on the new disk is brought back first.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::model::Timestamp;

use crate::{
    act::{
        copy_tree::{Shown, bring_back, list, remove_data, wal_now},
        manifest::{put_back, put_in, remove_held, remove_record, withdraw},
    },
    consent::Consent,
    failure::Failure,
    flow::{
        look::Here,
        replaced::{self, Expected, Replaced},
        session::Session,
    },
    model::{
        Bytes, DataDir, Located, ManifestFile, Phase, RELOCATION, StepStatus, UNFINISHED_CHANGE,
    },
    observe::data_disk,
    say::{Progress, human, ticking},
};

use super::{
    begun::{Begun, Place},
    down,
    newest::{Newest, newest},
    tell, troubles, way_back_troubles,
};

/// How it went back.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// Where the data from before lie when newer ones took their place.
    pub aside: Option<PathBuf>,
    /// What could not be removed of our copy.
    pub left: Option<String>,
}

/// Goes back from wherever it stands.
pub(super) async fn go_back(
    session: &Session,
    here: &Here,
    begun: &mut Begun,
    patience: Duration,
    consent: &Consent,
) -> Result<Back, Failure> {
    session.voice.heading("Going back to the old data");
    begin_step(session, begun);
    let ended = all_the_way(session, here, begun, patience, consent).await;
    let (status, detail) = match &ended {
        Ok(_) => (StepStatus::Done, "the member is well on the old data".to_owned()),
        Err(failure) => (StepStatus::Failed, failure.what.clone()),
    };
    session.record_mut().end_step(status, detail);
    ended
}

fn begin_step(session: &Session, begun: &Begun) {
    let mut record = session.record_mut();
    record.begin_step("go_back", Some(begun.member()));
    record.changed_anything = true;
    if let Some(running) = record.running.as_mut() {
        running.goes_on = tell::state(begun);
    }
}

async fn all_the_way(
    session: &Session,
    here: &Here,
    begun: &mut Begun,
    patience: Duration,
    consent: &Consent,
) -> Result<Back, Failure> {
    let (mut back, mut dead) = (Back::default(), Vec::new());
    let place = begun.place().map_err(|error| troubles::unreadable(session, begun, &error))?;
    if place == Place::Other {
        return Err(troubles::other_manifest(session, begun));
    }
    if place == Place::Before {
        must_not_have_forgotten(session, begun).await?;
    }
    if let Err(failure) = begun.note(session, Phase::RollingBack) {
        // What lies on disk tells the same.
        session.voice.warn(&failure.what);
    }
    let manifest = |error| troubles::manifest(session, &error);
    if place == Place::Before {
        if begun.held().is_some() {
            remove_held(&begun.before.path, &begun.before.sha256, consent).map_err(manifest)?;
        }
    } else {
        if place == Place::After {
            let shown =
                ManifestFile { sha256: begun.change.after_sha256.clone(), ..begun.before.clone() };
            withdraw(&shown, consent).map_err(manifest)?;
        }
        match down::wait_until_down(session, here, begun).await {
            Ok(()) => dead = dead_containers(&here.node_now(session).await),
            // It never ran on anything but the old data, and may run on.
            Err(who) if !begun.record.started => {
                session.voice.warn(&format!("etcd has not ended ({who}): it may run on"));
            }
            Err(who) => return Err(way_back_troubles::does_not_end(session, begun, &who)),
        }
        back.aside = newer_data(session, begun, consent).await?;
        begun.record.came_back = true;
        if let Err(failure) = begun.note(session, Phase::RollingBack) {
            session.voice.warn(&failure.what);
        }
        let put = match begun.held() {
            Some(_) => put_back(&begun.before.path, consent),
            None => put_in(&begun.before, &begun.before.bytes, consent),
        };
        put.map_err(manifest)?;
        session.voice.ok(&format!("{} is the old one again", begun.before.path.display()));
    }
    see_that_it_is_well(session, here, begun, patience, dead).await?;
    back.left = remove_copy(begun, consent).err();
    remove_record(Path::new(UNFINISHED_CHANGE))
        .and_then(|()| remove_record(Path::new(RELOCATION)))
        .map_err(manifest)?;
    Ok(back)
}

/// Brings back what the member wrote on the new disk, if it did.
async fn newer_data(
    session: &Session,
    begun: &Begun,
    consent: &Consent,
) -> Result<Option<PathBuf>, Failure> {
    let record = &begun.record;
    if !record.started {
        return Ok(None);
    }
    troubles::target_is_there(session, begun).await?;
    let failed = |error| way_back_troubles::not_brought_back(session, begun, &error);
    match newest(record).await.map_err(failed)? {
        Newest::New => {}
        Newest::Old => {
            session.voice.ok("the old data are the newest there are");
            return Ok(None);
        }
        Newest::Both => return Err(way_back_troubles::two_histories(session, begun)),
        Newest::Gone => return Err(way_back_troubles::copy_is_gone(session, begun)),
    }
    session.voice.warn(
        "the member has already written to the new disk: the old data alone would make it forget \
         what it promised to the others, so what is there comes back first",
    );
    enough_room(session, begun).await?;
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let shown: Arc<Shown> = Arc::default();
    let progress = Progress::bytes(&session.voice, "copying back", None);
    let show = || progress.at(shown.done(), &shown.note());
    let work = bring_back(&record.from, &record.to, &stamp, &shown, consent);
    let aside = ticking(work, show).await.map_err(failed)?;
    drop(progress);
    session.voice.ok("the newest data are on the old disk again");
    Ok(aside)
}

/// Somebody put the old manifest back by hand, although the member had written
/// on the new disk: neither way is right then, and nothing is removed.
pub(super) async fn must_not_have_forgotten(
    session: &Session,
    begun: &Begun,
) -> Result<(), Failure> {
    let record = &begun.record;
    if !record.started || record.came_back || record.wal.is_empty() {
        return Ok(());
    }
    match wal_now(&record.to, &Arc::default()).await {
        Ok(new) if !new.is_empty() && new != record.wal => {
            Err(way_back_troubles::two_histories(session, begun))
        }
        _ => Ok(()),
    }
}

async fn enough_room(session: &Session, begun: &Begun) -> Result<(), Failure> {
    if !begun.record.from.join("member").exists() {
        // An earlier run came as far as the renames: nothing more is copied.
        return Ok(());
    }
    let needed = list(&begun.record.to).map_or(Bytes(0), |tree| tree.bytes).plus(DataDir::SPARE);
    match data_disk::data_dir(&begun.record.from).await {
        Ok(Ok((disk, _))) if disk.filesystem.available < needed => {
            Err(way_back_troubles::no_room_back(session, begun, disk.filesystem.available, needed))
        }
        _ => Ok(()),
    }
}

/// The containers of the manifest that was taken away: that they ended tells
/// nothing of the one that comes back.
fn dead_containers(node: &Located) -> Vec<String> {
    let last = node.last_end.iter().map(|end| end.id.clone());
    node.container.iter().map(|container| container.id.clone()).chain(last).collect()
}

async fn see_that_it_is_well(
    session: &Session,
    here: &Here,
    begun: &Begun,
    patience: Duration,
    dead: Vec<String>,
) -> Result<(), Failure> {
    let expected = Expected {
        member: begun.record.member.clone(),
        args: Vec::new(),
        mounts: begun.is_volume.then(|| begun.record.from.clone()).into_iter().collect(),
        not: dead,
        patience,
    };
    match replaced::wait(session, here, &expected, "waiting for etcd on the old data").await {
        Replaced::Runs { elapsed_ms, .. } => {
            session.voice.ok(&format!(
                "{} serves from {} again and has caught up ({})",
                begun.record.member,
                begun.record.from.display(),
                human::duration(Duration::from_millis(elapsed_ms))
            ));
            Ok(())
        }
        Replaced::Failed(not) => {
            for line in &not.log {
                session.voice.say(&format!("  {line}"));
            }
            Err(way_back_troubles::not_well_on_old_data(session, begun, &not.why))
        }
    }
}

/// Removes what we put into the target.
fn remove_copy(begun: &Begun, consent: &Consent) -> Result<(), String> {
    let record = &begun.record;
    let names: Vec<OsString> = record
        .names
        .iter()
        .flat_map(|name| [name.clone(), format!("{name}.etcd-rescue.part")])
        .map(OsString::from)
        .collect();
    let left = |error: &dyn std::fmt::Display| {
        format!("our copy in {} could not be removed: {error}", record.to.display())
    };
    remove_data(&record.to, &names, consent).map_err(|error| left(&error))?;
    if record.made && record.to.exists() {
        std::fs::remove_dir(&record.to).map_err(|error| left(&error))?;
    }
    Ok(())
}
