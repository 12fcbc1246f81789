//! Turns each room's error into what a person needs: what happened, what
//! state the cluster is in now, and what to type next.

use std::path::Path;

use crate::{
    act::SnapshotError,
    failure::{Exit, Failure},
    model::{Bytes, MemberId, Refusal, RefusalKind, World},
    observe::snapshot_file::SnapshotFileError,
    settings::quoted,
    wire::{WireError, WireErrorKind},
};

use super::session::Session;
pub use super::unreachable::{locate, nobody_answers, tls};

pub(super) const UNTOUCHED: &str = "Nothing was changed in etcd.";

/// Gates are closed.
pub fn refused(session: &Session, refusals: &[Refusal]) -> Failure {
    session.record_mut().refusals = refusals.to_vec();
    let join = |part: fn(&Refusal) -> &str| {
        let mut texts: Vec<&str> = refusals.iter().map(part).collect();
        texts.dedup();
        texts.join("\n")
    };
    let mut next = join(|refusal| &refusal.next);
    let flags: Option<Vec<&str>> = refusals.iter().map(|refusal| refusal.flag.as_deref()).collect();
    if let Some(flags) = flags.filter(|flags| !flags.is_empty()) {
        let mut settings = session.settings.clone();
        // Another directory instead of this one, not beside it.
        settings.snapshot_dir =
            settings.snapshot_dir.filter(|_| !flags.contains(&"--snapshot-dir DIR"));
        let command = settings.command_line(&session.command_now());
        next.push_str(&format!("\nin full: `{command} {}`", flags.join(" ")));
    } else if refusals.iter().any(|refusal| refusal.kind == RefusalKind::NoRoomForDatabase) {
        next.push_str(&format!("\nThen: `{}`", session.again()));
    }
    session.stopped(join(|refusal| &refusal.what), next)
}

/// A call of a step failed.
pub fn step(session: &Session, error: &WireError) -> Failure {
    let next = format!(
        "look with `{}`, then `{}`: it sees what is left to do",
        session.settings.command_line("status"),
        session.again()
    );
    let mut failure = session.stopped(error.to_string(), next);
    failure.passing = error.kind.passes();
    if failure.exit == Exit::Refused {
        // No gate of ours: etcd did not do it.
        failure.exit = match error.kind {
            WireErrorKind::FutureRevision | WireErrorKind::PermissionDenied => Exit::Refused,
            _ => Exit::Unreachable,
        };
    }
    if error.kind.effect_unknown() {
        failure.state.push_str(" Whether this step took effect is not known.");
    }
    failure
}

/// A name that no member has.
pub fn unknown_member(session: &Session, name: &str, world: &World) -> Failure {
    let names: Vec<String> = world.members.iter().map(crate::model::Member::label).collect();
    Failure::new(
        Exit::Usage,
        format!("no member is called `{name}`"),
        UNTOUCHED,
        format!(
            "the members are {}; `{}` shows them",
            names.join(", "),
            session.settings.command_line("status")
        ),
    )
}

/// A member that was there is not in the member list any more.
pub fn member_gone(session: &Session, name: &str) -> Failure {
    session.stopped(
        format!("member {name} does not answer any more"),
        format!("look with `{}`", session.settings.command_line("status")),
    )
}

/// The member asked for does not answer.
pub fn member_silent(session: &Session, name: &str, why: &str) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("member {name} does not answer: {why}"),
        UNTOUCHED,
        format!(
            "choose another one: `{}` shows who answers",
            session.settings.command_line("status")
        ),
    )
}

/// A defragmentation was broken off: the file is as it was.
pub fn defrag_lost(session: &Session, name: &str) -> Failure {
    let mut failure = session.stopped(
        format!(
            "{name} was stopped in the middle of its defragmentation: it answers again, and its \
             file is as big as before (no data is lost; the old file stays until the new one is \
             whole)"
        ),
        format!(
            "find out what stopped it on that master: `etcd-rescue logs --previous --tail 30`; if \
             it was the kubelet's liveness probe, `systemctl stop kubelet` there first and start \
             it again afterwards; then `{}`",
            session.again()
        ),
    );
    failure.passing = true;
    failure
}

/// A member did not come back after its defragmentation.
pub fn not_serving(session: &Session, world: &World, member: MemberId) -> Failure {
    let name = world.member(member).map_or_else(|| member.to_string(), |member| member.label());
    session.stopped(
        format!("{name} did not come back (or not catch up) after its defragmentation"),
        format!(
            "look at it on its own node: `etcd-rescue logs --tail 50`; then `{}`",
            session.again()
        ),
    )
}

