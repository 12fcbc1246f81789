//! Changing a static-pod manifest so that at any moment, a power cut included,
//! the old one or the new one lies in its place, and never another file in its
//! directory: the kubelet runs every file of it.
//!
//! In order: `open_to_changes`, `back_up`, `write_record`, `replace` (or
//! `take_out` and `put_in`), and when it is over `remove_record`.

mod back_up;
mod held;
mod outside;
mod place;
mod record;

use std::{io, path::PathBuf};

use thiserror::Error;

pub use back_up::back_up;
pub use held::{held_path, put_back, put_in, remove_held, take_out, withdraw};
pub use outside::remove_left_over_manifests;
pub use place::{open_to_changes, replace};
pub use record::{remove_record, write_record};

/// Why a manifest was not changed. Whatever lay in its place still does, unless
/// it is said otherwise.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It is not what was shown any more.
    #[error("somebody else changed {} meanwhile", path.display())]
    Changed {
        /// The manifest.
        path: PathBuf,
    },
    /// Something lies where nothing should.
    #[error("{} is in the way", path.display())]
    Occupied {
        /// What.
        path: PathBuf,
    },
    /// Nothing outside the directory is on its filesystem.
    #[error(
        "{} is a mount point of its own: a new manifest could only be written inside it, where the \
         kubelet would run it half-written",
        directory.display()
    )]
    NoPlaceOutside {
        /// The manifests directory.
        directory: PathBuf,
    },
    /// A read-only filesystem.
    #[error("{} is on a filesystem that is mounted read-only", path.display())]
    ReadOnly {
        /// What cannot be written.
        path: PathBuf,
    },
    /// The immutable flag, or no permission.
    #[error("{} cannot be changed: {why}", path.display())]
    Closed {
        /// What cannot be written.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// The system's.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// "write", "rename", …
        what: &'static str,
        /// What.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl ManifestError {
    /// What to do about it, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Changed { .. } | Self::Io { .. } => None,
            Self::Occupied { path } => {
                Some(format!("see what it is and move it away: `ls -l {}`", path.display()))
            }
            Self::NoPlaceOutside { directory } => Some(format!(
                "edit it by hand: copy it out of {0}, edit the copy, and `cp` it over the old one",
                directory.display()
            )),
            Self::ReadOnly { path } => Some(format!(
                "find out why (`dmesg | tail`: a failing disk does that); when it is sound: `mount \
                 -o remount,rw $(findmnt -n -o TARGET -T {})`",
                path.display()
            )),
            Self::Closed { path, .. } => Some(format!(
                "see whether somebody closed it: `lsattr -d {0}`; `chattr -i {0}` opens it",
                path.display()
            )),
        }
    }
}

/// The system's error with what was done to what.
fn failed(what: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> ManifestError {
    let path = path.to_owned();
    move |source| match source.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(nix::errno::Errno::EROFS) => ManifestError::ReadOnly { path },
        Some(nix::errno::Errno::EPERM) => ManifestError::Closed {
            path,
            why: "not permitted, as for an immutable file".to_owned(),
        },
        _ => ManifestError::Io { what, path, source },
    }
}

#[cfg(test)]
mod tests;
