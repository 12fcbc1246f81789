//! Scalars as they are written on a line, and how a new value is written.

use std::ops::Range;

use super::{
    lines::Lines,
    tree::{Body, Node, Style},
    unfit,
};
use crate::model::Unfit;

/// A scalar on one line of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Index of the line.
    pub(super) line: usize,
    /// Its bytes in the line, quotes included.
    pub(super) bytes: Range<usize>,
    /// How it is written.
    pub(super) style: Style,
}

impl Written {
    /// What stands before it in its line.
    pub(super) fn before<'a>(&self, lines: &'a Lines) -> &'a str {
        lines.get(self.line).get(..self.bytes.start).unwrap_or_default()
    }
}

/// Where exactly a scalar stands.
///
/// # Errors
/// When it is no scalar, goes over several lines, or something else than a
/// comment stands behind it.
pub(super) fn written(lines: &Lines, node: &Node) -> Result<Written, Unfit> {
    let number = node.place.line + 1;
    let several = || unfit(&format!("the value in line {number} does not stand on one line alone"));
    let Body::Scalar(text, style) = &node.body else {
        return Err(unfit(&format!("line {number} has a list or a mapping where a word belongs")));
    };
    let line = lines.get(node.place.line);
    let start = line.char_indices().nth(node.place.column).map(|(at, _)| at).ok_or_else(several)?;
    let rest = &line[start..];
    let length = match style {
        Style::Plain => rest.starts_with(text.as_str()).then_some(text.len()),
        Style::Single => quoted_length(rest, '\''),
        Style::Double => quoted_length(rest, '"'),
        Style::Block => None,
    };
    let length = length.filter(|length| *length > 0).ok_or_else(several)?;
    let behind = &rest[length..];
    let is_comment = behind.starts_with([' ', '\t']) && behind.trim_start().starts_with('#');
    if !behind.trim().is_empty() && !is_comment {
        return Err(several());
    }
    Ok(Written { line: node.place.line, bytes: start..start + length, style: *style })
}

/// Bytes of a quoted scalar at the beginning of a text, quotes included.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut inner = text.strip_prefix(quote)?.char_indices().peekable();
    while let Some((at, c)) = inner.next() {
        match c {
            '\\' if quote == '"' => drop(inner.next()),
            '\'' if quote == '\'' && inner.next_if(|(_, next)| *next == '\'').is_some() => {}
            c if c == quote => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// A value in this style, and the style it got: plain only where every parser
/// of YAML takes it for text.
pub(super) fn render(value: &str, style: Style) -> (String, Style) {
    match style {
        Style::Plain if is_surely_text(value) => (value.to_owned(), Style::Plain),
        Style::Single => (format!("'{}'", value.replace('\'', "''")), Style::Single),
        _ => {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            (format!("\"{escaped}\""), Style::Double)
        }
    }
}

/// What YAML 1.1 takes for something else than text.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether it is text without quotes, in YAML 1.1 (which the kubelet reads)
/// and 1.2.
fn is_surely_text(value: &str) -> bool {
    let begins = value.strip_prefix("--").or_else(|| value.strip_prefix('-')).unwrap_or(value);
    let is_path = begins.starts_with('/') && !value.starts_with('-');
    (is_path || begins.starts_with(|c: char| c.is_ascii_alphabetic()))
        && !value.ends_with(':')
        && value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '"' | '\'' | '`'))
        && !WORDS.contains(&value.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_only_where_they_could_be_something_else() {
        for plain in [
            "--name=m1",
            "-name=m1",
            "--auto-compaction-retention=1h",
            "/health?exclude=NOSPACE&serializable=true",
            "periodic",
            "--initial-cluster=a=https://10.0.0.1:2380,b=https://10.0.0.2:2380",
        ] {
            assert_eq!(render(plain, Style::Plain), (plain.to_owned(), Style::Plain));
        }
        for quoted in ["1h", "10000", "", "no", "~", "- x", "--a=b c", "--a=#", "--a:", "--1"] {
            assert_eq!(render(quoted, Style::Plain).1, Style::Double, "{quoted}");
        }
        assert_eq!(render("it's", Style::Single).0, "'it''s'");
        assert_eq!(render("a\"\\", Style::Double).0, r#""a\"\\""#);
    }

    #[test]
    fn quoted_words_end_where_their_quote_ends() {
        assert_eq!(quoted_length("'it''s' # x'", '\''), Some(7));
        assert_eq!(quoted_length(r#""a\"b" # ""#, '"'), Some(6));
        assert_eq!(quoted_length("'open", '\''), None);
    }
}
