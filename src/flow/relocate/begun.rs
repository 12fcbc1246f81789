//! A relocation that is under way: what the records hold, and what is seen of
//! its manifest. Writes the records; nothing else.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::model::Timestamp;

use crate::{
    act::manifest::{back_up, held_path, remove_record, write_record},
    consent::Consent,
    decide,
    failure::Failure,
    flow::session::Session,
    model::{
        EditedManifest, MANIFEST_BACKUPS, ManifestEdit, ManifestFile, MemberId, Phase, Purpose,
        RELOCATION, Relocation, UNFINISHED_CHANGE, UnfinishedChange,
    },
    observe::{
        self,
        manifest::host_paths,
        manifest_directory::{manifest_file, sha256},
    },
};

use super::troubles;

/// Everything that both ways, on and back, need.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// The record of the data.
    pub record: Relocation,
    /// The record of the manifest.
    pub change: UnfinishedChange,
    /// The manifest from before, with its own place as path.
    pub before: ManifestFile,
    /// The manifest that is wanted.
    pub after: Vec<u8>,
    /// Whether the volume was edited, so that the container shows the path.
    pub is_volume: bool,
}

/// What lies in the manifest's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The manifest from before.
    Before,
    /// The one that is wanted.
    After,
    /// Nothing.
    Empty,
    /// Another one.
    Other,
}

impl Begun {
    /// Whose data it is; 0 when the record was spoilt.
    pub fn member(&self) -> MemberId {
        MemberId(u64::from_str_radix(&self.record.member_id, 16).unwrap_or_default())
    }

    /// What lies in the manifest's place now.
    pub fn place(&self) -> io::Result<Place> {
        match manifest_file(&self.before.path) {
            Ok(file) if file.sha256 == self.change.before_sha256 => Ok(Place::Before),
            Ok(file) if file.sha256 == self.change.after_sha256 => Ok(Place::After),
            Ok(_) => Ok(Place::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::Empty),
            Err(error) => Err(error),
        }
    }

    /// Where the manifest from before is held, when it is.
    pub fn held(&self) -> Option<PathBuf> {
        let held = held_path(&self.before.path).ok()?;
        manifest_file(&held).is_ok_and(|file| file.sha256 == self.before.sha256).then_some(held)
    }

    /// Writes both records, with this step begun.
    pub fn note(&mut self, session: &Session, phase: Phase) -> Result<(), Failure> {
        self.change.phase = phase;
        write_record(Path::new(RELOCATION), &self.record)
            .and_then(|()| write_record(Path::new(UNFINISHED_CHANGE), &self.change))
            .map_err(|error| troubles::manifest(session, &error))
    }
}

/// The edited manifest for this move, and whether the volume is edited.
pub(super) fn edited(
    text: &str,
    readable: &Path,
    from: &Path,
    to: &Path,
) -> Result<(EditedManifest, bool), String> {
    let edit =
        decide::relocation_edit(&host_paths(readable, "etcd"), from, to).ok_or_else(|| {
            format!(
                "{} is no hostPath volume of its own in the manifest, and no volume of it holds {}",
                from.display(),
                to.display()
            )
        })?;
    let is_volume = matches!(edit, ManifestEdit::HostPath { .. });
    // A disk that is not mounted after a reboot must not become an empty
    // directory that etcd starts on.
    let there = ManifestEdit::HostPathHasToExist { path: to.to_owned() };
    let safer = is_volume.then(|| decide::edit_manifest(text, &[edit.clone(), there]).ok());
    let edited = match safer.flatten() {
        Some(edited) => edited,
        None => decide::edit_manifest(text, &[edit]).map_err(|unfit| unfit.why)?,
    };
    if edited.text == text {
        return Err("the manifest would not change: its data directory is another one".to_owned());
    }
    Ok((edited, is_volume))
}

/// Whether the kubelet will refuse to make an empty directory in this place.
pub(super) fn is_guarded(text: &str, to: &Path) -> bool {
    let there = ManifestEdit::HostPathHasToExist { path: to.to_owned() };
    decide::edit_manifest(text, &[there]).is_ok_and(|edited| edited.text == text)
}

