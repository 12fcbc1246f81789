//! Reads this node and every member; changes nothing and decides nothing.
//! What cannot be read becomes a complaint, not a guess.

pub mod arguments;
pub mod aside;
mod bolt_size;
pub mod certificate;
pub mod certificates;
mod cluster;
pub mod configuration;
pub mod container;
pub mod container_status;
pub mod control_plane;
pub mod data_disk;
pub mod disk;
pub mod endpoints;
mod first_look;
pub mod freeable;
pub mod host;
pub mod k3s;
pub mod kernel_events;
pub mod kernel_log;
pub mod kubelet;
mod kubelet_process;
mod last_end;
pub mod left_overs;
mod live_data;
mod locate_error;
pub mod log_line;
pub mod logs;
pub mod manifest;
pub mod member_views;
pub mod metrics;
pub mod mounts;
pub mod node;
mod path_map;
pub mod place;
pub mod process;
mod runtime;
pub mod snapshot_file;
pub mod snapshot_places;
pub mod yaml;

pub use cluster::{NobodyAnswers, defrag_inflight, look, open_snapshots};
pub use kubelet_process::kubelet_process;
pub use live_data::count_live_data;
pub use locate_error::LocateError;
pub use node::locate;
