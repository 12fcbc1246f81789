//! What the kernel tells and does, for those who look and those who act:
//! filesystems, the kubelet's process, and the record of who stopped it.

pub mod aside;
pub mod hold_record;
pub mod kubelet;
pub mod open_files;
pub mod statvfs;
