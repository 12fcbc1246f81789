//! Why something is not done now, for stories that have no plan.

/// One thing in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is wrong, one sentence without a full stop.
    pub what: String,
    /// What to do or type about it.
    pub next: String,
}
