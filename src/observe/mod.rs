//! Reads this node and every member; changes nothing and decides nothing.
//! What cannot be read becomes a complaint, not a guess.

pub mod arguments;
pub mod certificate;
pub mod certificates;
mod cluster;
mod configuration;
pub mod container;
mod container_status;
pub mod control_plane;
pub mod disk;
mod endpoints;
pub mod host;
mod k3s;
pub mod kernel_log;
pub mod kubelet;
mod kubelet_process;
mod last_end;
mod locate_error;
mod log_line;
pub mod logs;
pub mod manifest;
pub mod metrics;
pub mod mounts;
pub mod node;
mod path_map;
mod place;
pub mod process;
mod runtime;
pub mod snapshot_file;
pub mod snapshot_places;
mod yaml;

pub use cluster::{NobodyAnswers, defrag_inflight, look};
pub use kubelet_process::kubelet_process;
pub use locate_error::LocateError;
pub use node::locate;
pub use place::place;
