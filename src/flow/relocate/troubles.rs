//! What a relocation has to say when it does not go on: what happened, what
//! state the member is in now, what to type.

use std::{io, path::Path};

use crate::{
    act::{copy_tree::CopyError, manifest::ManifestError},
    failure::{Exit, Failure},
    flow::session::Session,
    model::{Obstacle, Relocation, UnfinishedChange},
    observe::relocation_target::relocation_target,
};

use super::{
    begun::{Begun, Place},
    tell::{begun_line, undo_line, unfinished},
};

/// A gate, or several.
pub(super) fn in_the_way(obstacles: &[Obstacle]) -> Failure {
    let join = |part: fn(&Obstacle) -> &str| {
        let mut texts: Vec<&str> = obstacles.iter().map(part).collect();
        texts.dedup();
        texts.join("\n")
    };
    let state = "Nothing was changed.";
    Failure::new(Exit::Refused, join(|it| &it.what), state, join(|it| &it.next))
}

/// A manifest that cannot be changed, before anything was.
pub(super) fn obstacle(error: &ManifestError) -> Obstacle {
    let next = error.hint().unwrap_or_else(|| "see what is wrong with that file".to_owned());
    Obstacle { what: error.to_string(), next }
}

/// The manifest, or a record, could not be written.
pub(super) fn manifest(session: &Session, error: &ManifestError) -> Failure {
    let hint = error.hint().map(|hint| format!("{hint}; then ")).unwrap_or_default();
    session.stopped(error.to_string(), format!("{hint}`{}`", session.again()))
}

/// Our own record is spoilt.
pub(super) fn record(session: &Session, path: &str, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("the record of an earlier run, {path}, cannot be used: {error}"),
        "Nothing was changed by this run.",
        format!(
            "see whether etcd runs here (`{}`); when it does, move that file away and begin again; \
             when not, its manifest is in the directory above the kubelet's manifests \
             (etcd-rescue-held-*), or in /var/lib/etcd-rescue/manifests: copy it back into its \
             directory",
            session.settings.command_line("locate")
        ),
    )
}

/// A change of settings is under way.
pub(super) fn other_change(session: &Session, change: &UnfinishedChange) -> Failure {
    let command = change.command.clone();
    let state = "Nothing was changed by this run.";
    let next = format!("end it first: `{command}`; then `{}`", session.again());
    let what = format!("an earlier change of etcd's manifest was broken off ({})", change.began_at);
    Failure::new(Exit::Refused, what, state, next)
}

/// The manifest from before is nowhere.
pub(super) fn no_manifest(session: &Session, change: &UnfinishedChange) -> Failure {
    Failure::new(
        Exit::Partial,
        format!(
            "etcd's manifest from before the move is in none of the places it was kept in \
                 ({} and the backup {})",
            change.manifest.display(),
            change.backup.display()
        ),
        "A move of this member's data was broken off.",
        format!(
            "put a manifest for etcd into {} by hand (another master's, with this one's name and \
             addresses), with the data directory the record /var/lib/etcd-rescue/relocation.json \
             names; then `{}`",
            change.manifest.display(),
            session.settings.command_line("status")
        ),
    )
}

/// The editor does not take the manifest any more.
pub(super) fn unfit(session: &Session, why: &str) -> Failure {
    let state = "A move of this member's data was broken off.";
    let next = format!("go back: `{}`", undo_line(session));
    Failure::new(Exit::Partial, format!("etcd's manifest cannot be edited: {why}"), state, next)
}

/// The manifest's place cannot be read.
pub(super) fn unreadable(session: &Session, begun: &Begun, error: &io::Error) -> Failure {
    let path = begun.before.path.display();
    session.stopped(format!("{path}: {error}"), format!("see what it is: `ls -l {path}`"))
}

/// Somebody else put a manifest in.
pub(super) fn other_manifest(session: &Session, begun: &Begun) -> Failure {
    let path = begun.before.path.display();
    Failure::new(
        Exit::Refused,
        format!("{path} is neither the manifest from before nor the one with the new path"),
        unfinished(begun),
        format!(
            "somebody else wrote it. Compare it with {}. To end the move, take it out, which stops \
             etcd: `mv {path} /root/`, then `{}`. Do not put the old one back by hand: etcd may \
             have written to the new disk. When what is there is as it should be, move the record \
             away: `mv /var/lib/etcd-rescue/unfinished-change.json /root/`",
            begun.change.backup.display(),
            begun_line(session, begun)
        ),
    )
}

