//! One story per file, readable top to bottom: the only callers of observe,
//! decide, consent, act and say together.

mod command;
mod conclude;
mod control_plane;
mod defragment;
mod diagnose;
mod disk_health;
mod ended;
mod equal;
mod execute;
mod failures;
mod hold;
mod interrupt;
mod left_overs;
mod live_data;
mod logbook;
mod logs;
mod look;
mod missing;
mod offer;
mod prevent;
mod prove;
mod purge;
mod record;
mod recover;
mod relocate;
mod replaced;
mod report;
mod restart;
mod rules;
mod save;
mod self_test;
mod session;
mod small_first;
mod snapshot;
mod steps;
mod streams;
mod together;
mod turns;
mod undo;
mod unreachable;
mod usage;
mod verify;
mod waiting;
mod watch_members;

pub use command::{not_understood, run};
