//! System calls.

pub mod open_files;
pub mod statvfs;
