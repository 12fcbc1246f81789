//! What stands below the table of `usage`: single objects, known fillers,
//! leases, and where the numbers come from.

use std::time::Duration;

use super::{super::super::text::hang, cut, keys};
use crate::{
    cli,
    model::{
        Bytes,
        usage::{Filler, ObjectUsage, Source, SourceKind, Usage},
    },
    say::human::{counted, duration},
};

/// Columns of a number of revisions or writes.
const NUMBER: usize = 9;
/// Columns of a size.
const SIZE: usize = 10;

/// The biggest single objects.
pub(super) fn biggest(usage: &Usage, wanted: &cli::Usage, width: usize) -> Option<String> {
    let shown = first(&usage.biggest, wanted);
    let mut lines = vec!["Biggest objects".to_owned()];
    for object in shown {
        lines.push(line(&[(&Bytes(object.live_bytes).to_string(), SIZE)], &object.key, width));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

/// The keys with the longest history.
pub(super) fn most_rewritten(usage: &Usage, wanted: &cli::Usage, width: usize) -> Option<String> {
    let often = |object: &&ObjectUsage| object.revisions > 1;
    let mut lines = vec!["Most rewritten (revisions kept)".to_owned()];
    for object in first(&usage.most_rewritten, wanted).filter(often) {
        let gone = if object.live { "" } else { " (deleted)" };
        let key = format!("{}{gone}", object.key);
        lines.push(line(&[(&object.revisions.to_string(), NUMBER + 1)], &key, width));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

/// Half as many as the table has lines: these are examples.
fn first<'a>(all: &'a [ObjectUsage], wanted: &cli::Usage) -> impl Iterator<Item = &'a ObjectUsage> {
    all.iter().take(usize::from(wanted.top.div_ceil(2)))
}

fn line(numbers: &[(&str, usize)], key: &str, width: usize) -> String {
    let numbers: String =
        numbers.iter().map(|(number, room)| format!("  {number:>room$}")).collect();
    let room = width.saturating_sub(numbers.len() + 2);
    format!("{numbers}  {}", cut(key, room))
}

/// What is known of what was found, with what to do about it.
pub(super) fn fillers(fillers: &[Filler], width: usize) -> Option<String> {
    let mut lines = vec!["Known fillers".to_owned()];
    for filler in fillers {
        let size = Bytes(filler.bytes);
        let head = format!("{}: {} %, {size}, {}", filler.name, filler.percent, keys(filler.keys));
        lines.push(hang("  ", &head, width));
        lines.push(hang("      ", &filler.advice, width));
    }
    (lines.len() > 1).then(|| lines.join("\n"))
}

/// Leases, and what was read, how and when.
pub(super) fn source(usage: &Usage, width: usize) -> String {
    let bytes = if usage.history {
        "LIVE is what exists now, HISTORY what was overwritten or deleted since the last \
         compaction: bytes of keys and values. The file needs some more around them."
    } else {
        "LIVE is what exists now: bytes of keys and values. Old revisions cannot be seen page by \
         page; `--read snapshot` or `--from` a snapshot shows them."
    };
    let why = Some(usage.source.why.clone()).filter(|why| !why.is_empty());
    let mut lines = vec!["About these numbers".to_owned()];
    for (label, text) in [
        ("Leases", leases_text(usage)),
        ("Source", Some(source_text(usage))),
        ("Note", why),
        ("Bytes", Some(bytes.to_owned())),
    ] {
        lines.extend(text.map(|text| hang(&format!("  {label:<8}"), &text, width)));
    }
    lines.join("\n")
}

fn leases_text(usage: &Usage) -> Option<String> {
    let leases = usage.leases.filter(|leases| leases.granted + leases.keys > 0)?;
    let (keys, bytes) = (keys(leases.keys), Bytes(leases.bytes));
    // Keys tell which lease they hang on; the leases themselves are only in a
    // file.
    if usage.database.is_none() {
        return Some(format!("with {keys} ({bytes}) that end by themselves"));
    }
    let granted = counted(usize::try_from(leases.granted).unwrap_or(usize::MAX), "lease");
    let mut text = format!("{granted}, with {keys} ({bytes}) that end by themselves");
    let longest = u64::try_from(leases.longest_ttl_s).unwrap_or(0);
    if longest > 0 {
        text.push_str(&format!("; the longest lives {}", duration(Duration::from_secs(longest))));
    }
    Some(text)
}

fn source_text(usage: &Usage) -> String {
    let mut parts = vec![format!("{}, revision {}", whence(&usage.source), usage.revision)];
    match usage.compacted {
        Some(revision) => parts.push(format!("compacted at {revision}")),
        None if usage.history => parts.push("never compacted".to_owned()),
        None => {}
    }
    let mut text = parts.join(", ");
    if let Some(file) = &usage.database {
        let free = file.size.minus(file.in_use);
        text.push_str(&format!("; file {}, {} in use, {free} free pages", file.size, file.in_use));
        match file.checksum {
            Some(true) => text.push_str("; checksum right"),
            Some(false) => text.push_str("; CHECKSUM WRONG"),
            None => {}
        }
    }
    if let Some(rate) = usage.revisions_per_s {
        text.push_str(&match rate {
            ..=0.0 => "; nothing was written meanwhile".to_owned(),
            rate => format!("; {rate:.1} revisions a second meanwhile"),
        });
    }
    text
}

fn whence(source: &Source) -> String {
    let path = source.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    match source.kind {
        SourceKind::SnapshotFile => format!("the snapshot {path}"),
        SourceKind::DatabaseFile => format!("the database file {path}"),
        SourceKind::Pipe => "what came through the pipe".to_owned(),
        SourceKind::SnapshotStream => format!("a snapshot of {}, taken now", source.member),
        SourceKind::Pages => format!("the keys of {}, page by page", source.member),
    }
}
