//! Reads this node and every member; changes nothing and decides nothing.
//! What cannot be read becomes a complaint, not a guess.

pub mod arguments;
pub mod certificate;
pub mod certificates;
mod cluster;
pub mod configuration;
pub mod container;
pub mod container_status;
pub mod control_plane;
pub mod disk;
pub mod endpoints;
pub mod host;
pub mod k3s;
pub mod kubelet;
mod locate_error;
pub mod log_line;
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
pub mod yaml;

pub use cluster::{NobodyAnswers, defrag_inflight, look};
pub use locate_error::LocateError;
pub use node::locate;
pub use place::place;
