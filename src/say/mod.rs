//! Speaks: the only room that writes to stdout (the answer) and stderr (the
//! conversation), and that reads what a person types.
//!
//! `human` and `json` are pure renderers over the same model; they decide
//! nothing about the cluster. Nothing but `flow` and `main` imports this room.

mod bar;
pub mod etcdctl;
pub mod human;
mod indented;
pub mod json;
mod progress;
mod prompt;
mod report;
pub mod runbook;
mod terminal;
pub mod text;
mod usage_order;
mod voice;

pub use progress::{Progress, ticking};
pub use report::{Happening, Report, report};
pub use terminal::Terminal;
pub use voice::Voice;
