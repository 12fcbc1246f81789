//! `diagnose` for people: the verdict first, then its evidence, from etcd down
//! to the drive.

use std::time::Duration;

use crate::{model::diagnosis::Account, say::Voice};

/// What the page is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Columns.
    pub width: usize,
    /// Whether figures may be drawn with block characters.
    pub blocks: bool,
    /// How often `-v` was given.
    pub verbose: u8,
}

impl Layout {
    /// What this voice's streams can show.
    #[must_use]
    pub fn of(voice: &Voice) -> Self {
        let terminal = voice.terminal();
        Self {
            width: voice.width(),
            blocks: terminal.utf8 && terminal.stdout && !terminal.dumb,
            verbose: voice.verbose(),
        }
    }
}

/// The whole answer.
#[must_use]
pub fn diagnosis(account: &Account, _layout: &Layout) -> String {
    account.diagnosis.verdict.sentence.clone()
}

/// The line between two rounds of `--watch`.
#[must_use]
pub fn next_round(_at: i64, pause: Duration) -> String {
    format!("again in {} s", pause.as_secs())
}
