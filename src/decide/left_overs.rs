//! What broken-off defragmentations left on this node: the step that removes it,
//! and how it is told where there is no plan.

use crate::model::{DataDir, Step, StepKind, World};

/// This node's disk, when a broken-off defragmentation left files there.
pub(super) fn of_this_node(world: &World) -> Option<&DataDir> {
    world.node.disk.as_ref().filter(|disk| !disk.orphans.is_empty())
}

/// Before everything else: the room they take is needed.
pub(super) fn removal(disk: &DataDir) -> Step {
    Step {
        id: "left-overs".to_owned(),
        member: None,
        member_name: String::new(),
        endpoint: String::new(),
        kind: StepKind::RemoveLeftOvers { files: disk.orphans.clone() },
    }
}

/// A sentence for when nothing else is to be done; empty without left-overs.
pub(super) fn told(world: &World) -> String {
    of_this_node(world).map_or_else(String::new, |disk| {
        format!(
            ". A broken-off defragmentation left {} in {}: `etcd-rescue defrag` removes that, and \
             so does etcd when it starts",
            disk.freed_by_orphans(),
            disk.path.display()
        )
    })
}
