//! A look in passing at the disks below this node's etcd, before anything is
//! written to them. It goes on beside the look at the members, loads nothing,
//! and a disk that does not answer holds nobody up.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::{
    decide,
    model::{
        SickDisk, World,
        diagnosis::{DiskBelow, DriveHealth, Examined, KernelEvents},
    },
    observe::{aside, host::HostRoot, kernel_events},
};

use super::look::Here;

/// What the disks do meanwhile is for `diagnose`, which looks for seconds; here
/// nothing is made of it.
const WINDOW: Duration = Duration::from_millis(10);

/// What the disks, and then their firmware, may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was seen of the disks themselves.
#[derive(Debug, Default)]
pub struct DiskHealth {
    below: Option<DiskBelow>,
    drives: Vec<DriveHealth>,
    kernel: Option<KernelEvents>,
}

/// Looks at the disks of this node's etcd.
pub async fn disk_health(here: &Here) -> DiskHealth {
    if here.node.answering_data_dir().is_none() {
        return DiskHealth::default();
    }
    let below = aside::disk_below(&here.node, WINDOW, PATIENCE).await.ok();
    let mut asked = JoinSet::new();
    for leaf in below.iter().flat_map(|below| below.leaves.clone()) {
        asked.spawn(async move { aside::drive(&leaf, PATIENCE).await });
    }
    let kernel = kernel_events::kernel_events(&HostRoot::default(), below.as_ref());
    DiskHealth { drives: asked.join_all().await, kernel: Some(kernel), below }
}

/// Those that something speaks against, in the light of what the members say.
pub fn sick_disks(health: DiskHealth, world: &World) -> Vec<SickDisk> {
    let DiskHealth { below, drives, kernel } = health;
    let at = world.seen_at;
    let world = Some(world.clone());
    decide::sick_disks(&Examined { at, world, below, drives, kernel, ..Examined::default() })
}
