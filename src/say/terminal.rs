//! What the three standard streams can do: who is a terminal, how wide, with
//! which letters and colours. Looks once at the start; prints nothing.

use std::{env, io::IsTerminal};

use rustix::termios::tcgetwinsize;

use crate::settings::Color;

/// Columns when nobody tells.
const DEFAULT_WIDTH: usize = 80;
/// Narrower than this nothing can be laid out; the terminal wraps then.
const NARROWEST: usize = 40;
/// Wider lines cannot be read.
const WIDEST: usize = 200;

/// The abilities of stdin, stdout and stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// stdin is a terminal.
    pub stdin: bool,
    /// stdout is a terminal.
    pub stdout: bool,
    /// stderr is a terminal.
    pub stderr: bool,
    /// TERM is unset, empty, "dumb" or "unknown": no cursor movement.
    pub dumb: bool,
    /// Columns to lay text out for.
    pub width: usize,
    /// Whether stderr gets colour.
    pub color: bool,
    /// Whether the locale takes UTF-8; otherwise ASCII only.
    pub utf8: bool,
}

/// Columns of the terminal at this moment, when it tells.
pub(super) fn columns() -> Option<usize> {
    let told = tcgetwinsize(std::io::stderr()).or_else(|_| tcgetwinsize(std::io::stdout()));
    told.ok().map(|size| size.ws_col.into()).filter(|columns| *columns > 0)
}

/// What `detect` looks at.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    /// Columns by TIOCGWINSZ; a serial console answers 0, which is `None`.
    columns: Option<usize>,
    variables: Vec<(&'static str, String)>,
}

impl Surroundings {
    fn look() -> Self {
        const NAMES: [&str; 6] = ["TERM", "COLUMNS", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"];
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            columns: columns(),
            variables: NAMES
                .into_iter()
                .filter_map(|name| Some((name, env::var_os(name)?.to_string_lossy().into_owned())))
                .collect(),
        }
    }

    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<&str> {
        let (_, value) = self.variables.iter().find(|(known, _)| *known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// POSIX: the first of these that is set and not empty decides.
    fn utf8(&self) -> bool {
        ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| self.variable(name))
            .map(str::to_ascii_lowercase)
            .is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"))
    }
}

impl Terminal {
    /// Looks at the process's own streams and environment.
    #[must_use]
    pub fn detect(color: Color) -> Self {
        Self::from(&Surroundings::look(), color)
    }

    fn from(around: &Surroundings, color: Color) -> Self {
        let dumb = matches!(around.variable("TERM"), None | Some("dumb" | "unknown"));
        let columns = around
            .columns
            .or_else(|| around.variable("COLUMNS").and_then(|text| text.parse().ok()))
            .filter(|columns| *columns > 0)
            .unwrap_or(DEFAULT_WIDTH);
        Self {
            stdin: around.stdin,
            stdout: around.stdout,
            stderr: around.stderr,
            dumb,
            width: columns.clamp(NARROWEST, WIDEST),
            color: match color {
                Color::Always => true,
                Color::Never => false,
                // https://no-color.org: any non-empty value.
                Color::Auto => around.stderr && !dumb && around.variable("NO_COLOR").is_none(),
            },
            utf8: around.utf8(),
        }
    }

    /// Whether a progress bar may move the cursor on stderr.
    #[must_use]
    pub fn capable(&self) -> bool {
        self.stderr && !self.dumb
    }

    /// Whether a person can be asked: what is asked is seen, and what is
    /// typed arrives.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.stdin && self.stderr
    }

    /// A width-80 pipe, for tests.
    #[cfg(test)]
    pub(crate) fn pipe() -> Self {
        Self::from(&Surroundings::default(), Color::Auto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(variables: &[(&'static str, &str)]) -> Surroundings {
        Surroundings {
            stdin: true,
            stdout: true,
            stderr: true,
            columns: None,
            variables: variables.iter().map(|(name, value)| (*name, (*value).into())).collect(),
        }
    }

    #[test]
    fn a_good_terminal_gets_colour_bar_and_letters() {
        let mut around = around(&[("TERM", "xterm-256color"), ("LANG", "en_US.UTF-8")]);
        around.columns = Some(132);
        let terminal = Terminal::from(&around, Color::Auto);
        assert!(terminal.capable() && terminal.color && terminal.utf8 && terminal.can_ask());
        assert_eq!(terminal.width, 132);
    }

    #[test]
    fn a_serial_console_gets_plain_lines_but_is_asked() {
        for term in [&[("TERM", "dumb")][..], &[("TERM", "")], &[]] {
            let terminal = Terminal::from(&around(term), Color::Auto);
            assert!(!terminal.capable() && !terminal.color && !terminal.utf8, "{term:?}");
            assert!(terminal.can_ask());
            assert_eq!(terminal.width, 80);
        }
    }

    #[test]
    fn the_person_has_the_last_word_on_colour() {
        let quiet = around(&[("TERM", "xterm"), ("NO_COLOR", "1")]);
        assert!(!Terminal::from(&quiet, Color::Auto).color);
        assert!(Terminal::from(&quiet, Color::Always).color);
        let unset = around(&[("TERM", "xterm"), ("NO_COLOR", "")]);
        assert!(Terminal::from(&unset, Color::Auto).color);
        assert!(!Terminal::from(&unset, Color::Never).color);
        assert!(!Terminal::from(&Surroundings::default(), Color::Auto).color, "not a terminal");
    }

    #[test]
    fn lc_all_outranks_lang_and_columns_is_believed_within_reason() {
        let posix = around(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8"), ("COLUMNS", "7")]);
        let terminal = Terminal::from(&posix, Color::Auto);
        assert!(!terminal.utf8);
        assert_eq!(terminal.width, NARROWEST);
        let odd = Terminal::from(&around(&[("COLUMNS", "wide")]), Color::Auto);
        assert_eq!(odd.width, DEFAULT_WIDTH);
        assert!(!Terminal { stdin: false, ..odd }.can_ask());
    }
}
