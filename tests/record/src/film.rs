//! What a terminal showed, and when: one endless page instead of a screen that
//! scrolls, so that a line is told once, however far it moves. Draws nothing.

use std::time::Duration;

use anyhow::Result;
use avt::{Color, Pen, Terminal};

/// Longer than any recovery.
const PAGE: usize = 1_000;
/// Nobody sees more than so many pictures a second.
const TICK: Duration = Duration::from_millis(50);

/// Letters side by side that look the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub text: String,
    /// Of the first eight; none is the terminal's own.
    pub colour: Option<u8>,
    pub bold: bool,
    pub faint: bool,
}

/// One line as it was for a time.
pub struct Shown {
    pub row: usize,
    pub runs: Vec<Run>,
    /// In ticks.
    pub from: u32,
    /// None is the end of the film and for ever.
    pub to: Option<u32>,
}

/// The whole of it.
pub struct Film {
    terminal: Terminal,
    /// What each row has now, and since when.
    now: Vec<(Vec<Run>, u32)>,
    shown: Vec<Shown>,
    /// The lowest row in use, whenever it moved down.
    bottoms: Vec<(u32, usize)>,
    readings: Vec<Reading>,
    length: u32,
}

/// A time in which somebody reads what came since he typed.
#[derive(Clone, Copy)]
pub struct Reading {
    /// When he typed.
    pub typed: u32,
    /// When everything was there.
    pub from: u32,
    /// When he typed again.
    pub to: u32,
}

impl Film {
    pub fn new(columns: usize) -> Result<Self> {
        let terminal = Terminal::new(columns, PAGE)?;
        let now = vec![(Vec::new(), 0); PAGE];
        let (shown, bottoms, readings) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { terminal, now, shown, bottoms, readings, length: 0 })
    }

    /// Takes what was printed at this time since the beginning.
    pub fn show(&mut self, at: Duration, text: &str) {
        let at = ticks(at);
        self.terminal.feed(text);
        let screen = self.terminal.screen();
        for (row, (line, now)) in screen.visible_lines().zip(&mut self.now).enumerate() {
            let runs = runs(line.cells().iter().map(|cell| (cell.char(), cell.pen())));
            if runs != now.0 {
                let (runs, from) = std::mem::replace(now, (runs, at));
                keep(&mut self.shown, Shown { row, runs, from, to: Some(at) });
            }
        }
        let bottom = self.terminal.cursor().row;
        if self.bottoms.last().is_none_or(|(_, lowest)| *lowest < bottom) {
            self.bottoms.push((at, bottom));
        }
    }

    /// From `from` to `to` what came since `typed` was read.
    pub fn read(&mut self, typed: Duration, from: Duration, to: Duration) {
        let (typed, from, to) = (ticks(typed), ticks(from), ticks(to));
        self.readings.push(Reading { typed, from, to });
    }

    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Nothing more is shown; what is there stays.
    pub fn close(&mut self, at: Duration) {
        self.length = ticks(at);
        for (row, (runs, from)) in self.now.iter().enumerate() {
            keep(&mut self.shown, Shown { row, runs: runs.clone(), from: *from, to: None });
        }
    }

    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// When the lowest row in use moved down, and to which.
    pub fn bottoms(&self) -> &[(u32, usize)] {
        &self.bottoms
    }

    /// In ticks.
    pub fn ticks(&self) -> u32 {
        self.length
    }

    pub fn length(&self) -> Duration {
        TICK * self.length
    }

    pub fn seconds(ticks: u32) -> f64 {
        (TICK * ticks).as_secs_f64()
    }

    /// The page as it is at the end.
    pub fn text(&self) -> Vec<String> {
        let last = self.terminal.cursor().row;
        let lines = self.terminal.screen().visible_lines().take(last + 1);
        lines.map(|line| line.text().trim_end().to_owned()).collect()
    }

    pub fn line_of_the_cursor(&self) -> String {
        let line = self.terminal.screen().line(self.terminal.cursor().row);
        line.map(|line| line.text().trim_end().to_owned()).unwrap_or_default()
    }
}

fn ticks(at: Duration) -> u32 {
    u32::try_from(at.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX)
}

/// What nobody can have seen is left out.
fn keep(all: &mut Vec<Shown>, shown: Shown) {
    if !shown.runs.is_empty() && shown.to != Some(shown.from) {
        all.push(shown);
    }
}

fn runs<'a>(cells: impl Iterator<Item = (char, &'a Pen)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (letter, pen) in cells {
        let colour = match pen.foreground() {
            Some(Color::Indexed(colour)) => Some(colour % 8),
            _ => None,
        };
        let (bold, faint) = (pen.is_bold(), pen.is_faint());
        match runs.last_mut() {
            Some(run) if (run.colour, run.bold, run.faint) == (colour, bold, faint) => {
                run.text.push(letter);
            }
            _ => runs.push(Run { text: letter.into(), colour, bold, faint }),
        }
    }
    while let Some(last) = runs.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            break;
        }
        runs.pop();
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_is_drawn_over_is_told_with_its_time_and_what_stays_for_ever() {
        let mut film = Film::new(20).unwrap();
        film.show(Duration::from_millis(100), "\u{1b}[32mOK\u{1b}[0m  fine\r\nhalf");
        film.show(Duration::from_millis(500), "\r\u{1b}[2Kwhole");
        film.close(Duration::from_secs(1));
        let all: Vec<_> = film.shown().iter().map(|s| (s.row, s.from, s.to)).collect();
        assert_eq!(all, [(1, 2, Some(10)), (0, 2, None), (1, 10, None)]);
        let ok = &film.shown()[1].runs;
        assert_eq!((ok[0].text.as_str(), ok[0].colour), ("OK", Some(2)));
        assert_eq!((ok[1].text.as_str(), ok[1].colour), ("  fine", None));
        assert_eq!(film.text(), ["OK  fine", "whole"]);
        assert_eq!(film.bottoms(), [(2, 1)]);
    }

    #[test]
    fn what_nobody_can_have_seen_is_left_out() {
        let mut film = Film::new(20).unwrap();
        film.show(Duration::from_millis(100), "1 %");
        film.show(Duration::from_millis(120), "\r2 %");
        film.close(Duration::from_secs(1));
        assert_eq!(film.shown().len(), 1);
    }
}