/// What is about to begin, before anything is written.
pub(super) fn prepared(
    record: Relocation,
    before: ManifestFile,
    after: &EditedManifest,
    is_volume: bool,
    container: Option<String>,
    session: &Session,
) -> Begun {
    let after = after.text.clone().into_bytes();
    let change = UnfinishedChange {
        purpose: Purpose::Relocate { from: record.from.clone(), to: record.to.clone() },
        manifest: before.path.clone(),
        backup: PathBuf::new(),
        before_sha256: before.sha256.clone(),
        after_sha256: sha256(&after),
        phase: Phase::Began,
        member: record.member.clone(),
        container_before: container,
        began_at: Timestamp::now().to_string(),
        command: session.again(),
    };
    Begun { record, change, before, after, is_volume }
}

/// The backup and the records: from here on another run can go on.
pub(super) fn begin(
    session: &Session,
    mut begun: Begun,
    consent: &Consent,
) -> Result<Begun, Failure> {
    let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S.%fZ");
    let kept = back_up(&begun.before, Path::new(MANIFEST_BACKUPS), &stamp, consent);
    begun.change.backup = kept.map_err(|error| troubles::manifest(session, &error))?;
    begun.note(session, Phase::Began)?;
    Ok(begun)
}

/// A move that came no further than its records never was; whether it could be
/// forgotten.
pub(super) fn forget(begun: &Begun) -> bool {
    // Whatever lies in its place, it was not us who put it there.
    let untouched = begun.place().is_ok_and(|place| place != Place::Empty);
    // What is left is found by the next run, and taken back.
    untouched
        && remove_record(Path::new(UNFINISHED_CHANGE)).is_ok()
        && remove_record(Path::new(RELOCATION)).is_ok()
}

/// The relocation that an earlier run began and did not end.
pub(super) fn begun(session: &Session) -> Result<Option<Begun>, Failure> {
    let unreadable = |path: &str| {
        let path = path.to_owned();
        move |error: io::Error| troubles::record(session, &path, &error)
    };
    let change = observe::unfinished_change(Path::new(UNFINISHED_CHANGE))
        .map_err(unreadable(UNFINISHED_CHANGE))?;
    let Some(change) = change else { return Ok(None) };
    if change.purpose == Purpose::Prevent {
        return Err(troubles::other_change(session, &change));
    }
    let record = observe::relocation(Path::new(RELOCATION)).map_err(unreadable(RELOCATION))?;
    let Some(record) = record else {
        let gone = io::Error::from(io::ErrorKind::NotFound);
        return Err(troubles::record(session, RELOCATION, &gone));
    };
    let purpose = Purpose::Relocate { from: record.from.clone(), to: record.to.clone() };
    if change.purpose != purpose || change.member != record.member {
        let odd = io::Error::other("it is about another move than the one that was broken off");
        return Err(troubles::record(session, RELOCATION, &odd));
    }
    let before = before(&change).ok_or_else(|| troubles::no_manifest(session, &change))?;
    let text = String::from_utf8_lossy(&before.1.bytes).into_owned();
    let (after, is_volume) = edited(&text, &before.0, &record.from, &record.to)
        .map_err(|why| troubles::unfit(session, &why))?;
    Ok(Some(Begun { record, change, before: before.1, after: after.text.into(), is_volume }))
}

/// The manifest from before, wherever it is now.
fn before(change: &UnfinishedChange) -> Option<(PathBuf, ManifestFile)> {
    let held = held_path(&change.manifest).ok();
    let places = [held, Some(change.manifest.clone()), Some(change.backup.clone())];
    places.into_iter().flatten().find_map(|path| {
        let file = manifest_file(&path).ok().filter(|it| it.sha256 == change.before_sha256)?;
        // The backup is for root alone; kubeadm's manifests are, too.
        Some((path, ManifestFile { path: change.manifest.clone(), ..file }))
    })
}
