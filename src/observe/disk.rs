//! The data directory's disk: its filesystem, what it uses, what a broken-off
//! defragmentation left there.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{left_overs, mounts::Mounts, undo};
use crate::model::{Bytes, DataDir, Filesystem, order::InOrder};

/// Most files counted below a data directory; etcd keeps a few dozen.
const MOST_FILES: usize = 20_000;

/// `st_blocks` counts in these, whatever the filesystem's block size
/// (stat(2)).
const STAT_BLOCK: u64 = 512;

/// The filesystem of a path, which need not exist yet (then that of its
/// nearest existing parent).
///
/// # Errors
/// The kernel's words.
pub fn filesystem(path: &Path) -> io::Result<Filesystem> {
    Mounts::read().filesystem(path)
}

/// Looks at a data directory; what could not be read below it is told in
/// sentences.
///
/// # Errors
/// The kernel's words when the directory itself cannot be read.
pub fn data_dir(path: &Path) -> io::Result<(DataDir, Vec<String>)> {
    fs::read_dir(path)?;
    let mut complaints = Vec::new();
    let filesystem = filesystem(path)?;
    let used = used(path, &mut complaints);
    let snap = path.join("member/snap");
    let leftovers = leftovers(&snap);
    let undo_dir = undo::home(path, &Mounts::read());
    let data_dir = DataDir {
        path: path.to_owned(),
        filesystem,
        used,
        db_file: fs::metadata(snap.join("db")).ok().map(|meta| Bytes(meta.len())),
        orphans: left_overs::orphans(&leftovers, SystemTime::now()),
        leftovers,
        undos: undo::left(undo_dir.as_deref(), &snap),
        undo_dir,
    };
    if data_dir.db_file.is_none() {
        complaints.push(format!("{} holds no member/snap/db", path.display()));
    }
    Ok((data_dir, complaints))
}

/// Total memory of this node; `None` when /proc does not say.
#[must_use]
pub fn memory() -> Option<Bytes> {
    memory_in(&fs::read_to_string("/proc/meminfo").ok()?)
}

/// `MemTotal` in the text of /proc/meminfo, which counts in KiB (proc(5)).
#[must_use]
pub fn memory_in(text: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kibibytes.saturating_mul(1024)))
}

/// `member/snap/db.tmp*`: the new file of a defragmentation that runs, or of
/// one that was broken off and is not removed before etcd's next start.
pub fn leftovers(snap: &Path) -> Vec<(PathBuf, Bytes)> {
    let Ok(entries) = fs::read_dir(snap) else { return Vec::new() };
    let mut found: Vec<(PathBuf, Bytes)> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"db.tmp"))
        .filter_map(|entry| Some((entry.path(), Bytes(entry.metadata().ok()?.len()))))
        .collect();
    found.order();
    found
}

/// Allocated bytes below a directory, like `du`: symlinks are not followed
/// (but the directory itself may be one), the number of files is bounded.
fn used(path: &Path, complaints: &mut Vec<String>) -> Bytes {
    let mut blocks: u64 = 0;
    let mut files = 0;
    let mut unread = None;
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                unread = Some(format!("{}: {error}", directory.display()));
                continue;
            }
        };
        for entry in entries.filter_map(Result::ok) {
            files += 1;
            if files > MOST_FILES {
                complaints.push(format!(
                    "{} holds more than {MOST_FILES} files; not all were counted",
                    path.display()
                ));
                return Bytes(blocks.saturating_mul(STAT_BLOCK));
            }
            // Files come and go while etcd runs.
            let Ok(meta) = entry.metadata() else { continue };
            blocks = blocks.saturating_add(meta.blocks());
            if meta.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    complaints.extend(unread);
    Bytes(blocks.saturating_mul(STAT_BLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_measured() {
        let dir = tempfile::tempdir().expect("a directory");
        let snap = dir.path().join("member/snap");
        fs::create_dir_all(&snap).expect("made");
        fs::write(snap.join("db"), vec![1; 100_000]).expect("written");
        fs::write(snap.join("db.tmp.123"), vec![1; 5_000]).expect("written");
        std::os::unix::fs::symlink("/", snap.join("loop")).expect("linked");
        let (read, complaints) = data_dir(dir.path()).expect("there");
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(read.db_file, Some(Bytes(100_000)));
        assert_eq!(read.leftovers, [(snap.join("db.tmp.123"), Bytes(5_000))]);
        assert!(read.used >= Bytes(105_000) && read.used < Bytes::MIB, "{:?}", read.used);
    }

    #[test]
    fn an_empty_or_missing_one_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let (read, complaints) = data_dir(dir.path()).expect("there");
        assert_eq!(read.db_file, None);
        assert!(complaints.iter().any(|text| text.contains("no member/snap/db")));
        assert!(data_dir(&dir.path().join("none")).is_err());
        assert!(memory().is_some_and(|bytes| bytes > Bytes::MIB));
    }
}
