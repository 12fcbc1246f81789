//! The journal and the report of a session: opened once the lock is ours,
//! closed at every end of the run.

use std::cell::Ref;

use serde_json::{Value, json};

use crate::{
    act::{JournalNews, NodeLock},
    consent,
    failure::{Exit, Failure},
    model::{Outcome, Step, StepKind},
    say::{
        Report,
        json::{PurgeAnswer, RecoveryAnswer},
        report,
    },
};

use super::{logbook::Logbook, record::Record, session::Session};

impl Session {
    /// Notes an event; `more` is a JSON object. It waits until the journal is
    /// opened, and is dropped when it never is.
    pub fn journal(&self, event: &str, more: Value) {
        self.record_mut().logbook.event(event, more);
        self.tell_news();
    }

    /// Opens the journal: from here on this run may change something.
    pub fn open_journal(&self, lock: &mut NodeLock) {
        lock.describe(&self.again());
        let began = self.record().began;
        let started = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "commit": env!("ETCD_RESCUE_COMMIT"),
            "command": self.again(),
            "yes": self.settings.yes,
            "host": host(),
            "pid": std::process::id(),
        });
        self.record_mut().logbook.open(began, started);
        self.tell_news();
    }

    /// Notes by whose word a step begins, or that it does not.
    pub fn journal_answer(
        &self,
        step: &Step,
        needs_none: bool,
        asked: bool,
        refused: Option<&consent::Refused>,
    ) {
        let by = match (needs_none, asked, self.settings.yes) {
            (true, ..) => return,
            (_, true, _) => "a person",
            (_, _, true) => "--yes",
            _ if matches!(step.kind, StepKind::Defragment { .. }) => {
                "a person, for all remaining followers"
            }
            _ => "nobody",
        };
        let answer = refused.map_or(Ok(()), |refused| Err(refused.to_string()));
        self.record_mut().answered(step, by, answer);
        self.tell_news();
    }

    /// The last line and the report; nothing when there is no journal.
    pub fn close_journal(&self, outcome: Outcome, exit: Exit, failure: Option<&Failure>) {
        if !self.record().logbook.is_open() {
            return;
        }
        let state = match failure {
            Some(failure) => failure.state.clone(),
            None => self.record().state(),
        };
        let ended = json!({
            "outcome": outcome,
            "exit_code": exit as u8,
            "what": failure.map(|failure| &failure.what),
            "state": state,
            "next": failure.map_or_else(|| self.record().still_to_do(), |it| Some(it.next.clone())),
            "elapsed_ms": self.record().elapsed_ms(),
        });
        // The record is read while its logbook writes.
        let began = self.record().began;
        let mut logbook =
            std::mem::replace(&mut self.record_mut().logbook, Logbook::new("", began));
        logbook.event("ended", ended);
        let path = logbook.report(|journal| {
            let record = self.record();
            let left = record.still_to_do();
            let answer = record.answer(outcome, exit, failure);
            report(&Report {
                answer: &RecoveryAnswer { outcome, ..answer },
                failure,
                before: record.before.as_ref(),
                after: record.after.as_ref(),
                host: &host(),
                command: &self.again(),
                unattended: self.settings.yes,
                began: record.began,
                timeline: &record.timeline,
                hashes: &record.hashes,
                left: left.as_deref(),
                journal,
            })
        });
        let mut record = self.record_mut();
        record.logbook = logbook;
        record.report_path = path;
        drop(record);
        self.tell_news();
    }

    /// The one JSON document of a run that changes etcd or would.
    pub fn document(&self, outcome: Outcome, exit: Exit, failure: Option<&Failure>) {
        let record = self.record();
        let answer = RecoveryAnswer { outcome, ..record.answer(outcome, exit, failure) };
        if self.command.split(' ').next() != Some("purge") {
            return self.voice.json(&answer);
        }
        let purge = record.purge.as_ref();
        // Nothing to recover from, but keys were deleted.
        let done = outcome == Outcome::NothingToDo && purge.is_some_and(|purge| purge.begun);
        let outcome = if done { Outcome::Done } else { outcome };
        let next = match failure {
            Some(failure) => Some(failure.next.clone()),
            None => record.still_to_do(),
        };
        let answer = RecoveryAnswer { outcome, ..answer };
        self.voice.json(&PurgeAnswer::new(purge, answer, next, self.went_on()));
    }

    /// Where the report is.
    pub fn tell_report(&self, record: &Ref<'_, Record>) {
        if let Some(path) = &record.report_path {
            self.voice.say(&format!("Report: {}", path.display()));
        }
    }

    /// What happened to the journal.
    fn tell_news(&self) {
        let news = self.record_mut().logbook.take_news();
        for news in news {
            match news {
                JournalNews::Kept { path, why } if why.is_empty() => {
                    self.voice.say(&format!("Journal: {}", path.display()));
                }
                JournalNews::Kept { path, why } => self.voice.warn(&format!(
                    "the journal is kept in memory, gone after a reboot: {} ({})",
                    path.display(),
                    why.join("; ")
                )),
                JournalNews::Lost(why) => {
                    self.voice.warn(&format!("no journal is kept: {}", why.join("; ")));
                }
            }
        }
    }
}

fn host() -> String {
    nix::unistd::gethostname()
        .map_or_else(|_| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}
