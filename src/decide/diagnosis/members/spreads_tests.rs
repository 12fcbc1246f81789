//! Quantiles of made-up histograms, and of what is none.

use super::{super::super::testing::histogram as of, between, since_start};
use crate::model::diagnosis::{Bracket, Histogram};

#[test]
fn a_quantile_is_its_bucket_and_linear_inside_it() {
    let spread = since_start(&of(&[vec![0.5; 50], vec![3.0; 50]].concat())).unwrap();
    assert_eq!((spread.n, spread.mean_ms), (100, 1.75));
    assert_eq!(spread.p50, Bracket { over_ms: 0.0, upto_ms: Some(1.0), estimate_ms: 1.0 });
    assert_eq!(spread.p99, Bracket { over_ms: 2.0, upto_ms: Some(4.0), estimate_ms: 3.96 });
    assert_eq!(spread.buckets, [(Some(1.0), 50), (Some(2.0), 0), (Some(4.0), 50)]);
}

#[test]
fn with_few_values_the_99th_is_the_bucket_of_the_worst() {
    let spread = since_start(&of(&[1.0, 1.0, 300.0])).unwrap();
    assert_eq!((spread.p99.over_ms, spread.p99.upto_ms), (256.0, Some(512.0)));
}

#[test]
fn beyond_the_last_bound_there_is_no_upper_one() {
    let spread = since_start(&of(&[9_000.0])).unwrap();
    assert_eq!(spread.p99, Bracket { over_ms: 8_192.0, upto_ms: None, estimate_ms: 8_192.0 });
    assert_eq!(spread.buckets, [(None, 1)]);
}

#[test]
fn only_what_came_between_two_scrapes_counts() {
    let (before, now) = (of(&[900.0; 7]), of(&[vec![900.0; 7], vec![3.0; 4]].concat()));
    let spread = between(&before, &now).unwrap();
    assert_eq!((spread.n, spread.mean_ms), (4, 3.0));
    assert_eq!(spread.p99.upto_ms, Some(4.0));
    assert_eq!(between(&now, &now), None, "nothing came");
    assert_eq!(between(&now, &before), None, "counts fell: another process");
    let others = Histogram { bounds: vec![1.0], cumulative: vec![0, 99], sum: 1.0 };
    assert_eq!(between(&before, &others), None, "other buckets");
}

#[test]
fn what_is_no_histogram_tells_nothing() {
    let good = of(&[3.0]);
    let bad = [
        Histogram::default(),
        Histogram { cumulative: vec![1], ..good.clone() },
        Histogram { cumulative: (0..15).rev().collect(), ..good.clone() },
        Histogram { sum: f64::NAN, ..good.clone() },
        Histogram { sum: -1.0, ..good },
    ];
    for histogram in bad {
        assert_eq!(since_start(&histogram), None, "{histogram:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_two_histograms_panic(
        bounds in proptest::collection::vec(proptest::num::f64::ANY, 0..6),
        first in proptest::collection::vec(proptest::num::u64::ANY, 0..8),
        second in proptest::collection::vec(proptest::num::u64::ANY, 0..8),
        sum in proptest::num::f64::ANY,
    ) {
        let second = Histogram { bounds: bounds.clone(), cumulative: second, sum };
        let first = Histogram { bounds, cumulative: first, sum: 0.0 };
        for spread in [between(&first, &second), since_start(&second)].into_iter().flatten() {
            proptest::prop_assert!(spread.n > 0);
            proptest::prop_assert!(spread.p50.over_ms <= spread.p99.over_ms);
        }
    }
}
