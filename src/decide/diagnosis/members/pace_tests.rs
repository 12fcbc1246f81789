//! The pace of made-up spreads, and of ones measured on crowded machines.

use super::*;
use crate::{decide::since_start, model::diagnosis::Histogram};

/// A spread of `(upper bound in ms, count)`.
fn spread(buckets: &[(u32, u64)]) -> Option<Spread> {
    let bounds: Vec<f64> = (0..14).map(|n| 0.001 * f64::from(1 << n)).collect();
    let mut reached = 0;
    let mut cumulative = Vec::new();
    for n in 0..14 {
        let here = buckets.iter().filter(|(upto, _)| *upto == 1 << n).map(|(_, count)| count);
        reached += here.sum::<u64>();
        cumulative.push(reached);
    }
    cumulative.push(reached);
    let sum = buckets.iter().map(|(upto, n)| f64::from(*upto) / 1_000.0 * *n as f64).sum();
    since_start(&Histogram { bounds, cumulative, sum })
}

fn now(buckets: &[(u32, u64)]) -> Pace {
    pace(spread(buckets).as_ref(), None)
}

#[test]
fn every_sync_at_300_ms_is_very_slow_even_when_there_are_few() {
    assert_eq!(now(&[(512, 3)]), Pace::VerySlow);
    assert_eq!(now(&[(4, 20), (512, 23)]), Pace::VerySlow);
}

#[test]
fn a_single_straggler_among_forty_is_no_alarm() {
    assert_eq!(now(&[(4, 39), (512, 1)]), Pace::Unsure);
    assert_eq!(now(&[(4, 38), (64, 2)]), Pace::Unsure);
}

#[test]
fn a_crowded_machine_with_a_sound_disk_is_not_slow() {
    // Measured on two cores under a load of five: p50 4.4 ms, p95 11 ms, p99
    // 25 ms, longest 67 ms.
    assert_eq!(now(&[(2, 20), (4, 50), (8, 45), (16, 25), (32, 2), (128, 1)]), Pace::Unsure);
}

#[test]
fn nothing_above_eight_milliseconds_is_fine() {
    assert_eq!(now(&[(1, 200), (8, 10)]), Pace::Fine);
    assert_eq!(now(&[(8, 10), (16, 10)]), Pace::Unsure);
}

#[test]
fn a_fifth_over_sixteen_milliseconds_is_slow() {
    assert_eq!(now(&[(4, 30), (32, 10)]), Pace::Slow);
    assert_eq!(now(&[(4, 300), (32, 40)]), Pace::Slow);
}

#[test]
fn the_time_since_the_start_confirms_a_thin_tail() {
    let thin = spread(&[(4, 60), (512, 3)]);
    assert_eq!(pace(thin.as_ref(), spread(&[(4, 100_000)]).as_ref()), Pace::Unsure);
    let same = spread(&[(4, 100_000), (512, 2_000)]);
    assert_eq!(pace(thin.as_ref(), same.as_ref()), Pace::VerySlow);
}

#[test]
fn an_empty_window_leaves_history_which_is_no_more_than_a_warning() {
    assert_eq!(pace(None, None), Pace::Unknown);
    assert_eq!(pace(None, spread(&[(4, 99)]).as_ref()), Pace::Unknown);
    assert_eq!(pace(None, spread(&[(4, 900), (512, 100)]).as_ref()), Pace::Slow);
    assert_eq!(pace(None, spread(&[(4, 990), (512, 10)]).as_ref()), Pace::Unsure);
}

#[test]
fn our_own_load_is_judged_alike() {
    let of = |millis: Vec<f64>| pace_of_probe(&Latencies { millis, ..Latencies::default() });
    assert_eq!(of(vec![300.0; 40]), Pace::VerySlow);
    assert_eq!(of(vec![2.0; 400]), Pace::Fine);
    assert_eq!(of(Vec::new()), Pace::Unknown);
}
