//! The journal of one run: JSON lines, each on disk before the run goes on,
//! and the report beside it. It is for people and their post-mortem: nothing
//! here or elsewhere ever reads one back, a rerun looks at the cluster.
//!
//! It never fails the rescue and never holds it up for long: every place has a
//! thread of its own (`journal_place`), and one whose disk is full, read-only
//! or does not answer is left for the next, with everything written so far.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::journal_place::{Job, JournalPlace};

/// How long one line or the report may take: a flush of a busy disk takes
/// hundreds of milliseconds, and members wait meanwhile.
const PER_JOB: Duration = Duration::from_secs(2);
/// How long one place may keep us waiting in all.
const PER_PLACE: Duration = Duration::from_secs(20);

/// Where journals go, best first. The second is in memory.
const PLACES: [&str; 2] = ["/var/log/etcd-rescue", "/run/etcd-rescue"];

/// What the person should be told about the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalNews {
    /// It is kept here now; `why` tells why no better place is used.
    Kept {
        /// The file.
        path: PathBuf,
        /// Why the places before are not used.
        why: Vec<String>,
    },
    /// It is kept nowhere any more, for these reasons.
    Lost(Vec<String>),
}

/// The journal under way.
#[derive(Debug)]
pub struct Journal {
    /// Places not tried yet.
    left: Vec<PathBuf>,
    /// Its name without the extension.
    stem: String,
    /// Every line so far, for the next place.
    lines: String,
    /// The place in use.
    place: Option<JournalPlace>,
    /// How long it may still keep us waiting.
    patience: Duration,
}

impl Journal {
    /// Begins `STEM.jsonl` with these lines (each with its line end) at the
    /// first of the usual places that takes them.
    #[must_use]
    pub fn open(stem: &str, lines: String) -> (Journal, JournalNews) {
        Self::open_in(PLACES.iter().map(PathBuf::from).collect(), stem, lines)
    }

    fn open_in(mut places: Vec<PathBuf>, stem: &str, lines: String) -> (Journal, JournalNews) {
        places.reverse();
        let stem = stem.to_owned();
        let mut journal =
            Journal { left: places, stem, lines, place: None, patience: Duration::ZERO };
        let news = journal.move_on(Vec::new());
        (journal, news)
    }

    /// Writes one line; what happened to the journal, when something did.
    pub fn write(&mut self, line: &str) -> Option<JournalNews> {
        debug_assert!(!line.contains('\n'), "one event, one line");
        let line = format!("{line}\n");
        self.lines.push_str(&line);
        self.place.as_ref()?;
        match self.ask(Job::Line(line)) {
            Ok(()) => None,
            Err(why) => Some(self.move_on(vec![why])),
        }
    }

    /// Writes the report beside the journal: `render` is given the journal's
    /// path. The report's path, and what happened to the journal meanwhile.
    pub fn report(
        &mut self,
        render: impl Fn(&Path) -> String,
    ) -> (Option<PathBuf>, Option<JournalNews>) {
        let mut news = None;
        while let Some(path) = self.path() {
            match self.ask(Job::Report(render(&path))) {
                Ok(()) => return (Some(path.with_extension("md")), news),
                Err(why) => news = Some(self.move_on(vec![why])),
            }
        }
        (None, news)
    }

    /// The file; `None` when it is kept nowhere.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.place.as_ref().map(|place| place.path(&self.stem))
    }

    /// Begins anew at the next place that takes it.
    fn move_on(&mut self, mut why: Vec<String>) -> JournalNews {
        while let Some(directory) = self.left.pop() {
            self.patience = PER_PLACE;
            let begun = JournalPlace::begin(&directory).and_then(|place| {
                self.place = Some(place);
                self.ask(Job::Begin { stem: self.stem.clone(), lines: self.lines.clone() })
            });
            match begun {
                Ok(()) => {
                    let path = self.path().unwrap_or(directory);
                    return JournalNews::Kept { path, why };
                }
                Err(reason) => why.push(reason),
            }
        }
        self.place = None;
        JournalNews::Lost(why)
    }

    fn ask(&mut self, job: Job) -> Result<(), String> {
        let Some(place) = &self.place else { return Err("there is no journal".to_owned()) };
        let began = Instant::now();
        let done = place.ask(job, PER_JOB.min(self.patience));
        self.patience = self.patience.saturating_sub(began.elapsed());
        done.map_err(|why| format!("{}: {why}", place.directory().display()))
    }
}

#[cfg(test)]
mod tests;
