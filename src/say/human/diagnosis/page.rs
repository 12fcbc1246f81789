//! The page a diagnosis is written on: headings at the edge, everything else
//! below them, nothing wider than the page.

use super::Layout;
use crate::say::{
    human::{Column, table, table_width},
    text::hang,
};

/// Columns that the text below a heading is moved in.
const INDENT: usize = 2;

/// The lines so far.
pub(super) struct Page {
    pub layout: Layout,
    lines: Vec<String>,
}

impl Page {
    pub fn new(layout: Layout) -> Self {
        Self { layout, lines: Vec::new() }
    }

    /// Columns below a heading.
    pub fn room(&self) -> usize {
        self.layout.width.saturating_sub(INDENT)
    }

    /// The next part, after an empty line.
    pub fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.lines.push(hang("", text, self.layout.width));
    }

    /// At the edge: a label and what it says.
    pub fn labelled(&mut self, label: &str, text: &str) {
        self.lines.push(hang(label, text, self.layout.width));
    }

    /// Prose below a heading, behind a mark or a label.
    pub fn line(&mut self, label: &str, text: &str) {
        self.indented(INDENT, label, text);
    }

    /// Prose further in; each line of it begins a new one.
    pub fn indented(&mut self, indent: usize, label: &str, text: &str) {
        let mut prefix = format!("{}{label}", " ".repeat(indent));
        for line in text.lines() {
            self.lines.push(hang(&prefix, line, self.layout.width));
            prefix = " ".repeat(prefix.chars().count());
        }
    }

    /// Lines that are laid out already.
    pub fn figure(&mut self, lines: impl IntoIterator<Item = String>) {
        let indent = " ".repeat(INDENT);
        let lines = lines.into_iter().map(|line| format!("{indent}{line}").trim_end().to_owned());
        self.lines.extend(lines);
    }

    pub fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// A table; one that is too wide goes on in others, each with the first
    /// column again.
    pub fn table(&mut self, columns: Vec<Column>) {
        let mut columns = columns.into_iter();
        let Some(first) = columns.next() else { return };
        let mut part = vec![first.clone()];
        for column in columns {
            let mut wider = part.clone();
            wider.push(column.clone());
            if part.len() > 1 && table_width(&wider) > self.room() {
                self.rows(&part);
                self.blank();
                wider = vec![first.clone(), column];
            }
            part = wider;
        }
        self.rows(&part);
    }

    fn rows(&mut self, columns: &[Column]) {
        let text = table(columns, self.room());
        self.figure(text.lines().map(str::to_owned));
    }

    pub fn finish(self) -> String {
        self.lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_lines() {
        let mut page = Page::new(Layout { width: 40, blocks: false, verbose: 0 });
        page.line("1. ", "If the disk is sound:\n1. `a`\n2. `b`, and then wait until it is back");
        let told = "  1. If the disk is sound:\n     1. `a`\n     2. `b`, and then wait until it is\n     back";
        assert_eq!(page.finish(), told);
    }

    #[test]
    fn a_table_that_is_too_wide_goes_on_below() {
        let layout = Layout { width: 24, blocks: false, verbose: 0 };
        let mut page = Page::new(layout);
        page.table(vec![
            Column::text("NAME", vec!["master-1".into()]),
            Column::number("FSYNC", vec!["256-512".into()]),
            Column::number("COMMIT", vec!["512-1,024".into()]),
        ]);
        let text = page.finish();
        assert_eq!(
            text,
            "  NAME        FSYNC\n  master-1  256-512\n\n  NAME         COMMIT\n  master-1  512-1,024"
        );
    }
}
