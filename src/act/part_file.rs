//! A file that appears under its name only when it is whole: written as
//! `NAME.part`, and removed again when it is dropped before that.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg, OFlag},
};
use rustix::fs::{CWD, RenameFlags, renameat_with};

const BUSY: &str = "another process is writing it right now";

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
    /// another process is writing the same file; a sentence when the
    /// filesystem keeps no modes; else the system's.
    pub fn create(path: &Path) -> io::Result<PartFile> {
        if path.symlink_metadata().is_ok() {
            return Err(taken("it is already there"));
        }
        let mut name = path.file_name().map(OsString::from).unwrap_or_default();
        name.push(".part");
        let part = path.with_file_name(name);
        remove_abandoned(&part)?;
        // Readable, too: it is read back before it gets its name.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits())
            .open(&part)?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            // Another run took it for a left-over, and removes it.
            Err((_, Errno::EWOULDBLOCK)) => return Err(taken(BUSY)),
            Err((_, errno)) => {
                let _ = fs::remove_file(&part);
                return Err(errno.into());
            }
        };
        if !is_at(&file, &part) {
            return Err(taken(BUSY));
        }
        let made = PartFile { file: Some(file), part, path: path.to_owned() };
        made.must_be_private()?;
        Ok(made)
    }

    /// Some filesystems take a mode and forget it.
    fn must_be_private(&self) -> io::Result<()> {
        let mode = self.open()?.metadata()?.mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "this filesystem keeps no file modes (it made {mode:04o} of 0600), so that other users \
             of this node could read every Secret; mount it with umask=077, or take another one"
        )))
    }

    /// Another handle on the same open file, for a thread of its own. Once the
    /// part file was dropped it leads to a file without a name.
    ///
    /// # Errors
    /// The system's.
    pub fn handle(&self) -> io::Result<File> {
        self.open()?.try_clone()
    }

    fn open(&self) -> io::Result<&File> {
        self.file.as_deref().ok_or_else(|| io::Error::other("the part file was already closed"))
    }

    /// Gives the file its name; what it holds must be on disk by then. Returns
    /// the directory, which has to be synced, or a power cut could take the
    /// name away again.
    ///
    /// A hard link never replaces anything. Where there are none (vfat, some
    /// network filesystems) it is looked first and renamed then: a file that
    /// appears under the name between these two is replaced.
    ///
    /// # Errors
    /// The system's; the part file is removed then. A sentence when its name leads
    /// elsewhere by now.
    pub fn publish(mut self) -> io::Result<File> {
        let directory = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let directory = File::open(directory.unwrap_or(Path::new(".")))?;
        if !is_at(self.open()?, &self.part) {
            // What is there now is not ours, neither to name nor to remove.
            self.file = None;
            return Err(io::Error::other("its unfinished file was moved, removed or replaced"));
        }
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => fs::remove_file(&self.part)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => look_and_rename(&self.part, &self.path)?,
        }
        self.file = None;
        Ok(directory)
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
        return Err(taken("the .part name is taken"));
    }
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        // Locked, and still what the name leads to: nobody who keeps to the
        // lock can put another file there before it is gone.
        Ok(held) if is_at(&held, part) => fs::remove_file(part),
        // It ended or was replaced between opening and locking.
        Ok(_other) => Ok(()),
        Err((_, Errno::EWOULDBLOCK)) => Err(taken(BUSY)),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// Renames, and never replaces anything where the kernel can see to that (NFS and
/// some others know no such flag): there it is looked first.
///
/// # Errors
/// `AlreadyExists`; else the system's.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    or_look(renamed.map_err(Into::into), from, to)
}

fn or_look(renamed: io::Result<()>, from: &Path, to: &Path) -> io::Result<()> {
    let errno = renamed.as_ref().err().and_then(io::Error::raw_os_error).map(Errno::from_raw);
    match errno {
        Some(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => look_and_rename(from, to),
        _ => renamed,
    }
}

fn look_and_rename(from: &Path, to: &Path) -> io::Result<()> {
    if to.symlink_metadata().is_ok() {
        return Err(taken("it is already there"));
    }
    fs::rename(from, to)
}

/// Whether the name leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn taken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, why)
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn appears_only_when_whole_and_private() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.db");
        let file = PartFile::create(&path)?;
        file.handle()?.write_all(b"x")?;
        assert!(!path.exists());
        file.publish()?;
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
        let first = PartFile::create(&path)?;
        assert!(taken(&path), "a second writer");
        first.handle()?.write_all(b"new")?;
        fs::write(&path, "sneaked in")?;
        assert!(first.publish().is_err());
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
        held.publish().map(drop)
    }

    #[test]
    fn the_left_over_of_a_killed_run_is_replaced() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.db");
        fs::write(dir.path().join("a.db.part"), "half")?;
        let file = PartFile::create(&path)?;
        file.handle()?.write_all(b"whole")?;
        file.publish()?;
        assert_eq!(fs::read(&path)?, b"whole");
        Ok(())
    }

    #[test]
    fn only_the_very_file_that_was_opened_counts() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&path, "")?;
        let open = File::open(&path)?;
        assert!(is_at(&open, &path));
        fs::write(&other, "")?;
        fs::rename(&other, &path)?;
        assert!(!is_at(&open, &path), "another writer's");
        fs::remove_file(&path)?;
        assert!(!is_at(&open, &path));
        Ok(())
    }

    #[test]
    fn another_file_never_gets_the_name() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (path, part) = (dir.path().join("a.db"), dir.path().join("a.db.part"));
        let file = PartFile::create(&path)?;
        fs::remove_file(&part)?;
        fs::write(&part, "theirs")?;
        assert!(file.publish().is_err_and(|error| error.to_string().contains("replaced")));
        assert_eq!((fs::read(&part)?, path.exists()), (b"theirs".to_vec(), false));
        Ok(())
    }

    #[test]
    fn a_filesystem_without_the_flag_renames_and_replaces_nothing() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        for errno in [Errno::EINVAL, Errno::ENOSYS, Errno::EOPNOTSUPP] {
            fs::create_dir(&from)?;
            or_look(Err(errno.into()), &from, &to)?;
            fs::create_dir(&from)?;
            let taken = or_look(Err(errno.into()), &from, &to);
            assert_eq!(taken.err().map(|it| it.kind()), Some(io::ErrorKind::AlreadyExists));
            fs::remove_dir(&from)?;
            fs::remove_dir(&to)?;
        }
        fs::create_dir(&from)?;
        assert!(or_look(Err(Errno::EIO.into()), &from, &to).is_err() && from.exists());
        rename_to_free(&from, &to)?;
        fs::create_dir(&from)?;
        assert!(rename_to_free(&from, &to).is_err());
        Ok(())
    }

    #[test]
    fn a_handle_does_not_keep_the_name_alive() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = PartFile::create(&dir.path().join("a.db"))?;
        let mut handle = file.handle()?;
        drop(file);
        handle.write_all(b"late")?;
        assert_eq!(fs::read_dir(dir.path())?.count(), 0);
        PartFile::create(&dir.path().join("a.db")).map(drop)
    }
}
