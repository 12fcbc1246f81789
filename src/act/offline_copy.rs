//! A copy of a stopped etcd's data beside its originals: database, raft log and
//! snapshots, each read back and hashed. It has its name only when it is whole;
//! before, it is a hidden `.etcd-rescue-NAME.part` beside it.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::copy_tree::{CopyError, Shown, SourceLock, copy_file, list, on_a_thread};
use crate::{
    consent::Consent,
    model::{Bytes, Fingerprint},
};

/// The file with the sums, as `sha256sum -c` reads it.
pub const SUMS: &str = "SHA256SUMS";

/// What a broken-off defragmentation leaves; no data.
const LEFT_OVER: &str = "db.tmp";

/// Where the raft log of a separate `--wal-dir` goes in a copy.
pub const WAL_DIR: &str = "wal-dir";

/// What of a data directory is copied, and from where.
#[derive(Clone, Debug)]
pub struct OfflineSource {
    /// The data directory: all of `member` in it.
    pub data_dir: PathBuf,
    /// A raft log outside of it.
    pub wal_dir: Option<PathBuf>,
}

impl OfflineSource {
    /// Every file, by where it is and its path in the copy.
    fn files(&self) -> Result<Vec<(PathBuf, PathBuf, PathBuf)>, CopyError> {
        let mut files = Vec::new();
        let mut of = |root: &Path, below: &str| -> Result<(), CopyError> {
            for path in list(root)?.files {
                let name = path.file_name().unwrap_or_default();
                let left_over = name.as_encoded_bytes().starts_with(LEFT_OVER.as_bytes());
                if !left_over {
                    files.push((root.to_owned(), path.clone(), Path::new(below).join(&path)));
                }
            }
            Ok(())
        };
        of(&self.data_dir.join("member"), "member")?;
        if let Some(wal_dir) = &self.wal_dir {
            of(wal_dir, WAL_DIR)?;
        }
        Ok(files)
    }

    /// Bytes of all of it.
    ///
    /// # Errors
    /// As `list`.
    pub fn size(&self) -> Result<Bytes, CopyError> {
        let length = |(root, path, _): &(PathBuf, PathBuf, PathBuf)| {
            root.join(path).symlink_metadata().map_or(0, |meta| meta.len())
        };
        Ok(Bytes(self.files()?.iter().map(length).sum()))
    }
}

/// The unfinished copy's name.
#[must_use]
pub fn part_of(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".etcd-rescue-{name}.part"))
}

/// Copies into the new directory `to` (mode 0700, files 0600, owners as they
/// were), while no etcd can start on the source. What an earlier run left
/// unfinished under the same name goes first. Dropping the future stops it.
///
/// # Errors
/// `CopyError`; what was copied is removed again, also when the future is dropped.
pub async fn offline_copy(
    source: &OfflineSource,
    to: &Path,
    shown: &Arc<Shown>,
    _consent: &Consent,
) -> Result<Vec<Fingerprint>, CopyError> {
    let (source, to) = (source.clone(), to.to_owned());
    let (at_work, ended) = mpsc::channel::<()>();
    let _cleaned = AwaitOnDrop(ended);
    on_a_thread(shown, move |shown| {
        let part = part_of(&to);
        let copied = copy(&source, &part, &to, shown);
        if copied.is_err() {
            // The copy that is not whole helps nobody, and takes room.
            let _best_effort = fs::remove_dir_all(&part);
        }
        drop(at_work);
        copied
    })
    .await
}

/// Lets the thread that was told to stop clean up before the program ends; not for
/// longer than this, as a disk may hang.
const CLEANING: Duration = Duration::from_secs(5);

struct AwaitOnDrop(Receiver<()>);

impl Drop for AwaitOnDrop {
    fn drop(&mut self) {
        let _ended_or_hangs = self.0.recv_timeout(CLEANING);
    }
}

