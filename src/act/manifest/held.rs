//! A manifest taken out of its directory, so that the kubelet stops the pod,
//! and put back, or another one in its place.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{
    ManifestError, failed,
    outside::{Outside, parent_and_name},
    place::{must_be, sha256_of, sync_both},
};
use crate::{consent::Consent, model::ManifestFile};

/// Where a manifest is kept while it is out of its directory: beside it, on
/// the same filesystem.
///
/// # Errors
/// There is no such place.
pub fn held_path(manifest: &Path) -> Result<PathBuf, ManifestError> {
    let (parent, name) = parent_and_name(manifest)?;
    Ok(parent.join(format!("etcd-rescue-held-{name}")))
}

/// Takes the manifest that was shown out of its directory; the kubelet stops
/// its pod. Returns where it is now.
///
/// # Errors
/// `Changed` when something else lies there by now, `Occupied` when one is
/// held already; else the system's.
pub fn take_out(shown: &ManifestFile, _consent: &Consent) -> Result<PathBuf, ManifestError> {
    let held = held_path(&shown.path)?;
    must_be(shown)?;
    move_to(&shown.path, &held)?;
    sync_both(&shown.path)?;
    Ok(held)
}

/// Puts the held manifest back into its place, which has to be empty.
///
/// # Errors
/// `Occupied` when another one lies there; else the system's.
pub fn put_back(manifest: &Path, _consent: &Consent) -> Result<(), ManifestError> {
    move_to(&held_path(manifest)?, manifest)?;
    sync_both(manifest)
}

/// Puts `bytes` into the empty place of `old`, with its mode and owner. The
/// held manifest stays where it is.
///
/// # Errors
/// `Occupied` when another one lies there; else the system's.
pub fn put_in(old: &ManifestFile, bytes: &[u8], _consent: &Consent) -> Result<(), ManifestError> {
    let new = Outside::write(old, &held_path(&old.path)?, bytes)?;
    move_to(new.path(), &old.path)?;
    new.has_its_place();
    sync_both(&old.path)
}

/// Takes away the manifest that was shown, while another one is held: the
/// kubelet stops its pod, and the held one can be put back.
///
/// # Errors
/// `Changed` when something else lies there by now; else the system's.
pub fn withdraw(shown: &ManifestFile, _consent: &Consent) -> Result<(), ManifestError> {
    must_be(shown)?;
    fs::remove_file(&shown.path).map_err(failed("remove", &shown.path))?;
    sync_both(&shown.path)
}

/// Removes the held manifest, once another one has its place: the backup keeps
/// it. One with other bytes is left alone.
///
/// # Errors
/// `Changed` when it is not the one with this SHA-256; else the system's.
pub fn remove_held(manifest: &Path, sha256: &str, _consent: &Consent) -> Result<(), ManifestError> {
    let held = held_path(manifest)?;
    if sha256_of(&held)? != sha256 {
        return Err(ManifestError::Changed { path: held });
    }
    fs::remove_file(&held).map_err(failed("remove", &held))
}

/// A rename that never replaces anything (renameat2(2), RENAME_NOREPLACE).
fn move_to(from: &Path, to: &Path) -> Result<(), ManifestError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => Err(ManifestError::Occupied { path: to.to_owned() }),
        // A filesystem without it: looked first, renamed then.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if to.symlink_metadata().is_ok() {
                return Err(ManifestError::Occupied { path: to.to_owned() });
            }
            fs::rename(from, to).map_err(failed("move", from))
        }
        Err(error) => Err(failed("move", from)(error.into())),
    }
}
