//! One story per file, readable top to bottom: the only callers of observe,
//! decide, consent, act and say together.

mod command;
mod conclude;
mod control_plane;
mod defragment;
mod execute;
mod failures;
mod interrupt;
mod live_data;
mod logs;
mod look;
mod prove;
mod record;
mod recover;
mod save;
mod session;
mod snapshot;
mod steps;
mod streams;
mod unreachable;
mod verify;

pub use command::{not_understood, run};
