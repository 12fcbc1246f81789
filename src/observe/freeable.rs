//! What could make room on etcd's filesystem, the safest first, with the bytes
//! each would free. Looks only when room is short, at a bounded number of
//! files, for a bounded time. Removes nothing, and never counts a file of
//! etcd's own other than an orphaned `db.tmp.*`.

mod journal;
mod own_snapshots;
mod rotated_logs;
mod unused_images;

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

pub use unused_images::unused_images;

use super::{disk, host::HostRoot};
use crate::{
    model::{Bytes, DataDir, Freeable, FreeableKind, Located, order::InOrder},
    settings::{Settings, quoted},
    wire::cri::Cri,
};

/// A disk in trouble answers slowly, and nothing else waits for this.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most directory entries looked at for one kind.
const MOST_FILES: usize = 20_000;

/// Most paths told of one kind, the largest first.
const MOST_PATHS: usize = 50;

/// What could be freed on the filesystem of this node's data directory; empty
/// when there is room enough.
pub async fn look(
    host: &HostRoot,
    settings: &Settings,
    node: &Located,
    cri: Option<&Cri>,
) -> Vec<Freeable> {
    let Some(disk) = node.disk.clone().filter(DataDir::is_short_of_room) else {
        return Vec::new();
    };
    let images = async {
        match cri {
            Some(cri) => unused_images(cri, host, disk.filesystem.device).await,
            None => None,
        }
    };
    let (at, settings, data_dir) = (host.clone(), settings.clone(), disk.clone());
    // A thread that a dead disk holds is left behind.
    let files = tokio::task::spawn_blocking(move || files(&at, &settings, &data_dir));
    let (images, files) =
        tokio::join!(tokio::time::timeout(PATIENCE, images), tokio::time::timeout(PATIENCE, files));
    let mut found = files.ok().and_then(Result::ok).unwrap_or_default();
    found.extend(images.ok().flatten());
    found.order_by_key(|freeable| freeable.kind);
    found
}

/// Everything that is found by reading the disk.
fn files(host: &HostRoot, settings: &Settings, disk: &DataDir) -> Vec<Freeable> {
    let device = disk.filesystem.device;
    [
        left_overs(settings, disk),
        own_snapshots::own_snapshots(settings, disk),
        rotated_logs::rotated_logs(host, device),
        journal::journal(host, device),
        old_databases(disk),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn left_overs(settings: &Settings, disk: &DataDir) -> Option<Freeable> {
    (!disk.orphans.is_empty()).then(|| Freeable {
        kind: FreeableKind::LeftOver,
        bytes: disk.freed_by_orphans(),
        paths: disk.orphans.iter().map(|(path, _)| path.clone()).collect(),
        command: settings.command_line("recover"),
        otherwise: None,
    })
}

fn old_databases(disk: &DataDir) -> Option<Freeable> {
    let old = disk.undos.iter().filter(|(_, size)| *size > Bytes(0));
    let bytes = old.clone().fold(Bytes(0), |sum, (_, size)| sum.plus(*size));
    let paths: Vec<PathBuf> = old.map(|(path, _)| path.clone()).collect();
    (!paths.is_empty()).then(|| Freeable {
        kind: FreeableKind::OldDatabase,
        bytes,
        command: command("rm", paths.iter().map(|path| path.to_string_lossy())),
        paths,
        otherwise: None,
    })
}

/// A directory that can be read and is on this device.
fn is_on(directory: &Path, device: u64) -> bool {
    directory.is_dir() && disk::filesystem(directory).is_ok_and(|found| found.device == device)
}

/// Files of a directory on this device, with what they take: regular ones on
/// the same mount only, no symlinks; at most `most`.
fn regular_files(directory: &Path, most: usize) -> Vec<(PathBuf, Metadata)> {
    let Ok(own) = fs::metadata(directory) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .take(most)
        .filter_map(Result::ok)
        // As lstat(2): a symlink is none.
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .filter(|(_, meta)| meta.is_file() && meta.dev() == own.dev())
        .collect()
}

/// What these files take, and the largest of them.
fn summed(mut files: Vec<(PathBuf, Metadata)>) -> Option<(Bytes, Vec<PathBuf>)> {
    files.order_by_key(|(_, meta)| std::cmp::Reverse(meta.blocks()));
    let blocks = files.iter().fold(0_u64, |sum, (_, meta)| sum.saturating_add(meta.blocks()));
    let paths = files.into_iter().take(MOST_PATHS).map(|(path, _)| path).collect();
    // st_blocks is in units of 512 bytes (stat(2)).
    (blocks > 0).then(|| (Bytes(blocks.saturating_mul(512)), paths))
}

/// A program with words that a shell would read otherwise put in quotes.
fn command(program: &str, words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words = words.into_iter().map(|word| quoted(word.as_ref()));
    std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
