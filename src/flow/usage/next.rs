//! What to type after `usage`: after an answer, and when no etcd answers but
//! its file is here.

use std::path::{Path, PathBuf};

use super::{
    super::{look::Here, session::Session},
    Read,
};
use crate::{
    decide,
    failure::{Exit, Failure},
    model::{
        Bytes, layout,
        usage::{DatabaseFile, Filler, Usage},
    },
    observe,
    settings::quoted,
};

/// A command line of ours, with another directory for the moment, or without
/// one.
pub(super) fn ours(session: &Session, command: &str, directory: Option<&str>) -> String {
    let mut settings = session.settings.clone();
    settings.snapshot_dir = directory.map(PathBuf::from);
    settings.command_line(command)
}

/// A snapshot read through a pipe.
pub(super) fn piped(session: &Session) -> String {
    let ours = |command| session.settings.command_line(command);
    format!("{} | {}", ours("snapshot save -"), ours("usage --from -"))
}

/// A file below this is small whatever is in it.
const WORTH: Bytes = Bytes(16 << 20);

/// Commands that go with these numbers, and what each is for.
pub(super) fn commands(
    session: &Session,
    read: &Read,
    fillers: &[Filler],
) -> Vec<(String, String)> {
    let ours =
        |(command, what_for): (String, String)| (session.settings.command_line(&command), what_for);
    let mut next = Vec::new();
    if !fits(read) {
        // What does not fit has to go first.
        next.extend(purges(fillers));
    }
    if read.nospace || is_mostly_dead(&read.usage) {
        next.push(("recover".to_owned(), recovers(read)));
    }
    if let Some(quota) = read.quota.filter(|_| !fits(read)) {
        let what_for =
            format!("if all of it is needed: the quota is {quota}, and etcd bears 8 GiB");
        next.push(("prevent --quota SIZE".to_owned(), what_for));
    }
    if is_mostly_history(&read.usage) {
        let what_for = "keeps the history short from now on (auto-compaction)";
        next.push(("prevent".to_owned(), what_for.to_owned()));
    }
    next.into_iter().map(ours).collect()
}

fn purges(fillers: &[Filler]) -> impl Iterator<Item = (String, String)> {
    fillers.iter().filter_map(|filler| {
        let what_for = format!(
            "deletes {} (up to {}): a snapshot first, then a question",
            filler.name,
            Bytes(filler.bytes)
        );
        Some((filler.purge.clone()?, what_for))
    })
}

/// The fillers with our own way to delete them added to the advice.
pub(super) fn with_our_way(session: &Session, fillers: &[Filler]) -> Vec<Filler> {
    let added = |filler: &Filler| {
        let mut filler = filler.clone();
        if let Some(purge) = &filler.purge {
            let command = session.settings.command_line(purge);
            filler.advice.push_str(&format!(". While there is no API server: `{command}`"));
        }
        filler
    };
    fillers.iter().map(added).collect()
}

fn recovers(read: &Read) -> String {
    let first = if fits(read) { "" } else { "after that: " };
    let alarm = if read.nospace { ", and takes the alarm off" } else { "" };
    format!("{first}drops the history and gives the free pages back{alarm}")
}

/// Whether the live data fit below the quota, as far as both are known.
fn fits(read: &Read) -> bool {
    read.quota.is_none_or(|quota| !decide::nearly_full(read.usage.packed, quota))
}

/// Whether more than half of the file would go.
fn is_mostly_dead(usage: &Usage) -> bool {
    let dead = |file: &DatabaseFile| file.size > WORTH && usage.packed.0 < file.size.0 / 2;
    usage.database.as_ref().is_some_and(dead)
}

fn is_mostly_history(usage: &Usage) -> bool {
    usage.history && usage.total.old_bytes > usage.total.live_bytes
}

/// A failure to reach etcd that first names the file of this node's etcd, when
/// there is one.
pub(super) async fn or_its_file(
    session: &Session,
    here: Option<&Here>,
    failure: Failure,
) -> Failure {
    if failure.exit != Exit::Unreachable {
        return failure;
    }
    let Some(data_dir) = data_dir_with_a_database(session, here).await else { return failure };
    let file = data_dir.join("member/snap/db");
    let command = format!("usage --from {}", quoted(&file.to_string_lossy()));
    let next =
        format!("read its file: `{}`\n{}", session.settings.command_line(&command), failure.next);
    Failure { next, ..failure }
}

/// The data directory of this node's etcd, when there is a database in it.
pub(super) async fn data_dir_with_a_database(
    session: &Session,
    here: Option<&Here>,
) -> Option<PathBuf> {
    let found = here.and_then(|here| here.node.data_dir.as_ref());
    let found = found.map(|found| found.value.clone());
    let named = session.settings.data_dir.clone();
    // Where data directories are when nobody says so.
    let usual = layout::column(|row| row.data_dirs).into_iter().map(PathBuf::from);
    for data_dir in named.into_iter().chain(found).chain(usual) {
        if has_database(&data_dir).await {
            return Some(data_dir);
        }
    }
    None
}

async fn has_database(data_dir: &Path) -> bool {
    let seen = observe::data_disk::data_dir(data_dir).await;
    seen.is_ok_and(|seen| seen.is_ok_and(|(dir, _)| dir.db_file.is_some()))
}
