//! The plan and its steps in words: what is done to whom, how long it stalls,
//! what still serves, and the etcdctl line that does the same. How to undo it is
//! `ways_back`'s.

use std::time::Duration;

use super::{LABEL, UNKNOWN, copies, counted, duration, row, ways_back};
use crate::{
    model::{Bytes, Member, Plan, Step, StepKind, World},
    say::{etcdctl, text::hang},
};

/// The whole plan: the cause, the numbered steps, how to undo them, what to
/// know before saying yes.
#[must_use]
pub fn plan(plan: &Plan, world: &World, width: usize) -> String {
    let steps = counted(plan.steps.len(), "step");
    let mut lines = vec![hang("Cause  ", &plan.cause, width)];
    lines.extend(plan.order.as_ref().map(|order| hang("Order  ", order, width)));
    lines.push(String::new());
    lines.push(format!("Plan {}: {steps}, at revision {}", plan.id, plan.revision));
    for (index, step) in plan.steps.iter().enumerate() {
        let number = format!("{:>2}. ", index + 1);
        lines.push(hang(&number, &headline(step, world), width));
        if let Some(text) = stall_line(step, world) {
            lines.push(hang("    ", &text, width));
        }
        if let Some(text) = copies::at(plan, index, world) {
            lines.push(hang("    ", &text, width));
        }
        for command in etcdctl::short(step, world) {
            let folded = etcdctl::fold(&command, width.saturating_sub(6));
            lines.push(format!("    $ {}", folded.replace('\n', "\n      ")));
        }
    }
    lines.push(String::new());
    lines.extend(ways_back::lines(plan, width));
    let flags = etcdctl::tls_flags(&world.node);
    if !flags.is_empty() {
        lines.push("By hand: each etcdctl line above also takes".to_owned());
        let folded = etcdctl::fold(&flags, width.saturating_sub(7));
        lines.push(format!("       {}", folded.replace("\n  ", "\n       ")));
    }
    for caution in &plan.cautions {
        lines.push(hang("WARN   ", caution, width));
    }
    lines.join("\n")
}

/// One step of the plan with all there is to know about it.
#[must_use]
pub fn step(plan: &Plan, index: usize, world: &World, width: usize) -> String {
    let Some(step) = plan.steps.get(index) else { return String::new() };
    let title = format!("Step {} of {}: {}", index + 1, plan.steps.len(), headline(step, world));
    let mut lines = vec![hang("", &title, width)];
    let mut add = |label: &str, value: &str| {
        lines.push(row(&format!("  {label}"), value, "", width));
    };
    if let Some(member) = member(step, world) {
        add("member", &member_text(member));
    }
    if let StepKind::Disarm { alarms } = &step.kind {
        for alarm in alarms {
            let name = world.member(alarm.member).map(Member::label);
            let name = name.unwrap_or_else(|| alarm.member.to_string());
            add("alarm", &format!("{} raised by {name}", alarm.kind));
        }
    }
    if let StepKind::Defragment { .. } = step.kind {
        add("disk", &disk_text(step, world));
    }
    add("stall", &stall(step));
    add("meanwhile", &meanwhile(step, world));
    if let Some(copies) = copies::at(plan, index, world) {
        add("copies", &copies);
    }
    add("undo", &ways_back::of(plan, index));
    if let Some(difference) = etcdctl::difference(step) {
        add("note", difference);
    }
    let label = format!("{:<LABEL$}", "  by hand");
    let folded = etcdctl::folded(step, world, width.saturating_sub(LABEL));
    if !folded.is_empty() {
        lines.push(format!("{label}{}", folded.replace('\n', &format!("\n{}", " ".repeat(LABEL)))));
    }
    lines.join("\n")
}

