//! Reads bbolt files: an etcd's `db` and snapshots of it. Never writes, keeps
//! no lock, and trusts no byte of the file.
//!
//! # Why not a memory map
//!
//! A sector that cannot be read would be a SIGBUS, which ends the process in
//! the middle of an outage; so would a file that somebody cuts meanwhile. With
//! `pread` both are an error that can be told, and what is around can still be
//! read. A map's memory also counts as ours in a cgroup, and grows with the
//! file; here it is a few MiB of windows whatever the size of the file.
//!
//! # The format
//!
//! go.etcd.io/bbolt v1.4.3, internal/common: little-endian, page `n` at
//! `n * page_size`, 16 bytes of header, then elements of 16 bytes, then keys and
//! values. Pages 0 and 1 hold one meta each; the valid one of the larger
//! transaction counts. All else is a tree of branch and leaf pages below its
//! root; what is not reached from there is free. etcd keeps no free list in the
//! file (`NoFreelistSync`).

mod bolt_file;
mod check_sum;
mod damage;
#[cfg(test)]
mod damage_tests;
mod elements;
mod error;
mod looks_like;
pub(in crate::observe) mod meta;
mod page;
mod seen;
#[cfg(test)]
pub(in crate::observe) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod walked;
mod windows;

pub use bolt_file::BoltFile;
pub use error::BoltError;
pub use walked::{Record, Walked};
