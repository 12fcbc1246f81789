//! Removing what broken-off defragmentations left beside a database. Every
//! check is made here again, at the moment of removal, and on the open
//! directory: a name is never followed anywhere else.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nix::{
    fcntl::{AtFlags, Flock, FlockArg, OFlag, openat},
    sys::{
        stat::{FileStat, Mode, SFlag, fstatat},
        statfs::fstatfs,
    },
    unistd::{UnlinkatFlags, unlinkat},
};

use crate::{consent::Consent, model::Bytes, sys::open_files};

/// A new file that nobody has open between its last write and its renaming is
/// gone, or in use, by the second look.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Filesystems of which another machine may have a file open without /proc or
/// flock(2) here showing it (statfs(2), linux/magic.h): NFS, SMB, CIFS, SMB2,
/// Ceph, 9p, AFS, OCFS2, GFS2.
const SHARED: [u32; 9] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x00c3_6400,
    0x0102_1997,
    0x5346_414f,
    0x7461_636f,
    0x0116_1970,
];

/// What became of the files.
#[derive(Debug, Default)]
pub struct Removed {
    /// Those that were removed, with the bytes they took.
    pub files: Vec<(PathBuf, Bytes)>,
    /// Those that stay, with the reason.
    pub kept: Vec<(PathBuf, String)>,
}

/// Removes `files`, each a `db.tmp*` directly in `directory` (etcd's
/// `member/snap`). Left alone is what has another name or another directory,
/// is no regular file, changes or did so a moment ago, or is open in or locked
/// by another process; bbolt locks its file for as long as it has it open
/// (flock(2)). All stay on a filesystem that other machines may share. A file
/// that is gone already counts neither way.
///
/// # Errors
/// The system's, when the directory cannot be opened or synced; what was
/// removed stays removed.
pub async fn remove_orphans(
    directory: &Path,
    files: &[PathBuf],
    _consent: &Consent,
) -> io::Result<Removed> {
    let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits();
    let open = OpenOptions::new().read(true).custom_flags(flags).open(directory)?;
    let mut removed = Removed::default();
    if is_shared(fstatfs(&open)?.filesystem_type().0) {
        let why = || "it is on a network filesystem, where others may use it".to_owned();
        removed.kept = files.iter().map(|path| (path.clone(), why())).collect();
        return Ok(removed);
    }
    let mut candidates = Vec::new();
    for path in files {
        match name_below(directory, path).and_then(|name| Ok((name, at_rest(&open, name)?))) {
            Ok((name, Some(stat))) => candidates.push((path, name, stat)),
            Ok((_, None)) => {}
            Err(why) => removed.kept.push((path.clone(), why)),
        }
    }
    tokio::time::sleep(BETWEEN_LOOKS).await;
    for (path, name, before) in candidates {
        match remove(&open, name, &before) {
            Ok(Some(size)) => removed.files.push((path.clone(), size)),
            Ok(None) => {}
            Err(why) => removed.kept.push((path.clone(), why)),
        }
    }
    open.sync_all()?;
    Ok(removed)
}

/// The type is signed or not, and wide or not, by machine and libc; the magic
/// numbers have 32 bits.
fn is_shared(filesystem: impl Into<i128>) -> bool {
    let magic = filesystem.into() & i128::from(u32::MAX);
    SHARED.iter().any(|shared| i128::from(*shared) == magic)
}

/// The file's name, when it is one of a defragmentation's new file and the
/// file is directly in the directory.
fn name_below<'a>(directory: &Path, path: &'a Path) -> Result<&'a OsStr, String> {
    let name = path.file_name().unwrap_or_default();
    let text = name.to_string_lossy();
    if path.parent() != Some(directory) {
        return Err(format!("it is not in {}", directory.display()));
    }
    if text != "db.tmp" && !text.starts_with("db.tmp.") {
        return Err("it does not have the name of a defragmentation's new file".to_owned());
    }
    Ok(name)
}

