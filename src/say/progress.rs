//! Progress of something long: a bar where the cursor can move, elsewhere a
//! line at once and then one every few seconds (silence kills idle SSH
//! sessions). Nothing after `finish`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Voice, bar::Bar, human, text::clean};
use crate::model::Bytes;

/// Between plain lines.
const PERIOD: Duration = Duration::from_secs(5);
/// Between plain lines once it takes long.
const LONG_PERIOD: Duration = Duration::from_secs(10);
/// What is long.
const LONG: Duration = Duration::from_secs(60);
/// Between two signs of life of work that shows none itself.
const TICK: Duration = Duration::from_millis(250);

/// Something under way. Dropping it unfinished takes the bar away.
#[derive(Debug)]
pub struct Progress {
    voice: Voice,
    label: String,
    total: Total,
    started: Instant,
    bar: Option<Arc<Bar>>,
    /// Another one has the screen's one bar: what goes on beside it.
    silent: bool,
    pace: Mutex<Pace>,
}

/// What the end is measured by.
#[derive(Clone, Copy, Debug)]
enum Total {
    Bytes(Option<u64>),
    Time(Option<Duration>),
}

impl Progress {
    /// Progress counted in bytes, `expected_total` when that is known.
    #[must_use]
    pub fn bytes(voice: &Voice, label: &str, expected_total: Option<u64>) -> Self {
        Self::start(voice, label, Total::Bytes(expected_total.filter(|total| *total > 0)))
    }

    /// Progress only seen by the clock, against an `expected` upper bound.
    #[must_use]
    pub fn time(voice: &Voice, label: &str, expected: Option<Duration>) -> Self {
        Self::start(voice, label, Total::Time(expected.filter(|total| !total.is_zero())))
    }

    fn start(voice: &Voice, label: &str, total: Total) -> Self {
        let label = clean(label, voice.terminal().utf8);
        let started = Instant::now();
        let (capable, taken) = (voice.terminal().capable(), voice.has_bar());
        let bar = (capable && !taken).then(|| {
            // The bar and a short text need the other half of the line.
            let prefix = label.chars().take(voice.width() / 2).collect();
            Arc::new(Bar::new(prefix, total.length(), voice.terminal().utf8))
        });
        if bar.is_some() {
            voice.set_bar(bar.clone());
        }
        let pace = Mutex::new(Pace { started, last: None });
        let silent = capable && taken;
        Self { voice: voice.clone(), label, total, started, bar, silent, pace }
    }

    /// `done` bytes are there. Call it as often as you like.
    pub fn at(&self, done: u64, note: &str) {
        self.show(Some(done), note);
    }

    /// Still at it; nothing is known but the time.
    pub fn tick(&self, note: &str) {
        self.show(None, note);
    }

    /// It is done: one line that stays.
    pub fn finish(self, text: &str) {
        let voice = self.voice.clone();
        drop(self);
        voice.ok(text);
    }

