//! Whether syncs are slow, told so that a few stragglers of a busy machine do
//! not make an alarm: etcd's advice is a p99, and the p99 of forty values is
//! the second slowest of them.

use crate::model::diagnosis::{Latencies, Spread};

/// How syncs go. The limits are etcd's advice (WAL fsync p99 below 10 ms) put
/// on the bounds of its histogram: from 16 ms slow, from 100 ms very slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pace {
    /// Too little is known.
    #[default]
    Unknown,
    /// Nothing above 8 ms that counts.
    Fine,
    /// Close to the limit, or too few above it to say more.
    Unsure,
    /// Slow.
    Slow,
    /// Slow enough to cost heartbeats.
    VerySlow,
}

impl Pace {
    /// Whether it is slow.
    pub(crate) fn is_slow(self) -> bool {
        self >= Self::Slow
    }
}

/// How many of `n` were over some limits, milliseconds.
struct Tail {
    n: u64,
    p99_ms: f64,
    over_8: u64,
    over_16: u64,
    over_32: u64,
    over_64: u64,
}

impl Tail {
    fn of(spread: &Spread) -> Self {
        // A bucket holds what is above the bound before it, and the limits are
        // bounds.
        let over = |limit: f64| {
            let above = |upto: &Option<f64>| upto.is_none_or(|upto| upto > limit);
            spread.buckets.iter().filter(|(upto, _)| above(upto)).map(|(_, n)| n).sum()
        };
        Self::from(spread.n, spread.p99.estimate_ms, over)
    }

    fn from(n: u64, p99_ms: f64, over: impl Fn(f64) -> u64) -> Self {
        let [over_8, over_16, over_32, over_64] = [8.0, 16.0, 32.0, 64.0].map(over);
        Self { n, p99_ms, over_8, over_16, over_32, over_64 }
    }

    /// Whether `count` are at least this share of all, and more than a mishap.
    fn holds(&self, count: u64, percent: u64) -> bool {
        count >= 3 && self.has(count, percent)
    }

    fn has(&self, count: u64, percent: u64) -> bool {
        count.saturating_mul(100) >= self.n.saturating_mul(percent)
    }

    /// Enough for a p99 that is more than the slowest one.
    fn is_long(&self) -> bool {
        self.n >= 100
    }
}

/// The pace of syncs in a window, with what came since the start as second
/// opinion: it confirms a thin tail, and speaks alone only where the window
/// is empty.
pub(crate) fn pace(now: Option<&Spread>, ever: Option<&Spread>) -> Pace {
    let ever = ever.map(Tail::of);
    match now.map(Tail::of) {
        Some(now) => judged(&now, ever.as_ref().filter(|ever| ever.n >= 1_000)),
        None => ever.filter(Tail::is_long).map_or(Pace::Unknown, |ever| of_old(&ever)),
    }
}

/// The pace of our own load.
pub(crate) fn pace_of_probe(syncs: &Latencies) -> Pace {
    let over = |limit| syncs.millis.iter().filter(|ms| **ms > limit).count() as u64;
    match syncs.quantile(0.99) {
        Some(p99) => judged(&Tail::from(syncs.millis.len() as u64, p99, over), None),
        None => Pace::Unknown,
    }
}

fn judged(now: &Tail, ever: Option<&Tail>) -> Pace {
    let before = |count: fn(&Tail) -> u64, percent| {
        ever.is_some_and(|ever| ever.holds(count(ever), percent))
    };
    let very_slow = now.p99_ms >= 100.0
        && (now.holds(now.over_64, 20)
            || now.is_long() && now.holds(now.over_64, 3)
            || now.holds(now.over_64, 1) && before(|tail| tail.over_64, 1));
    let slow = now.holds(now.over_64, 5)
        || now.is_long() && now.holds(now.over_32, 3)
        || now.holds(now.over_16, if now.is_long() { 10 } else { 20 })
        || now.holds(now.over_16, 5) && before(|tail| tail.over_16, 5)
        || now.n > 0 && now.over_64 == now.n && before(|tail| tail.over_64, 5);
    match now {
        _ if now.n == 0 => Pace::Unknown,
        _ if very_slow => Pace::VerySlow,
        _ if slow => Pace::Slow,
        _ if now.over_16 > 0 || now.has(now.over_8, 1) && now.over_8 > 0 => Pace::Unsure,
        _ => Pace::Fine,
    }
}

/// What lies back is history: it can be suspicious, and at worst a warning.
fn of_old(ever: &Tail) -> Pace {
    match ever {
        _ if ever.holds(ever.over_64, 5) => Pace::Slow,
        _ if ever.holds(ever.over_16, 1) => Pace::Unsure,
        _ => Pace::Fine,
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
