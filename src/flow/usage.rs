//! `usage`: what fills the database, read off a file, a pipe, or a live member.
//! It changes nothing, so it may run at any time, also while NOSPACE is on.

mod file;
mod live;
mod next;
mod pages;
mod pipe;
mod spool;

use std::path::{Path, PathBuf};

use crate::{
    cli, decide,
    failure::{Exit, Failure},
    model::{Bytes, usage::Usage},
    say::{human, json},
};

use super::session::Session;

/// What was read, and what is known around it.
struct Read {
    usage: Usage,
    /// The quota of the member that was read.
    quota: Option<Bytes>,
    /// Whether NOSPACE is on; unknown for files.
    nospace: bool,
    /// Why the numbers are not all.
    incomplete: Option<Failure>,
}

/// Answers the command.
///
/// # Errors
/// Nothing could be read, and why.
pub async fn usage(session: &Session, wanted: &cli::Usage) -> Result<Exit, Failure> {
    let read = match wanted.from.as_deref() {
        Some(path) if path == Path::new("-") => pipe::read(session).await?,
        Some(path) => file::read(session, path).await?,
        None => live::read(session, wanted).await?,
    };
    Ok(tell(session, wanted, &read))
}

/// The data directory of this node's etcd by its usual place, when there is a
/// database in it.
pub async fn usual_data_dir(session: &Session) -> Option<PathBuf> {
    next::data_dir_with_a_database(session, None).await
}

/// The answer; what is incomplete is shown, too, and then told as a failure.
fn tell(session: &Session, wanted: &cli::Usage, read: &Read) -> Exit {
    let Read { usage, incomplete, .. } = read;
    let fillers = decide::fillers(usage);
    let mut sentences = decide::usage_sentences(usage, read.quota);
    if read.nospace {
        sentences.insert(0, "the NOSPACE alarm is on: etcd refuses writes".to_owned());
    }
    let shown = next::with_our_way(session, &fillers);
    let next = next::commands(session, read, &fillers);
    let page = human::UsagePage {
        usage,
        fillers: &shown,
        sentences: &sentences,
        incomplete: incomplete.as_ref().map(|failure| failure.what.as_str()),
        next: &next,
        wanted,
    };
    session.voice.page(&human::usage(&page, session.voice.width()));
    let failure = incomplete.as_ref();
    let answer = json::UsageAnswer::new(usage, &fillers, &sentences, wanted, failure);
    session.voice.json(&answer);
    match failure {
        Some(failure) => {
            session.voice.failure(failure);
            failure.exit
        }
        None => Exit::Ok,
    }
}