/// What the name leads to: a regular file that nobody else has open; `None`
/// when there is nothing any more.
fn at_rest(directory: &File, name: &OsStr) -> Result<Option<FileStat>, String> {
    let stat = match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(nix::errno::Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno.desc().to_owned()),
    };
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err("it is not a regular file".to_owned());
    }
    let modified = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or_default());
    let modified = SystemTime::UNIX_EPOCH.checked_add(modified);
    if !modified.is_some_and(|modified| open_files::is_at_rest(modified, SystemTime::now())) {
        return Err("it was changed only now".to_owned());
    }
    match open_files::held_by_others(name, stat.st_dev, stat.st_ino) {
        Some(false) => Ok(Some(stat)),
        Some(true) => Err("a process has it open".to_owned()),
        None => Err("etcd's open files cannot be looked at".to_owned()),
    }
}

/// Removes the very file that was looked at before, if it is still at rest;
/// the bytes it took.
fn remove(directory: &File, name: &OsStr, before: &FileStat) -> Result<Option<Bytes>, String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let Some(now) = at_rest(directory, name)? else { return Ok(None) };
    if changing(&now) != changing(before) {
        return Err("it changes while it is looked at".to_owned());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(directory, name, flags, Mode::empty()).map_err(|errno| says(&errno))?;
    let file = Flock::lock(File::from(file), FlockArg::LockExclusiveNonblock)
        .map_err(|_| "a process has locked it".to_owned())?;
    let meta = file.metadata().map_err(|error| says(&error))?;
    if (meta.dev(), meta.ino()) != (now.st_dev, now.st_ino) {
        return Err("it was replaced while it was looked at".to_owned());
    }
    unlinkat(directory, name, UnlinkatFlags::NoRemoveDir).map_err(|errno| says(&errno))?;
    // st_blocks is in units of 512 bytes (stat(2)).
    Ok(Some(Bytes(meta.blocks().saturating_mul(512))))
}

