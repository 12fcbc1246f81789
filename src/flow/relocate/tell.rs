//! What a relocation has to say when it goes well.

use std::path::{Path, PathBuf};

use crate::{
    failure::Exit,
    flow::{look::Here, session::Session},
    model::Outcome,
    say::{
        human,
        json::{RelocationAnswer, SyncAnswer},
    },
    settings::quoted,
};

use super::{
    back::Back,
    begun::{Begun, Place},
    check::Plan,
};

/// `--dry-run`.
pub(super) fn planned(session: &Session, plan: &Plan) -> Exit {
    session.voice.say(&format!("Nothing was changed. To do it: `{}`", session.again()));
    let record = &plan.begun.record;
    session.voice.answer(&format!(
        "would move {} of {} from {} to {}",
        plan.seen.used,
        record.member,
        record.from.display(),
        record.to.display()
    ));
    let answer = RelocationAnswer::new(Outcome::Planned, Exit::Ok, record);
    session.voice.json(&RelocationAnswer { fsync: plan.syncs, next: session.again(), ..answer });
    Exit::Ok
}

/// `--dry-run` in the middle of a relocation.
pub(super) fn would_go_on(session: &Session, begun: &Begun) -> Exit {
    would(session, begun, "would go on with it", &begun_line(session, begun))
}

/// The same for `--undo`.
pub(super) fn would_go_back(session: &Session, begun: &Begun) -> Exit {
    would(session, begun, "would go back to the old data", &undo_line(session))
}

fn would(session: &Session, begun: &Begun, what: &str, next: &str) -> Exit {
    session.voice.answer(&format!("{what}; nothing was changed"));
    let answer = RelocationAnswer::new(Outcome::Planned, Exit::Ok, &begun.record);
    session.voice.json(&RelocationAnswer { next: next.to_owned(), ..answer });
    Exit::Ok
}

/// The line that goes on.
pub(super) fn begun_line(session: &Session, begun: &Begun) -> String {
    let to = quoted(&begun.record.to.to_string_lossy());
    session.settings.command_line(&format!("relocate --to {to}"))
}

/// The line that goes back.
pub(super) fn undo_line(session: &Session) -> String {
    session.settings.command_line("relocate --undo")
}

/// What an earlier run left.
pub(super) fn unfinished(begun: &Begun) -> String {
    let place = match begun.place() {
        Ok(Place::Before) => "the old manifest is in its place",
        Ok(Place::After) => "the new manifest is in its place",
        Ok(Place::Empty) => "etcd is stopped on this node: its manifest is out of its directory",
        Ok(Place::Other) => "another manifest is in its place",
        Err(_) => "its manifest cannot be read",
    };
    format!(
        "a move of {} from {} to {} was broken off ({}): {place}",
        begun.record.member,
        begun.record.from.display(),
        begun.record.to.display(),
        begun.change.began_at
    )
}

/// For whoever is interrupted in the middle.
pub(super) fn state(begun: &Begun) -> String {
    format!(
        "etcd may be stopped on this node until the same line goes on, or `etcd-rescue relocate \
         --undo` goes back: its manifest is kept at {}.",
        begun.change.backup.display()
    )
}

/// A line that was typed once more.
pub(super) fn is_there_already(session: &Session, here: &Here, to: &Path) -> Option<Exit> {
    let record = crate::observe::relocation(Path::new(crate::model::RELOCATION)).ok()??;
    let to: PathBuf = to.components().collect();
    let here_now = here.node.data_dir.as_ref().is_some_and(|found| found.value == to);
    if !(record.done && record.to == to && here_now) {
        return None;
    }
    let next = session.settings.command_line("relocate --remove-old");
    session.voice.answer(&format!(
        "Nothing to do: etcd runs from {} already. The old data in {}: `{next}`",
        to.display(),
        record.from.display()
    ));
    let kept = Some(record.from.display().to_string());
    let answer = RelocationAnswer::new(Outcome::NothingToDo, Exit::Ok, &record);
    session.voice.json(&RelocationAnswer { old_data_kept: kept, next, ..answer });
    Some(Exit::Ok)
}

/// The last word.
pub(super) fn done(
    session: &Session,
    begun: &Begun,
    down_ms: Option<u64>,
    syncs: SyncAnswer,
) -> Exit {
    let record = &begun.record;
    let down = down_ms.map_or(String::new(), |ms| {
        format!(
            " The member was down for {}.",
            human::duration(std::time::Duration::from_millis(ms))
        )
    });
    let remove = session.settings.command_line("relocate --remove-old");
    let (from, to) = (record.from.display(), record.to.display());
    session.voice.answer(&format!("{} runs from {to} now.{down}", record.member));
    session.voice.say(&format!(
        "The old data are still in {from} ({}). When you are sure: `{remove}`. Never start an etcd \
         on them: they are not up to date any more.",
        record.copied.bytes
    ));
    session.voice.say(&format!(
        "Keep it over upgrades: `kubeadm upgrade` writes the manifest anew from the kubeadm-config \
         ConfigMap, and would start etcd on the old data again. Under etcd.local set dataDir: {to} \
         there once every master has moved, or patch the manifest (`kubeadm upgrade --patches`).",
    ));
    if let Some(next) = next_master(session, &record.member) {
        session.voice.say(&next);
    }
    let answer = RelocationAnswer::new(Outcome::Done, Exit::Ok, record);
    session.voice.json(&RelocationAnswer {
        down_ms,
        fsync: syncs,
        old_data_kept: Some(record.from.display().to_string()),
        next: remove,
        ..answer
    });
    Exit::Ok
}

/// The master that comes next by name, with the line for it.
fn next_master(session: &Session, member: &str) -> Option<String> {
    let record = session.record();
    let others = record.after.as_ref()?.voters().filter(|it| it.label().as_str() > member);
    let next = others.min_by_key(|other| other.label())?;
    let words = &session.command;
    let file = std::env::current_exe().unwrap_or_else(|_| session.settings.program.clone().into());
    let file = quoted(&file.to_string_lossy());
    Some(match next.host() {
        None => format!("Next, on the master of {}: `./etcd-rescue {words}`", next.label()),
        Some(host) => format!(
            "Next, when this one is well, {}: `scp {file} {} && ssh -t root@{} ./etcd-rescue \
             {words}`",
            next.label(),
            quoted(&format!("root@{host}:etcd-rescue")),
            host.trim_matches(['[', ']'])
        ),
    })
}

/// The last word of `--undo`.
pub(super) fn went_back(session: &Session, begun: &Begun, back: &Back) -> Exit {
    let record = &begun.record;
    for line in leftovers(back) {
        session.voice.warn(&line);
    }
    session.voice.answer(&format!(
        "{} runs from {} as before; the move to {} was taken back.",
        record.member,
        record.from.display(),
        record.to.display()
    ));
    let answer = RelocationAnswer::new(Outcome::Done, Exit::Ok, record);
    session.voice.json(&RelocationAnswer { next: begun_line(session, begun), ..answer });
    Exit::Ok
}

/// What a way back leaves on the disks.
pub(super) fn leftovers(back: &Back) -> Vec<String> {
    let aside = back.aside.as_ref().map(|aside| {
        format!(
            "the data from before the move lie in {0}; they are out of date: `rm -r {0}` when you \
             are sure",
            aside.display()
        )
    });
    aside.into_iter().chain(back.left.clone()).collect()
}
