//! The data of an etcd that does not run, looked at by a child: their disk may
//! hang. Judged as etcd would judge them at its start, as far as there is time;
//! nothing is written, and a lock is only asked for.

mod crc32c;
mod database;
mod holders;
mod record;
mod wal;

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::statvfs::{FsFlags, statvfs};

pub use holders::holders;
pub use wal::{WalRead, read as read_wal};

use super::data_disk::{PATIENCE, ask_or_look, path};
use crate::model::{ContainerState, Located, StoppedData, Timestamp};
use database::Database;

/// For reading raft log and database: the child ends before.
const READING: Duration = Duration::from_secs(6);
/// What a look is good for.
const FRESH: Duration = Duration::from_secs(20);
/// Who runs for longer than this (nanoseconds) waits for no lock: a startup
/// probe has ended it before.
const STARTING: i64 = 300 * 1_000_000_000;
/// Less room than this is none.
const NO_ROOM: u64 = 1 << 20;
/// SIGKILL and SIGTERM as exit codes, and the orderly end: etcd did not say
/// that its data are bad.
const WAS_ENDED: [i32; 3] = [0, 137, 143];

/// The last look, and what it was a look at.
static LAST: Mutex<Option<(Instant, Vec<OsString>, StoppedData)>> = Mutex::new(None);

/// The data of this node's etcd; `None` when it runs, or has none, or they do
/// not answer. Raft log and database are read through only where its last end
/// does not speak for them. Of an etcd that was started a short while ago only
/// whose data it has, and whether somebody else holds what it waits for.
pub async fn stopped_data(node: &Located) -> Option<StoppedData> {
    let data_dir = node.answering_data_dir()?;
    node.disk.as_ref()?;
    let wal_dir = node.wal_dir.as_ref().map(|found| found.value.as_path());
    let state = node.container.as_ref().map(|container| container.state);
    if let Some(process) = &node.process {
        let started = node.container.as_ref()?.started_at;
        let age = Timestamp::now().as_nanosecond().saturating_sub(started);
        let pid = process.pid.to_string();
        return if age < STARTING { look(data_dir, wal_dir, How::Lock, &pid).await } else { None };
    }
    if matches!(state, Some(ContainerState::Running | ContainerState::Unknown)) {
        return None;
    }
    let was_ended = |code| WAS_ENDED.contains(&code);
    let ended = node.last_end.as_ref().is_some_and(|end| was_ended(end.exit_code));
    let how = if ended { How::Heads } else { How::All };
    let id = node.last_end.as_ref().map_or("", |end| end.id.as_str());
    look(data_dir, wal_dir, how, id).await
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Whose the data are, and who holds the lock, if not the etcd of this pid.
    Lock,
    /// What tells whose the data are, and the room.
    Heads,
    /// Raft log and database to their ends.
    All,
}

/// The same of any data directory; `id` tells one state of it from another, or
/// is etcd's pid.
pub async fn look(
    data_dir: &Path,
    wal_dir: Option<&Path>,
    how: How,
    id: &str,
) -> Option<StoppedData> {
    // The child has another working directory.
    let data_dir = &std::path::absolute(data_dir).ok()?;
    let wal_dir = wal_dir.map_or_else(|| data_dir.join("member/wal"), Path::to_owned);
    let how: &OsStr = match how {
        How::Lock => "lock".as_ref(),
        How::Heads => "heads".as_ref(),
        How::All => "all".as_ref(),
    };
    let words = ["stopped".as_ref(), how, data_dir.as_os_str(), wal_dir.as_os_str(), id.as_ref()];
    let key: Vec<OsString> = words.iter().map(|word: &&OsStr| (*word).to_owned()).collect();
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some((at, asked, seen)) = last
        && asked == key
        && at.elapsed() < FRESH
    {
        return Some(seen);
    }
    let seen = ask_or_look(&words, READING + PATIENCE, look_at_stopped).await.ok()??;
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((Instant::now(), key, seen.clone()));
    Some(seen)
}

