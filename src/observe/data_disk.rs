//! The data directory and the places for a snapshot, looked at by a child: the
//! disk below them may hang, and then nothing of ours must. What is looked at
//! is `disk`'s, `place`'s and `snapshot_places`' matter.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{disk, place, snapshot_places};
use crate::{
    model::{Bytes, DataDir, SnapshotPlace},
    sys::aside::{Missed, ask},
};

/// How long the data directory, or a place for the snapshot, may take to
/// answer.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What is seen of a data directory: it, and what could not be read below it;
/// or the kernel's words.
pub type Seen = Result<(DataDir, Vec<String>), String>;

/// The directories that could take a snapshot, and the mounts that did not
/// answer.
pub type Places = (Vec<SnapshotPlace>, Vec<PathBuf>);

/// The data directory as it is now.
///
/// # Errors
/// `Missed::Late` when it does not answer.
pub async fn data_dir(path: &Path) -> Result<Seen, Missed> {
    ask_or_look(&[OsStr::new("data-dir"), path.as_os_str()], PATIENCE, look_at_data_dir).await
}

/// The child's side of `data_dir`.
///
/// # Errors
/// The kernel's words.
pub fn look_at_data_dir(words: &[OsString]) -> Seen {
    disk::data_dir(&path(words, 0)).map_err(|error| error.to_string())
}

/// `db.tmp*` in the data directory; none when it does not answer.
pub async fn new_files(data_dir: &Path) -> Vec<(PathBuf, Bytes)> {
    let words = [OsStr::new("new-files"), data_dir.as_os_str()];
    ask_or_look(&words, PATIENCE, look_for_new_files).await.unwrap_or_default()
}

/// The child's side of `new_files`.
#[must_use]
pub fn look_for_new_files(words: &[OsString]) -> Vec<(PathBuf, Bytes)> {
    disk::leftovers(&path(words, 0).join("member/snap"))
}

/// Directories that could take the snapshot of an etcd with this data
/// directory.
///
/// # Errors
/// `Missed::Late`, when even the mount table cannot be had.
pub async fn places(data_dir: Option<&Path>) -> Result<Places, Missed> {
    let mut words = vec![OsStr::new("places")];
    words.extend(data_dir.map(Path::as_os_str));
    // It waits for its mounts itself.
    ask_or_look(&words, PATIENCE * 3, look_for_places).await
}

/// The child's side of `places`.
#[must_use]
pub fn look_for_places(words: &[OsString]) -> Places {
    let data_dir = words.first().map(Path::new);
    snapshot_places::answering_places(data_dir, PATIENCE)
}

/// A directory named for the snapshot, judged; as `place::place`.
///
/// # Errors
/// A sentence why it cannot be used.
pub async fn place(directory: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    judged("place", directory, data_dir, judge_place).await
}

/// The child's side of `place`.
///
/// # Errors
/// As `place`.
pub fn judge_place(words: &[OsString]) -> Result<SnapshotPlace, String> {
    place::place(&path(words, 0), words.get(1).map(Path::new))
}

/// A path named for the snapshot, judged; as `place::target`.
///
/// # Errors
/// A sentence why it cannot be used.
pub async fn target(file: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    judged("target", file, data_dir, judge_target).await
}

/// The child's side of `target`.
///
/// # Errors
/// As `target`.
pub fn judge_target(words: &[OsString]) -> Result<SnapshotPlace, String> {
    place::target(&path(words, 0), words.get(1).map(Path::new))
}

/// What a child, or else this process, says of a path that was named.
async fn judged(
    word: &str,
    asked: &Path,
    data_dir: Option<&Path>,
    here: fn(&[OsString]) -> Result<SnapshotPlace, String>,
) -> Result<SnapshotPlace, String> {
    // The child has another working directory. A trailing slash means
    // something, and `absolute` keeps it.
    let asked = std::path::absolute(asked).map_err(|error| error.to_string())?;
    let mut words = vec![OsStr::new(word), asked.as_os_str()];
    words.extend(data_dir.map(Path::as_os_str));
    ask_or_look(&words, PATIENCE, here).await.unwrap_or_else(|_| Err(too_long()))
}

/// Why a place that does not answer cannot be used.
fn too_long() -> String {
    format!("a look at it took longer than {} s: its disk may hang", PATIENCE.as_secs())
}

/// Asks a child; looks here where there can be none.
pub(super) async fn ask_or_look<T>(
    words: &[&OsStr],
    patience: Duration,
    here: fn(&[OsString]) -> T,
) -> Result<T, Missed>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    match ask(words, patience).await {
        Err(Missed::Failed(_)) => {
            let rest: Vec<OsString> = words.iter().skip(1).map(|word| word.into()).collect();
            Ok(here(&rest))
        }
        answered => answered,
    }
}

pub(super) fn path(words: &[OsString], index: usize) -> PathBuf {
    words.get(index).map(PathBuf::from).unwrap_or_default()
}