/// The question before a step.
#[must_use]
pub fn question(step: &Step) -> String {
    let name = name(step);
    match &step.kind {
        StepKind::HoldKubelet { .. } => "Hold this node's kubelet until it is over?".to_owned(),
        StepKind::RemoveLeftOvers { files } => {
            format!("Remove {} of a broken-off defragmentation?", counted(files.len(), "file"))
        }
        StepKind::Snapshot { path, sick_disk: Some(disk), .. } => {
            format!("{disk} is failing. Save the only snapshot to {} all the same?", path.display())
        }
        StepKind::Snapshot { path, .. } => format!("Save a snapshot to {}?", path.display()),
        StepKind::Compact { revision } => {
            format!("Drop all history up to revision {revision} on every member?")
        }
        StepKind::Compare => format!("Compare {name} with the untouched members?"),
        StepKind::DefragmentTogether { .. } => format!("Defragment {name} at the same time now?"),
        StepKind::Defragment { leader: true, .. } => format!("Defragment {name}, the leader, now?"),
        StepKind::Defragment { .. } => format!("Defragment {name} now?"),
        StepKind::Disarm { alarms } => {
            format!("Take {} off?", counted(alarms.len(), "NOSPACE alarm"))
        }
        StepKind::Verify => "Verify that etcd is writable again?".to_owned(),
    }
}

/// A step in one line.
#[must_use]
pub fn headline(step: &Step, world: &World) -> String {
    let name = name(step);
    match &step.kind {
        StepKind::HoldKubelet { pid, why } => {
            format!("hold the kubelet of this node (pid {pid}) until it is over: {why}")
        }
        StepKind::RemoveLeftOvers { files } => {
            let total = files.iter().fold(Bytes(0), |sum, (_, size)| sum.plus(*size));
            let names: Vec<String> =
                files.iter().map(|(path, _)| path.display().to_string()).collect();
            format!(
                "remove the left-over of a broken-off defragmentation ({total}): {}",
                names.join(", ")
            )
        }
        StepKind::Snapshot { path, expected, small: true, .. } => {
            format!("snapshot of {name}, small now ({expected} or less), to {}", path.display())
        }
        StepKind::Snapshot { path, .. } => {
            let size = db_size(step, world).map_or(UNKNOWN.to_owned(), |size| size.to_string());
            format!("snapshot of {name} ({size}) to {}", path.display())
        }
        StepKind::Compare => {
            format!("compare {name} with the untouched members by HashKV: equal, or stop")
        }
        StepKind::DefragmentTogether { names, .. } => {
            format!("defragment {} at the same time (--parallel)", names.join(", "))
        }
        StepKind::Compact { revision } => {
            format!("compact history up to revision {revision}, on every member")
        }
        StepKind::Defragment { db_size, leader, .. } => {
            let learner = member(step, world).is_some_and(|member| member.learner);
            let role = match (leader, learner) {
                (true, _) => "leader",
                (false, true) => "learner",
                (false, false) => "follower",
            };
            format!("defragment {name} ({role}): {db_size} -> {}", expected(step, world))
        }
        StepKind::Disarm { alarms } => {
            let names: Vec<String> = alarms
                .iter()
                .map(|alarm| {
                    world.member(alarm.member).map_or(alarm.member.to_string(), Member::label)
                })
                .collect();
            format!("disarm NOSPACE of {}, once every member is under its quota", names.join(", "))
        }
        StepKind::Verify => {
            "verify: a write is accepted, alarms stay off, members are equal".into()
        }
    }
}

/// What the file shrinks to: as the live data were counted; else at most the
/// pages in use now, of which compaction frees more.
fn expected(step: &Step, world: &World) -> String {
    if let Some(live) = world.live.as_ref().filter(|live| !live.partial) {
        return format!("about {}", live.file_size);
    }
    let in_use = member(step, world).and_then(|member| member.status.as_ref().ok());
    match in_use.map(|status| status.db_size_in_use) {
        Some(size) => format!("{} or less", size.min(db_size(step, world).unwrap_or(size))),
        None => UNKNOWN.to_owned(),
    }
}

/// The second line of a step in the plan; steps that stall nobody have none.
fn stall_line(step: &Step, world: &World) -> Option<String> {
    match step.kind {
        StepKind::Defragment { .. } => {
            let (stall, meanwhile) = (stall(step), meanwhile_short(world, step));
            Some(format!("stalls {stall}; meanwhile {meanwhile}"))
        }
        StepKind::DefragmentTogether { .. } => {
            Some(format!("stalls {}; {}", stall(step), meanwhile(step, world)))
        }
        StepKind::HoldKubelet { .. }
        | StepKind::RemoveLeftOvers { .. }
        | StepKind::Snapshot { .. }
        | StepKind::Compact { .. }
        | StepKind::Compare
        | StepKind::Disarm { .. }
        | StepKind::Verify => None,
    }
}

