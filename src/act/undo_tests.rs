//! The second name on real filesystems: what is linked, what is refused, and
//! what goes again.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
};

use super::*;
use crate::{
    consent::{Answer, Ask, Authority, Needed, Policy},
    model::{Step, StepKind},
};

const NAME: &str = "undo-c1-8e9e-20260301T041500.001Z.db";

/// Nobody is asked for what needs no word.
struct Nobody;

impl Ask for Nobody {
    fn can_ask(&self) -> bool {
        false
    }

    async fn yes_no(&self, _: &Step, _: bool, _: &str) -> Answer {
        Answer::No
    }

    async fn word(&self, _: &Step, _: &str, _: &str) -> Answer {
        Answer::No
    }

    async fn word_for(&self, _: &str, _: &str, _: &str) -> Answer {
        Answer::No
    }
}

async fn consent() -> Consent {
    let step = Step {
        id: "defrag".to_owned(),
        member: None,
        member_name: String::new(),
        endpoint: String::new(),
        kind: StepKind::Verify,
    };
    let mut authority = Authority::new(Policy::AllYes);
    let needed = Needed::YesNo { remaining_offered: false };
    authority.obtain(&step, needed, "", &Nobody).await.expect("--yes covers it")
}

/// A data directory whose database this process has open, as etcd would.
struct Stage {
    _outer: tempfile::TempDir,
    root: PathBuf,
    _open: File,
}

impl Stage {
    fn new() -> Self {
        let outer = tempfile::tempdir().expect("a directory");
        let root = outer.path().canonicalize().expect("there");
        fs::create_dir_all(root.join("etcd/member/snap")).expect("made");
        fs::write(root.join("etcd/member/snap/db"), "old").expect("written");
        let open = File::open(root.join("etcd/member/snap/db")).expect("there");
        Self { _outer: outer, root, _open: open }
    }

    fn database(&self) -> PathBuf {
        self.root.join("etcd/member/snap/db")
    }

    fn link(&self) -> PathBuf {
        self.root.join("etcd-rescue").join(NAME)
    }

    async fn make(&self) -> io::Result<()> {
        self.make_at(&self.link()).await
    }

    async fn make_at(&self, link: &Path) -> io::Result<()> {
        let us = std::process::id().cast_signed();
        link_database(&self.database(), link, us, &consent().await)
    }

    /// What a defragmentation does in the end.
    fn rewrite(&self) {
        let new = self.database().with_file_name("db.tmp.1");
        fs::write(&new, "new").expect("written");
        fs::rename(new, self.database()).expect("replaced");
    }

    fn remove(&self, even_old: bool) -> io::Result<OldFile> {
        remove_link(&self.link(), &self.database(), even_old)
    }
}

#[tokio::test]
async fn the_old_file_stays_until_it_may_go() {
    let stage = Stage::new();
    stage.make().await.expect("linked");
    let home = stage.root.join("etcd-rescue");
    assert_eq!(fs::metadata(&home).expect("made").permissions().mode() & 0o777, 0o700);
    assert!(stage.make().await.is_err(), "nothing is replaced");
    stage.rewrite();
    assert_eq!(fs::read_to_string(stage.link()).expect("there"), "old");
    assert_eq!(stage.remove(false).expect("looked"), OldFile::Stays);
    assert_eq!(stage.remove(true).expect("removed"), OldFile::Gone);
    assert_eq!(stage.remove(true).expect("nothing there"), OldFile::Gone);
    assert!(!home.exists(), "it was the last one");
    assert_eq!(fs::read_to_string(stage.database()).expect("there"), "new");
}

#[tokio::test]
async fn an_unused_one_goes_and_others_keep_the_directory() {
    let stage = Stage::new();
    let home = stage.root.join("etcd-rescue");
    fs::create_dir(&home).expect("made");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).expect("set");
    fs::write(home.join("etcd-c1-master-1.db"), "a snapshot").expect("written");
    stage.make().await.expect("linked");
    assert_eq!(fs::metadata(&home).expect("there").permissions().mode() & 0o777, 0o700);
    assert_eq!(stage.remove(false).expect("removed"), OldFile::Gone);
    assert!(home.join("etcd-c1-master-1.db").exists() && stage.database().exists());
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let stage = Stage::new();
    let home = stage.root.join("etcd-rescue");
    // A foreign file with our name, a symlink with it, and another name.
    fs::create_dir(&home).expect("made");
    fs::write(stage.link(), "theirs").expect("written");
    assert_eq!(stage.make().await.expect_err("taken").kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(stage.link()).expect("there"), "theirs");
    fs::remove_file(stage.link()).expect("removed");
    symlink("/etc/passwd", stage.link()).expect("linked");
    assert!(stage.make().await.is_err() && stage.remove(true).is_err());
    let backup = home.join("backup.db");
    fs::write(&backup, "theirs").expect("written");
    assert!(remove_link(&backup, &stage.database(), true).is_err() && backup.exists());
}