/// What differs when a file was written to or replaced.
fn changing(stat: &FileStat) -> (u64, u64, i64, i64, i64) {
    (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec)
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsString,
        fs,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::{
        consent::{Authority, Needed, Policy},
        model::{Step, StepKind},
    };

    /// Nobody is asked for what needs no word.
    struct Nobody;

    impl crate::consent::Ask for Nobody {
        fn can_ask(&self) -> bool {
            false
        }

        async fn yes_no(&self, _: &Step, _: bool, _: &str) -> crate::consent::Answer {
            crate::consent::Answer::No
        }

        async fn word(&self, _: &Step, _: &str, _: &str) -> crate::consent::Answer {
            crate::consent::Answer::No
        }

        async fn word_for(&self, _: &str, _: &str, _: &str) -> crate::consent::Answer {
            crate::consent::Answer::No
        }
    }

    async fn asked(directory: &Path, names: &[&str]) -> io::Result<Removed> {
        let files: Vec<PathBuf> = names.iter().map(|name| directory.join(name)).collect();
        let step = Step {
            id: "left-overs".to_owned(),
            member: None,
            member_name: String::new(),
            endpoint: String::new(),
            kind: StepKind::RemoveLeftOvers { files: Vec::new() },
        };
        let needed = Needed::YesNo { remaining_offered: false };
        let mut authority = Authority::new(Policy::AllYes);
        let consent = authority.obtain(&step, needed, "", &Nobody).await.expect("--yes covers it");
        remove_orphans(directory, &files, &consent).await
    }

    /// A file that was last changed a minute ago.
    fn old_file(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        fs::write(&path, contents).expect("written");
        let file = OpenOptions::new().write(true).open(&path).expect("there");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("set");
    }

    async fn removed(directory: &Path, names: &[&str]) -> Removed {
        asked(directory, names).await.expect("a directory")
    }

    fn names(directory: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(directory).expect("there");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("one").file_name()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn orphans_go_and_nothing_else_does() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let snap = dir.path().join("snap");
        fs::create_dir(&snap).expect("made");
        let precious = ["db", "0001-0002.snap", "0002.snap.db", "db.tmpx"];
        for name in precious.iter().chain(&["db.tmp.123", "db.tmp"]) {
            old_file(snap.join(name), vec![1; 10_000]);
        }
        fs::write(snap.join("db.tmp.young"), "half").expect("written");
        fs::write(dir.path().join("db.tmp.9"), "elsewhere").expect("written");
        std::os::unix::fs::symlink(snap.join("db"), snap.join("db.tmp.link")).expect("linked");
        let asked = ["db", "0001-0002.snap", "db.tmpx", "db.tmp.link", "db.tmp.123", "db.tmp"];
        let asked = [&asked[..], &["../db.tmp.9", "db.tmp.gone", "db.tmp.young"]].concat();
        let done = removed(&snap, &asked).await;
        let gone: Vec<_> = done.files.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(gone, [snap.join("db.tmp.123"), snap.join("db.tmp")]);
        assert!(done.files.iter().all(|(_, size)| size.0 >= 10_000), "{done:?}");
        assert_eq!(done.kept.len(), 6, "{done:?}");
        let left =
            ["0001-0002.snap", "0002.snap.db", "db", "db.tmp.link", "db.tmp.young", "db.tmpx"];
        assert_eq!(names(&snap), left.map(OsString::from));
        assert!(dir.path().join("db.tmp.9").exists());
    }

    #[tokio::test]
    async fn what_is_open_locked_or_growing_stays() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        for name in ["db.tmp.1", "db.tmp.2", "db.tmp.3"] {
            old_file(path(name), "half");
        }
        let mut reader = Command::new("sh")
            .args(["-c", "exec 9<\"$0\"; echo; read line"])
            .arg(path("db.tmp.1"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        io::Read::read_exact(reader.stdout.as_mut().expect("piped"), &mut [0]).expect("open");
        let file = File::open(path("db.tmp.2")).expect("there");
        let lock = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno);
        let growing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            old_file(path("db.tmp.3"), "half and half");
        };
        let asked = ["db.tmp.1", "db.tmp.2", "db.tmp.3"];
        let (done, ()) = tokio::join!(removed(dir.path(), &asked), growing);
        let mut whys: Vec<&str> = done.kept.iter().map(|(_, why)| why.as_str()).collect();
        whys.sort_unstable();
        assert_eq!(
            whys,
            [
                "a process has it open",
                "a process has locked it",
                "it changes while it is looked at"
            ]
        );
        assert_eq!((done.files.len(), names(dir.path()).len()), (0, 3));
        drop((lock, reader.stdin.take()));
        reader.wait().expect("it ends");
        assert_eq!(removed(dir.path(), &asked).await.files.len(), 3);
    }

    #[test]
    fn what_other_machines_may_share_is_told_from_a_disk() {
        let (nfs, cifs, extended, xfs, tmpfs, btrfs) =
            (0x6969, 0xff53_4d42_u32, 0xef53, 0x5846_5342, 0x0102_1994, 0x9123_683e_u32);
        assert!(is_shared(nfs) && is_shared(cifs), "by its number");
        assert!(is_shared(i64::from(cifs.cast_signed())), "where the type is signed");
        assert!(![extended, xfs, tmpfs].into_iter().any(is_shared) && !is_shared(btrfs));
    }

    #[tokio::test]
    async fn a_directory_behind_a_symlink_is_not_entered() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("real")).expect("made");
        std::os::unix::fs::symlink("real", dir.path().join("snap")).expect("linked");
        fs::write(dir.path().join("real/db.tmp.1"), "half").expect("written");
        assert!(asked(&dir.path().join("snap"), &["db.tmp.1"]).await.is_err());
        assert!(dir.path().join("real/db.tmp.1").exists());
    }
}
