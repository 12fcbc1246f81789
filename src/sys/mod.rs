//! What the kernel tells and does, for those who look and those who act:
//! filesystems, the kubelet's process, the record of who stopped it, and
//! commands to drives.

pub mod aside;
pub mod ata_command;
pub mod hold_record;
pub mod ioprio;
pub mod kubelet;
pub mod mountinfo;
#[cfg(all(target_env = "musl", panic = "abort"))]
mod no_unwinding;
pub mod nvme;
pub mod open_files;
pub mod own_program;
pub mod proc_stat;
pub mod sense;
pub mod sg;
pub mod statvfs;