/// The child's side of `look`: how, the data directory, that of the raft log,
/// etcd's pid where that is asked about.
/// `None` when an etcd started meanwhile, or the data changed.
#[must_use]
pub fn look_at_stopped(words: &[OsString]) -> Option<StoppedData> {
    let thorough = words.first().is_some_and(|how| how == "all");
    let (data_dir, wal_dir) = (path(words, 1), path(words, 2));
    let snap = data_dir.join("member/snap");
    if words.first().is_some_and(|how| how == "lock") {
        let own = words.get(3)?.to_str()?.parse().ok()?;
        let lock = holders::lock_beside(&snap.join("db"), own);
        let WalRead { member_id, cluster_id, .. } = wal::read(&wal_dir, None);
        return Some(StoppedData { lock, member_id, cluster_id, ..StoppedData::default() });
    }
    let before = stamps(&[&snap, &wal_dir]);
    let newest = before.iter().map(|(_, _, seconds, _)| *seconds).max().unwrap_or_default();
    let mut seen = StoppedData { newest, ..StoppedData::default() };
    room(&data_dir, &mut seen);
    let log = wal::read(&wal_dir, thorough.then(|| Instant::now() + READING / 2));
    let database = Database::read(&snap.join("db"), thorough.then(|| Instant::now() + READING / 2));
    let mut locked: Vec<&Path> = log.files.iter().map(PathBuf::as_path).collect();
    let file = snap.join("db");
    locked.push(&file);
    match holders::lock(&locked) {
        Ok(lock) => seen.lock = lock,
        // Just started: it will say itself what becomes of it.
        Err(holders::Young) => return None,
    }
    if seen.lock.is_some() {
        return Some(seen);
    }
    if stamps(&[&snap, &wal_dir]) != before {
        return None;
    }
    (seen.member_id, seen.cluster_id) = (log.member_id, log.cluster_id);
    seen.empty = log.files.is_empty() && log.damage.is_none();
    seen.removed = log.member_id != 0 && database.removed.contains(&log.member_id);
    seen.thorough = log.complete && database.complete;
    if !seen.empty {
        seen.snap_db = missing_snapshot(&snap, &before, &log, &database);
        // One that cannot even be looked at is there.
        if file.try_exists().unwrap_or(true) {
            seen.database = database.damage.map(|why| format!("{}: {why}", file.display()));
        }
        seen.wal = log.damage;
        seen.torn = log.torn;
    }
    Some(seen)
}

/// etcd opens the database of the newest snapshot when its own is older
/// (server/storage/backend.go: RecoverSnapshotBackend).
fn missing_snapshot(
    snap: &Path,
    files: &[Stamp],
    log: &WalRead,
    database: &Database,
) -> Option<String> {
    let have = database.consistent_index?;
    let known = |index, term| {
        !log.complete || (log.snapshots.contains(&(index, term)) && index <= log.commit)
    };
    let name = |stamp: &Stamp| hex_pair(stamp.0.to_str()?.strip_suffix(".snap")?);
    let snaps = files.iter().filter_map(name);
    let (term, index) = snaps.filter(|(term, index)| known(*index, *term)).max()?;
    let file = snap.join(format!("{index:016x}.snap.db"));
    (index > have && !file.exists()).then(|| {
        format!(
            "{} is missing: the raft snapshot {term:016x}-{index:016x}.snap is at index {index}, \
             the database only at {have}",
            file.display()
        )
    })
}

/// Two numbers of 16 hex digits, as etcd names its files.
fn hex_pair(name: &str) -> Option<(u64, u64)> {
    let (first, second) = name.split_once('-')?;
    let number =
        |digits: &str| (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten();
    Some((number(first)?, number(second)?))
}

/// Name, length and time of a file.
type Stamp = (OsString, u64, i64, i64);

/// Those of every file of these directories.
fn stamps(directories: &[&Path]) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries {
            let Ok(entry) = entry else { break };
            if let Ok(meta) = entry.metadata() {
                stamps.push((entry.file_name(), meta.len(), meta.mtime(), meta.mtime_nsec()));
            }
        }
    }
    stamps
}

/// What root could still write: etcd runs as root in most clusters.
fn room(data_dir: &Path, seen: &mut StoppedData) {
    let Ok(stat) = statvfs(data_dir) else { return };
    seen.read_only = stat.flags().contains(FsFlags::ST_RDONLY);
    let unit = stat.fragment_size().max(1);
    seen.full = if stat.blocks() > 0 && stat.blocks_free().saturating_mul(unit) < NO_ROOM {
        Some("no room is left".to_owned())
    } else if stat.files() > 0 && stat.files_free() == 0 {
        Some("no inode is left (`df -i`)".to_owned())
    } else {
        None
    };
}
