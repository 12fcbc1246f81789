//! The copy of a manifest from before a change, outside of the kubelet's
//! directory.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

use super::{ManifestError, failed};
use crate::{
    act::{SnapshotError, prepare_directory},
    consent::Consent,
    model::ManifestFile,
};

/// Copies the manifest as it was shown to `DIRECTORY/NAME.STAMP`, for root
/// only, and has it on disk when it returns.
///
/// # Errors
/// `Occupied` when that name is taken, `Closed` when the directory is not
/// ours; else the system's. No part of a copy is left.
pub fn back_up(
    manifest: &ManifestFile,
    directory: &Path,
    stamp: &str,
    _consent: &Consent,
) -> Result<PathBuf, ManifestError> {
    private(directory)?;
    let mut name = manifest.path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{stamp}"));
    let path = directory.join(name);
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
        .open(&path);
    let mut file = match made {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(ManifestError::Occupied { path });
        }
        Err(error) => return Err(failed("make", &path)(error)),
    };
    let written = file.write_all(&manifest.bytes).and_then(|()| file.sync_all());
    let written = written.and_then(|()| File::open(directory)?.sync_all());
    if let Err(error) = written {
        // Half a copy must not be taken for one.
        let _ = std::fs::remove_file(&path);
        return Err(failed("write", &path)(error));
    }
    Ok(path)
}

/// Makes the directory, or closes it to everybody else.
pub(super) fn private(directory: &Path) -> Result<(), ManifestError> {
    prepare_directory(directory).map_err(|error| match error {
        SnapshotError::Directory { path, why } => ManifestError::Closed { path, why },
        other => ManifestError::Closed { path: directory.to_owned(), why: other.to_string() },
    })
}
