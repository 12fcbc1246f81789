//! The copy of data that are told to be at odd places, or do not answer.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;
use crate::model::Bytes;

/// A data directory with its raft log elsewhere, and where the copy goes.
fn data() -> (tempfile::TempDir, OfflineSource, PathBuf) {
    let root = tempfile::tempdir().expect("a directory");
    let (data_dir, wal) = (root.path().join("etcd"), root.path().join("wal"));
    fs::create_dir_all(data_dir.join("member/snap")).expect("made");
    fs::create_dir(&wal).expect("made");
    fs::write(data_dir.join("member/snap/db"), vec![7; 5000]).expect("written");
    fs::write(data_dir.join("member/snap/db.tmp.1"), "x").expect("written");
    fs::write(wal.join("0.wal"), "log").expect("written");
    let to = root.path().join("copy");
    (root, OfflineSource::new(data_dir, Some(wal)), to)
}

fn copied(source: &OfflineSource, to: &Path) -> Result<OfflineCopy, CopyError> {
    copy(&source.parts()?, &part_of(to), to, &Shown::default())
}

fn paths(copy: &OfflineCopy) -> Vec<String> {
    copy.prints.iter().map(|print| print.path.display().to_string()).collect()
}

#[test]
fn all_that_counts_is_copied_and_nothing_is_left_half_way() {
    let (_root, source, to) = data();
    let part = part_of(&to);
    fs::create_dir(&part).expect("a left-over");
    let done = copied(&source, &to).expect("copied");
    assert_eq!(paths(&done), ["member/snap/db", "wal-dir/0.wal"]);
    let all = Content { bytes: Bytes(5003), database: true, log: true };
    assert_eq!(source.content().expect("a size"), all);
    assert!(!part.exists() && done.path == to);
    let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&to), mode(&to.join("member/snap/db"))), (0o700, 0o600));
    let check = std::process::Command::new("sha256sum")
        .args(["-c", SUMS])
        .current_dir(&to)
        .output()
        .expect("sha256sum");
    assert!(check.status.success(), "{check:?}");
    assert!(copied(&source, &to).is_err(), "it is there already");
}

/// Put back as it was, an etcd that is not root has to get at it.
#[test]
fn directories_keep_their_owner_mode_and_attributes() {
    let (_root, source, to) = data();
    let member = source.data_dir.join("member");
    let snap = member.join("snap");
    std::os::unix::fs::chown(&member, Some(4711), Some(4712)).expect("root");
    std::os::unix::fs::chown(&snap, Some(4711), Some(4712)).expect("root");
    fs::set_permissions(&snap, Permissions::from_mode(0o750)).expect("set");
    let labelled =
        rustix::fs::setxattr(&snap, "trusted.label", b"etcd_t", rustix::fs::XattrFlags::empty());
    fs::create_dir(member.join("empty")).expect("made");
    copied(&source, &to).expect("copied");
    let of = |path: &str| {
        let meta = to.join(path).metadata().expect("there");
        (meta.uid(), meta.gid(), meta.mode() & 0o777)
    };
    assert_eq!(of("member/snap"), (4711, 4712, 0o750));
    assert_eq!((of("member").0, of("member/empty").0), (4711, 0));
    assert_eq!(of(""), (0, 0, 0o700));
    if labelled.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(to.join("member/snap"), "trusted.label", &mut value[..]);
        assert_eq!(&value[..length.expect("kept")], b"etcd_t");
    }
}

#[test]
fn data_that_are_in_use_are_not_copied() {
    use nix::fcntl::{Flock, FlockArg};
    let (_root, source, to) = data();
    let wal = source.wal_dir.clone().expect("a log").join("0.wal");
    for file in [source.data_dir.join("member/snap/db"), wal] {
        let file = File::open(file).expect("opened");
        let _held = Flock::lock(file, FlockArg::LockExclusive).expect("locked");
        let refused = copied(&source, &to);
        assert!(matches!(refused, Err(CopyError::Locked { .. })), "{refused:?}");
        assert!(!to.exists() && !part_of(&to).exists());
    }
}

