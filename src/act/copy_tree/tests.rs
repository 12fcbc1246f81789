//! The copy, on a tree like etcd's.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{
    consent::{self, Answer, Ask},
    model::{Bytes, Step},
};

/// Nobody is asked: the flag holds the word.
struct Nobody;

impl Ask for Nobody {
    fn can_ask(&self) -> bool {
        false
    }

    async fn yes_no(&self, _: &Step, _: bool, _: &str) -> Answer {
        Answer::Eof
    }

    async fn word(&self, _: &Step, _: &str, _: &str) -> Answer {
        Answer::Eof
    }

    async fn word_for(&self, _: &str, _: &str, _: &str) -> Answer {
        Answer::Eof
    }
}

async fn consent() -> Consent {
    let given = consent::by_word_or_flag("", "m", "", Some("m"), &Nobody).await;
    given.expect("the word was given")
}

/// A data directory: a database, a sparse WAL, something of somebody else's.
fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path();
    for path in ["member/snap", "member/wal", "lost+found", "empty"] {
        fs::create_dir_all(root.join(path)).expect("made");
    }
    let db: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(root.join("member/snap/db"), db).expect("written");
    let mut wal = fs::File::create(root.join("member/wal/0-0.wal")).expect("made");
    wal.write_all(b"raft").expect("written");
    wal.set_len(8 << 20).expect("grown");
    fs::write(root.join("member/wal/1.tmp"), "").expect("written");
    fs::write(root.join("config"), "x").expect("written");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    wal.set_modified(old).expect("set");
    fs::set_permissions(root.join("member"), Permissions::from_mode(0o700)).expect("set");
    fs::set_permissions(root.join("config"), Permissions::from_mode(0o640)).expect("set");
    dir
}

async fn copied(from: &Path, to: &Path) -> Result<ProvenCopy, CopyError> {
    copy_tree(from, to, &Arc::default(), &consent().await).await
}

fn all(root: &Path) -> Vec<(PathBuf, Vec<u8>, u32, u32, i64)> {
    let tree = list(root).expect("listed");
    let paths = tree.files.iter().chain(&tree.directories);
    let one = |path: &PathBuf| {
        let meta = root.join(path).metadata().expect("there");
        let bytes = if meta.is_dir() { Vec::new() } else { fs::read(root.join(path)).expect("x") };
        (path.clone(), bytes, meta.mode(), meta.uid(), meta.mtime())
    };
    paths.map(one).collect()
}

#[tokio::test]
async fn a_copy_is_equal_and_proven() {
    let (from, outer) = (data_dir(), tempfile::tempdir().expect("a directory"));
    let to = outer.path().join("new");
    let shown = Arc::default();
    let done = copy_tree(from.path(), &to, &shown, &consent().await).await.expect("copied");
    assert!(all(from.path()) == all(&to));
    assert!(!to.join("lost+found").exists());
    let bytes = 3_000_000 + (8 << 20) + 1;
    assert_eq!(done.copied, Copied { bytes: Bytes(bytes), files: 4 });
    assert_eq!(shown.done(), bytes);
    let wal = wal_now(&to, &Arc::default()).await.expect("read");
    assert_eq!((wal.len(), &wal), (1, &done.wal));
    let blocks = to.join("member/wal/0-0.wal").metadata().expect("there").blocks();
    assert!(blocks * 512 < 4 << 20, "a hole stays a hole: {blocks}");
}

#[tokio::test]
async fn what_is_there_is_not_copied_again_and_what_differs_is() {
    let (from, to) = (data_dir(), tempfile::tempdir().expect("a directory"));
    copied(from.path(), to.path()).await.expect("copied");
    let inode = |path: &str| to.path().join(path).metadata().expect("there").ino();
    let (db, wal) = (inode("member/snap/db"), inode("member/wal/0-0.wal"));
    let mut bytes = fs::read(to.path().join("member/snap/db")).expect("read");
    bytes[2_000_000] ^= 1;
    fs::write(to.path().join("member/snap/db"), bytes).expect("written");
    fs::write(to.path().join("member/snap/db.etcd-rescue.part"), "half").expect("written");
    fs::create_dir_all(to.path().join("member/gone")).expect("made");
    let shown = Arc::default();
    copy_tree(from.path(), to.path(), &shown, &consent().await).await.expect("copied");
    assert!(all(from.path()) == all(to.path()));
    assert_eq!(shown.done(), 3_000_000 + (8 << 20) + 1);
    assert_ne!(inode("member/snap/db"), db);
    assert_eq!(inode("member/wal/0-0.wal"), wal);
}

