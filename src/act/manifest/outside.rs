//! Files of ours beside the manifests directory: on its filesystem, so that
//! they can take a manifest's place in one step, and where no kubelet looks.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use rustix::{
    fs::{XattrFlags, fsetxattr, lgetxattr},
    io::Errno,
};

use super::{ManifestError, failed};
use crate::model::ManifestFile;

/// Where the kernel keeps a file's SELinux label (xattr(7)).
const LABEL: &str = "security.selinux";

/// A whole new manifest that has not its place yet; removed when it never gets
/// it.
#[derive(Debug)]
pub(super) struct Outside {
    path: Option<PathBuf>,
}

impl Outside {
    /// Writes `bytes` beside the directory of `old`, with mode, owner and label
    /// of `like`; on disk when it returns.
    pub(super) fn write(
        old: &ManifestFile,
        like: &Path,
        bytes: &[u8],
    ) -> Result<Outside, ManifestError> {
        let (parent, name) = parent_and_name(&old.path)?;
        let path = parent.join(format!("{}{}", prefix(&name), std::process::id()));
        // Of a run that had our pid; nobody else makes such a name.
        let _ = fs::remove_file(&path);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(&path)
            .map_err(failed("make", &path))?;
        let made = Outside { path: Some(path.clone()) };
        file.write_all(bytes)
            .and_then(|()| fchown(&file, Some(old.uid), Some(old.gid)))
            .and_then(|()| file.set_permissions(Permissions::from_mode(old.mode)))
            .and_then(|()| copy_label(like, &file))
            .and_then(|()| file.sync_all())
            .map_err(failed("write", &path))?;
        Ok(made)
    }

    /// Where it is now.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// It has its place: there is nothing to remove.
    pub(super) fn has_its_place(mut self) {
        self.path = None;
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // The next run removes what cannot be removed now.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes new manifests that killed runs left beside the directory. Only
/// called while the node's lock is held: nobody writes one then.
pub fn remove_left_over_manifests(manifest: &Path) {
    let Ok((parent, name)) = parent_and_name(manifest) else { return };
    let prefix = prefix(&name);
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if pid.is_some_and(|pid| pid.parse::<u32>().is_ok()) {
            // It is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn prefix(name: &str) -> String {
    format!(".etcd-rescue-{name}.")
}

/// The directory above the manifest's own, and its name. Links on the way are
/// resolved: above a link is another place than above what it leads to.
pub(super) fn parent_and_name(manifest: &Path) -> Result<(PathBuf, String), ManifestError> {
    let directory = manifest.parent().unwrap_or(Path::new("/"));
    let directory = directory.canonicalize().map_err(failed("find", directory))?;
    let name = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match directory.parent() {
        Some(parent) => Ok((parent.to_owned(), name)),
        None => Err(ManifestError::NoPlaceOutside { directory }),
    }
}

/// Gives `file` the SELinux label of `like`; without one there is nothing to
/// do.
fn copy_label(like: &Path, file: &File) -> io::Result<()> {
    let mut label = [0_u8; 4096];
    let length = match lgetxattr(like, LABEL, &mut label) {
        Ok(length) => length,
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Ok(fsetxattr(file, LABEL, &label[..length], XattrFlags::empty())?)
}
