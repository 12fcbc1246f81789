//! Tables without borders. Owns how wide columns are; knows nothing of what is
//! in them.

use crate::say::text::{columns as long, fitting};

/// Columns between two columns of a table.
const GAP: usize = 2;
/// The first column is never narrower, unless all that is in it is: letters below
/// each other cannot be read, and the terminal wraps what is too wide.
const LEAST: usize = 8;
/// A line that has no more room than this is full.
const FULL: usize = 2;

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its header.
    pub title: &'static str,
    /// Numbers stand on the right; text columns may be wrapped.
    pub number: bool,
    /// From the top.
    pub cells: Vec<String>,
}

impl Column {
    pub fn text(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, number: false, cells }
    }

    pub fn number(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, number: true, cells }
    }

    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| long(cell));
        widths.max().unwrap_or(0).max(self.title.len())
    }

    /// The title, then the cells.
    fn cell(&self, row: usize) -> &str {
        match row.checked_sub(1) {
            None => self.title,
            Some(row) => self.cells.get(row).map_or("", String::as_str),
        }
    }
}

/// Columns that a table of these needs to have nothing wrapped.
pub(super) fn table_width(columns: &[Column]) -> usize {
    let widths: usize = columns.iter().map(Column::width).sum();
    widths + GAP * columns.len().saturating_sub(1)
}

/// A borderless table; when it is too wide, the first column is wrapped.
pub(super) fn table(columns: &[Column], width: usize) -> String {
    let Some((first, others)) = columns.split_first() else { return String::new() };
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let others: Vec<_> = others.iter().map(|column| (column, column.width())).collect();
    let taken: usize = others.iter().map(|(_, width)| GAP + width).sum();
    let room = first_width(first, width.saturating_sub(taken).max(LEAST));
    let mut lines = Vec::new();
    for row in 0..=rows {
        let mut parts = folded(first.cell(row), room).into_iter();
        let mut line = aligned(parts.next().unwrap_or_default(), room, first.number);
        for (column, width) in &others {
            line.push_str(&" ".repeat(GAP));
            line.push_str(&aligned(column.cell(row), *width, column.number));
        }
        lines.push(line.trim_end().to_owned());
        lines.extend(parts.map(|part| aligned(part, room, first.number).trim_end().to_owned()));
    }
    lines.join("\n")
}

/// How wide the first column is, which may have `room`: not much wider than what
/// stands there in the end.
fn first_width(first: &Column, room: usize) -> usize {
    let wanted = first.width();
    if wanted <= room {
        return wanted;
    }
    let parts = (0..=first.cells.len()).flat_map(|row| folded(first.cell(row), room));
    let longest = parts.map(long).max().unwrap_or(0);
    if longest + FULL < room { longest } else { room }
}

fn aligned(text: &str, width: usize, right: bool) -> String {
    let blank = " ".repeat(width.saturating_sub(long(text)));
    if right { blank + text } else { text.to_owned() + &blank }
}

/// `cell` in lines of at most `room` columns, which is at least one: between words
/// where it can be, else a word is broken.
fn folded(cell: &str, room: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = cell;
    while long(rest) > room {
        let end = line_end(rest, room);
        let (line, more) = rest.split_at(end);
        lines.push(line);
        rest = more.strip_prefix(' ').unwrap_or(more);
    }
    lines.push(rest);
    lines
}

/// Where the first line of a text ends that is longer than `room`.
fn line_end(text: &str, room: usize) -> usize {
    // A sign that is wider than the room has a line of its own.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let limit = fitting(text, room).max(first);
    // A word may end just where the room does.
    let last_space = text[..fitting(text, room + 1)].rfind(' ').filter(|space| *space > 0);
    let Some(space) = last_space else { return limit };
    let word = text[space + 1..].split(' ').next().unwrap_or_default();
    let left = room.saturating_sub(long(&text[..space]) + 1);
    // A word that no line holds begins here when it is worth it.
    if long(word) > room && left > FULL { limit } else { space }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_that_is_too_wide_wraps_its_first_column() {
        let name = "ip-10-0-1-23.region-1.compute.internal".to_owned();
        let columns =
            [Column::text("NAME", vec![name]), Column::number("DB SIZE", vec!["62.1 MiB".into()])];
        assert_eq!(table_width(&columns), 48);
        let expected = "NAME                   DB SIZE\nip-10-0-1-23.region-  62.1 MiB\n\
                        1.compute.internal";
        assert_eq!(table(&columns, 30), expected);
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(folded("some test text", 9), ["some test", "text"]);
        assert_eq!(folded("some test text", 8), ["some", "test", "text"]);
        assert_eq!(folded("a longerthanthat", 8), ["a longer", "thanthat"]);
        assert_eq!(folded("several longerthanthat", 8), ["several", "longerth", "anthat"]);
        assert_eq!(folded("ééé é", 3), ["ééé", "é"]);
        assert_eq!(folded("", 1), [""]);
        assert_eq!(folded("主机 主机-1", 7), ["主机", "主机-1"]);
        assert_eq!(folded("主机", 1), ["主", "机", ""]);
    }

    #[test]
    fn wide_signs_keep_columns_straight() {
        let columns = [
            Column::text("NAME", vec!["主机-1".into(), "b".into()]),
            Column::text("ID", vec!["7".into(); 2]),
        ];
        assert_eq!(table(&columns, 80), "NAME    ID\n主机-1  7\nb       7");
    }

    #[test]
    fn no_room_at_all_leaves_words_that_can_be_read() {
        let columns = [
            Column::text("NAME", vec!["master-1.internal".into()]),
            Column::number("SIZE", vec!["1".repeat(40)]),
        ];
        let lines = table(&columns, 40);
        let first: Vec<_> =
            lines.lines().map(|line| line.get(..8).unwrap_or(line).trim_end()).collect();
        assert_eq!(first, ["NAME", "master-1", ".interna", "l"]);
    }

    #[test]
    fn missing_cells_and_columns_are_empty() {
        let columns = [
            Column::text("A", vec!["x".into(), "yy".into()]),
            Column::number("B", vec![]),
            Column::text("C", vec!["1".into()]),
        ];
        assert_eq!(table(&columns, 80), "A   B  C\nx      1\nyy");
        assert_eq!(table(&[], 80), "");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(cell in "[a-zé ]{0,40}", room in 1_usize..20) {
            let lines = folded(&cell, room);
            prop_assert!(lines.iter().all(|line| long(line) <= room), "{lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&cell));
        }
    }
}
