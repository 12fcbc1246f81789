//! Judging a directory that a person named for the snapshot.

use std::{os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{AccessFlags, access};

use crate::model::SnapshotPlace;

use super::disk;

/// A directory of ours inside of one that others may look into.
const NAME: &str = "etcd-rescue";

/// The directory as a place for a snapshot: itself when it is private (mode
/// 0700), else a private one in it, as a snapshot holds every Secret.
///
/// # Errors
/// A sentence: it is missing, no directory, or cannot be written to.
pub fn place(directory: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    let metadata = directory.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    })?;
    if !metadata.is_dir() {
        return Err("it is not a directory".to_owned());
    }
    // For root this fails only where nobody can write: a read-only mount.
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|errno| format!("it cannot be written to: {}", errno.desc()))?;
    let filesystem = disk::filesystem(directory).map_err(|error| error.to_string())?;
    let data_device = data_dir.and_then(|dir| disk::filesystem(dir).ok()).map(|found| found.device);
    let private = metadata.mode() & 0o077 == 0;
    Ok(SnapshotPlace {
        directory: if private { directory.to_owned() } else { directory.join(NAME) },
        shares_data_dir: data_device == Some(filesystem.device),
        filesystem,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_place_must_be_a_directory_that_is_there() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("file");
        std::fs::write(&file, "x")?;
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700))?;
        let private = place(dir.path(), None).map(|place| place.directory);
        assert_eq!(private.as_deref(), Ok(dir.path()));
        let open = dir.path().join("open");
        std::fs::create_dir(&open)?;
        std::fs::set_permissions(&open, Permissions::from_mode(0o755))?;
        let inside = place(&open, None).map(|place| place.directory);
        assert_eq!(inside, Ok(open.join(NAME)));
        assert_eq!(place(&file, None).err().as_deref(), Some("it is not a directory"));
        let missing = place(&dir.path().join("missing"), None).err();
        assert_eq!(missing.as_deref(), Some("it does not exist"));
        Ok(())
    }
}
