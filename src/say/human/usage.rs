//! `usage` for people: first in sentences what fills the database and what to
//! do, then the table, single objects, and where the numbers come from.

mod lists;
mod table;

use super::{super::text::hang, counted};
use crate::{
    cli,
    model::usage::{Filler, Usage},
};

/// Everything the answer shows.
#[derive(Clone, Copy, Debug)]
pub struct UsagePage<'a> {
    /// The numbers.
    pub usage: &'a Usage,
    /// Known causes in them, the biggest first.
    pub fillers: &'a [Filler],
    /// What fills it and what to do, in words.
    pub sentences: &'a [String],
    /// Why the numbers are not all; `None` when they are.
    pub incomplete: Option<&'a str>,
    /// Commands to type next, and what for.
    pub next: &'a [(String, String)],
    /// Order, depth and length.
    pub wanted: &'a cli::Usage,
}

/// The whole answer.
#[must_use]
pub fn usage(page: &UsagePage<'_>, width: usize) -> String {
    let mut parts = vec![opening(page, width)];
    if !page.usage.resources.is_empty() {
        parts.push(table::table(page.usage, page.wanted, width));
    }
    parts.extend(lists::biggest(page.usage, page.wanted, width));
    parts.extend(lists::most_rewritten(page.usage, page.wanted, width));
    parts.extend(lists::fillers(page.fillers, width));
    parts.push(lists::source(page.usage, width));
    parts.extend(next(page.next, width));
    parts.join("\n\n")
}

/// What somebody reads who reads nothing else.
fn opening(page: &UsagePage<'_>, width: usize) -> String {
    let mut lines = Vec::new();
    if let Some(why) = page.incomplete {
        let text = format!("{why}. All numbers below are lower bounds.");
        lines.push(hang("INCOMPLETE  ", &text, width));
    }
    lines.extend(page.sentences.iter().map(|text| hang("- ", &sentence(text), width)));
    if let Some((command, what_for)) = page.next.first() {
        let end = if page.next.len() > 1 { "; more at the end" } else { "" };
        lines.push(hang("- ", &format!("Next: `{command}` ({what_for}){end}."), width));
    }
    lines.join("\n")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn next(commands: &[(String, String)], width: usize) -> Option<String> {
    let mut lines = vec!["Next".to_owned()];
    for (command, what_for) in commands {
        lines.push(format!("  {command}"));
        lines.push(hang("      ", what_for, width));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

/// `text` in at most `room` columns, cut in the middle: both ends of a key
/// tell something.
fn cut(text: &str, room: usize) -> String {
    const GAP: &str = "...";
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(GAP.len());
    let head: String = text.chars().take(kept / 2).collect();
    let tail: String = text.chars().skip(length - (kept - kept / 2)).collect();
    format!("{head}{GAP}{tail}")
}

/// "1 key", "3 keys" for numbers of any size.
fn keys(number: u64) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "key")
}

#[cfg(test)]
mod tests;
