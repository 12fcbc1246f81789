//! Answers that are a page of their own, and one of many: `diagnose`.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Mark, Stream, Voice};
use crate::{
    model::{DiffKind, DiffLine},
    say::human,
};

impl Voice {
    /// An answer with headings: lines at the edge behind an empty one are
    /// headings, and a severity at the beginning of a line is marked.
    pub fn page(&self, text: &str) {
        if self.inner.json {
            return;
        }
        let mut above = "";
        let mut lines = Vec::new();
        let text = self.dressed(text);
        for line in text.split('\n') {
            lines.push(self.page_line(above, line));
            above = line;
        }
        self.line(Stream::Out, &lines.join("\n"));
    }

    /// The difference of two manifests: what goes in red, what comes in green.
    pub fn difference(&self, lines: &[DiffLine]) {
        if self.inner.json {
            return;
        }
        let shown: Vec<String> = human::difference_lines(lines)
            .into_iter()
            .map(|(kind, text)| {
                let text = self.dressed(&text);
                match kind {
                    DiffKind::Same => text,
                    DiffKind::Removed => self.coloured_page("31", &text),
                    DiffKind::Added => self.coloured_page(Mark::Ok.colour(), &text),
                }
            })
            .collect();
        self.line(Stream::Out, &shown.join("\n"));
    }

    fn page_line(&self, above: &str, line: &str) -> String {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        for mark in [Mark::Critical, Mark::Warning, Mark::Ok] {
            if let Some(rest) =
                body.strip_prefix(mark.label()).filter(|rest| rest.starts_with("  "))
            {
                let label = self.coloured_page(mark.colour(), mark.label());
                return format!("{indent}{label}{rest}");
            }
        }
        let heading = above.is_empty() && indent.is_empty() && !body.is_empty();
        if heading { self.coloured_page(Mark::Next.colour(), line) } else { line.to_owned() }
    }

    /// Colour on stdout: only where stdout is a terminal, too.
    fn coloured_page(&self, sgr: &str, text: &str) -> String {
        if self.inner.terminal.stdout { self.coloured(sgr, text) } else { text.to_owned() }
    }

    /// One JSON document of many, on a line of its own; nothing for people.
    pub fn json_line(&self, document: &impl Serialize) {
        if !self.inner.json {
            return;
        }
        // No other document may follow the last line.
        self.inner.streamed.store(true, Ordering::Relaxed);
        match serde_json::to_string(document) {
            Ok(text) => self.line(Stream::Out, &text),
            Err(error) => self.fail(&format!("the JSON answer could not be written: {error}")),
        }
    }

    /// Whether stdout's reader has gone: who repeats himself may end.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.inner.unheard.load(Ordering::Relaxed)
    }

    /// An empty screen for the next answer, where stdout is one; nothing
    /// elsewhere.
    pub fn clear(&self) {
        let terminal = &self.inner.terminal;
        if terminal.stdout && !terminal.dumb && !self.inner.json {
            // ECMA-48: cursor to the upper left, then erase to the end.
            let _closed_is_fine = self.write(Stream::Out, b"\x1b[H\x1b[J");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        say::{Terminal, Voice},
        settings::Color,
    };

    fn on_a_terminal(color: Color) -> Voice {
        let bare = Terminal::pipe();
        let color = color == Color::Always;
        Voice::captured(
            Terminal { stdout: true, stderr: true, dumb: false, color, ..bare },
            false,
            0,
        )
    }

    #[test]
    fn headings_and_severities_are_marked_and_nothing_else() {
        let text = "CRITICAL  it is slow\n\nFindings\n  WARNING   CRITICAL in prose\n  OK then";
        let voice = on_a_terminal(Color::Always);
        voice.page(text);
        assert_eq!(
            voice.heard().0,
            "\x1b[1;31mCRITICAL\x1b[0m  it is slow\n\n\x1b[1mFindings\x1b[0m\n  \
             \x1b[33mWARNING\x1b[0m   CRITICAL in prose\n  OK then\n"
        );
        for voice in [on_a_terminal(Color::Never), Voice::captured(Terminal::pipe(), false, 0)] {
            voice.page(text);
            assert_eq!(voice.heard().0, format!("{text}\n"));
        }
    }

    #[test]
    fn one_document_of_many_is_one_line_and_the_last_word() {
        let voice = Voice::captured(Terminal::pipe(), true, 0);
        voice.page("for people");
        voice.clear();
        voice.json_line(&serde_json::json!({"a": 1, "b": [2]}));
        assert_eq!(voice.heard().0, "{\"a\":1,\"b\":[2]}\n");
        assert!(voice.has_streamed(), "no document about an interruption may follow");
    }

    #[test]
    fn only_a_terminal_is_cleared() {
        let voice = Voice::captured(Terminal::pipe(), false, 0);
        voice.clear();
        assert_eq!(voice.heard().0, "");
        let voice = on_a_terminal(Color::Never);
        voice.clear();
        assert_eq!(voice.heard().0, "\x1b[H\x1b[J");
    }
}
