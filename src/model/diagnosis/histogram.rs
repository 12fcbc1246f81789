//! A Prometheus histogram, and what two scrapes of one tell.

use serde::{Deserialize, Serialize};

/// A histogram at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Upper bounds in seconds, ascending; `+Inf` is left out.
    pub bounds: Vec<f64>,
    /// How many values did not exceed each bound; one more than bounds, the
    /// last is the count of all.
    pub cumulative: Vec<u64>,
    /// Sum of all values, seconds.
    pub sum: f64,
}

/// The bucket a quantile falls into: all a histogram really knows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bracket {
    /// Lower bound, milliseconds.
    pub over_ms: f64,
    /// Upper bound, milliseconds; `None` = beyond the last bound.
    pub upto_ms: Option<f64>,
    /// Linear inside the bucket, as `histogram_quantile` has it;
    /// milliseconds. The lower bound where there is no upper one.
    pub estimate_ms: f64,
}

/// What the values between two scrapes, or since the start, were like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// How many values.
    pub n: u64,
    /// Their mean, milliseconds.
    pub mean_ms: f64,
    /// Half of them were at most this.
    pub p50: Bracket,
    /// 99 of 100 were at most this; with fewer than 100 the bucket of the
    /// worst.
    pub p99: Bracket,
    /// Values per bucket, with its upper bound in milliseconds (`None` =
    /// beyond the last); empty buckets at both ends are left out.
    pub buckets: Vec<(Option<f64>, u64)>,
}
