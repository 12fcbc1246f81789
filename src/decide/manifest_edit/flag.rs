//! Giving a flag of etcd a value: in its word, in the word behind it, or as a
//! new word where one would look for it.

use super::{
    change::Change,
    command::{CommandLine, Flag, Value},
    environment,
    lines::Lines,
    pod::Pod,
    unfit,
};
use crate::model::Unfit;

/// What has to be done so that the flag has this value.
///
/// # Errors
/// When the manifest, or the flag in it, is not written as we know it.
pub(super) fn change(
    lines: &Lines,
    pod: &Pod<'_>,
    name: &str,
    value: &str,
    notes: &mut Vec<String>,
) -> Result<Option<Change>, Unfit> {
    check(name, value)?;
    let line = CommandLine::read(lines, pod)?;
    let flags = line.flags();
    let why = "and then etcd ignores every flag: the setting belongs into that file";
    no_config_file(pod, &line, why)?;
    let same: Vec<&Flag<'_>> = flags.iter().filter(|flag| flag.name == name).collect();
    let variable = environment::variable(name);
    let entry = environment::entry(pod, &variable)?;
    match (&same[..], entry) {
        ([], None) => Ok(insert(lines, &line, &flags, name, value)),
        ([], Some(entry)) => {
            notes.push(format!(
                "--{name} is set by the variable {variable} in line {}, so its value is changed \
                 there: etcd does not start with both",
                entry.number()
            ));
            environment::change(lines, &entry, &variable, value)
        }
        ([flag], None) => rewrite(&line, flag, value),
        ([flag], Some(entry)) => Err(unfit(&format!(
            "--{name} is in line {} and its variable {variable} in line {}; etcd does not start \
             with both",
            number(&line, flag),
            entry.number()
        ))),
        ([first, .., last], _) => Err(unfit(&format!(
            "--{name} is given more than once, in line {} and in line {}, and the last one counts",
            number(&line, first),
            number(&line, last)
        ))),
    }
}

fn check(name: &str, value: &str) -> Result<(), Unfit> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name {
        return Err(unfit("this is no name of a flag"));
    }
    // The kubelet expands $(NAME) in a command line.
    if value.chars().any(char::is_control) || value.contains("$(") {
        return Err(unfit(&format!("the value for --{name} cannot stand in a manifest")));
    }
    Ok(())
}

/// etcd reads nothing but the file when it is given one, and a program that keeps
/// such a file keeps its manifest as well (RKE2).
///
/// # Errors
/// The line that names the file, and `why` it is in the way.
pub(super) fn no_config_file(
    pod: &Pod<'_>,
    line: &CommandLine<'_>,
    why: &str,
) -> Result<(), Unfit> {
    let flags = line.flags();
    let by_flag = flags.iter().find(|flag| flag.name == "config-file");
    let by_flag = by_flag.map(|flag| {
        let (Value::Inline(path) | Value::Next(path)) = flag.value else {
            return (number(line, flag), "");
        };
        (number(line, flag), path)
    });
    let by_variable = environment::entry(pod, "ETCD_CONFIG_FILE")?
        .map(|entry| (entry.number(), entry.word("value").ok().flatten().unwrap_or_default()));
    let Some((number, path)) = by_flag.or(by_variable) else { return Ok(()) };
    let file = if path.is_empty() { String::new() } else { format!(" {path}") };
    Err(unfit(&format!("line {number} gives etcd the configuration file{file}, {why}")))
}

fn rewrite(line: &CommandLine<'_>, flag: &Flag<'_>, value: &str) -> Result<Option<Change>, Unfit> {
    let (word, new) = match flag.value {
        Value::Inline(now) | Value::Next(now) if now == value => return Ok(None),
        Value::Inline(_) => {
            (line.words.get(flag.word), format!("{}{}={value}", flag.dashes, flag.name))
        }
        Value::Next(_) => (line.words.get(flag.word + 1), value.to_owned()),
        Value::None => (None, String::new()),
    };
    let word = word.ok_or_else(|| {
        unfit(&format!("line {} gives --{} without a value", number(line, flag), flag.name))
    })?;
    let (way, written) = (word.spot.way.clone(), word.written.clone());
    Ok(Some(Change::Rewrite { way, written, value: new }))
}

/// A new flag: in its place when the flags are sorted, else behind the last.
fn insert(
    lines: &Lines,
    line: &CommandLine<'_>,
    flags: &[Flag<'_>],
    name: &str,
    value: &str,
) -> Option<Change> {
    let list = flags
        .iter()
        .rev()
        .find_map(|flag| line.words.get(flag.word))
        .map_or(line.lists.len().saturating_sub(1), |word| word.list);
    let here: Vec<&Flag<'_>> = flags
        .iter()
        .filter(|flag| line.words.get(flag.word).is_some_and(|word| word.list == list))
        .collect();
    let values = spelling(&here, name, value);
    let next = here.iter().find(|flag| flag.name > name).filter(|_| is_sorted(&here));
    let words = line.words.iter().filter(|word| word.list == list);
    let count = words.clone().count();
    let first = line.words.iter().position(|word| word.list == list)?;
    let index = next.map_or(count, |flag| flag.word - first);
    // Comments above the next flag stay with it.
    let (at, like) = match index.checked_sub(1).and_then(|before| line.words.get(first + before)) {
        Some(before) => (before.written.line, before),
        None => {
            let like = line.words.get(first)?;
            (behind_key(lines, like.written.line), like)
        }
    };
    Some(Change::Insert {
        list: line.lists.get(list)?.way.clone(),
        index,
        line: at,
        before: like.written.before(lines).to_owned(),
        values,
    })
}

fn is_sorted(flags: &[&Flag<'_>]) -> bool {
    flags.is_sorted_by_key(|flag| flag.name)
}

/// As the others are written: with one dash or two, in one word or in two.
fn spelling(flags: &[&Flag<'_>], name: &str, value: &str) -> Vec<String> {
    let all = |is: fn(&&&Flag<'_>) -> bool| !flags.is_empty() && flags.iter().all(|flag| is(&flag));
    let dashes = if all(|flag| flag.dashes == "-") { "-" } else { "--" };
    let one_word = flags.iter().any(|flag| matches!(flag.value, Value::Inline(_)));
    let two_words = flags.iter().any(|flag| matches!(flag.value, Value::Next(_)));
    if two_words && !one_word {
        return vec![format!("{dashes}{name}"), value.to_owned()];
    }
    vec![format!("{dashes}{name}={value}")]
}

/// The last line before this one that is neither blank nor a comment: that of
/// the list's key.
fn behind_key(lines: &Lines, first: usize) -> usize {
    let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    (0..first).rev().find(|index| is_code(lines.get(*index))).unwrap_or(0)
}

fn number(line: &CommandLine<'_>, flag: &Flag<'_>) -> usize {
    line.words.get(flag.word).map_or(0, |word| word.spot.number())
}
