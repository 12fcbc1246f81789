//! A progress bar: one line at the bottom of a terminal, drawn again and again in
//! place. Owns its shape and the moment of drawing; says nothing of its own.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    terminal,
    text::{columns, fitting},
};

/// Between two drawings.
const PERIOD: Duration = Duration::from_millis(250);
/// Columns of the bar itself.
const COLUMNS: usize = 20;
/// Back to the line's beginning, and nothing in it (ECMA-48 8.3.41).
const CLEAR: &str = "\r\x1b[2K";

/// A bar that may be on the screen.
#[derive(Debug)]
pub(super) struct Bar {
    prefix: String,
    utf8: bool,
    /// What a full bar stands for; without it there is only text.
    length: Option<u64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    text: String,
    position: u64,
    drawn: Option<Instant>,
    gone: bool,
}

impl Bar {
    /// Nothing is drawn yet.
    pub fn new(prefix: String, length: Option<u64>, utf8: bool) -> Self {
        Self { prefix, utf8, length, state: Mutex::default() }
    }

    /// What it shows now; drawn when the last time is a moment ago. The position
    /// stays without a new one.
    pub fn show(&self, text: String, position: Option<u64>) {
        let mut state = self.state();
        state.text = text;
        state.position = position.unwrap_or(state.position);
        if state.drawn.is_none_or(|last| last.elapsed() >= PERIOD) {
            self.draw(&mut state);
        }
    }

    /// Lets `write` write lines where the bar stands, which moves below them.
    pub fn suspend(&self, write: impl FnOnce()) {
        let mut state = self.state();
        if state.drawn.is_some() {
            put(CLEAR);
        }
        write();
        self.draw(&mut state);
    }

    /// Takes it away for good.
    pub fn clear(&self) {
        let mut state = self.state();
        if state.drawn.is_some() {
            put(CLEAR);
        }
        state.gone = true;
    }

    fn draw(&self, state: &mut State) {
        if !state.gone {
            // The terminal may have another size by now.
            put(&format!("{CLEAR}{}", self.line(state, terminal::columns().unwrap_or(80))));
            state.drawn = Some(Instant::now());
        }
    }

    /// Exactly as wide as the terminal: whatever somebody else writes there goes to
    /// a line of its own.
    fn line(&self, state: &State, width: usize) -> String {
        let head = match (self.length, self.utf8) {
            (None, _) => format!("{}: ", self.prefix),
            (Some(length), true) => {
                format!("{} {} ", self.prefix, signs(state.position, length, ["█", "▌", "░"]))
            }
            (Some(length), false) => {
                format!("{} [{}] ", self.prefix, signs(state.position, length, ["#", ">", "-"]))
            }
        };
        let mut line = head + &state.text;
        line.truncate(fitting(&line, width));
        let blank = width.saturating_sub(columns(&line));
        line + &" ".repeat(blank)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bar: done, under way, and to do.
fn signs(position: u64, length: u64, [done, now, rest]: [&str; 3]) -> String {
    let columns = u128::from(position) * COLUMNS as u128 / u128::from(length.max(1));
    let full = usize::try_from(columns).unwrap_or(COLUMNS).min(COLUMNS);
    let under_way = usize::from(position > 0 && full < COLUMNS);
    done.repeat(full) + &now.repeat(under_way) + &rest.repeat(COLUMNS - full - under_way)
}

fn put(text: &str) {
    // Nobody watches any more: no reason to stop.
    let _closed_is_fine = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: Option<u64>, utf8: bool, position: u64, width: usize) -> String {
        let state = State { text: "12 s".to_owned(), position, ..State::default() };
        Bar::new("snapshot".to_owned(), length, utf8).line(&state, width)
    }

    #[test]
    fn a_line_is_as_wide_as_the_terminal() {
        assert_eq!(line(Some(100), false, 0, 40), "snapshot [--------------------] 12 s    ");
        assert_eq!(line(Some(100), false, 1, 34), "snapshot [>-------------------] 12");
        assert_eq!(line(Some(100), false, 52, 40), "snapshot [##########>---------] 12 s    ");
        assert_eq!(line(Some(100), true, 98, 40), "snapshot ███████████████████▌ 12 s      ");
        assert_eq!(line(Some(100), true, 200, 30), "snapshot ████████████████████ ");
        assert_eq!(line(None, true, 7, 16), "snapshot: 12 s  ");
        assert_eq!(line(None, true, 7, 0), "");
        let wide = Bar::new("主机-1".to_owned(), None, true);
        let of = |width| wide.line(&State { text: "机 x".to_owned(), ..State::default() }, width);
        assert_eq!([9, 10, 14].map(of), ["主机-1:  ", "主机-1: 机", "主机-1: 机 x  "]);
    }

    #[test]
    fn counters_of_any_size_make_a_bar() {
        for (position, length) in [(u64::MAX, u64::MAX), (u64::MAX, 0), (0, 0), (1, u64::MAX)] {
            assert_eq!(signs(position, length, ["#", ">", "-"]).len(), COLUMNS);
        }
    }
}
