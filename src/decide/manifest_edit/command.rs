//! etcd's command line in the manifest: `command` and `args`, word by word,
//! with Go's rules for flags.

use super::{
    lines::Lines,
    pod::Pod,
    scalar::{Written, written},
    spot::Spot,
    unfit,
};
use crate::model::Unfit;

/// Programs that run a script instead of etcd.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];

/// One item of `command` or `args`.
pub(super) struct Word<'a> {
    /// Where it is.
    pub(super) spot: Spot<'a>,
    /// What it says.
    pub(super) text: &'a str,
    /// How it stands in the text.
    pub(super) written: Written,
    /// Index of its list.
    pub(super) list: usize,
}

/// A flag: its words, and its value.
pub(super) struct Flag<'a> {
    /// Without dashes.
    pub(super) name: &'a str,
    /// "--" or "-".
    pub(super) dashes: &'static str,
    /// Index of its first word.
    pub(super) word: usize,
    /// Its value.
    pub(super) value: Value<'a>,
}

/// Where a flag has its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Behind `=`.
    Inline(&'a str),
    /// In the next word.
    Next(&'a str),
    /// It has none: a switch.
    None,
}

/// The command line.
pub(super) struct CommandLine<'a> {
    /// `command` and `args`, those that are there.
    pub(super) lists: Vec<Spot<'a>>,
    /// Their words in order.
    pub(super) words: Vec<Word<'a>>,
}

impl<'a> CommandLine<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// When it is written in a way we do not know, or does not start etcd.
    pub(super) fn read(lines: &Lines, pod: &Pod<'a>) -> Result<Self, Unfit> {
        let mut line = Self { lists: Vec::new(), words: Vec::new() };
        for name in ["command", "args"] {
            let Some(list) = pod.container.key(name)? else { continue };
            for spot in list.dashed_items(lines, name)? {
                line.words.push(word(lines, spot, line.lists.len())?);
            }
            line.lists.push(list);
        }
        let program = line.words.first().ok_or_else(|| unfit("the container has no `command`"))?;
        let base = program.text.rsplit('/').next().unwrap_or_default();
        if SHELLS.contains(&base) || base.ends_with(".sh") {
            return Err(unfit(&format!(
                "line {} starts etcd by a script ({}); only a command line that is etcd's own is \
                 edited",
                program.spot.number(),
                program.text
            )));
        }
        if base != "etcd" {
            return Err(unfit(&format!(
                "line {} starts `{}` and not etcd",
                program.spot.number(),
                program.text
            )));
        }
        Ok(line)
    }

    /// Its flags in order: one or two dashes, `--flag=value` or `--flag value`
    /// (Go's package flag).
    pub(super) fn flags(&self) -> Vec<Flag<'_>> {
        let mut flags = Vec::new();
        let mut index = 1;
        while let Some(word) = self.words.get(index) {
            let first = index;
            index += 1;
            let (dashes, rest) = match word.text.strip_prefix("--") {
                Some("") => break,
                Some(rest) => ("--", rest),
                None => match word.text.strip_prefix('-') {
                    Some(rest) => ("-", rest),
                    None => continue,
                },
            };
            let (name, value) = match rest.split_once('=') {
                Some((name, value)) => (name, Value::Inline(value)),
                None => match self.words.get(index).filter(|next| is_value(next.text)) {
                    Some(next) => {
                        index += 1;
                        (rest, Value::Next(next.text))
                    }
                    None => (rest, Value::None),
                },
            };
            flags.push(Flag { name, dashes, word: first, value });
        }
        flags
    }
}

/// Whether a word behind a flag is its value: anything but a flag; a negative
/// number is one, too.
fn is_value(word: &str) -> bool {
    match word.strip_prefix('-') {
        Some(rest) => rest.starts_with(|c: char| c.is_ascii_digit()),
        None => true,
    }
}

fn word<'a>(lines: &Lines, spot: Spot<'a>, list: usize) -> Result<Word<'a>, Unfit> {
    let written = written(lines, spot.node)?;
    if written.before(lines).trim() != "-" {
        return Err(unfit(&format!("line {} is no `- ` item of its own", spot.number())));
    }
    let text = spot.node.text().unwrap_or_default();
    Ok(Word { spot, text, written, list })
}
