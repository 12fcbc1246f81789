//! `snapshot save --offline DIR`: a copy of a stopped etcd's data directory,
//! before anybody tries to mend it.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use crate::{
    act::{
        NodeLock,
        copy_tree::{CopyError, DATABASE, Shown},
        offline_copy::{self, OfflineSource, WAL_DIR, part_of},
    },
    consent::{Authority, Policy, needed},
    failure::{Exit, Failure},
    model::{Bytes, Fingerprint, Outcome, Step, StepKind},
    observe::{self, LocateError},
    say::{Progress, ticking},
    settings::quoted,
};

use super::{failures, recover::locked, session::Session, usage::usual_data_dir};

/// Beside the files themselves: directories and sums.
const MARGIN: u64 = 1 << 20;

/// One file of the copy.
#[derive(Serialize)]
struct FileAnswer {
    path: String,
    bytes: u64,
    sha256: String,
}

/// The copy for scripts; with `--dry-run` what it would be.
#[derive(Serialize)]
struct OfflineAnswer {
    outcome: Outcome,
    exit_code: u8,
    path: String,
    data_dir: String,
    wal_dir: Option<String>,
    bytes: u64,
    files: Vec<FileAnswer>,
}

/// Copies it; with `--dry-run` only says so.
///
/// # Errors
/// etcd runs, there is nothing to copy, no room, or the copy is not proven.
pub async fn save(session: &Session, to: &Path) -> Result<Exit, Failure> {
    let source = source(session).await?;
    let (to, room) = target(session, &source, to).await?;
    let size = source.size().map_err(|error| failed(session, &to, &error))?;
    if room.0 < size.0.saturating_add(MARGIN) {
        let why = format!("there are {room} free, and the copy needs {size}");
        return Err(refuse(session, &to, &why));
    }
    if session.settings.dry_run {
        let data = source.data_dir.display();
        session.voice.answer(&format!(
            "would copy {data} ({size}) to {}; nothing was written",
            to.display()
        ));
        session.voice.json(&answer(Outcome::Planned, &source, &to, size, &[]));
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
    let prints = copied.map_err(|error| failed(session, &to, &error))?;
    tell(session, &source, &to, &prints);
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

/// The data of this node's etcd, or of the directory that was named; never one
/// that does not answer.
async fn source(session: &Session) -> Result<OfflineSource, Failure> {
    let (found, wal_dir) = match observe::locate(&session.settings).await {
        Ok(node) => {
            let found = node.answering_data_dir().map(Path::to_owned);
            (found, node.wal_dir.map(|wal_dir| wal_dir.value))
        }
        Err(LocateError::NoEtcd { .. } | LocateError::NoRuntimeAndNoProcess { .. }) => (None, None),
        Err(error) => return Err(failures::locate(session, &error)),
    };
    let data_dir = match found {
        Some(data_dir) => Some(data_dir),
        None => usual_data_dir(session).await,
    };
    let Some(data_dir) = data_dir.filter(|data_dir| data_dir.join(DATABASE).is_file()) else {
        return Err(session.stopped(
            format!(
                "no etcd database ({DATABASE} in a data directory that answers) was found here"
            ),
            format!("name the right one: `{} --data-dir DIR`", session.again()),
        ));
    };
    let wal_dir = wal_dir.filter(|path| !path.starts_with(data_dir.join("member")));
    Ok(OfflineSource { data_dir, wal_dir })
}

/// Where it goes, by its real path, and the room there.
async fn target(
    session: &Session,
    source: &OfflineSource,
    to: &Path,
) -> Result<(PathBuf, Bytes), Failure> {
    // `DIR/` means the same here.
    let named: PathBuf = to.components().collect();
    let judged = observe::data_disk::target(&named, Some(&source.data_dir)).await;
    let place = judged.map_err(|why| refuse(session, to, &why))?;
    let inside = |directory: &PathBuf| {
        let real = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        place.directory.starts_with(real)
    };
    if inside(&source.data_dir) || source.wal_dir.as_ref().is_some_and(inside) {
        return Err(refuse(session, to, "it is inside etcd's own data directory"));
    }
    let to = place.directory.join(named.file_name().unwrap_or_default());
    Ok((to, place.filesystem.available))
}

fn refuse(session: &Session, to: &Path, why: &str) -> Failure {
    let again = session.settings.command_line("snapshot save --offline DIR");
    session.stopped(
        format!("cannot put the copy at {}: {why}", to.display()),
        format!("name a new directory on another disk: `{again}`"),
    )
}

fn failed(session: &Session, to: &Path, error: &CopyError) -> Failure {
    let next = match error {
        CopyError::Locked { path } => {
            let ours = |command| session.settings.command_line(command);
            let who = observe::stopped::holders(path);
            return session.stopped(
                format!("etcd's data are in use: {} is locked by {who}", path.display()),
                format!(
                    "a running etcd is saved with `{}`; or end it first (kubeadm: move its \
                     manifest out of /etc/kubernetes/manifests)",
                    ours("snapshot save FILE")
                ),
            );
        }
        CopyError::Write { source, .. } if source.kind() == ErrorKind::StorageFull => {
            "make room, or name a directory on another disk".to_owned()
        }
        CopyError::Read { .. } => "look at the disk first: `dmesg -T | tail -50`; what of it can \
                                   be read can be copied with `cp -a` or ddrescue"
            .to_owned(),
        _ => format!("`{}`", session.again()),
    };
    let mut failure = session.stopped(error.to_string(), next);
    let part = part_of(to);
    if part.exists() {
        failure.state.push_str(&format!(" An unfinished copy is at {}.", part.display()));
    }
    failure
}

fn answer(
    outcome: Outcome,
    source: &OfflineSource,
    to: &Path,
    size: Bytes,
    prints: &[Fingerprint],
) -> OfflineAnswer {
    let text = |path: &Path| path.display().to_string();
    let file = |print: &Fingerprint| FileAnswer {
        path: text(&print.path),
        bytes: print.bytes,
        sha256: print.sha256.clone(),
    };
    OfflineAnswer {
        outcome,
        exit_code: Exit::Ok as u8,
        path: text(to),
        data_dir: text(&source.data_dir),
        wal_dir: source.wal_dir.as_deref().map(text),
        bytes: size.0,
        files: prints.iter().map(file).collect(),
    }
}

fn tell(session: &Session, source: &OfflineSource, to: &Path, prints: &[Fingerprint]) {
    let size = Bytes(prints.iter().map(|print| print.bytes).sum());
    let word = |path: &Path| quoted(&path.to_string_lossy());
    let (copy, data) = (word(to), word(&source.data_dir));
    let wal = source.wal_dir.as_ref().map_or_else(String::new, |wal_dir| {
        let old = word(wal_dir);
        format!("\n  mv {old} {old}.before && cp -a {copy}/{WAL_DIR} {old}")
    });
    session.voice.answer(&format!(
        "{}: {size} in {} files, read back and hashed. It holds every Secret of the cluster.\n\
         Check it:       (cd {copy} && sha256sum -c SHA256SUMS)\n\
         Put it back as it was, etcd stopped:\n  \
         mv {data}/member {data}/member.before && cp -a {copy}/member {data}/member{wal}\n\
         Make a new cluster of its database alone (what was only in the raft log is missing):\n  \
         etcdutl snapshot restore --skip-hash-check {copy}/{DATABASE} --data-dir NEW_DIR",
        to.display(),
        prints.len(),
    ));
    session.voice.json(&answer(Outcome::Recovered, source, to, size, prints));
}
