//! Markdown (CommonMark with GitHub's tables) in which no text of the cluster
//! is taken for markup, and which is as readable raw.

use crate::say::text::clean;

/// Prose on one line. What stands in backquotes stays code; everything else
/// that CommonMark would act on inside a line is escaped.
pub(super) fn prose(text: &str) -> String {
    let text = one_line(text);
    let quoted = text.matches('`').count().is_multiple_of(2);
    let mut out = String::with_capacity(text.len());
    let mut in_code = false;
    for c in text.chars() {
        match c {
            '`' if quoted => in_code = !in_code,
            // A pipe ends a table's cell, in code, too.
            '|' => out.push('\\'),
            '`' | '*' | '<' | '[' | '\\' if !in_code => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Text as code.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    let gap = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// Lines as they are; `kind` is what they are written in.
pub(super) fn block(kind: &str, lines: &str) -> String {
    let lines = clean(lines, true);
    let fence = "`".repeat(longest_run(&lines).max(2) + 1);
    format!("{fence}{kind}\n{lines}\n{fence}")
}

/// A table with columns of equal width; cells are Markdown already.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let wide = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths.chain([header[column].chars().count(), 3]).max().unwrap_or(3)
    };
    let widths: Vec<usize> = (0..header.len()).map(wide).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths);
        let padded: Vec<String> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |", padded.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut lines = vec![line(header.to_vec()), line(rule.iter().map(String::as_str).collect())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    clean(text, true).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_cluster_is_markup() {
        assert_eq!(prose("a|b *c* <d> [e] \\ `f"), "a\\|b \\*c\\* \\<d> \\[e] \\\\ \\`f");
        assert_eq!(prose("run `etcd-rescue <x>|y`\nnow"), "run `etcd-rescue <x>\\|y` now");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(block("sh", "echo ```"), "````sh\necho ```\n````");
    }

    #[test]
    fn a_table_reads_raw() {
        let rows =
            [vec!["a".to_owned(), "long one".to_owned()], vec!["bcde".to_owned(), "x".into()]];
        assert_eq!(
            table(&["N", "Text"], &rows),
            "\
| N    | Text     |
| ---- | -------- |
| a    | long one |
| bcde | x        |"
        );
    }
}
