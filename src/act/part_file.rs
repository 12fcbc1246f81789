//! A file that appears under its name only when it is whole: written as
//! `NAME.part`, and removed again when it is dropped before that.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg, OFlag};

/// An unfinished file. The lock on it tells a living writer from the left-over
/// of a killed one.
#[derive(Debug)]
pub struct PartFile {
    file: Option<Flock<File>>,
    part: PathBuf,
    path: PathBuf,
}

impl PartFile {
    /// Makes `PATH.part`, mode 0600, never through a symlink. A left-over part
    /// file that nobody holds is replaced.
    ///
    /// # Errors
    /// `AlreadyExists` when PATH is there (file, link, anything), or when
    /// another process is writing the same file; else the system's.
    pub fn create(path: &Path) -> io::Result<PartFile> {
        if path.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is already there"));
        }
        let mut name = path.file_name().map(OsString::from).unwrap_or_default();
        name.push(".part");
        let part = path.with_file_name(name);
        remove_abandoned(&part)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(&part)?;
        let file = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| io::Error::from(errno))?;
        Ok(PartFile { file: Some(file), part, path: path.to_owned() })
    }

    /// Makes the file durable and gives it its name, without ever replacing
    /// what may have appeared there meanwhile. The directory is synced too, or
    /// a power cut could take the name away again.
    ///
    /// # Errors
    /// The system's; the part file is removed then.
    pub fn commit(mut self) -> io::Result<PathBuf> {
        let Some(file) = &self.file else {
            return Err(io::Error::other("the part file was already closed"));
        };
        file.sync_all()?;
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => fs::remove_file(&self.part)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // vfat and some network filesystems have no hard links.
            Err(_) => {
                if self.path.symlink_metadata().is_ok() {
                    return Err(io::Error::new(
                        io::ErrorKind::AlreadyExists,
                        "it is already there",
                    ));
                }
                fs::rename(&self.part, &self.path)?;
            }
        }
        self.file = None;
        let directory = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(self.path.clone())
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => (**file).write(bytes),
            None => Err(io::Error::other("the part file was already closed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Nothing can be done about a failure here, and the next run
            // replaces an abandoned part file.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Removes what killed runs left half-written in a directory. Only names that
/// a plan makes up (`etcd-CLUSTER-MEMBER-revN-TIMEZ.db.part`) are ours; each is
/// new, so no later run would come across them. A file that somebody holds, or
/// that cannot be removed, is left alone.
pub fn remove_left_overs(directory: &Path) {
    let ours = |name: &str| {
        name.starts_with("etcd-") && name.contains("-rev") && name.ends_with("Z.db.part")
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(ours) {
            // The room it takes is judged before every step all the same.
            let _ = remove_abandoned(&entry.path());
        }
    }
}

/// Removes a part file that no living process holds.
fn remove_abandoned(part: &Path) -> io::Result<()> {
    let open = OpenOptions::new()
        .write(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits())
        .open(part);
    let file = match open {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the .part name is taken"));
    }
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(_held) => fs::remove_file(part),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "another process is writing it right now",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn appears_only_when_whole_and_private() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.db");
        let mut file = PartFile::create(&path)?;
        file.write_all(b"x")?;
        assert!(!path.exists());
        file.commit()?;
        assert_eq!(fs::read(&path)?, b"x");
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn dropped_unfinished_it_leaves_nothing() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        drop(PartFile::create(&dir.path().join("a.db"))?);
        assert_eq!(fs::read_dir(dir.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn nothing_is_ever_replaced_or_followed() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.db");
        let taken = |path: &Path| {
            PartFile::create(path).err().map(|error| error.kind())
                == Some(io::ErrorKind::AlreadyExists)
        };
        std::os::unix::fs::symlink("/nowhere", &path)?;
        assert!(taken(&path));
        fs::remove_file(&path)?;
        fs::write(&path, "old")?;
        assert!(taken(&path));
        fs::remove_file(&path)?;
        let mut first = PartFile::create(&path)?;
        assert!(taken(&path), "a second writer");
        first.write_all(b"new")?;
        fs::write(&path, "sneaked in")?;
        assert!(first.commit().is_err());
        assert_eq!(fs::read(&path)?, b"sneaked in");
        Ok(())
    }

    #[test]
    fn a_symlink_at_the_part_name_is_refused() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious")?;
        std::os::unix::fs::symlink(&victim, dir.path().join("a.db.part"))?;
        assert!(PartFile::create(&dir.path().join("a.db")).is_err());
        assert_eq!(fs::read(&victim)?, b"precious");
        Ok(())
    }

    #[test]
    fn left_overs_go_and_nothing_else_does() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let name = |time: &str| format!("etcd-71d0-master-1-rev7-{time}.db");
        let held = PartFile::create(&dir.path().join(name("20261123T070001Z")))?;
        let dead = name("20261122T070001.104Z") + ".part";
        let others = ["etcd-backup.db.part", &name("20261122T070001Z"), "notes.part"];
        for file in others.iter().chain([&dead.as_str()]) {
            fs::write(dir.path().join(file), "half")?;
        }
        remove_left_overs(dir.path());
        assert!(!dir.path().join(dead).exists());
        assert!(others.iter().all(|file| dir.path().join(file).exists()));
        held.commit().map(drop)
    }

    #[test]
    fn the_left_over_of_a_killed_run_is_replaced() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.db");
        fs::write(dir.path().join("a.db.part"), "half")?;
        let mut file = PartFile::create(&path)?;
        file.write_all(b"whole")?;
        file.commit()?;
        assert_eq!(fs::read(&path)?, b"whole");
        Ok(())
    }
}