/// `--to` another directory in the middle of a move.
pub(super) fn another_target(session: &Session, begun: &Begun, to: &Path) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("{}; {} is another target", unfinished(begun), to.display()),
        "Nothing was changed by this run.",
        format!(
            "go on with that one: `{}`; or go back first: `{}`",
            begun_line(session, begun),
            undo_line(session)
        ),
    )
}

/// `--remove-old` in the middle of a move.
pub(super) fn still_under_way(session: &Session, begun: &Begun) -> Failure {
    Failure::new(
        Exit::Refused,
        unfinished(begun),
        "Nothing was removed.",
        format!("end it first: `{}`", begun_line(session, begun)),
    )
}

/// `--undo` without anything to undo.
pub(super) fn nothing_to_undo(session: &Session) -> Failure {
    Failure::new(
        Exit::Refused,
        "no move of this member's data is under way",
        "Nothing was changed.",
        format!(
            "one that is done is taken back by another one: `{}`, then `{}`",
            session.settings.command_line("relocate --remove-old"),
            session.settings.command_line("relocate --to OLD-DIR")
        ),
    )
}

/// `--remove-old` without a record.
pub(super) fn nothing_to_remove(session: &Session) -> Failure {
    Failure::new(
        Exit::Refused,
        "no move of this member's data has ended here that is known of",
        "Nothing was removed.",
        format!("see where etcd's data are: `{}`", session.settings.command_line("locate")),
    )
}

/// The old data may still be needed.
pub(super) fn not_on_the_new_disk(session: &Session, record: &Relocation) -> Failure {
    Failure::new(
        Exit::Refused,
        format!(
            "{} does not serve from {} now: the old data may still be needed",
            record.member,
            record.to.display()
        ),
        "Nothing was removed.",
        format!("see what is wrong: `{}`", session.settings.command_line("locate")),
    )
}

/// What is in the old place is not what was left there.
pub(super) fn not_the_old_data(session: &Session, record: &Relocation) -> Failure {
    let from = record.from.display();
    Failure::new(
        Exit::Refused,
        format!("{from} is a link or another mount by now: it may lead to what etcd runs on"),
        "Nothing was removed.",
        format!("see what it is: `findmnt -T {from}; ls -ld {from}`; then `{}`", session.again()),
    )
}

/// The removal of the old data stopped.
pub(super) fn not_removed(session: &Session, record: &Relocation, error: &CopyError) -> Failure {
    let next = format!("see what it is; then `{}`", session.again());
    let state =
        format!("etcd runs from {}; not all of the old data are gone.", record.to.display());
    Failure::new(Exit::Partial, error.to_string(), state, next)
}

/// The target's disk has to be mounted: after a reboot it may not be.
pub(super) async fn target_is_there(session: &Session, begun: &Begun) -> Result<(), Failure> {
    let record = &begun.record;
    let gone = |why: String| {
        let state = match begun.place() {
            Ok(Place::Empty) => "etcd is stopped on this node.",
            Ok(Place::After) => {
                "The new manifest is in its place: what etcd runs on, if it runs, is not its data."
            }
            _ => "Nothing was changed by this run.",
        };
        let next = format!(
            "mount the target's disk (and add it to /etc/fstab), then `{}`; or go back: `{}`",
            begun_line(session, begun),
            undo_line(session)
        );
        Failure::new(Exit::Refused, why, state, next)
    };
    match relocation_target(&record.to, &record.from).await {
        Err(why) => Err(gone(format!("{}: {why}", record.to.display()))),
        Ok(seen)
            if seen.target.device == seen.data.device
                || seen.target.filesystem.mount_point != record.mount_point =>
        {
            Err(gone(format!(
                "the disk of {} is not mounted on {} now: the path is on the filesystem of {}",
                record.to.display(),
                record.mount_point.display(),
                seen.target.filesystem.mount_point.display()
            )))
        }
        Ok(_) => Ok(()),
    }
}