#[tokio::test]
async fn what_is_no_data_is_refused_before_a_byte_is_copied() {
    let (from, outer) = (data_dir(), tempfile::tempdir().expect("a directory"));
    let to = outer.path().join("new");
    symlink("/etc/passwd", from.path().join("member/link")).expect("linked");
    let why = copied(from.path(), &to).await.err().map(|error| error.to_string());
    assert!(why.is_some_and(|why| why.contains("member/link is a symbolic link")));
    assert!(!to.exists());
    fs::remove_file(from.path().join("member/link")).expect("removed");
    nix::unistd::mkfifo(&from.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    assert!(matches!(copied(from.path(), &to).await, Err(CopyError::Strange { .. })));
}

#[tokio::test]
async fn a_locked_source_is_left_alone_and_ours_is_locked() {
    use nix::fcntl::{Flock, FlockArg};
    let (from, outer) = (data_dir(), tempfile::tempdir().expect("a directory"));
    let to = outer.path().join("new");
    let open = |path: &str| fs::File::open(from.path().join(path)).expect("there");
    for path in ["member/snap/db", "member/wal/0-0.wal"] {
        let held = Flock::lock(open(path), FlockArg::LockExclusiveNonblock).expect("locked");
        let error = copied(from.path(), &to).await.err();
        assert!(matches!(&error, Some(CopyError::Locked { path: at }) if at.ends_with(path)));
        drop(held);
    }
    let ours = SourceLock::take(from.path()).expect("free");
    let theirs = Flock::lock(open("member/snap/db"), FlockArg::LockExclusiveNonblock);
    assert!(theirs.is_err());
    drop(ours);
    assert!(copied(from.path(), &to).await.is_ok());
}

#[tokio::test]
async fn a_copy_nobody_waits_for_stops() {
    let (from, outer) = (data_dir(), tempfile::tempdir().expect("a directory"));
    let shown: Arc<Shown> = Arc::default();
    drop(StopOnDrop(Arc::clone(&shown)));
    let lock = SourceLock::take(from.path()).expect("free");
    let stopped = whole::copy(from.path(), &outer.path().join("new"), &shown, lock);
    assert!(matches!(stopped, Err(CopyError::Stopped)));
}

#[tokio::test]
async fn only_what_is_named_is_removed() {
    let dir = data_dir();
    assert_eq!(top_names(dir.path()).expect("listed"), ["empty", "member", "config"]);
    let freed = remove_data(dir.path(), &["member".into()], &consent().await).expect("removed");
    assert_eq!(freed, Bytes(3_000_000 + (8 << 20)));
    assert!(dir.path().join("config").exists() && !dir.path().join("member").exists());
    symlink("/etc", dir.path().join("link")).expect("linked");
    assert!(remove_data(dir.path(), &["config".into()], &consent().await).is_err());
    assert!(dir.path().join("config").exists());
    assert!(remove_data(&dir.path().join("none"), &[], &consent().await).is_ok());
}

#[tokio::test]
async fn what_was_written_on_the_new_disk_comes_back() {
    let (from, outer) = (data_dir(), tempfile::tempdir().expect("a directory"));
    let to = outer.path().join("new");
    let (shown, yes) = (Arc::default(), consent().await);
    let ProvenCopy { wal: copied, lock, .. } =
        copy_tree(from.path(), &to, &shown, &yes).await.expect("copied");
    drop(lock);
    let mut wal =
        fs::File::options().write(true).open(to.join("member/wal/0-0.wal")).expect("there");
    wal.write_all(b"vote").expect("written");
    assert_ne!(wal_now(&to, &shown).await.expect("read"), copied);
    let aside = bring_back(from.path(), &to, "now", &shown, &yes).await.expect("back");
    let aside = aside.expect("the old data");
    assert_eq!(aside, from.path().join("member.etcd-rescue-before-now"));
    assert_eq!(fs::read(aside.join("wal/0-0.wal")).expect("there")[..4], *b"raft");
    assert!(all(&to) == all(from.path()), "what is aside is no data");
    // Killed between the two renames.
    let fresh = from.path().join("member.etcd-rescue-new");
    fs::create_dir(&fresh).expect("made");
    fs::rename(from.path().join("member"), fresh.join("member")).expect("moved");
    assert_eq!(bring_back(from.path(), &to, "x", &shown, &yes).await.expect("back"), None);
    assert!(all(&to) == all(from.path()) && !fresh.exists());
}
