//! Owner, mode, times and extended attributes (SELinux labels among them): as
//! the source has them.

use std::{
    ffi::CStr,
    fs::{File, FileTimes, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::Path,
};

use nix::fcntl::OFlag;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

use super::CopyError;

/// Longest list of names, and longest value, that Linux has (xattr(7)).
const LONGEST: usize = 64 << 10;

/// Gives `target` what `source` has; what its filesystem does not keep is told
/// in `notes`.
///
/// # Errors
/// The kernel's words about owner, mode or times.
pub fn of_file(
    source: &File,
    target: &File,
    path: &Path,
    notes: &mut Vec<String>,
) -> io::Result<()> {
    let meta = source.metadata()?;
    fchown(target, Some(meta.uid()), Some(meta.gid()))?;
    target.set_permissions(meta.permissions())?;
    extended(source, target, path, notes);
    let times = FileTimes::new().set_accessed(meta.accessed()?).set_modified(meta.modified()?);
    target.set_times(times)
}

/// The same for a directory, which is synced too.
///
/// # Errors
/// `Read` and `Write`.
pub fn of_directory(from: &Path, to: &Path, notes: &mut Vec<String>) -> Result<(), CopyError> {
    let open = |path: &Path| {
        let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let source = open(from).map_err(|source| CopyError::Read {
        path: from.to_owned(),
        offset: 0,
        source,
    })?;
    let done = open(to).and_then(|target| {
        of_file(&source, &target, from, notes)?;
        target.sync_all()
    });
    done.map_err(|source| CopyError::Write { path: to.to_owned(), source })
}

fn extended(source: &File, target: &File, path: &Path, notes: &mut Vec<String>) {
    let mut names = vec![0_u8; LONGEST];
    // A filesystem without them says so here.
    let Ok(length) = flistxattr(source, &mut names[..]) else { return };
    let mut value = vec![0_u8; LONGEST];
    let list = names.get(..length).unwrap_or_default();
    for name in list.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let copied = fgetxattr(source, name, &mut value[..]).and_then(|length| {
            fsetxattr(target, name, value.get(..length).unwrap_or_default(), XattrFlags::empty())
        });
        if let Err(error) = copied {
            notes.push(format!(
                "{}: the attribute {} could not be kept: {error}",
                path.display(),
                name.to_string_lossy()
            ));
        }
    }
}
