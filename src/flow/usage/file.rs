//! `usage --from FILE`: a snapshot, or the db file of an etcd that is stopped.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    super::{failures, session::Session},
    Read, next,
    spool::Spool,
};
use crate::{
    failure::Failure,
    model::usage::{Source, SourceKind, Usage},
    observe::{
        bolt::{BoltError, BoltFile},
        usage::{Limits, Progress as Step, ReadError, read_database},
    },
    say::{Progress, ticking},
};

/// Reads the file at `path`.
///
/// # Errors
/// It is in use, is no database, or is not what was once written.
pub(super) async fn read(session: &Session, path: &Path) -> Result<Read, Failure> {
    let name = path.display().to_string();
    let open = path.to_owned();
    let open = move || {
        let file = BoltFile::open(&open)?;
        file.refuse_if_in_use()?;
        Ok(file)
    };
    let label = format!("reading {name}");
    let (mut usage, snapshot, warning) =
        account(session, &label, open).await.map_err(|error| failed(session, &name, &error))?;
    let kind = if snapshot { SourceKind::SnapshotFile } else { SourceKind::DatabaseFile };
    let why = warning.unwrap_or_default();
    usage.source = Source { kind, path: Some(path.to_owned()), member: String::new(), why };
    Ok(judged(session, &name, usage))
}

/// Reads what was put into a file without a name.
///
/// # Errors
/// As `read`.
pub(super) async fn read_spooled(
    session: &Session,
    spool: &Spool,
    kind: SourceKind,
    member: String,
    why: String,
) -> Result<Read, Failure> {
    let name = match kind {
        SourceKind::Pipe => "what came through the pipe".to_owned(),
        _ => format!("the snapshot of {member}"),
    };
    let path = spool.file.path();
    let called = name.clone();
    let open = move || {
        let file = File::open(path).map_err(BoltError::Open)?;
        Ok(BoltFile::from_file(file, called)?)
    };
    let read = account(session, &format!("reading {name}"), open).await;
    let (mut usage, _, warning) = read.map_err(|error| failed(session, &name, &error))?;
    let why = [Some(why).filter(|why| !why.is_empty()), warning];
    let why = why.into_iter().flatten().collect::<Vec<_>>().join("; ");
    usage.source = Source { kind, path: None, member, why };
    Ok(judged(session, &name, usage))
}

/// On a thread of its own: a disk takes its time, and a signal must not wait
/// for it. Also whether it is a snapshot, and what to know of the file.
async fn account(
    session: &Session,
    label: &str,
    open: impl FnOnce() -> Result<BoltFile, ReadError> + Send + 'static,
) -> Result<(Usage, bool, Option<String>), ReadError> {
    let (read, size) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (told, whole) = (Arc::clone(&read), Arc::clone(&size));
    let reading = tokio::task::spawn_blocking(move || {
        let file = open()?;
        whole.store(file.size().0, Ordering::Relaxed);
        let mut tell = |step: Step| told.store(step.read.0, Ordering::Relaxed);
        let usage = read_database(&file, Limits::default(), &mut tell)?;
        Ok((usage, file.is_snapshot(), file.warning()))
    });
    let progress = Progress::bytes(&session.voice, label, None);
    let show = || progress.at(read.load(Ordering::Relaxed), &of(size.load(Ordering::Relaxed)));
    let lost = |lost| ReadError::File(BoltError::Read(std::io::Error::other(lost)));
    ticking(reading, show).await.unwrap_or_else(|gone| Err(lost(gone)))
}

/// How much there is to read at most: free pages are in it, too.
fn of(size: u64) -> String {
    format!("of a file of {}", crate::model::Bytes(size))
}

/// What could be read; when that is not all, with the reason.
fn judged(session: &Session, name: &str, usage: Usage) -> Read {
    let incomplete = usage
        .damage
        .as_ref()
        .map(|damage| session.stopped(format!("{name}: {damage}"), elsewhere(session)));
    Read { usage, quota: None, nospace: false, incomplete }
}

/// Nothing could be read.
fn failed(session: &Session, name: &str, error: &ReadError) -> Failure {
    let next = match error {
        ReadError::File(BoltError::InUse | BoltError::Changed) => in_use(session),
        ReadError::File(BoltError::NotAFile("a pipe")) => {
            format!(
                "give it what comes: `COMMAND | {}`",
                next::ours(session, "usage --from -", None)
            )
        }
        ReadError::File(BoltError::NotAFile("a directory")) => {
            format!("name a file in it: a snapshot, or {name}/member/snap/db of a data directory")
        }
        ReadError::File(BoltError::Open(_) | BoltError::NotAFile(_)) => "check the path".to_owned(),
        ReadError::File(BoltError::NotBolt(_)) | ReadError::NotEtcd => {
            "name a snapshot, or DATA_DIR/member/snap/db of an etcd that is stopped".to_owned()
        }
        _ => elsewhere(session),
    };
    session.stopped(format!("{name}: {}", failures::with_source(error)), next)
}

/// How a running etcd is read.
fn in_use(session: &Session) -> String {
    let ours = |command: &str| next::ours(session, command, None);
    format!(
        "`{}` reads the running member\nor through a pipe: `{}`\nor in two steps: `{}`, then `{}`",
        ours("usage"),
        next::piped(session),
        ours("snapshot save FILE"),
        ours("usage --from FILE")
    )
}

/// Where the same can be read whole.
fn elsewhere(session: &Session) -> String {
    let ours = |command: &str| session.settings.command_line(command);
    format!(
        "read another copy: a live member with `{}`, or a new snapshot with `{}`",
        ours("usage"),
        ours("snapshot save FILE")
    )
}
