//! The record of a change under way: on disk before the first effect, gone
//! after the last.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;
use serde::Serialize;

use super::{ManifestError, back_up::private, failed};

/// Writes the record to `path` (`model::UNFINISHED_CHANGE`, or
/// `model::RELOCATION`), in the place of the one before; on disk when it
/// returns.
///
/// # Errors
/// The system's, and the one before is still there; `Closed` when its
/// directory is not ours.
pub fn write_record(path: &Path, change: &impl Serialize) -> Result<(), ManifestError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    private(directory)?;
    let new = path.with_extension("json.new");
    // Of a run that was killed between the two steps.
    let _ = fs::remove_file(&new);
    let written = serde_json::to_vec_pretty(change).map_err(io::Error::from).and_then(|text| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(directory)?.sync_all()
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&new);
        failed("write", path)(error)
    })
}

/// Takes the record away: the change is over. That there is none is fine.
///
/// # Errors
/// The system's.
pub fn remove_record(path: &Path) -> Result<(), ManifestError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("remove", path)(error)),
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(failed("sync", directory))
}
