//! One file: copied under another name, synced, read back from the disk, and
//! only then named.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, OFlag, PosixFadviseAdvice, fallocate, posix_fadvise},
};
use ring::digest::{Context, SHA256};

use super::{CopyError, Shown, attributes};
use crate::model::Fingerprint;

/// Read and written at once.
const CHUNK: usize = 1 << 20;

/// `st_blocks` counts in these (stat(2)).
const STAT_BLOCK: u64 = 512;

/// What an unfinished file is called.
const PART: &str = ".etcd-rescue.part";

/// Copies `old` to `new`, unless what is there is equal; `path` is its name
/// for people.
///
/// # Errors
/// As `copy_tree`.
pub fn copy(
    old: &Path,
    new: &Path,
    path: &Path,
    shown: &Shown,
    notes: &mut Vec<String>,
) -> Result<Fingerprint, CopyError> {
    let source = open(old).map_err(|source| read_error(old, 0, source))?;
    let length = source.metadata().map_err(|source| read_error(old, 0, source))?.len();
    if let Some(print) = equal(&source, old, new, path, length, shown)? {
        return Ok(print);
    }
    shown.begin(format!("copying {}", path.display()));
    let write = |source| CopyError::Write { path: new.to_owned(), source };
    let part = part_name(new);
    let target = create(&part).map_err(write)?;
    let sha256 = transfer(&source, old, &target, new, length, shown)?;
    attributes::of_file(&source, &target, old, notes).map_err(write)?;
    target.sync_all().map_err(write)?;
    shown.begin(format!("reading back {}", path.display()));
    let came_back = digest(&target, new, length, |_| shown.went_on(0)).map_err(of_the_copy)?;
    if came_back != sha256 {
        return Err(CopyError::Differs { path: new.to_owned() });
    }
    fs::rename(&part, new).map_err(write)?;
    Ok(Fingerprint { path: path.to_owned(), bytes: length, sha256 })
}

/// A file as its disk gives it back.
///
/// # Errors
/// `Read`, `Changed`, `Stopped`.
pub fn fingerprint(root: &Path, path: &Path, shown: &Shown) -> Result<Fingerprint, CopyError> {
    let full = root.join(path);
    let read = |source| read_error(&full, 0, source);
    let file = open(&full).map_err(read)?;
    let bytes = file.metadata().map_err(read)?.len();
    shown.begin(format!("reading {}", path.display()));
    let sha256 = digest(&file, &full, bytes, |read| shown.went_on(read))?;
    Ok(Fingerprint { path: path.to_owned(), bytes, sha256 })
}

/// The print of the file when an earlier run has copied it already.
fn equal(
    source: &File,
    old: &Path,
    new: &Path,
    path: &Path,
    length: u64,
    shown: &Shown,
) -> Result<Option<Fingerprint>, CopyError> {
    let Ok(there) = open(new) else { return Ok(None) };
    if !there.metadata().is_ok_and(|meta| meta.is_file() && meta.len() == length) {
        return Ok(None);
    }
    shown.begin(format!("comparing {}", path.display()));
    let before = shown.done();
    let sha256 = digest(source, old, length, |read| shown.went_on(read))?;
    // What cannot be read on the target is written anew.
    match digest(&there, new, length, |_| shown.went_on(0)) {
        Ok(other) if other == sha256 => {
            Ok(Some(Fingerprint { path: path.to_owned(), bytes: length, sha256 }))
        }
        Err(CopyError::Stopped) => Err(CopyError::Stopped),
        _ => {
            let counted = shown.done().saturating_sub(before);
            shown.done.fetch_sub(counted, std::sync::atomic::Ordering::Relaxed);
            Ok(None)
        }
    }
}

/// Never follows a link, never waits for a pipe's other end.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn create(part: &Path) -> io::Result<File> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits();
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(flags)
        .open(part)
}

/// A disk that does not give back what was written is the copy's, not the source's.
fn of_the_copy(error: CopyError) -> CopyError {
    match error {
        CopyError::Read { path, offset, source } => {
            let why = format!("at byte {offset} it does not come back: {source}");
            CopyError::Write { path, source: io::Error::new(source.kind(), why) }
        }
        other => other,
    }
}

/// The name of an unfinished file.
pub fn part_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(PART);
    path.with_file_name(name)
}

/// Copies the bytes; the SHA-256 of what was read. Zeros are not written: the
/// file has its length and, when the source has them, its blocks beforehand.
fn transfer(
    source: &File,
    old: &Path,
    target: &File,
    new: &Path,
    length: u64,
    shown: &Shown,
) -> Result<String, CopyError> {
    let write = |source| CopyError::Write { path: new.to_owned(), source };
    target.set_len(length).map_err(write)?;
    let blocks = source.metadata().map_err(|source| read_error(old, 0, source))?.blocks();
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    if size > 0 && blocks.saturating_mul(STAT_BLOCK) >= length {
        // A filesystem that cannot do that makes them as they are written.
        let made = fallocate(target.as_fd(), FallocateFlags::empty(), 0, size);
        if let Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) = made {
            return Err(write(errno.into()));
        }
    }
    let mut context = Context::new(&SHA256);
    chunks(source, old, length, |offset, chunk| {
        context.update(chunk);
        if chunk.iter().any(|byte| *byte != 0) {
            target.write_all_at(chunk, offset).map_err(write)?;
        }
        shown.went_on(chunk.len() as u64)
    })?;
    Ok(hex(context.finish().as_ref()))
}

/// The SHA-256 of a file, from its disk: what is clean is dropped from memory
/// first.
fn digest(
    file: &File,
    path: &Path,
    length: u64,
    mut count: impl FnMut(u64) -> Result<(), CopyError>,
) -> Result<String, CopyError> {
    // Only advice; the hash is right without it too.
    let _best_effort = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    let mut context = Context::new(&SHA256);
    chunks(file, path, length, |_, chunk| {
        context.update(chunk);
        count(chunk.len() as u64)
    })?;
    Ok(hex(context.finish().as_ref()))
}

/// Every chunk of a file of that length, with its offset.
fn chunks(
    file: &File,
    path: &Path,
    length: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    while offset < length {
        let wanted = (length - offset).min(CHUNK as u64) as usize;
        let chunk = buffer.get_mut(..wanted).unwrap_or_default();
        match file.read_at(chunk, offset) {
            Ok(0) => return Err(CopyError::Changed { path: path.to_owned() }),
            Ok(read) => {
                each(offset, chunk.get(..read).unwrap_or_default())?;
                offset += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(read_error(path, offset, source)),
        }
    }
    let now = file.metadata().map_err(|source| read_error(path, offset, source))?.len();
    if now == length { Ok(()) } else { Err(CopyError::Changed { path: path.to_owned() }) }
}

fn read_error(path: &Path, offset: u64, source: io::Error) -> CopyError {
    CopyError::Read { path: path.to_owned(), offset, source }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_cannot_be_read_back_is_not_the_source_s_fault() {
        let error = read_error(Path::new("/copy"), 4096, Errno::EIO.into());
        let told = of_the_copy(error);
        assert!(matches!(&told, CopyError::Write { path, .. } if path == Path::new("/copy")));
        assert!(told.to_string().contains("at byte 4096 it does not come back"), "{told}");
    }
}
