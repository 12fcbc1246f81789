//! The manifest's own place: whether it can be changed at all, and putting
//! another manifest into it in one step.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    unistd::{AccessFlags, access},
};
use ring::digest;

use super::{
    ManifestError, failed,
    outside::{Outside, parent_and_name},
};
use crate::{consent::Consent, model::ManifestFile, sys::mountinfo::is_mount_point};

/// Whether the manifest could be replaced, by all that can be seen without
/// changing anything.
///
/// # Errors
/// The reason why not.
pub fn open_to_changes(manifest: &Path) -> Result<(), ManifestError> {
    let (parent, _) = parent_and_name(manifest)?;
    let directory = manifest.parent().unwrap_or(Path::new("/"));
    let directory = directory.canonicalize().map_err(failed("find", directory))?;
    let device = |path: &Path| path.metadata().map(|found| found.dev()).ok();
    if device(&parent) != device(&directory) || is_mount_point(&directory) {
        return Err(ManifestError::NoPlaceOutside { directory });
    }
    for path in [&parent, &directory, manifest] {
        match access(path, AccessFlags::W_OK) {
            Ok(()) => {}
            Err(Errno::EROFS) => return Err(ManifestError::ReadOnly { path: path.to_owned() }),
            Err(Errno::EPERM) => {
                let why = "it has the immutable flag".to_owned();
                return Err(ManifestError::Closed { path: path.to_owned(), why });
            }
            Err(error) => {
                let why = error.desc().to_owned();
                return Err(ManifestError::Closed { path: path.to_owned(), why });
            }
        }
    }
    // Of a bind mount the device is the same, and so may be everything else.
    if is_mount_point(manifest) {
        let why = "it is a mount point of its own".to_owned();
        return Err(ManifestError::Closed { path: manifest.to_owned(), why });
    }
    Ok(())
}

/// Puts `bytes` in the place of the manifest that was shown, in one step, with
/// its mode, owner and SELinux label. On disk when it returns.
///
/// # Errors
/// `Changed` when something else lies there by now. Until the last step the
/// old manifest is in its place; when that step's own sync fails, the new one
/// is.
pub fn replace(
    shown: &ManifestFile,
    bytes: &[u8],
    _consent: &Consent,
) -> Result<(), ManifestError> {
    let new = Outside::write(shown, &shown.path, bytes)?;
    must_be(shown)?;
    fs::rename(new.path(), &shown.path).map_err(failed("replace", &shown.path))?;
    new.has_its_place();
    sync_both(&shown.path)
}

/// The manifest in its place is still the one that was shown.
pub(super) fn must_be(shown: &ManifestFile) -> Result<(), ManifestError> {
    if sha256_of(&shown.path)? == shown.sha256 {
        Ok(())
    } else {
        Err(ManifestError::Changed { path: shown.path.clone() })
    }
}

/// SHA-256 of a file, in hex, never through a link.
pub(super) fn sha256_of(path: &Path) -> Result<String, ManifestError> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let mut bytes = Vec::new();
    File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .and_then(|file| file.take(2 << 20).read_to_end(&mut bytes))
        .map_err(failed("read", path))?;
    let hash = digest::digest(&digest::SHA256, &bytes);
    Ok(hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A rename is safe from a power cut when both directories are on disk.
pub(super) fn sync_both(manifest: &Path) -> Result<(), ManifestError> {
    let (parent, _) = parent_and_name(manifest)?;
    for directory in [manifest.parent().unwrap_or(Path::new("/")), &parent] {
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed("sync", directory))?;
    }
    Ok(())
}
