//! System calls.

pub mod statvfs;
