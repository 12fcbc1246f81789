//! A copy of a stopped etcd's data beside its originals: database, raft log and
//! snapshots, each read back and hashed. It has its name only when it is whole;
//! before, it is a hidden `.etcd-rescue-NAME.part` beside it, and without what the
//! disk does not give any more, `NAME.incomplete`. What is copied is `source`'s.

mod source;

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

pub use source::{Content, OfflineSource, WAL_DIR};

use super::{
    copy_tree::{CopyError, Shown, SourceLock, copy_file, of_directory, on_a_thread},
    part_file::rename_to_free,
};
use crate::{consent::Consent, model::Fingerprint};
use source::Part;

/// The file with the sums, as `sha256sum -c` reads it.
pub const SUMS: &str = "SHA256SUMS";

/// The file in an incomplete copy with what it lacks, and why.
pub const MISSING: &str = "MISSING";

/// What there is now.
#[derive(Debug, Default)]
pub struct OfflineCopy {
    /// Where it is.
    pub path: PathBuf,
    /// Every file that is whole, by its path in the copy.
    pub prints: Vec<Fingerprint>,
    /// What the source's disk did not give, by its path in the copy: then this
    /// is no whole copy.
    pub missing: Vec<(PathBuf, CopyError)>,
    /// What could not be kept (an extended attribute), in sentences.
    pub notes: Vec<String>,
}

/// The unfinished copy's name.
#[must_use]
pub fn part_of(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".etcd-rescue-{name}.part"))
}

/// Copies into the new directory `to` (mode 0700, ours; files in it 0600; owners,
/// labels and the directories' modes as they were), while no etcd can start on the
/// source. A file that cannot be read is left out, the others still go. What an
/// earlier run left unfinished under the same name goes first. Dropping the future
/// stops it.
///
/// # Errors
/// `CopyError`, of the copy's disk, or when nothing at all could be read; what was
/// copied is removed again, also when the future is dropped.
pub async fn offline_copy(
    source: &OfflineSource,
    to: &Path,
    shown: &Arc<Shown>,
    _consent: &Consent,
) -> Result<OfflineCopy, CopyError> {
    let (source, to) = (source.clone(), to.to_owned());
    let (at_work, ended) = mpsc::channel::<()>();
    let _cleaned = AwaitOnDrop(ended);
    on_a_thread(shown, move |shown| {
        let part = part_of(&to);
        let copied = source.parts().and_then(|parts| copy(&parts, &part, &to, shown));
        if copied.is_err() {
            // What is left helps nobody, and takes room.
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

fn copy(parts: &[Part], new: &Path, to: &Path, shown: &Shown) -> Result<OfflineCopy, CopyError> {
    let locks = SourceLock::of(parts.iter().flat_map(Part::locked))?;
    match fs::remove_dir_all(new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(write(new)(error)),
        _ => {}
    }
    make_directory(new)?;
    let mut copy = OfflineCopy::default();
    for part in parts {
        copy_part(part, &new.join(part.below), shown, &mut copy)?;
    }
    if copy.prints.is_empty() && !copy.missing.is_empty() {
        return Err(copy.missing.swap_remove(0).1);
    }
    let line = |print: &Fingerprint| format!("{}  {}\n", print.sha256, print.path.display());
    write_text(&new.join(SUMS), copy.prints.iter().map(line).collect())?;
    if !copy.missing.is_empty() {
        let line = |(path, why): &(PathBuf, CopyError)| format!("{}: {why}\n", path.display());
        write_text(&new.join(MISSING), copy.missing.iter().map(line).collect())?;
    }
    sync(new)?;
    copy.path = publish(new, to, copy.missing.is_empty())?;
    sync(to.parent().unwrap_or(to))?;
    drop(locks);
    Ok(copy)
}

fn copy_part(
    part: &Part,
    to: &Path,
    shown: &Shown,
    copy: &mut OfflineCopy,
) -> Result<(), CopyError> {
    make_directory(to)?;
    part.tree.directories.iter().try_for_each(|path| make_directory(&to.join(path)))?;
    for path in &part.tree.files {
        let (new, below) = (to.join(path), Path::new(part.below).join(path));
        match copy_file(&part.root.join(path), &new, &below, shown, &mut copy.notes) {
            Ok(print) => copy.prints.push(print),
            // Of a dying disk this may be the last read: what is whole is kept.
            Err(error @ CopyError::Read { .. }) => {
                copy.missing.push((below, error));
                continue;
            }
            Err(error) => return Err(error),
        }
        fs::set_permissions(&new, Permissions::from_mode(0o600)).map_err(write(&new))?;
    }
    // Bottom up, as making an entry changes the time of its directory. An etcd that
    // is not root has to get into them again when they are put back.
    let directories = part.tree.directories.iter().rev().map(PathBuf::as_path);
    for path in directories.chain([Path::new("")]) {
        match of_directory(&part.root.join(path), &to.join(path), &mut copy.notes) {
            Err(error @ CopyError::Read { .. }) => copy.notes.push(error.to_string()),
            done => done?,
        }
    }
    Ok(())
}

/// Gives the copy its name, never over something that came there meanwhile; where
/// it is then.
fn publish(new: &Path, to: &Path, whole: bool) -> Result<PathBuf, CopyError> {
    if whole {
        return rename_to_free(new, to).map(|()| to.to_owned()).map_err(write(to));
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    for number in 1.. {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let to = to.with_file_name(format!("{name}.incomplete{number}"));
        match rename_to_free(new, &to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            done => return done.map(|()| to.clone()).map_err(write(&to)),
        }
    }
    Ok(new.to_owned())
}

fn write(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.to_owned();
    move |source| CopyError::Write { path, source }
}

fn make_directory(path: &Path) -> Result<(), CopyError> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(write(path))
}

fn sync(path: &Path) -> Result<(), CopyError> {
    File::open(path).and_then(|it| it.sync_all()).map_err(write(path))
}

fn write_text(path: &Path, text: String) -> Result<(), CopyError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(write(path))
}

#[cfg(test)]
mod tests;
