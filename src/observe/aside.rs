//! What is looked at in a child process, because it may hang: the parent's
//! question and the child's answer side by side, so that both stay one.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    model::{
        Located,
        diagnosis::{DiskBelow, DriveAnswer, DriveHealth, LeafDisk, LogStory, Symptom},
    },
    sys::aside::{Missed, ask},
};

/// Whether every one of these paths answers (a directory is read, a
/// filesystem asked for its room) within this time.
///
/// # Errors
/// `Missed` when one does not.
pub async fn answers(paths: &[&Path], patience: Duration) -> Result<(), Missed> {
    let mut words = vec![OsStr::new("path")];
    words.extend(paths.iter().map(|path| path.as_os_str()));
    ask::<Vec<PathBuf>>(&words, patience).await.map(|_| ())
}

/// The child's side of `answers`.
#[must_use]
pub fn look_at_paths(words: &[OsString]) -> Vec<PathBuf> {
    let look = |path: &OsString| {
        let path = PathBuf::from(path);
        let _missing_answers_too = crate::sys::statvfs::room(&path);
        read_small_files(&path);
        path
    };
    words.iter().map(look).collect()
}

/// Reads the small files of a directory, or the path itself when it is one:
/// what the kernel only remembers of a file says nothing about its disk, and
/// what was read now is remembered when it is wanted.
fn read_small_files(path: &Path) {
    const MOST: usize = 256;
    const LONGEST: u64 = 1 << 20;
    let read = |path: &Path| {
        let small = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LONGEST);
        let _unreadable_answers_too = small.then(|| std::fs::read(path));
    };
    match std::fs::read_dir(path) {
        Ok(entries) => {
            entries.take(MOST).filter_map(Result::ok).for_each(|entry| read(&entry.path()))
        }
        Err(_) => read(path),
    }
}

/// What is below these directories of etcd, watched for some seconds.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn disk_below(
    _node: &Located,
    _window: Duration,
    _patience: Duration,
) -> Result<DiskBelow, Missed> {
    Ok(DiskBelow::default())
}

/// The child's side of `disk_below`.
#[must_use]
pub fn look_below(_words: &[OsString]) -> DiskBelow {
    DiskBelow::default()
}

/// What the firmware of a disk says.
pub async fn drive(leaf: &LeafDisk, _patience: Duration) -> DriveHealth {
    let answer = DriveAnswer::Unreadable { why: String::new(), missing: None };
    DriveHealth { disk: leaf.name.clone(), answer }
}

/// The child's side of `drive`.
#[must_use]
pub fn look_at_drive(_words: &[OsString]) -> Option<DriveAnswer> {
    None
}

/// etcd's log, as far back as `since`.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn log_story(
    _node: &Located,
    _since: Duration,
    _patience: Duration,
) -> Result<LogStory, Missed> {
    Ok(LogStory::default())
}

/// The child's side of `log_story`.
#[must_use]
pub fn read_log(_words: &[OsString]) -> LogStory {
    LogStory::default()
}

/// What the logs of etcd's clients on this node tell.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn symptoms(
    _node: &Located,
    _since: Duration,
    _patience: Duration,
) -> Result<Vec<Symptom>, Missed> {
    Ok(Vec::new())
}

/// The child's side of `symptoms`.
#[must_use]
pub fn find_symptoms(_words: &[OsString]) -> Vec<Symptom> {
    Vec::new()
}