/// All members hold the same data: what does not fit on one will not fit on
/// the others.
pub fn data_exceed_quota(session: &Session, name: &str, after: Bytes, quota: Bytes) -> Failure {
    session.stopped(
        format!(
            "{name} holds {after} of live data, which is not under its quota of {quota}: \
             compaction is not enough, and the alarm stays on"
        ),
        format!(
            "see what fills it: `{}`; delete events, the usual suspects: `{}`; or raise the quota on \
             every master, one at a time, to 8 GiB at most: `{}`; then `{}`",
            session.settings.command_line("usage"),
            session.settings.command_line("purge events"),
            session.settings.command_line("prevent --quota SIZE"),
            session.again()
        ),
    )
}

/// The snapshot was not made.
pub fn snapshot(session: &Session, error: &SnapshotError) -> Failure {
    let next = match error {
        SnapshotError::Stream(_) => format!("try again, or another member: `{}`", session.again()),
        SnapshotError::Write { .. } | SnapshotError::Directory { .. } => {
            let mut elsewhere = session.settings.clone();
            elsewhere.snapshot_dir = Some("DIR".into());
            let now = session.command_now();
            let command = now.split(' ').next().filter(|word| *word != "snapshot");
            let command = command.map_or("snapshot save PATH", |_| now.as_str());
            format!("name another place: `{}`", elsewhere.command_line(command))
        }
        SnapshotError::Damaged(_) | SnapshotError::OwnFile => {
            "this member's database cannot be copied whole: take the snapshot from another one \
             (`etcd-rescue snapshot save PATH --member NAME`), and look at this node's disk"
                .to_owned()
        }
    };
    let mut failure = session.stopped(with_source(error), next);
    failure.state.push_str(" No half-written file was left.");
    failure.passing = matches!(error, SnapshotError::Stream(error) if error.kind.passes());
    failure
}

/// The file on disk is not a good snapshot.
pub fn snapshot_file(session: &Session, path: &Path, error: &SnapshotFileError) -> Failure {
    let mut failure = session.stopped(
        format!("{}: {error}", path.display()),
        format!("take a new one: `{}`", session.settings.command_line("snapshot save PATH")),
    );
    if let SnapshotFileError::Read(_) = error {
        failure.next = "check the path".to_owned();
    }
    failure
}

/// What was written and what is on disk differ.
pub fn snapshot_changed(session: &Session, path: &Path) -> Failure {
    session.stopped(
        format!("{} is not on disk as it was written: that disk lies", path.display()),
        format!("use another disk: `{} --snapshot-dir DIR`", session.again()),
    )
}

/// `--snapshot-dir` cannot be used.
pub fn snapshot_dir(session: &Session, directory: &Path, why: &str) -> Failure {
    let mut elsewhere = session.settings.clone();
    elsewhere.snapshot_dir = Some("DIR".into());
    let elsewhere = elsewhere.command_line(&session.command_now());
    // Only a directory that answered can be missing.
    let next = if !why.contains("does not exist") {
        format!("name another directory: `{elsewhere}`")
    } else {
        let directory = quoted(&directory.to_string_lossy());
        format!("`mkdir -p -m 0700 {directory}`, or name another directory: `{elsewhere}`")
    };
    session.stopped(format!("--snapshot-dir {}: {why}", directory.display()), next)
}

/// `snapshot save PATH` cannot be used.
pub fn snapshot_path(session: &Session, path: &Path, why: &str) -> Failure {
    session.stopped(
        format!("cannot save to {}: {why}", path.display()),
        format!(
            "name a new file in a directory with room: `{}`",
            session.settings.command_line("snapshot save PATH")
        ),
    )
}

/// A snapshot on a terminal helps nobody.
pub fn stdout_is_terminal(session: &Session) -> Failure {
    Failure::new(
        Exit::Usage,
        "stdout is a terminal: a snapshot is binary, and holds every Secret",
        UNTOUCHED,
        format!("`{} > FILE`, or name a file instead of `-`", session.again()),
    )
}

/// The proof failed.
pub fn unverified(session: &Session, what: String) -> Failure {
    Failure::new(
        Exit::Unverified,
        what,
        session.record().state(),
        format!(
            "look with `{}`; then `{}` again",
            session.settings.command_line("status"),
            session.again()
        ),
    )
}

/// The members differ: nothing here can tell who is right.
pub fn different_data(session: &Session, what: String) -> Failure {
    Failure {
        next: format!(
            "change nothing more. Save what each member has (`{}` for each), find out which one is \
             odd (`etcdctl endpoint hashkv --cluster`), remove that member and add it again empty",
            session.settings.command_line("snapshot save PATH --member NAME")
        ),
        ..unverified(session, what)
    }
}

/// An error with its causes on one line.
pub(super) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
