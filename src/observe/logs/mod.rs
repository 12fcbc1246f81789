//! Logs of containers, read straight from disk: lines, files, what etcd's say
//! of a slow disk, and what those of its clients say of a slow etcd.

pub mod etcd_log_line;
pub mod go_duration;
mod log_file;
pub(super) mod log_files;
pub mod log_line;
mod log_signs;
pub mod log_story;
pub mod symptoms;

pub use log_file::{LogError, LogFile, previous, tail_start};
pub use log_line::{LogLine, Stream};