    fn show(&self, done: Option<u64>, note: &str) {
        if self.silent {
            return;
        }
        let elapsed = self.started.elapsed();
        let note = clean(note, self.voice.terminal().utf8);
        let text = self.total.text(done, elapsed, &note);
        match &self.bar {
            Some(bar) => bar.show(text, self.total.position(done, elapsed)),
            None => {
                let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
                if pace.due(Instant::now()) {
                    self.voice.say(&format!("{}: {text}", self.label));
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            self.voice.set_bar(None);
            bar.clear();
        }
    }
}

impl Total {
    /// Length of the bar: bytes or milliseconds.
    fn length(self) -> Option<u64> {
        match self {
            Self::Bytes(total) => total,
            Self::Time(total) => total.map(millis),
        }
    }

    /// Where the bar stands. An estimate that was passed stays just short of
    /// full: only `finish` is the end.
    fn position(self, done: Option<u64>, elapsed: Duration) -> Option<u64> {
        let length = self.length()?;
        let position = match self {
            Self::Bytes(_) => done?,
            Self::Time(_) => millis(elapsed),
        };
        Some(position.min(length - length / 50))
    }

    /// "12.0 MiB of 62.1 MiB (19 %), 4 s, note" or "12 s of up to 40 s, note".
    fn text(self, done: Option<u64>, elapsed: Duration, note: &str) -> String {
        let elapsed_text = human::duration(whole_seconds(elapsed));
        let mut parts = Vec::new();
        match (self, done) {
            (Self::Bytes(Some(total)), Some(done)) => {
                let percent = (u128::from(done) * 100 / u128::from(total)).min(100);
                parts.push(format!("{} of {} ({percent} %)", Bytes(done), Bytes(total)));
                parts.push(elapsed_text);
            }
            (_, done) => {
                parts.extend(done.map(|done| Bytes(done).to_string()));
                parts.push(match self {
                    Self::Time(Some(total)) if elapsed <= total => {
                        format!("{elapsed_text} of up to {}", human::duration(total))
                    }
                    Self::Time(Some(total)) => {
                        format!(
                            "{elapsed_text}, longer than the expected {}",
                            human::duration(total)
                        )
                    }
                    _ => elapsed_text,
                });
            }
        }
        if !note.is_empty() {
            parts.push(note.to_owned());
        }
        parts.join(", ")
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// When the next plain line is due.
#[derive(Debug)]
struct Pace {
    started: Instant,
    last: Option<Instant>,
}

impl Pace {
    fn due(&mut self, now: Instant) -> bool {
        let long = now.saturating_duration_since(self.started) >= LONG;
        let period = if long { LONG_PERIOD } else { PERIOD };
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= period);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Calls `show` again and again until `work` is done.
pub async fn ticking<T>(work: impl Future<Output = T>, show: impl Fn()) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(TICK) => show(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::Terminal;

    #[test]
    fn elsewhere_a_line_at_once_and_then_every_few_seconds() {
        let started = Instant::now();
        let mut pace = Pace { started, last: None };
        let lines: Vec<u64> =
            (0..=90).filter(|second| pace.due(started + Duration::from_secs(*second))).collect();
        assert_eq!(lines, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 65, 75, 85]);
    }

    #[test]
    fn plain_progress_is_lines_and_ends_with_ok() {
        let voice = Voice::captured(Terminal::pipe(), false, 0);
        let progress = Progress::bytes(&voice, "snapshot from master-2", Some(62 << 20));
        progress.at(0, "");
        progress.at(12 << 20, "too soon for a line");
        progress.finish("snapshot saved");
        let (_, err) = voice.heard();
        assert_eq!(
            err,
            "snapshot from master-2: 0 B of 62.0 MiB (0 %), 0 s\nOK     snapshot saved\n"
        );
    }

    #[test]
    fn the_text_tells_elapsed_against_expected() {
        let seconds = Duration::from_secs;
        let time = Total::Time(Some(seconds(40)));
        assert_eq!(time.text(None, seconds(12), ""), "12 s of up to 40 s");
        assert_eq!(
            time.text(Some(3 << 20), seconds(75), "still at it"),
            "3.0 MiB, 1 min 15 s, longer than the expected 40 s, still at it"
        );
        assert_eq!(Total::Bytes(None).text(Some(2048), seconds(3), ""), "2.0 KiB, 3 s");
        assert_eq!(Total::Time(None).text(None, seconds(3), "x"), "3 s, x");
        let bytes = Total::Bytes(Some(100));
        assert_eq!(bytes.text(Some(150), seconds(1), ""), "150 B of 100 B (100 %), 1 s");
    }

    #[test]
    fn an_estimate_that_was_passed_is_not_the_end() {
        assert_eq!(Total::Bytes(Some(100)).position(Some(150), Duration::ZERO), Some(98));
        let late = Duration::from_secs(90);
        assert_eq!(Total::Time(Some(Duration::from_secs(50))).position(None, late), Some(49_000));
        assert_eq!(Total::Bytes(None).position(Some(1), late), None);
        assert_eq!(Total::Bytes(Some(100)).position(None, late), None);
    }

    #[tokio::test]
    async fn long_work_shows_signs_of_life() {
        let shown = std::cell::Cell::new(0);
        ticking(tokio::time::sleep(3 * TICK), || shown.set(shown.get() + 1)).await;
        assert!(shown.get() >= 1);
    }
}
