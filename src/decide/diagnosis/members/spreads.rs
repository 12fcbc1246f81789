//! Quantiles from histograms: between two scrapes, and since the start. All a
//! histogram knows is the bucket; the estimate inside it is Prometheus'
//! (`histogram_quantile`: linear, from 0 in the first bucket).

use crate::model::diagnosis::{Bracket, Histogram, Spread};

/// What came between two scrapes of one process; `None` when nothing did, or
/// when a count fell (another process).
#[must_use]
pub fn between(first: &Histogram, second: &Histogram) -> Option<Spread> {
    if first.bounds != second.bounds || first.cumulative.len() != second.cumulative.len() {
        return None;
    }
    let pairs = second.cumulative.iter().zip(&first.cumulative);
    let cumulative: Option<Vec<u64>> =
        pairs.map(|(now, before)| now.checked_sub(*before)).collect();
    spread(&Histogram {
        bounds: second.bounds.clone(),
        cumulative: cumulative?,
        sum: second.sum - first.sum,
    })
}

/// What came since the process started; `None` when nothing did.
#[must_use]
pub fn since_start(histogram: &Histogram) -> Option<Spread> {
    spread(histogram)
}

/// `None` without a value, and for what is no histogram: counts that fall from
/// bucket to bucket, a negative sum or bound.
fn spread(histogram: &Histogram) -> Option<Spread> {
    let Histogram { bounds, cumulative, sum } = histogram;
    let n = *cumulative.last().filter(|n| **n > 0)?;
    let sound = cumulative.len() == bounds.len() + 1
        && cumulative.is_sorted()
        && bounds.is_sorted()
        && bounds.iter().all(|bound| *bound >= 0.0)
        && *sum >= 0.0;
    if !sound {
        return None;
    }
    Some(Spread {
        n,
        mean_ms: millis(sum / n as f64),
        p50: quantile(histogram, n, 0.5)?,
        p99: quantile(histogram, n, 0.99)?,
        buckets: buckets(histogram),
    })
}

fn quantile(histogram: &Histogram, n: u64, q: f64) -> Option<Bracket> {
    let rank = q * n as f64;
    let at = histogram.cumulative.iter().position(|count| *count as f64 >= rank)?;
    let before = at.checked_sub(1);
    let below = |list: &[f64]| before.and_then(|at| list.get(at)).copied().unwrap_or(0.0);
    let over = below(&histogram.bounds);
    let Some(upto) = histogram.bounds.get(at).copied() else {
        let over_ms = millis(over);
        return Some(Bracket { over_ms, upto_ms: None, estimate_ms: over_ms });
    };
    let reached = before.and_then(|at| histogram.cumulative.get(at)).copied().unwrap_or(0);
    let inside = histogram.cumulative.get(at)? - reached;
    let share = (rank - reached as f64) / inside as f64;
    let estimate_ms = millis(over + (upto - over) * share);
    Some(Bracket { over_ms: millis(over), upto_ms: Some(millis(upto)), estimate_ms })
}

fn buckets(histogram: &Histogram) -> Vec<(Option<f64>, u64)> {
    let mut reached = 0;
    let mut all: Vec<(Option<f64>, u64)> = Vec::new();
    for (at, count) in histogram.cumulative.iter().enumerate() {
        let upto = histogram.bounds.get(at).copied().map(millis);
        let here = count.saturating_sub(reached);
        reached = *count;
        if here > 0 || !all.is_empty() {
            all.push((upto, here));
        }
    }
    let filled = all.iter().rposition(|(_, count)| *count > 0).map_or(0, |last| last + 1);
    all.truncate(filled);
    all
}

/// Seconds to milliseconds, without the noise of the last binary digits: a
/// bound of 0.064 s is 64 ms.
fn millis(seconds: f64) -> f64 {
    (seconds * 1e9).round() / 1e6
}

#[cfg(test)]
#[path = "spreads_tests.rs"]
mod tests;
