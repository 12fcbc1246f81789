//! Which closed gates may open by themselves, and how long that is worth
//! waiting for.

use crate::model::{Refusal, RefusalKind};

/// How long to wait for a gate to open, the shortest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patience {
    /// It does not open by itself.
    None,
    /// A member coming back, an election, a lag, a disk that is reset: half a
    /// minute.
    Moments,
    /// Somebody else's work has to end: as long as `--wait` says.
    AsToldToWait,
}

/// How long one gate is worth waiting for.
#[must_use]
pub fn passes(kind: RefusalKind) -> Patience {
    use RefusalKind::{DiskHangs, Lagging, MissingVoter, NoQuorum, SnapshotStreams};
    match kind {
        NoQuorum | MissingVoter | Lagging | DiskHangs => Patience::Moments,
        SnapshotStreams => Patience::AsToldToWait,
        _ => Patience::None,
    }
}

/// How long all of them together are worth waiting for: one that never opens
/// makes waiting useless.
#[must_use]
pub fn patience(refusals: &[Refusal]) -> Patience {
    refusals.iter().map(|refusal| passes(refusal.kind)).min().unwrap_or(Patience::None)
}
