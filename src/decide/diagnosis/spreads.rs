//! Quantiles from histograms: between two scrapes, and since the start.

use crate::model::diagnosis::{Histogram, Spread};

/// What came between two scrapes of one process; `None` when nothing did, or
/// when a count fell (another process).
#[must_use]
pub fn between(_first: &Histogram, _second: &Histogram) -> Option<Spread> {
    None
}

/// What came since the process started.
#[must_use]
pub fn since_start(_histogram: &Histogram) -> Option<Spread> {
    None
}
