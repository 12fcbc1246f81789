//! A second name for the database file, so that a defragmentation, which
//! replaces that file by rename, leaves the old one: made and removed through
//! open directories, and no symlink is followed on the way to them.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Component, Path},
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat},
    sys::stat::{FileStat, Mode, SFlag, fchmod, fstatat, mkdirat},
    unistd::{UnlinkatFlags, geteuid, linkat, unlinkat},
};

use crate::{consent::Consent, model::undo_owner, sys::open_files};

/// What `remove_link` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldFile {
    /// There is no such name any more.
    Gone,
    /// It is the old file, and stays.
    Stays,
}

/// Gives the database file the name `link`, in a directory that is made with
/// mode 0700 when it is not there. Nothing is ever replaced. `database` and
/// `link` are paths without symlinks; `etcd` is the pid of the process that
/// must have this very file open.
///
/// # Errors
/// The system's (`CrossesDevices`: another mount; `PermissionDenied`: no hard
/// links here), or a sentence; no new name is left then.
pub fn link_database(
    database: &Path,
    link: &Path,
    etcd: i32,
    _consent: &Consent,
) -> io::Result<()> {
    let (snap, file) = split(database)?;
    let (home, name) = split(link)?;
    let (beside, own) = split(home)?;
    let (snap, beside) = (directory(snap)?, directory(beside)?);
    let made = match mkdirat(&beside, own, Mode::S_IRWXU) {
        Ok(()) => true,
        Err(Errno::EEXIST) => false,
        Err(errno) => return Err(errno.into()),
    };
    let linked = private(&beside, own).and_then(|home| {
        linkat(&snap, file, &home, name, AtFlags::empty())?;
        let right = is_the_open_one(&snap, file, &home, name, etcd);
        if right.is_err() {
            unlinkat(&home, name, UnlinkatFlags::NoRemoveDir)?;
        }
        right
    });
    if made && linked.is_err() {
        // Empty, and of no use to anybody.
        let _ = unlinkat(&beside, own, UnlinkatFlags::RemoveDir);
    }
    linked
}

/// Removes such a name: always while it is the database file still, and the
/// old file only when `even_old`. The directory goes with the last name in it.
///
/// # Errors
/// The system's; a sentence when it is nothing of ours.
pub fn remove_link(link: &Path, database: &Path, even_old: bool) -> io::Result<OldFile> {
    let (home, name) = split(link)?;
    let (beside, own) = split(home)?;
    let found = directory(home).and_then(|home| Ok((stat_at(&home, name)?, home)));
    let (stat, home) = match found {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(OldFile::Gone),
        found => found?,
    };
    if undo_owner(name.as_ref()).is_none() || !is_file(&stat) {
        return Err(io::Error::other("it is no file of etcd-rescue"));
    }
    let (snap, file) = split(database)?;
    let current = directory(snap).and_then(|snap| stat_at(&snap, file));
    let is_current = current.is_ok_and(|current| identity(&current) == identity(&stat));
    if !is_current && !even_old {
        return Ok(OldFile::Stays);
    }
    unlinkat(&home, name, UnlinkatFlags::NoRemoveDir)?;
    // Whatever else is in it stays, and the directory with it.
    let _ = directory(beside).map(|beside| unlinkat(&beside, own, UnlinkatFlags::RemoveDir));
    Ok(OldFile::Gone)
}

/// The directory of a path, and the name in it.
fn split(path: &Path) -> io::Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent().zip(name).ok_or_else(|| ErrorKind::InvalidInput.into())
}

/// Opens a directory, one name after the other.
fn directory(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut opened = File::from(open("/", flags, Mode::empty())?);
    for part in path.components() {
        opened = match part {
            Component::RootDir => continue,
            Component::Normal(name) => File::from(openat(&opened, name, flags, Mode::empty())?),
            _ => return Err(ErrorKind::InvalidInput.into()),
        };
    }
    Ok(opened)
}

/// The directory of ours, closed to everybody else.
fn private(beside: &File, own: &str) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let home = File::from(openat(beside, own, flags, Mode::empty())?);
    if home.metadata()?.uid() != geteuid().as_raw() {
        return Err(io::Error::other(format!("{own} beside it belongs to another user")));
    }
    if home.metadata()?.mode() & 0o077 != 0 {
        fchmod(&home, Mode::S_IRWXU)?;
    }
    if home.metadata()?.mode() & 0o077 != 0 {
        return Err(io::Error::other("this filesystem keeps no modes"));
    }
    Ok(home)
}

/// What was linked must be what the name leads to, and what etcd has open.
fn is_the_open_one(
    snap: impl AsFd,
    file: &str,
    home: impl AsFd,
    name: &str,
    etcd: i32,
) -> io::Result<()> {
    let (database, linked) = (stat_at(snap, file)?, stat_at(home, name)?);
    let same = is_file(&linked) && identity(&database) == identity(&linked);
    if same && open_files::held_by(etcd, file.as_ref(), linked.st_dev, linked.st_ino) {
        return Ok(());
    }
    Err(io::Error::other("it is not the file that etcd has open"))
}

fn stat_at(directory: impl AsFd, name: &str) -> io::Result<FileStat> {
    Ok(fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)
}

fn is_file(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

fn identity(stat: &FileStat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
