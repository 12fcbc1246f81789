//! Whether the old database file of this node's member can be kept while it is
//! defragmented, as a hard link beside the data directory. Never a reason to
//! refuse anything.

use crate::model::{Bytes, DataDir, Member, Step, StepKind, Undo, Wishes, World, undo_name};

/// Says of each step that rewrites this node's member whether it can be taken
/// back. `freed` is what the plan frees on etcd's filesystem before.
pub(super) fn plan(steps: &mut [Step], world: &World, wishes: &Wishes, freed: Bytes) {
    let beside = snapshots_beside(steps, world);
    for step in steps {
        if let Some(undo) = of_this_node(step, world) {
            *undo = undo_of(world, wishes, beside, freed);
        }
    }
}

/// Takes the link out of a step when there is no place for it any more.
pub fn undo_now(step: &mut Step, world: &World) {
    if let Some(undo @ Undo::Link(_)) = of_this_node(step, world)
        && !has_room_for_undo(world)
    {
        *undo = Undo::None(NO_ROOM);
    }
}

/// Whether the old file of this node's member may stay beside a new one: the
/// new one has to fit as well, and what etcd needs besides, as many releases
/// die on a full disk.
#[must_use]
pub fn has_room_for_undo(world: &World) -> bool {
    fits(world, Bytes(0), Bytes(0))
}

const NO_ROOM: &str = "too little room for a hard link to the old file";

fn undo_of(world: &World, wishes: &Wishes, beside: Bytes, freed: Bytes) -> Undo {
    let (Some(disk), Some(member)) = (&world.node.disk, local(world)) else {
        return Undo::None("no hard link to the old file: its disk is not seen");
    };
    let Some(home) = &disk.undo_dir else {
        return Undo::None("no hard link to the old file: its mount ends there");
    };
    if !fits(world, beside, freed) {
        return Undo::None(NO_ROOM);
    }
    Undo::Link(home.join(undo_name(world.cluster_id, member.id, &wishes.stamp)))
}

fn fits(world: &World, beside: Bytes, freed: Bytes) -> bool {
    let size = local(world).and_then(|member| member.status.as_ref().ok()).map(|it| it.db_size);
    let (Some(disk), Some(size)) = (&world.node.disk, size) else { return false };
    let free = disk.filesystem.available.plus(freed);
    free >= size.plus(beside).plus(DataDir::SPARE)
}

/// What the plan's snapshots need on etcd's own filesystem: one that comes
/// after asks for twice its size, as `room::needed_at` has it.
fn snapshots_beside(steps: &[Step], world: &World) -> Bytes {
    steps.iter().fold(Bytes(0), |sum, step| match &step.kind {
        StepKind::Snapshot { path, expected, small, .. }
            if world
                .snapshot_places
                .iter()
                .any(|place| place.shares_data_dir && path.starts_with(&place.directory)) =>
        {
            sum.plus(*expected).plus(if *small { *expected } else { Bytes(0) })
        }
        _ => sum,
    })
}

fn local(world: &World) -> Option<&Member> {
    world.members.iter().find(|member| member.local)
}

/// The place for it in a step that rewrites this node's member.
fn of_this_node<'a>(step: &'a mut Step, world: &World) -> Option<&'a mut Undo> {
    let local = local(world)?.id;
    match &mut step.kind {
        StepKind::Defragment { undo, .. } if step.member == Some(local) => Some(undo),
        StepKind::DefragmentTogether { undo, members, .. } if members.contains(&local) => {
            Some(undo)
        }
        _ => None,
    }
}
