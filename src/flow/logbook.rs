//! What goes into the journal of a run, and under which names. Until the
//! journal is opened the lines wait here; a run that changes nothing never
//! opens it, and leaves nothing.

use std::path::{Path, PathBuf};

use crate::model::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    act::{Journal, JournalNews},
    failure::Exit,
    model::{Outcome, Plan, World},
    say::json::RecoveryAnswer,
};

/// Lines that may wait; a run that waits for hours before its plan keeps the
/// newest ones.
const WAITING: usize = 1000;

/// One line of the journal.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: &'a str,
    run: &'a str,
    plan_id: Option<&'a str>,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

/// The logbook of one run.
#[derive(Debug)]
pub struct Logbook {
    run: String,
    plan_id: Option<String>,
    waiting: Vec<String>,
    journal: Option<Journal>,
    /// What was last written about the members, without what always changes.
    last_look: Value,
    /// Not told to the person yet.
    news: Vec<JournalNews>,
}

impl Logbook {
    /// An empty one for a run of `command` that began then.
    #[must_use]
    pub fn new(command: &str, began: Timestamp) -> Self {
        let word = command.split_whitespace().next().unwrap_or("none");
        Self {
            run: format!("{}-{word}", began.strftime("%Y%m%dT%H%M%S.%fZ")),
            plan_id: None,
            waiting: Vec::new(),
            journal: None,
            last_look: Value::Null,
            news: Vec::new(),
        }
    }

    /// Notes an event; `more` is an object whose keys stand beside `time`,
    /// `event`, `run` and `plan_id`. Never a secret, a key or a value of etcd.
    pub fn event(&mut self, event: &str, more: Value) {
        self.event_at(Timestamp::now(), event, more);
    }

    fn event_at(&mut self, time: Timestamp, event: &str, more: Value) {
        let Value::Object(more) = more else { return };
        let line = serde_json::to_string(&Line {
            time: time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            event,
            run: &self.run,
            plan_id: self.plan_id.as_deref(),
            more: &more,
        });
        // Maps with text keys always can be written.
        let Ok(line) = line else { return };
        match &mut self.journal {
            Some(journal) => self.news.extend(journal.write(&line)),
            None => {
                if self.waiting.len() >= WAITING {
                    self.waiting.remove(0);
                }
                self.waiting.push(line);
            }
        }
    }

    /// Opens the journal; its first line is `started`, then comes what waited.
    pub fn open(&mut self, began: Timestamp, started: Value) {
        if self.journal.is_some() {
            return;
        }
        let waited = std::mem::take(&mut self.waiting);
        self.event_at(began, "started", started);
        self.waiting.extend(waited);
        let lines = self.waiting.drain(..).map(|line| line + "\n").collect();
        let (journal, news) = Journal::open(&self.run, lines);
        self.journal = Some(journal);
        self.news.push(news);
    }

    /// The whole plan; every later line carries its id.
    pub fn plan(&mut self, plan: &Plan, world: &World) {
        self.plan_id = Some(plan.id.clone());
        let answer = RecoveryAnswer::new(Outcome::Planned, Exit::Ok).plan(plan, world);
        self.event(
            "plan",
            json!({
                "cause": plan.cause,
                "revision": plan.revision,
                "steps": answer.plan,
                "cautions": plan.cautions,
            }),
        );
    }

    /// A look at every member, when anything but revisions changed since the
    /// last one.
    pub fn looked(&mut self, world: &World) {
        let (members, steady) = members(world);
        if steady == self.last_look {
            return;
        }
        self.last_look = steady;
        self.event("looked", json!({"revision": world.revision(), "members": members}));
    }

    /// Whether there is a journal to put a report beside.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.journal.is_some()
    }

    /// Writes the report; its path.
    pub fn report(&mut self, render: impl Fn(&Path) -> String) -> Option<PathBuf> {
        let journal = self.journal.as_mut()?;
        let (path, news) = journal.report(render);
        self.news.extend(news);
        path
    }

    /// What happened to the journal since the last time, to be told.
    pub fn take_news(&mut self) -> Vec<JournalNews> {
        std::mem::take(&mut self.news)
    }
}

/// Every member in a few words, and the same without what grows by itself.
fn members(world: &World) -> (Value, Value) {
    let alarms = world.alarms();
    let each = world.members.iter().map(|member| {
        let raised = alarms.iter().filter(|alarm| alarm.member == member.id);
        let raised: Vec<String> = raised.map(|alarm| alarm.kind.to_string()).collect();
        match &member.status {
            Err(error) => json!({"id": member.id, "name": member.name, "error": error.to_string()}),
            Ok(status) => json!({
                "id": member.id,
                "name": member.name,
                "role": member.role(),
                "version": status.version_text,
                "db_size": status.db_size.0,
                "db_size_in_use": status.db_size_in_use.0,
                "quota": status.quota.limit.map(|limit| limit.0),
                "alarms": raised,
                "revision": status.revision,
            }),
        }
    });
    let full: Vec<Value> = each.collect();
    let mut steady = full.clone();
    for member in steady.iter_mut().filter_map(Value::as_object_mut) {
        for growing in ["revision", "db_size_in_use"] {
            member.remove(growing);
        }
    }
    (full.into(), steady.into())
}
