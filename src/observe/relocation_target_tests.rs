//! The look at a target, on directories of the test.

use std::os::unix::fs::symlink;

use super::*;

fn look_at(to: &Path, data: &Path) -> Result<RelocationTarget, String> {
    look(&[to.into(), data.into()])
}

#[test]
fn a_target_is_seen_beside_the_data() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().canonicalize().expect("there");
    let (data, to) = (root.join("data"), root.join("to"));
    fs::create_dir_all(data.join("member/snap")).expect("made");
    fs::write(data.join("member/snap/db"), vec![1; 50_000]).expect("written");
    let seen = look_at(&to, &data).expect("its parent is there");
    assert!(seen.missing && seen.entries.is_empty());
    assert_eq!((seen.target.device, &seen.target.directory), (seen.data.device, &to));
    assert!(seen.used.0 >= 50_000 && seen.db_file.is_some_and(|size| size.0 == 50_000));
    fs::create_dir_all(to.join(LOST_FOUND)).expect("made");
    let seen = look_at(&root.join("to/"), &data).expect("there");
    assert!(!seen.missing && seen.entries.is_empty(), "{seen:?}");
    assert_eq!(seen.target.directory, to);
    fs::write(to.join("x"), "").expect("written");
    assert_eq!(look_at(&to, &data).map(|seen| seen.entries), Ok(vec!["x".to_owned()]));
}

#[test]
fn names_that_would_mean_something_else_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().canonicalize().expect("there");
    fs::create_dir_all(root.join("real/deeper")).expect("made");
    fs::write(root.join("file"), "").expect("written");
    symlink(root.join("real"), root.join("link")).expect("linked");
    let why = |to: &Path| look_at(to, &root).err().unwrap_or_default();
    for (to, part) in [
        (PathBuf::from("relative"), "not an absolute path"),
        (root.join("link"), "name the directory it leads to"),
        (root.join("link/deeper"), "write it as"),
        (root.join("real/../real"), "write it as"),
        (root.join("file"), "not a directory"),
        (root.join("none/at/all"), "neither it nor"),
        (root.join("a b"), "blank"),
    ] {
        assert!(why(&to).contains(part), "{}: {}", to.display(), why(&to));
    }
}

#[test]
fn what_mounts_it_at_the_next_boot() {
    let fstab = "# /dev/sdb1 /mnt/no ext4 defaults 0 2\n\
                 UUID=1-2 /mnt/etcd ext4 defaults,nofail 0 2\n\
                 /dev/sdc1\t/mnt/with\\040blank  xfs defaults 0 0\n\
                 /dev/sdd1 /mnt/manual ext4 noauto,user 0 0\n";
    for (path, listed) in
        [("/mnt/etcd", true), ("/mnt/with blank", true), ("/mnt/manual", false), ("/mnt/no", false)]
    {
        assert_eq!(in_fstab(fstab, Path::new(path)), listed, "{path}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    let host = HostRoot::new(dir.path());
    let units = host.path("/etc/systemd/system");
    fs::create_dir_all(&units).expect("made");
    let place = Path::new("/mnt/etcd");
    assert_eq!(mounted_by(&host, place), None);
    fs::write(units.join("mnt-etcd.mount"), "[Mount]\nWhat=/dev/sdb1\nWhere=/mnt/etcd\n")
        .expect("written");
    assert_eq!(mounted_by(&host, place).as_deref(), Some("/etc/systemd/system/mnt-etcd.mount"));
    assert!(mounted_by(&host, Path::new("/")).is_some());
}
