//! etcd's settings as a table, and the difference between two manifests.

use super::{Column, table};
use crate::{
    model::{DiffKind, DiffLine},
    say::json::SettingAnswer,
};

/// What is configured, and what it will be.
#[must_use]
pub fn settings(rows: &[SettingAnswer], width: usize) -> String {
    let column = |title, cell: fn(&SettingAnswer) -> String| {
        Column::text(title, rows.iter().map(cell).collect())
    };
    let columns = [
        column("SETTING", |row| row.name.clone()),
        column("NOW", |row| row.current.clone().unwrap_or_else(|| "(etcd's default)".to_owned())),
        column("WANTED", |row| row.wanted.clone().unwrap_or_else(|| "as it is".to_owned())),
    ];
    table(&columns, width)
}

/// The differing lines with their surroundings, numbered, indented so that
/// they are told from our own words.
#[must_use]
pub fn diff(lines: &[DiffLine]) -> String {
    let mut text = Vec::new();
    let mut last: Option<usize> = None;
    for line in lines {
        // Lines between two changes that were left out.
        if line.kind == DiffKind::Same && last.is_some_and(|last| line.number > last + 1) {
            text.push("      ...".to_owned());
        }
        let mark = match line.kind {
            DiffKind::Same => ' ',
            DiffKind::Removed => '-',
            DiffKind::Added => '+',
        };
        if line.kind != DiffKind::Added {
            last = Some(line.number);
        }
        text.push(format!("{:>5} {mark} {}", line.number, line.text));
    }
    text.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        let line = |kind, number, text: &str| DiffLine { kind, number, text: text.to_owned() };
        let lines = [
            line(DiffKind::Same, 14, "    - etcd"),
            line(DiffKind::Added, 15, "    - --a=1"),
            line(DiffKind::Same, 30, "        path: x"),
            line(DiffKind::Removed, 31, "        path: /health"),
            line(DiffKind::Added, 32, "        path: /livez"),
        ];
        assert_eq!(
            diff(&lines),
            "   14       - etcd\n   15 +     - --a=1\n      ...\n   30           path: x\n   31 -         \
             path: /health\n   32 +         path: /livez"
        );
    }

    #[test]
    fn the_table_says_what_is_not_set() {
        let row = |name: &str, current: Option<&str>, wanted: Option<&str>| SettingAnswer {
            name: name.to_owned(),
            current: current.map(str::to_owned),
            wanted: wanted.map(str::to_owned),
        };
        let rows = [
            row("auto-compaction-mode", None, Some("periodic")),
            row("quota-backend-bytes", Some("4294967296"), None),
        ];
        assert_eq!(
            settings(&rows, 80),
            "\
SETTING               NOW               WANTED
auto-compaction-mode  (etcd's default)  periodic
quota-backend-bytes   4294967296        as it is"
        );
    }
}