fn stall(step: &Step) -> String {
    match step.kind {
        StepKind::HoldKubelet { .. } => {
            "none: running containers run on; nothing is started, stopped or probed".to_owned()
        }
        StepKind::Snapshot { .. } => "none: the member serves while it streams".to_owned(),
        StepKind::Compact { .. } => {
            "none to speak of: members answer more slowly while they delete".to_owned()
        }
        StepKind::Defragment { expected_stall_ms, ref stall_basis, .. } => {
            let basis = stall_basis.as_ref().map(|basis| format!(" ({basis})")).unwrap_or_default();
            format!("up to {}{basis}", duration(Duration::from_millis(expected_stall_ms)))
        }
        StepKind::DefragmentTogether { expected_stall_ms, .. } => {
            format!("up to {}", duration(Duration::from_millis(expected_stall_ms)))
        }
        StepKind::Compare => "none to speak of: each member reads its data once".to_owned(),
        StepKind::RemoveLeftOvers { .. } | StepKind::Disarm { .. } | StepKind::Verify => {
            "none".to_owned()
        }
    }
}

/// Voters that answer without this step's member, all voters, and the quorum.
fn serving(world: &World, step: &Step) -> (usize, usize, usize) {
    let voters = world.voters().count();
    let others = world
        .voters()
        .filter(|member| member.status.is_ok() && Some(member.id) != step.member)
        .count();
    (others, voters, voters / 2 + 1)
}

fn meanwhile_short(world: &World, step: &Step) -> String {
    let (others, voters, quorum) = serving(world, step);
    match others {
        0 => "nothing serves".to_owned(),
        1 => format!("1 of {voters} members serves (quorum {quorum})"),
        _ => format!("{others} of {voters} members serve (quorum {quorum})"),
    }
}

fn meanwhile(step: &Step, world: &World) -> String {
    let leader = match step.kind {
        StepKind::Defragment { leader, .. } => leader,
        StepKind::DefragmentTogether { ref names, .. } => {
            let voters = world.voters().count();
            let others = voters.saturating_sub(names.len());
            return format!(
                "these members answer nothing until they are done, and only {others} of {voters} \
                 serve reads; no write is accepted now anyway"
            );
        }
        StepKind::HoldKubelet { .. } => {
            return "all members serve what they serve now; this node shows NotReady about 40 s \
                    after the API server is back, until the kubelet goes on"
                .to_owned();
        }
        _ => return "all members serve what they serve now".to_owned(),
    };
    let (others, _, quorum) = serving(world, step);
    let mut text = meanwhile_short(world, step);
    if others == 0 {
        text.push_str(": every read and write waits until it is done");
        return text;
    }
    if others < quorum {
        text.push_str(", too few for a quorum if this member stops");
    }
    if leader {
        text.push_str("; it usually keeps the lead, its own clients wait");
    }
    text.push_str(
        "; an API server usually talks to its local member only, so the one on that master waits",
    );
    text
}

fn member<'a>(step: &Step, world: &'a World) -> Option<&'a Member> {
    world.member(step.member?)
}

fn name(step: &Step) -> String {
    match (step.member_name.as_str(), step.member) {
        ("", Some(id)) => id.to_string(),
        ("", None) => "etcd".to_owned(),
        (name, _) => name.to_owned(),
    }
}

fn db_size(step: &Step, world: &World) -> Option<Bytes> {
    member(step, world)?.status.as_ref().ok().map(|status| status.db_size)
}

fn member_text(member: &Member) -> String {
    let place = format!("{}, {}, {}", member.label(), member.endpoint, member.role());
    match &member.status {
        Err(error) => format!("{place}: {error}"),
        Ok(status) => {
            let quota = status.quota.limit.map_or("off".to_owned(), |limit| limit.to_string());
            format!(
                "{place}, db {}, {} in use, quota {quota}",
                status.db_size, status.db_size_in_use
            )
        }
    }
}

/// Room for the new file beside the old one; only known on this node.
fn disk_text(step: &Step, world: &World) -> String {
    let local = member(step, world).is_some_and(|member| member.local);
    match world.node.disk.as_ref().filter(|_| local) {
        Some(disk) => format!(
            "{} available on {}; the new file is written beside the old one",
            disk.filesystem.available,
            disk.filesystem.mount_point.display()
        ),
        None => format!("{UNKNOWN} from here; the new file is written beside the old one"),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
