//! The one clock of a run. All processes of a machine share it, so that what the
//! prober saw and when a tool was started can be compared.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock.
pub fn now() -> u64 {
    // The kernel has this clock always.
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("a monotonic clock");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// Milliseconds of a span in nanoseconds.
pub fn ms(span: u64) -> f64 {
    span as f64 / 1e6
}
