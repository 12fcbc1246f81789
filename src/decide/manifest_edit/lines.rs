//! A text as lines that keep their ends and know where they come from, so that
//! what is not changed stays as it is, byte for byte.

use super::unfit;
use crate::model::{DiffKind, DiffLine, Unfit};

/// Lines that stay around a change when it is shown.
const CONTEXT: usize = 2;

/// A line of the text.
#[derive(Clone, Debug)]
struct Line {
    /// Without its end.
    text: String,
    /// "\n", "\r\n" or nothing behind the last one.
    end: &'static str,
    /// Its index in the old text.
    old: Option<usize>,
}

/// The text, line by line.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    lines: Vec<Line>,
    old: Vec<String>,
}

impl Lines {
    /// The lines of a text.
    ///
    /// # Errors
    /// When a character is in it at which parsers of YAML do not agree where a
    /// line ends, or that belongs into no text.
    pub(super) fn read(text: &str) -> Result<Self, Unfit> {
        let mut lines = Vec::new();
        for (index, whole) in text.split_inclusive('\n').enumerate() {
            let (line, end) = match (whole.strip_suffix("\r\n"), whole.strip_suffix('\n')) {
                (Some(line), _) => (line, "\r\n"),
                (None, Some(line)) => (line, "\n"),
                (None, None) => (whole, ""),
            };
            if let Some(odd) = line.chars().find(|c| is_odd(*c)) {
                let code = u32::from(odd);
                return Err(unfit(&format!(
                    "line {} has the control character U+{code:04X}",
                    index + 1
                )));
            }
            lines.push(Line { text: line.to_owned(), end, old: Some(index) });
        }
        let old = lines.iter().map(|line| line.text.clone()).collect();
        Ok(Self { lines, old })
    }

    /// The line with this index, without its end.
    pub(super) fn get(&self, index: usize) -> &str {
        self.lines.get(index).map_or("", |line| &line.text)
    }

    /// Every line, without its end.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }

    /// Puts another text in the place of some bytes of a line.
    pub(super) fn rewrite(&mut self, index: usize, bytes: std::ops::Range<usize>, text: &str) {
        if let Some(line) = self.lines.get_mut(index)
            && line.text.get(bytes.clone()).is_some()
        {
            line.text.replace_range(bytes, text);
        }
    }

    /// Puts lines behind a line, with ends like its own.
    pub(super) fn insert_behind(&mut self, index: usize, texts: Vec<String>) {
        let usual = self.lines.first().map_or("\n", |line| line.end);
        let usual = if usual.is_empty() { "\n" } else { usual };
        let Some(neighbour) = self.lines.get_mut(index) else { return };
        // Behind a last line without an end the new one is without it.
        let last_end = neighbour.end;
        if neighbour.end.is_empty() {
            neighbour.end = usual;
        }
        let end = neighbour.end;
        let count = texts.len();
        let new = texts.into_iter().enumerate().map(|(number, text)| Line {
            text,
            end: if number + 1 == count { last_end } else { end },
            old: None,
        });
        let new: Vec<Line> = new.collect();
        self.lines.splice(index + 1..index + 1, new);
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.text.as_str(), line.end]).collect()
    }

    /// What differs from the text that was read, with the lines around it.
    pub(super) fn difference(&self) -> Vec<DiffLine> {
        let all = self.compared();
        let is_near = |index: usize| {
            let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(all.len());
            all[around].iter().any(|line| line.kind != DiffKind::Same)
        };
        let near: Vec<bool> = (0..all.len()).map(is_near).collect();
        all.into_iter().zip(near).filter(|(_, near)| *near).map(|(line, _)| line).collect()
    }

    /// Every line; of lines that were changed together the old ones come first.
    fn compared(&self) -> Vec<DiffLine> {
        let mut all = Vec::new();
        let mut added = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let old = line.old.and_then(|old| Some((old, self.old.get(old)?)));
            let new = |text: &str| DiffLine {
                kind: DiffKind::Added,
                number: index + 1,
                text: text.to_owned(),
            };
            match old {
                Some((old, text)) if *text == line.text => {
                    all.append(&mut added);
                    let (number, text) = (old + 1, text.clone());
                    all.push(DiffLine { kind: DiffKind::Same, number, text });
                }
                Some((old, text)) => {
                    let (number, text) = (old + 1, text.clone());
                    all.push(DiffLine { kind: DiffKind::Removed, number, text });
                    added.push(new(&line.text));
                }
                None => added.push(new(&line.text)),
            }
        }
        all.append(&mut added);
        all
    }
}

/// Control characters other than a tab, and what YAML 1.1 takes for the end of
/// a line and YAML 1.2 does not.
fn is_odd(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}
