//! The plan of a relocation as a page to be read before the name is typed.

use crate::{
    model::{DiffKind, Ground, World},
    say::text::hang,
};

use super::check::{Plan, down_seconds};

/// Columns of a label in the plan.
const LABEL: usize = 11;
/// In front of what to know.
const WARN: &str = "WARN   ";

/// The whole plan.
pub(super) fn page(plan: &Plan, width: usize) -> String {
    let record = &plan.begun.record;
    let mut lines =
        vec![String::new(), format!("The data of {} move to another disk", record.member)];
    lines.extend(rows(plan, width));
    lines.extend(plan.cautions.iter().map(|text| caution(text, width)));
    lines.push(String::new());
    lines.join("\n")
}

fn rows(plan: &Plan, width: usize) -> Vec<String> {
    let (record, seen) = (&plan.begun.record, &plan.seen);
    let made = if record.made { "; the directory is made" } else { "" };
    let mut rows = vec![
        row("from", &ground(&seen.data, plan.syncs.from_p99_ms), width),
        row("to", &(ground(&seen.target, plan.syncs.to_p99_ms) + made), width),
        row("data", &format!("{}, copied and read back with etcd stopped", seen.used), width),
        row("manifest", &format!("{}:", plan.begun.before.path.display()), width),
    ];
    rows.extend(changes(plan));
    let down = down_seconds(seen.used);
    let down = format!("this member, about {down} s at 100 MB/s; {}", serving(&plan.world));
    rows.push(row("down", &down, width));
    rows.extend(FIXED.map(|(label, text)| row(label, text, width)));
    rows
}

/// What is the same every time.
const FIXED: [(&str, &str); 2] = [
    (
        "order",
        "take the manifest out, wait until etcd has ended, copy, compare, put the edited manifest \
         in, wait until the member serves and has caught up",
    ),
    (
        "undo",
        "by itself when the member is not well there in time; after a broken-off run with \
         `relocate --undo`. The old data stay where they are",
    ),
];

/// The lines of the manifest that go and come.
fn changes(plan: &Plan) -> Vec<String> {
    let lines = plan.edited.lines.iter().filter_map(|line| {
        let sign = match line.kind {
            DiffKind::Same => return None,
            DiffKind::Removed => '-',
            DiffKind::Added => '+',
        };
        Some(format!("{}{sign}{}", " ".repeat(LABEL + 2), line.text))
    });
    lines.collect()
}

fn ground(ground: &Ground, p99: Option<f64>) -> String {
    let sync = p99.map_or(String::new(), |p99| format!(", fdatasync p99 {p99:.1} ms"));
    format!(
        "{} ({} on {}, {}; {} free{sync})",
        ground.directory.display(),
        ground.filesystem.kind,
        ground.filesystem.mount_point.display(),
        ground.source.display(),
        ground.filesystem.available
    )
}

fn caution(text: &str, width: usize) -> String {
    let mut prefix = WARN.to_owned();
    let parts = text.split('\n').map(|part| {
        let told = hang(&prefix, part, width);
        prefix = " ".repeat(WARN.len());
        told
    });
    parts.collect::<Vec<_>>().join("\n")
}

fn row(label: &str, body: &str, width: usize) -> String {
    hang(&format!("  {label:<LABEL$}"), body, width)
}

/// Who serves meanwhile.
fn serving(world: &World) -> String {
    let voters = world.voters().count();
    let left = voters.saturating_sub(1);
    format!("{left} of {voters} members stay up (quorum {})", world.quorum())
}
