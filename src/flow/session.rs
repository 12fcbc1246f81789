//! One run of the program: what was asked for, the voice, and the record.

use std::cell::{Ref, RefCell, RefMut};

use crate::{
    failure::{Exit, Failure},
    say::Voice,
    settings::Settings,
};

use super::{hold::Held, record::Record};

/// Shared by every story of one run.
#[derive(Debug)]
pub struct Session {
    /// What was asked for.
    pub settings: Settings,
    /// Whom we speak through.
    pub voice: Voice,
    record: RefCell<Record>,
    /// The kubelet this run holds.
    hold: RefCell<Option<Held>>,
    /// The subcommand, as it was given.
    pub command: String,
    /// The subcommand whose story goes on in its place.
    continued: RefCell<Option<String>>,
}

impl Session {
    /// A fresh run of `command`.
    #[must_use]
    pub fn new(settings: Settings, command: impl Into<String>) -> Self {
        let (voice, command) = (Voice::new(&settings), command.into());
        let record = RefCell::new(Record::new(&command));
        Self {
            settings,
            voice,
            record,
            hold: RefCell::default(),
            command,
            continued: RefCell::default(),
        }
    }

    /// The record, to read. Never held across an await.
    pub fn record(&self) -> Ref<'_, Record> {
        self.record.borrow()
    }

    /// The record, to write. Never held across an await.
    pub fn record_mut(&self) -> RefMut<'_, Record> {
        self.record.borrow_mut()
    }

    /// The kubelet this run holds. Never held across an await.
    pub(super) fn hold_mut(&self) -> RefMut<'_, Option<Held>> {
        self.hold.borrow_mut()
    }

    /// A failure in the middle of a plan: refused while nothing was changed,
    /// partial afterwards; the state comes from the record.
    #[must_use]
    pub fn stopped(&self, what: impl Into<String>, next: impl Into<String>) -> Failure {
        let record = self.record();
        let exit = if record.changed_anything { Exit::Partial } else { Exit::Refused };
        Failure::new(exit, what, record.state(), next)
    }

    /// From here on it is another command's story.
    pub fn go_on_as(&self, command: &str) {
        *self.continued.borrow_mut() = Some(command.to_owned());
    }

    /// Whether another command's story goes on in place of the one given.
    #[must_use]
    pub fn went_on(&self) -> bool {
        self.continued.borrow().is_some()
    }

    /// The subcommand to type to go on from here.
    #[must_use]
    pub fn command_now(&self) -> String {
        self.continued.borrow().clone().unwrap_or_else(|| self.command.clone())
    }

    /// `text` with our own name in commands to type as we were called: what is
    /// not in PATH has to be found.
    #[must_use]
    pub fn as_called(&self, text: &str) -> String {
        text.replace("`etcd-rescue ", &format!("`{} ", self.settings.program))
    }

    /// This very command line again, or what goes on from here.
    #[must_use]
    pub fn again(&self) -> String {
        self.settings.command_line(&self.command_now())
    }
}