#[test]
fn what_the_disk_does_not_give_is_missing_and_the_rest_is_kept() {
    let (root, source, to) = data();
    let db = source.data_dir.join("member/snap/db");
    for name in ["copy.incomplete", "copy.incomplete-2"] {
        let parts = source.parts().expect("listed");
        // A directory is no file: the read fails as on a bad block.
        fs::remove_file(&db).expect("removed");
        fs::create_dir_all(db.join("x")).expect("made");
        let done = copy(&parts, &part_of(&to), &to, &Shown::default()).expect("kept");
        assert_eq!(done.path, root.path().join(name));
        assert_eq!(paths(&done), ["wal-dir/0.wal"]);
        let [(missing, CopyError::Read { path, .. })] = &done.missing[..] else {
            panic!("{done:?}")
        };
        assert_eq!((missing.as_path(), path), (Path::new("member/snap/db"), &db));
        let told = fs::read_to_string(done.path.join(MISSING)).expect("told");
        assert!(told.starts_with("member/snap/db: "), "{told}");
        let sums = fs::read_to_string(done.path.join(SUMS)).expect("sums");
        assert_eq!(sums.lines().count(), 1);
        let left = fs::read_dir(done.path.join("member/snap")).expect("there").count();
        assert_eq!((left, to.exists(), part_of(&to).exists()), (0, false, false));
        fs::remove_dir_all(&db).expect("removed");
        fs::write(&db, "x").expect("written");
    }
}

#[test]
fn nothing_that_can_be_read_is_no_copy() {
    let (root, mut source, to) = data();
    source.wal_dir = None;
    let parts = source.parts().expect("listed");
    let db = source.data_dir.join("member/snap/db");
    fs::remove_file(&db).expect("removed");
    fs::create_dir(&db).expect("made");
    let failed = copy(&parts, &part_of(&to), &to, &Shown::default());
    assert!(matches!(failed, Err(CopyError::Read { .. })), "{failed:?}");
    assert!(!root.path().join("copy.incomplete").exists());
}

#[test]
fn a_raft_log_behind_a_link_is_followed_and_neighbours_are_not_looked_at() {
    let (root, source, to) = data();
    let (data_dir, wal) = (source.data_dir.clone(), source.wal_dir.expect("a log"));
    symlink(&wal, data_dir.join("member/wal")).expect("linked");
    symlink("/nowhere", data_dir.join("backup")).expect("linked");
    let source = OfflineSource::new(data_dir.clone(), None);
    assert_eq!(source.wal_dir.as_deref(), Some(wal.canonicalize().expect("there").as_path()));
    let done = copied(&source, &to).expect("copied");
    assert_eq!(paths(&done), ["member/snap/db", "wal-dir/0.wal"]);
    // One that leads nowhere is no log, and any other link is refused.
    fs::remove_dir_all(&wal).expect("removed");
    assert!(!OfflineSource::new(data_dir.clone(), None).content().expect("listed").log);
    symlink("/nowhere", data_dir.join("member/snap/x")).expect("linked");
    let refused = copied(&source, &root.path().join("other"));
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn a_raft_log_on_a_disk_of_its_own_and_one_alone_are_copied() {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    let (_root, source, to) = data();
    let wal = source.data_dir.join("member/wal");
    fs::create_dir(&wal).expect("made");
    mount(Some("none"), &wal, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("root");
    let tried = std::panic::catch_unwind(|| {
        fs::write(wal.join("1.wal"), "log").expect("written");
        fs::remove_file(source.data_dir.join("member/snap/db")).expect("removed");
        let source = OfflineSource::new(source.data_dir.clone(), None);
        assert_eq!(source.wal_dir.as_ref(), Some(&wal.canonicalize().expect("there")));
        paths(&copied(&source, &to).expect("copied"))
    });
    umount2(&wal, MntFlags::MNT_DETACH).expect("unmounted");
    assert_eq!(tried.expect("tried"), ["wal-dir/1.wal"]);
}
