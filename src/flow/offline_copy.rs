//! `snapshot save --offline DIR`: a copy of a stopped etcd's data directory,
//! before anybody tries to mend it. What is said of it is `told`'s.

mod told;

use std::{
    path::{Path, PathBuf, absolute},
    sync::Arc,
};

use crate::{
    act::{
        NodeLock,
        copy_tree::{CopyError, Shown},
        offline_copy::{self, Content, OfflineSource},
    },
    cli::offline_words,
    consent::{Authority, Policy, needed},
    failure::{Exit, Failure},
    model::{Bytes, Found, Located, Outcome, Step, StepKind},
    observe::{self, LocateError},
    say::{Progress, ticking},
};

use super::{failures, recover::locked, session::Session, usage::usual_data_dir};

/// Beside the files themselves: directories and sums.
const MARGIN: u64 = 1 << 20;

/// What `--wal-dir` says of a raft log that is lost.
const LOST: &str = "none";

/// What was asked for.
struct Wanted<'a> {
    session: &'a Session,
    to: &'a Path,
    wal_dir: Option<&'a Path>,
}

/// Copies it; with `--dry-run` only says so.
///
/// # Errors
/// etcd runs, there is nothing to copy, no room, or the copy is not whole.
pub async fn save(session: &Session, to: &Path, wal_dir: Option<&Path>) -> Result<Exit, Failure> {
    let wanted = Wanted { session, to, wal_dir };
    let (source, content, node) = wanted.source().await?;
    let (to, room) = wanted.target(&source).await?;
    let size = content.bytes;
    if room.0 < size.0.saturating_add(MARGIN) {
        let why = format!("there are {room} free, and the copy needs {size}");
        return Err(wanted.refuse(&why));
    }
    if session.settings.dry_run {
        let data = source.data_dir.display();
        session.voice.answer(&format!(
            "would copy {data} ({size}) to {}; nothing was written",
            to.display()
        ));
        session.voice.json(&told::answer(Outcome::Planned, &source, &to, size, &[]));
        return Ok(Exit::Ok);
    }
    let _lock = NodeLock::take().map_err(|error| locked(session, &error))?;
    let step = step(&to, size);
    let policy = Policy::of(session.settings.yes, session.voice.can_ask());
    let consent = Authority::new(policy)
        .obtain(&step, needed(&step, 1, false), "", &session.voice)
        .await
        .map_err(|refused| session.stopped(refused.to_string(), session.again()))?;
    let shown: Arc<Shown> = Arc::default();
    let progress = Progress::bytes(&session.voice, "copying", Some(size.0));
    let show = || progress.at(shown.done(), &shown.note());
    let copying = offline_copy::offline_copy(&source, &to, &shown, &consent);
    let copied = ticking(copying, show).await;
    drop(progress);
    let copy = copied.map_err(|error| wanted.failed(&to, &error))?;
    if !copy.missing.is_empty() {
        return Err(told::incomplete(session, &copy));
    }
    told::tell(session, &source, &copy, content, &node);
    Ok(Exit::Ok)
}

fn step(to: &Path, size: Bytes) -> Step {
    Step {
        id: "offline-copy".to_owned(),
        member: None,
        member_name: String::new(),
        endpoint: String::new(),
        kind: StepKind::Snapshot {
            path: to.to_owned(),
            sick_disk: None,
            expected: size,
            small: false,
        },
    }
}

impl Wanted<'_> {
    /// The data of this node's etcd, or of the directory that was named, and what
    /// there is of them; never one that does not answer.
    async fn source(&self) -> Result<(OfflineSource, Content, Located), Failure> {
        let session = self.session;
        let mut node = match observe::locate(&session.settings).await {
            Ok(node) => node,
            // That it is not up is what this is for.
            Err(
                LocateError::NoEtcd { .. }
                | LocateError::NoRuntimeAndNoProcess { .. }
                | LocateError::Down(_),
            ) => Located::default(),
            // Which one is said by its directory; its locks say whether it runs.
            Err(
                LocateError::SeveralContainers(_)
                | LocateError::SeveralProcesses { .. }
                | LocateError::NotEtcd(_),
            ) if session.settings.data_dir.is_some() => Located::default(),
            Err(error) => return Err(failures::locate(session, &error)),
        };
        let lost = self.wal_dir == Some(Path::new(LOST));
        if let Some(path) = self.wal_dir.filter(|_| !lost) {
            let path = absolute(path).unwrap_or_else(|_| path.to_owned());
            node.wal_dir = Some(Found::new(path, "--wal-dir"));
        }
        let wal_dir = node.wal_dir.as_ref().filter(|_| !lost).map(|found| found.value.clone());
        let data_dir = match node.answering_data_dir() {
            Some(data_dir) => Some(data_dir.to_owned()),
            // The one that was named or none: never another in its place.
            None if session.settings.data_dir.is_some() => self.named().await,
            None => usual_data_dir(session).await,
        };
        let Some(data_dir) = data_dir else { return Err(told::nothing(session)) };
        let source = OfflineSource::new(data_dir, wal_dir);
        let content = source.content().map_err(|error| self.failed(self.to, &error))?;
        match content {
            Content { database: false, log: false, .. } => Err(told::nothing(session)),
            Content { log: false, .. } if !lost => {
                Err(told::without_log(session, &source, self.to))
            }
            _ => Ok((source, content, node)),
        }
    }

    /// The data directory that was named, when it answers.
    async fn named(&self) -> Option<PathBuf> {
        let named = absolute(self.session.settings.data_dir.as_deref()?).ok()?;
        let seen = observe::data_disk::data_dir(&named).await;
        seen.is_ok_and(|seen| seen.is_ok()).then_some(named)
    }

    /// Where it goes, by its real path, and the room there.
    async fn target(&self, source: &OfflineSource) -> Result<(PathBuf, Bytes), Failure> {
        // `DIR/` means the same here.
        let named: PathBuf = self.to.components().collect();
        let judged = observe::data_disk::target(&named, Some(&source.data_dir)).await;
        let place = judged.map_err(|why| self.refuse(&why))?;
        let inside = |directory: &PathBuf| {
            let real = directory.canonicalize().unwrap_or_else(|_| directory.clone());
            place.directory.starts_with(real)
        };
        if inside(&source.data_dir) || source.wal_dir.as_ref().is_some_and(inside) {
            return Err(self.refuse("it is inside etcd's own data directory"));
        }
        let to = place.directory.join(named.file_name().unwrap_or_default());
        Ok((to, place.filesystem.available))
    }

    /// The same to another directory, `DIR`.
    fn elsewhere(&self) -> String {
        self.session.settings.command_line(&offline_words(Path::new("DIR"), self.wal_dir))
    }

    fn refuse(&self, why: &str) -> Failure {
        self.session.stopped(
            format!("cannot put the copy at {}: {why}", self.to.display()),
            format!("name a new directory on another disk: `{}`", self.elsewhere()),
        )
    }

    fn failed(&self, to: &Path, error: &CopyError) -> Failure {
        told::failed(self.session, &self.elsewhere(), to, error)
    }
}