fn copy(
    source: &OfflineSource,
    part: &Path,
    to: &Path,
    shown: &Shown,
) -> Result<Vec<Fingerprint>, CopyError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::Write { path, source }
    };
    let mut locks = vec![SourceLock::take(&source.data_dir)?];
    if let Some(wal_dir) = &source.wal_dir {
        locks.push(SourceLock::take(wal_dir)?);
    }
    match fs::remove_dir_all(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(write(part)(error)),
        _ => {}
    }
    make_directory(part).map_err(write(part))?;
    let (mut prints, mut directories) = (Vec::new(), vec![part.to_owned()]);
    for (root, path, below) in source.files()? {
        let new = part.join(&below);
        make_parents(part, &below, &mut directories)?;
        let print = copy_file(&root, &path, &new, shown)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600)).map_err(write(&new))?;
        prints.push(Fingerprint { path: below, ..print });
    }
    let sums = part.join(SUMS);
    write_sums(&sums, &prints).map_err(write(&sums))?;
    let sync = |path: &Path| File::open(path).and_then(|it| it.sync_all()).map_err(write(path));
    directories.iter().rev().try_for_each(|path| sync(path))?;
    // Never over something that came there meanwhile.
    renameat_with(CWD, part, CWD, to, RenameFlags::NOREPLACE)
        .map_err(|errno| write(to)(errno.into()))?;
    sync(to.parent().unwrap_or(to))?;
    drop(locks);
    Ok(prints)
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

fn make_parents(root: &Path, below: &Path, made: &mut Vec<PathBuf>) -> Result<(), CopyError> {
    let parents: Vec<&Path> = below.ancestors().skip(1).collect();
    for parent in parents.into_iter().rev().filter(|parent| *parent != Path::new("")) {
        let path = root.join(parent);
        if !made.contains(&path) {
            make_directory(&path)
                .map_err(|source| CopyError::Write { path: path.clone(), source })?;
            made.push(path);
        }
    }
    Ok(())
}

fn write_sums(path: &Path, prints: &[Fingerprint]) -> io::Result<()> {
    let mut text = String::new();
    for print in prints {
        text.push_str(&format!("{}  {}\n", print.sha256, print.path.display()));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (tempfile::TempDir, OfflineSource, PathBuf) {
        let root = tempfile::tempdir().expect("a directory");
        let (data_dir, wal) = (root.path().join("etcd"), root.path().join("wal"));
        fs::create_dir_all(data_dir.join("member/snap")).expect("made");
        fs::create_dir(&wal).expect("made");
        fs::write(data_dir.join("member/snap/db"), vec![7; 5000]).expect("written");
        fs::write(data_dir.join("member/snap/db.tmp.1"), "x").expect("written");
        fs::write(wal.join("0.wal"), "log").expect("written");
        let to = root.path().join("copy");
        (root, OfflineSource { data_dir, wal_dir: Some(wal) }, to)
    }

    #[test]
    fn all_that_counts_is_copied_and_nothing_is_left_half_way() {
        let (_root, source, to) = data();
        let part = part_of(&to);
        fs::create_dir(&part).expect("a left-over");
        let prints = copy(&source, &part, &to, &Shown::default()).expect("copied");
        let paths: Vec<_> = prints.iter().map(|print| print.path.to_string_lossy()).collect();
        assert_eq!(paths, ["member/snap/db", "wal-dir/0.wal"]);
        assert_eq!(source.size().expect("a size"), Bytes(5003));
        assert!(!part.exists());
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&to), mode(&to.join("member/snap/db"))), (0o700, 0o600));
        let check = std::process::Command::new("sha256sum")
            .args(["-c", SUMS])
            .current_dir(&to)
            .output()
            .expect("sha256sum");
        assert!(check.status.success(), "{check:?}");
        assert!(copy(&source, &part, &to, &Shown::default()).is_err(), "it is there already");
    }

    #[test]
    fn data_that_are_in_use_are_not_copied() {
        use nix::fcntl::{Flock, FlockArg};
        let (_root, source, to) = data();
        let db = File::open(source.data_dir.join("member/snap/db")).expect("opened");
        let _held = Flock::lock(db, FlockArg::LockExclusive).expect("locked");
        let refused = copy(&source, &part_of(&to), &to, &Shown::default());
        assert!(matches!(refused, Err(CopyError::Locked { .. })), "{refused:?}");
        assert!(!to.exists() && !part_of(&to).exists());
    }
}
