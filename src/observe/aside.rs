//! What is looked at in a child process, because it may hang: the parent's
//! question and the child's answer side by side, so that both stay one.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    below::{self, Question},
    host::HostRoot,
    logs::{
        log_files::{Limits, PODS},
        log_story, symptoms,
    },
    smart,
};
use crate::{
    model::{
        Found, Located,
        diagnosis::{DiskBelow, DriveAnswer, DriveHealth, LeafDisk, LogStory, Symptom},
    },
    sys::aside::{ask, have_done, understood, word},
};

pub use crate::sys::aside::Missed;

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

/// What is below etcd's directories of this node, watched for this long.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn disk_below(
    node: &Located,
    window: Duration,
    patience: Duration,
) -> Result<DiskBelow, Missed> {
    let pid = node.process.as_ref().map_or(0, |process| process.pid);
    let words = [OsString::from(window.as_millis().to_string()), OsString::from(pid.to_string())];
    let path = |found: &Option<Found<PathBuf>>| {
        found.as_ref().map_or_else(OsString::new, |found| found.value.clone().into_os_string())
    };
    let paths = [path(&node.data_dir), path(&node.wal_dir)];
    let mut all = vec![OsStr::new("disks")];
    all.extend(words.iter().chain(&paths).map(OsString::as_os_str));
    have_done(&all, patience).await
}

/// The child's side of `disk_below`: milliseconds, etcd's pid or 0, the data
/// directory and the WAL directory, each empty when there is none.
#[must_use]
pub fn look_below(words: &[OsString]) -> DiskBelow {
    let number = |at: usize| words.get(at).and_then(|word| word.to_str()?.parse::<u32>().ok());
    let path = |at: usize| words.get(at).filter(|word| !word.is_empty()).map(PathBuf::from);
    let question = Question {
        window: Duration::from_millis(number(0).unwrap_or_default().into()),
        etcd: number(1).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0),
        data_dir: path(2),
        wal_dir: path(3),
    };
    below::look(&HostRoot::default(), &question)
}

/// What the firmware of a disk says. The disk is only touched by the child.
pub async fn drive(leaf: &LeafDisk, patience: Duration) -> DriveHealth {
    let words = [OsStr::new("drive"), &word(leaf)];
    let unreadable = |why| DriveAnswer::Unreadable { why, missing: None };
    let answer = match have_done::<Option<DriveAnswer>>(&words, patience).await {
        Ok(Some(answer)) => answer,
        Ok(None) => unreadable("nobody could be sent to ask it".to_owned()),
        Err(Missed::Late(waited)) => {
            DriveAnswer::Silent { after_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
        }
        Err(Missed::Failed(why)) => {
            unreadable(format!("whoever was sent to ask it did not come back: {why}"))
        }
    };
    DriveHealth { disk: leaf.name.clone(), answer }
}

/// The child's side of `drive`.
#[must_use]
pub fn look_at_drive(words: &[OsString]) -> Option<DriveAnswer> {
    Some(smart::ask(&understood(words.first()?)?))
}

/// etcd's log, as far back as `since`.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn log_story(
    node: &Located,
    since: Duration,
    patience: Duration,
) -> Result<LogStory, Missed> {
    match log_story::place(node) {
        Ok(place) => have_done(&log_words("log", since, patience, &[place]).each(), patience).await,
        Err(sentence) => Ok(LogStory { complaints: vec![sentence], ..LogStory::default() }),
    }
}

/// The child's side of `log_story`.
#[must_use]
pub fn read_log(words: &[OsString]) -> LogStory {
    let (limits, places) = log_limits(words);
    places.first().map(|place| log_story::read(place, limits)).unwrap_or_default()
}

/// A child's question about logs.
struct LogWords(Vec<OsString>);

impl LogWords {
    fn each(&self) -> Vec<&OsStr> {
        self.0.iter().map(OsString::as_os_str).collect()
    }
}

/// The child stops by itself while there is still time to answer.
fn log_words(word: &str, since: Duration, patience: Duration, places: &[PathBuf]) -> LogWords {
    let within = patience.mul_f64(0.7).as_millis();
    let numbers = [since.as_secs().to_string(), within.to_string()].map(OsString::from);
    let places = places.iter().map(|place| place.clone().into_os_string());
    LogWords([OsString::from(word)].into_iter().chain(numbers).chain(places).collect())
}

/// The child's side of `log_words`.
fn log_limits(words: &[OsString]) -> (Limits, Vec<PathBuf>) {
    let number = |at: usize| -> u64 {
        words.get(at).and_then(|word| word.to_str()?.parse().ok()).unwrap_or_default()
    };
    let limits = Limits::new(Duration::from_secs(number(0)), Duration::from_millis(number(1)));
    (limits, words.iter().skip(2).map(PathBuf::from).collect())
}

/// What the logs of etcd's clients on this node tell.
///
/// # Errors
/// `Missed` when it takes too long.
pub async fn symptoms(
    node: &Located,
    since: Duration,
    patience: Duration,
) -> Result<Vec<Symptom>, Missed> {
    let begun = Instant::now();
    let named = symptoms::log_paths(node).await;
    let left = patience.saturating_sub(begun.elapsed());
    have_done(&log_words("symptoms", since, left, &named).each(), left).await
}

/// The child's side of `symptoms`.
#[must_use]
pub fn find_symptoms(words: &[OsString]) -> Vec<Symptom> {
    let (limits, named) = log_limits(words);
    symptoms::find(&named, Path::new(PODS), limits)
}
