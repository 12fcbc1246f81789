//! Judging a directory or a path that a person named for the snapshot.

use std::{fs::Metadata, io, os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{AccessFlags, access, geteuid};

use crate::model::SnapshotPlace;

use super::{disk, host::HostRoot, kernel_log};

/// A directory of ours inside of one that others may look into.
const NAME: &str = "etcd-rescue";

/// Kinds that keep no modes: what the mount says holds for every file.
const WITHOUT_MODES: [&str; 3] = ["vfat", "msdos", "exfat"];

/// Whom NFS servers make of root (`root_squash`).
const NOBODY: u32 = 65534;

/// The directory as a place for a snapshot: itself when it is private (mode
/// 0700), else a private one in it, as a snapshot holds every Secret. Symbolic
/// links on the way are resolved, so that later nobody turns them around.
///
/// # Errors
/// A sentence: it is missing, no directory, cannot be written to, cannot be
/// private, or belongs to somebody else.
pub fn place(directory: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    let place = writable(directory, data_dir)?;
    let metadata = place.directory.metadata().map_err(|error| error.to_string())?;
    if metadata.mode() & 0o077 == 0 {
        is_ours(&place.directory, &metadata)?;
        return Ok(place);
    }
    if WITHOUT_MODES.contains(&place.filesystem.kind.as_str()) {
        return Err(format!(
            "{} keeps no file modes, so that other users of this node could read every Secret; \
             mount it with umask=077",
            place.filesystem.kind
        ));
    }
    let private = place.directory.join(NAME);
    match private.symlink_metadata() {
        Ok(found) if found.is_symlink() => {
            return Err(format!(
                "{} is a symbolic link: name the directory it leads to",
                private.display()
            ));
        }
        Ok(found) if !found.is_dir() => {
            return Err(format!("{} is there and is not a directory", private.display()));
        }
        Ok(found) => is_ours(&private, &found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{}: {error}", private.display())),
    }
    Ok(SnapshotPlace { directory: private, ..place })
}

/// The directory that a new file with this path goes to; the file itself is
/// all that has to be private then.
///
/// # Errors
/// A sentence why there can be no such file.
pub fn target(path: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    // `DIR/` has a file name to Rust.
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err("it does not name a file".to_owned());
    }
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => {
            return Err("it is a symbolic link, which is never followed".to_owned());
        }
        Ok(_) => return Err("it is already there, and nothing is overwritten".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.to_string()),
    }
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(format!("the directory {} does not exist", directory.display()));
    }
    writable(directory, data_dir)
}

/// A directory that is there and can be written to, by its real path.
fn writable(directory: &Path, data_dir: Option<&Path>) -> Result<SnapshotPlace, String> {
    let directory = directory.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        _ => error.to_string(),
    })?;
    if !directory.is_dir() {
        return Err("it is not a directory".to_owned());
    }
    // For root this fails only where nobody can write: a read-only mount.
    access(&directory, AccessFlags::W_OK | AccessFlags::X_OK)
        .map_err(|errno| format!("it cannot be written to: {}", errno.desc()))?;
    let filesystem = disk::filesystem(&directory).map_err(|error| error.to_string())?;
    let data_device = data_dir.and_then(|dir| disk::filesystem(dir).ok()).map(|found| found.device);
    let shares_data_dir = data_device == Some(filesystem.device);
    let devices = kernel_log::disks(&HostRoot::default(), filesystem.device);
    Ok(SnapshotPlace { directory, shares_data_dir, devices, filesystem })
}

/// A private directory of somebody else's is theirs to look into.
fn is_ours(directory: &Path, metadata: &Metadata) -> Result<(), String> {
    let us = geteuid().as_raw();
    let what = format!("{} belongs to another user (uid {})", directory.display(), metadata.uid());
    match metadata.uid() {
        owner if owner == us => Ok(()),
        NOBODY => Err(format!(
            "{what}: it is probably a share that takes root for nobody; export it with \
             no_root_squash, or keep the copy elsewhere with `ssh MASTER etcd-rescue snapshot save \
             - > FILE` and rerun with --no-snapshot"
        )),
        _ => Err(format!("{what}: `chown {us}` it if that is right")),
    }
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

    #[test]
    fn links_are_resolved_but_never_trusted_inside() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let real = dir.path().canonicalize()?.join("real");
        std::fs::create_dir(&real)?;
        std::fs::set_permissions(&real, Permissions::from_mode(0o700))?;
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&real, &link)?;
        assert_eq!(place(&link, None).map(|place| place.directory), Ok(real.clone()));
        std::fs::set_permissions(&real, Permissions::from_mode(0o755))?;
        std::os::unix::fs::symlink("/tmp", real.join(NAME))?;
        let why = place(&real, None).err().unwrap_or_default();
        assert!(why.contains("name the directory it leads to"), "{why}");
        Ok(())
    }

    #[test]
    fn a_directory_of_somebody_else_says_what_to_do() -> std::io::Result<()> {
        if !geteuid().is_root() {
            return Ok(());
        }
        let dir = tempfile::tempdir()?;
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700))?;
        for (owner, advice) in [(NOBODY, "no_root_squash"), (1000, "`chown 0`")] {
            std::os::unix::fs::chown(dir.path(), Some(owner), None)?;
            let why = place(dir.path(), None).err().unwrap_or_default();
            assert!(why.contains("belongs to another user") && why.contains(advice), "{why}");
        }
        Ok(())
    }

    #[test]
    fn a_target_is_a_new_file_in_any_directory() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
        let path = dir.path().join("new.db");
        let found = target(&path, Some(dir.path())).map(|place| place.shares_data_dir);
        assert_eq!(found, Ok(true));
        std::fs::write(&path, "")?;
        assert!(target(&path, None).is_err_and(|why| why.starts_with("it is already there")));
        assert!(target(&dir.path().join("no/x.db"), None).is_err());
        Ok(())
    }
}
