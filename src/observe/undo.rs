//! Where the database file can get a second name beside its data directory, and
//! which second names runs gave there. Looks only.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::mounts::Mounts;
use crate::model::{Bytes, UNDO_HOME, order::InOrder, undo_owner};

/// Most entries of the directory looked at.
const MOST_FILES: usize = 1000;

/// The directory of ours for a data directory, there or not: beside it, without
/// symlinks, on the same mount, as link(2) goes across no other (EXDEV).
pub(super) fn home(data_dir: &Path, mounts: &Mounts) -> Option<PathBuf> {
    let data_dir = data_dir.canonicalize().ok()?;
    let (parent, snap) = (data_dir.parent()?, data_dir.join("member/snap"));
    if snap.canonicalize().ok()? != snap {
        return None;
    }
    let home = parent.join(UNDO_HOME);
    let nearest = match home.symlink_metadata() {
        Ok(meta) if meta.is_dir() => &home,
        // A symlink is nothing of ours.
        Ok(_) => return None,
        Err(_) => parent,
    };
    let device = snap.metadata().ok()?.dev();
    let mount_of = |path: &Path| mounts.holding(path, device).map(|mount| mount.path.clone());
    let same = nearest.metadata().ok()?.dev() == device && mount_of(nearest) == mount_of(&snap);
    same.then_some(home)
}

/// Second names in that directory, the oldest first, with the bytes that their
/// removal frees.
pub(super) fn left(home: Option<&Path>, snap: &Path) -> Vec<(PathBuf, Bytes)> {
    let Some(entries) = home.and_then(|home| fs::read_dir(home).ok()) else { return Vec::new() };
    let identity = |meta: &Metadata| (meta.dev(), meta.ino());
    let database = snap.join("db").symlink_metadata().ok().map(|meta| identity(&meta));
    let mut found: Vec<(PathBuf, Bytes)> = entries
        .take(MOST_FILES)
        .filter_map(Result::ok)
        .filter(|entry| undo_owner(&entry.file_name()).is_some())
        // As lstat(2): a symlink is none.
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .filter(|(_, meta)| meta.is_file())
        .map(|(path, meta)| {
            let shared = meta.nlink() > 1 || database == Some(identity(&meta));
            // st_blocks is in units of 512 bytes (stat(2)).
            (path, Bytes(if shared { 0 } else { meta.blocks().saturating_mul(512) }))
        })
        .collect();
    found.order();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const NAME: &str = "undo-c1-8e9e-20260301T041500.001Z.db";

    fn data_dir(outer: &Path) -> PathBuf {
        let data_dir = outer.join("etcd");
        fs::create_dir_all(data_dir.join("member/snap")).expect("made");
        fs::write(data_dir.join("member/snap/db"), vec![1; 100_000]).expect("written");
        data_dir
    }

    #[test]
    fn it_is_beside_the_data_directory_and_never_behind_a_symlink() {
        let outer = tempfile::tempdir().expect("a directory");
        let root = outer.path().canonicalize().expect("there");
        let data_dir = data_dir(&root);
        let home_of = |path: &Path| home(path, &Mounts::read());
        let wanted = Some(root.join("etcd-rescue"));
        assert_eq!(home_of(&data_dir), wanted);
        let link = tempfile::tempdir().expect("a directory");
        symlink(&data_dir, link.path().join("etcd")).expect("linked");
        assert_eq!(home_of(&link.path().join("etcd")), wanted, "beside the real one");
        assert_eq!(home_of(&root.join("none")), None);
        symlink("/tmp", root.join("etcd-rescue")).expect("linked");
        assert_eq!(home_of(&data_dir), None, "somebody's symlink");
    }

    #[test]
    fn a_mount_of_its_own_has_no_place_beside_it() {
        let outer = tempfile::tempdir().expect("a directory");
        let root = outer.path().canonicalize().expect("there");
        let data_dir = data_dir(&root);
        let device = root.metadata().expect("there").dev();
        let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
        // A bind mount of the same filesystem.
        let table = format!(
            "1 1 {major}:{minor} / / rw - ext4 none rw\n\
             2 1 {major}:{minor} /x {} rw - ext4 none rw\n",
            data_dir.display()
        );
        assert_eq!(home(&data_dir, &Mounts::parse(&table)), None);
    }

    #[test]
    fn only_ours_count_and_the_database_itself_frees_nothing() {
        let outer = tempfile::tempdir().expect("a directory");
        let data_dir = data_dir(outer.path());
        let (home, snap) = (outer.path().join("etcd-rescue"), data_dir.join("member/snap"));
        fs::create_dir(&home).expect("made");
        fs::hard_link(snap.join("db"), home.join(NAME)).expect("linked");
        fs::write(home.join("undo-mine.db"), "x").expect("written");
        symlink("/etc/passwd", home.join(NAME.replace("c1", "c2"))).expect("linked");
        let bytes = || left(Some(&home), &snap);
        assert_eq!(bytes(), [(home.join(NAME), Bytes(0))]);
        fs::rename(home.join("undo-mine.db"), snap.join("db")).expect("replaced");
        assert!(matches!(&bytes()[..], [(_, size)] if size.0 >= 100_000), "{:?}", bytes());
        assert_eq!(left(None, &snap), []);
    }
}
