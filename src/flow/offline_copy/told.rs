//! What is said of a copy of a stopped etcd's data: how to put it back, what it
//! lacks, or why there is none.

use std::{io::ErrorKind, path::Path};

use serde::Serialize;

use crate::{
    act::{
        copy_tree::{CopyError, DATABASE},
        offline_copy::{Content, MISSING, OfflineCopy, OfflineSource, WAL_DIR, part_of},
    },
    cli::offline_words,
    failure::{Exit, Failure},
    model::{Bytes, Fingerprint, Located, Outcome},
    observe,
    say::etcdctl,
    settings::quoted,
};

use super::super::session::Session;

/// One file of the copy.
#[derive(Serialize)]
struct FileAnswer {
    path: String,
    bytes: u64,
    sha256: String,
}

/// The copy for scripts; with `--dry-run` what it would be.
#[derive(Serialize)]
pub(super) struct OfflineAnswer {
    outcome: Outcome,
    exit_code: u8,
    path: String,
    data_dir: String,
    wal_dir: Option<String>,
    bytes: u64,
    files: Vec<FileAnswer>,
}

pub(super) fn answer(
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

fn word(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

pub(super) fn tell(
    session: &Session,
    source: &OfflineSource,
    copy: &OfflineCopy,
    content: Content,
    node: &Located,
) {
    let at = word(&copy.path);
    let mut lines = vec![
        format!(
            "{}: {} in {} files, read back and hashed. It holds every Secret of the cluster.",
            copy.path.display(),
            content.bytes,
            copy.prints.len()
        ),
        format!("Check it:       (cd {at} && sha256sum -c SHA256SUMS)"),
        "Put it back as it was, etcd stopped:".to_owned(),
    ];
    lines.extend(back(source, &at, content));
    if content.database {
        let lost = if content.log { "what was only in the raft log" } else { "the raft log" };
        lines.push(format!(
            "Make a new cluster of its database alone ({lost} is missing), with this master's \
             name and address:"
        ));
        let database = format!("{at}/{DATABASE}");
        lines.push(format!("  {}", etcdctl::restore(node, "--skip-hash-check", &database)));
    }
    lines.extend(copy.notes.iter().map(|note| format!("Not kept: {note}")));
    session.voice.answer(&lines.join("\n"));
    let prints = &copy.prints;
    session.voice.json(&answer(Outcome::Recovered, source, &copy.path, content.bytes, prints));
}

/// How it goes back. A raft log of its own stays where it is, link or mount: only
/// what is in it changes.
fn back(source: &OfflineSource, at: &str, content: Content) -> Vec<String> {
    let data = word(&source.data_dir);
    let Some(wal_dir) = &source.wal_dir else {
        return vec![format!(
            "  mv {data}/member {data}/member.before && cp -a {at}/member {data}/member"
        )];
    };
    let old = word(wal_dir);
    let mut lines = Vec::new();
    if content.database {
        lines.push(format!(
            "  mv {data}/member/snap {data}/snap.before && cp -a {at}/member/snap {data}/member/snap"
        ));
    }
    lines.push(format!(
        "  mkdir {old}/before && mv {old}/*.wal {old}/before/ && cp -a {at}/{WAL_DIR}/*.wal {old}/"
    ));
    lines
}

/// Nothing to copy.
pub(super) fn nothing(session: &Session) -> Failure {
    let mut settings = session.settings.clone();
    settings.data_dir = Some("DIR".into());
    session.stopped(
        format!(
            "no etcd database ({DATABASE} in a data directory that answers) was found here, and \
             no raft log"
        ),
        format!("name the right one: `{}`", settings.command_line(&session.command)),
    )
}

/// A database without its raft log: only when that is known to be lost.
pub(super) fn without_log(session: &Session, source: &OfflineSource, to: &Path) -> Failure {
    let place = source.data_dir.join("member/wal");
    let place = source.wal_dir.as_ref().unwrap_or(&place);
    let with =
        |wal_dir: &str| session.settings.command_line(&offline_words(to, Some(Path::new(wal_dir))));
    session.stopped(
        format!(
            "no raft log (*.wal) is in {}: a copy without it lacks the last writes, and cannot be \
             put back",
            place.display()
        ),
        format!(
            "is its disk mounted? `lsblk -f`; is it elsewhere? --wal-dir among etcd's flags \
             (kubeadm: in its manifest, etcd.yaml); then: `{}`\nif it is lost: `{}`",
            with("DIR"),
            with("none")
        ),
    )
}

/// The source's disk did not give all of it.
pub(super) fn incomplete(session: &Session, copy: &OfflineCopy) -> Failure {
    let (mut whys, mut reads) = (Vec::new(), Vec::new());
    let at = copy.path.display();
    for (below, why) in &copy.missing {
        whys.push(why.to_string());
        if let CopyError::Read { path, .. } = why {
            let to = word(&copy.path.join(below));
            reads.push(format!("`dd if={} of={to} bs=4096 conv=noerror,sync`", word(path)));
        }
    }
    let mut failure = session.stopped(
        format!("this is no whole copy: {}", whys.join("; ")),
        format!(
            "look at the disk first: `dmesg -T | tail -50`; it may be dying. What of these files \
             can be read (zeros in place of the rest; ddrescue tries harder):\n{}",
            reads.join("\n")
        ),
    );
    failure.exit = Exit::Partial;
    failure.state.push_str(&format!(
        " The files that are whole ({}) are at {at}, read back and hashed; what is missing is \
         in {at}/{MISSING}.",
        copy.prints.len()
    ));
    failure
}

/// There is no copy; `elsewhere` is the command for another directory.
pub(super) fn failed(session: &Session, elsewhere: &str, to: &Path, error: &CopyError) -> Failure {
    let another = format!("name a directory on another disk: `{elsewhere}`");
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
            format!("make room, or {another}")
        }
        CopyError::Write { .. } | CopyError::Differs { .. } => another,
        CopyError::Read { .. } => "look at the disk first: `dmesg -T | tail -50`; what of it can \
                                   be read can be copied with `cp -a` or ddrescue"
            .to_owned(),
        CopyError::Strange { path, .. } => {
            let it = word(path);
            format!(
                "etcd puts nothing like that there: `ls -la {it}`, `findmnt -T {it}`. Move it out \
                 of the data directory (not what is behind it), then `{}`; or copy by hand, links \
                 followed: `cp -aL {} {}`",
                session.again(),
                word(path.parent().unwrap_or(path)),
                word(to)
            )
        }
        _ => format!("`{}`", session.again()),
    };
    let mut failure = session.stopped(error.to_string(), next);
    let part = part_of(to);
    if part.exists() {
        failure.state.push_str(&format!(" An unfinished copy is at {}.", part.display()));
    }
    failure
}
