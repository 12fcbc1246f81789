//! The one voter that is slow compared with the others. Owns the form only.

use serde::Serialize;

use super::Spread;
use crate::model::MemberId;

/// What gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlowBy {
    /// Its WAL fsyncs take several times as long as the others'.
    Fsync,
    /// It synced nothing while the others did: its log stands still.
    Standstill,
    /// Reads through it take several times as long, and its fsyncs are not
    /// known.
    Reads,
}

/// One voter that is much slower than the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlowVoter {
    /// Its id.
    pub id: MemberId,
    /// What people call it.
    pub name: String,
    /// Whether it leads: then every write through every member waits for it.
    pub leader: bool,
    /// What gives it away.
    pub by: SlowBy,
    /// Its WAL fsyncs in the window; `None` unless `by` is `Fsync`.
    pub fsync: Option<Spread>,
    /// Its mean time: of a WAL fsync, or for `Reads` the median of
    /// linearizable reads; milliseconds. `None` for `Standstill`.
    pub takes_ms: Option<f64>,
    /// The median of the others' times of the same kind; milliseconds.
    pub others_take_ms: f64,
}