#[tokio::test]
async fn no_symlink_is_followed() {
    let stage = Stage::new();
    let elsewhere = tempfile::tempdir().expect("a directory");
    symlink(elsewhere.path(), stage.root.join("etcd-rescue")).expect("linked");
    assert!(stage.make().await.is_err(), "our directory");
    symlink(&stage.root, elsewhere.path().join("way")).expect("linked");
    let behind = elsewhere.path().canonicalize().expect("there").join("way/other").join(NAME);
    assert!(stage.make_at(&behind).await.is_err(), "a directory on the way");
    assert!(!stage.root.join("other").exists());
    fs::rename(stage.database(), stage.root.join("real")).expect("moved");
    symlink(stage.root.join("real"), stage.database()).expect("linked");
    fs::remove_file(stage.root.join("etcd-rescue")).expect("removed");
    assert!(stage.make().await.is_err(), "the database");
    assert!(!stage.root.join("etcd-rescue").exists(), "nothing is left");
}

#[tokio::test]
async fn it_must_be_the_file_etcd_has_open() {
    let stage = Stage::new();
    fs::remove_file(stage.database()).expect("removed");
    fs::write(stage.database(), "another").expect("written");
    let why = stage.make().await.expect_err("not the open one").to_string();
    assert_eq!(why, "it is not the file that etcd has open");
    assert!(!stage.root.join("etcd-rescue").exists(), "nothing is left");
}

#[tokio::test]
async fn a_directory_of_somebody_else_is_refused() {
    if !geteuid().is_root() {
        return;
    }
    let stage = Stage::new();
    let home = stage.root.join("etcd-rescue");
    fs::create_dir(&home).expect("made");
    std::os::unix::fs::chown(&home, Some(65534), None).expect("given away");
    let why = stage.make().await.expect_err("theirs").to_string();
    assert!(why.contains("another user"), "{why}");
}

#[tokio::test]
async fn another_filesystem_is_told() {
    // A filesystem in memory that is another one than that of the files.
    let shm = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let stage = Stage::new();
    let home = shm.path().canonicalize().expect("there");
    if home.metadata().expect("there").dev() == stage.root.metadata().expect("there").dev() {
        return;
    }
    let error = stage.make_at(&home.join("etcd-rescue").join(NAME)).await.expect_err("too far");
    assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{error}");
    assert!(!home.join("etcd-rescue").exists(), "nothing is left");
}

/// vfat has no hard links.
#[tokio::test]
async fn a_filesystem_without_hard_links_is_told() {
    let outer = tempfile::tempdir().expect("a directory");
    let (image, at) = (outer.path().join("image"), outer.path().join("mnt"));
    fs::create_dir(&at).expect("made");
    let file = OpenOptions::new().create_new(true).write(true).open(&image).expect("made");
    file.set_len(16 << 20).expect("long");
    let done = |program: &str, args: &[&std::ffi::OsStr]| {
        Command::new(program).args(args).output().is_ok_and(|ended| ended.status.success())
    };
    let mounted = done("mkfs.vfat", &[image.as_os_str()])
        && done("mount", &["-o".as_ref(), "loop,umask=077".as_ref(), image.as_ref(), at.as_ref()]);
    if !mounted {
        return;
    }
    fs::create_dir_all(at.join("etcd/member/snap")).expect("made");
    let database = at.canonicalize().expect("there").join("etcd/member/snap/db");
    fs::write(&database, "old").expect("written");
    let open = File::open(&database).expect("there");
    let link = at.canonicalize().expect("there").join("etcd-rescue").join(NAME);
    let us = std::process::id().cast_signed();
    let error = link_database(&database, &link, us, &consent().await).expect_err("no links");
    let left = at.join("etcd-rescue").exists();
    drop(open);
    assert!(done("umount", &[at.as_os_str()]));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!left, "nothing is left");
}
