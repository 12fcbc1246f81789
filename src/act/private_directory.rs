//! Making the directory for files that hold every Secret, and closing it to
//! everybody else. Writes no file.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use nix::unistd::geteuid;

use super::SnapshotError;

/// Makes a private directory (mode 0700) for files that hold every Secret. One
/// that is there already has to be ours, and is closed to everybody else.
///
/// # Errors
/// `Directory` with the reason.
pub fn prepare_directory(directory: &Path) -> Result<(), SnapshotError> {
    let refuse = |why: String| SnapshotError::Directory { path: directory.to_owned(), why };
    let says = |error: io::Error| refuse(error.to_string());
    let made = match directory.symlink_metadata() {
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(says)?;
            true
        }
        Err(error) => return Err(says(error)),
    };
    let judged = close_to_others(directory).map_err(refuse);
    if made && judged.is_err() {
        // Empty, and of no use to anybody.
        let _ = fs::remove_dir(directory);
    }
    judged
}

fn close_to_others(directory: &Path) -> Result<(), String> {
    let look = || directory.symlink_metadata().map_err(|error| error.to_string());
    let found = look()?;
    if found.is_symlink() {
        return Err("it is a symbolic link: name the directory it leads to".to_owned());
    }
    if !found.is_dir() {
        return Err("it is not a directory".to_owned());
    }
    if found.uid() != geteuid().as_raw() {
        // 65534 is whom NFS servers make of root (root_squash).
        let why = if found.uid() == 65534 {
            ": this share takes root for nobody; export it with no_root_squash"
        } else {
            ""
        };
        return Err(format!("it belongs to another user (uid {}){why}", found.uid()));
    }
    if found.mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(directory, Permissions::from_mode(0o700))
        .map_err(|error| error.to_string())?;
    if look()?.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err("this filesystem keeps no modes, so that other users of this node could look into it; \
         mount it with umask=077"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_private_afterwards() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let mode = |path: &Path| path.metadata().map(|found| found.mode() & 0o777);
        let new = outer.path().join("a/b");
        assert!(prepare_directory(&new).is_ok());
        assert_eq!(mode(&new)?, 0o700);
        fs::set_permissions(&new, Permissions::from_mode(0o777))?;
        assert!(prepare_directory(&new).is_ok());
        assert_eq!(mode(&new)?, 0o700);
        let link = outer.path().join("link");
        std::os::unix::fs::symlink(&new, &link)?;
        assert!(prepare_directory(&link).is_err(), "a symlink");
        fs::write(outer.path().join("file"), "")?;
        assert!(prepare_directory(&outer.path().join("file")).is_err(), "a file");
        Ok(())
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() -> io::Result<()> {
        if !geteuid().is_root() {
            return Ok(());
        }
        let outer = tempfile::tempdir()?;
        std::os::unix::fs::chown(outer.path(), Some(65534), None)?;
        let why = prepare_directory(outer.path()).err().map(|error| error.to_string());
        assert!(why.is_some_and(|why| why.contains("uid 65534") && why.contains("no_root_squash")));
        Ok(())
    }
}
