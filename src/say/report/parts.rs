//! The sections of a report. Each is left out when there is nothing to tell.

use std::time::Duration;

use super::{
    Report, alarms,
    markdown::{block, code, prose, table},
    size,
};
use crate::{
    model::{Bytes, Member, MemberId, MemberStatus, Outcome, World},
    say::{etcdctl, human::duration},
};

/// Columns of the commands.
const WIDTH: usize = 78;

pub(super) fn what_happened(report: &Report<'_>) -> String {
    let mut lines = vec!["## What happened".to_owned()];
    lines.extend(report.answer.cause.as_deref().map(prose));
    match report.failure {
        Some(failure) => {
            lines.push(prose(&sentence(&failure.what)));
            lines.push(format!("State at the end: {}", prose(&sentence(&failure.state))));
        }
        None => lines.push(match report.answer.outcome {
            Outcome::Recovered => {
                "Writes are accepted again and stayed accepted; no alarm is on.".to_owned()
            }
            _ => "The steps below were done.".to_owned(),
        }),
    }
    lines.join("\n\n")
}

/// With a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', ':']) { text.to_owned() } else { format!("{text}.") }
}

pub(super) fn timeline(report: &Report<'_>) -> Option<String> {
    let rows = report.timeline.iter().map(|entry| {
        vec![
            entry.at.strftime("%H:%M:%S"),
            prose(&entry.step),
            entry.member.map(|id| name(report, id)).unwrap_or_default(),
            entry.took_ms.map(|ms| duration(Duration::from_millis(ms))).unwrap_or_default(),
            prose(&entry.result),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = ["Time (UTC)", "Step", "Member", "Took", "Result"];
    (!rows.is_empty()).then(|| format!("## Timeline\n\n{}", table(&header, &rows)))
}

fn name(report: &Report<'_>, id: MemberId) -> String {
    let worlds = report.before.into_iter().chain(report.after);
    let found = worlds.filter_map(|world| world.member(id)).next();
    found.map_or_else(|| id.to_string(), |member| prose(&member.label()))
}

pub(super) fn members(report: &Report<'_>) -> Option<String> {
    let before = report.before?;
    let after = report.after.unwrap_or(before);
    let known = after.members.iter();
    let gone = before.members.iter().filter(|member| after.member(member.id).is_none());
    let rows: Vec<Vec<String>> =
        known.chain(gone).map(|member| member_row(member, before, after)).collect();
    let header = [
        "Member",
        "Version",
        "Role",
        "DB before",
        "DB after",
        "In use before",
        "In use after",
        "Quota",
    ];
    Some(format!(
        "## Members\n\n{}\n\n- Alarms before: {}\n- Alarms at the end: {}",
        table(&header, &rows),
        prose(&alarms(before)),
        prose(&alarms(after))
    ))
}

fn member_row(member: &Member, before: &World, after: &World) -> Vec<String> {
    let status = |world: &World| {
        world.member(member.id).and_then(|member| member.status.as_ref().ok()).cloned()
    };
    let (then, now): (Option<MemberStatus>, Option<MemberStatus>) = (status(before), status(after));
    let any = now.as_ref().or(then.as_ref());
    let quota = any.map(|status| match status.quota.limit {
        Some(limit) => format!("{limit} ({})", status.quota.source),
        None => "off".to_owned(),
    });
    let unknown = || "unknown".to_owned();
    let db = |status: &Option<MemberStatus>| size(status.as_ref().map(|status| status.db_size));
    let used =
        |status: &Option<MemberStatus>| size(status.as_ref().map(|status| status.db_size_in_use));
    vec![
        prose(&member.label()),
        any.map_or_else(unknown, |status| prose(&status.version_text)),
        member.role().to_owned(),
        db(&then),
        db(&now),
        used(&then),
        used(&now),
        quota.unwrap_or_else(unknown),
    ]
}

pub(super) fn snapshot(report: &Report<'_>) -> Option<String> {
    let saved = report.answer.snapshot.as_ref()?;
    Some(format!(
        "## Snapshot\n\n- File: {}\n- Size: {} ({} bytes)\n- SHA-256: {}\n\nIt was written, read \
         back from the disk and compared with etcd's own checksum. It holds every Secret:\nkeep it \
         private.",
        code(&saved.path),
        Bytes(saved.bytes),
        saved.bytes,
        code(&saved.sha256)
    ))
}

pub(super) fn proof(report: &Report<'_>) -> Option<String> {
    let answer = report.answer;
    let after = |ms: u64| duration(Duration::from_millis(ms));
    let mut lines = Vec::new();
    if let Some(ms) = answer.writable_after_ms {
        lines.push(format!("- The first write was accepted {} after the beginning.", after(ms)));
    }
    for (member, hash) in report.hashes {
        lines.push(format!("- HashKV of {}: `{hash:08x}`", prose(member)));
    }
    if let Some(control_plane) = &answer.control_plane {
        lines.push(match (control_plane.ready_after_ms, &control_plane.unknown) {
            (Some(ms), _) => format!("- The API server was ready {} after the disarm.", after(ms)),
            (None, Some(why)) => {
                format!("- The API server could not be looked at: {}", prose(&sentence(why)))
            }
            (None, None) => "- The API server was not ready yet.".to_owned(),
        });
    }
    (!lines.is_empty()).then(|| format!("## Proof\n\n{}", lines.join("\n")))
}

pub(super) fn by_hand(report: &Report<'_>) -> Option<String> {
    let mut blocks = Vec::new();
    // A process that was stopped goes on when everything else is done.
    let mut last = Vec::new();
    for step in &report.answer.plan {
        let is_last = |words: &&Vec<String>| words.starts_with(&["kill".into(), "-CONT".into()]);
        let (after, now): (Vec<_>, Vec<_>) = step.etcdctl.iter().partition(is_last);
        let fold = |words: Vec<&Vec<String>>| -> Vec<String> {
            words.into_iter().map(|words| etcdctl::fold(words, WIDTH)).collect()
        };
        let (now, after) = (fold(now), fold(after));
        let id: String = step.id.split_whitespace().collect::<Vec<_>>().join(" ");
        if !now.is_empty() {
            blocks.push(format!("# {id}\n{}", now.join("\n")));
        }
        if !after.is_empty() {
            last.push(format!("# {id}, when everything is over\n{}", after.join("\n")));
        }
    }
    blocks.append(&mut last);
    (!blocks.is_empty()).then(|| {
        format!(
            "## The same by hand\n\nThe plan as etcdctl commands (followers first, the leader \
             last):\n\n{}",
            block("sh", &blocks.join("\n"))
        )
    })
}

pub(super) fn next(report: &Report<'_>) -> Option<String> {
    let next = report.failure.map(|failure| failure.next.as_str()).or(report.left)?;
    let lines: Vec<String> = next.lines().map(prose).filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| format!("## What is left to do\n\n{}", lines.join("\n\n")))
}

pub(super) fn prevention(report: &Report<'_>) -> Option<String> {
    let text = report.answer.prevention.as_deref().filter(|text| !text.is_empty())?;
    // Laid out in columns already.
    Some(format!("## So that it does not happen again\n\n{}", block("text", text)))
}
