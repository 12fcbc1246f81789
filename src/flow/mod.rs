//! One story per file, readable top to bottom: the only callers of observe,
//! decide, consent, act and say together.

mod command;
mod control_plane;
mod defragment;
mod execute;
mod failures;
mod interrupt;
mod logs;
mod look;
mod prove;
mod record;
mod recover;
mod session;
mod snapshot;
mod verify;

pub use command::run;
