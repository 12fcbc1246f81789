//! The arithmetic: pure functions from samples to what is reported.

/// The least; none of nothing.
pub fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

/// The middle one, or the mean of the two in the middle; none of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

/// The longest time without a success between `from` and `to`; all times in the
/// same unit, successes in order. A time without a success at either end counts.
pub fn longest_gap(successes: &[u64], from: u64, to: u64) -> u64 {
    let within = successes.iter().copied().filter(|&at| from < at && at < to);
    let mut last = from;
    let mut longest = 0;
    for at in within.chain([to]) {
        longest = longest.max(at.saturating_sub(last));
        last = at;
    }
    longest
}

/// The first time from which on every member stays at or below its limit: one
/// list of (time, size) and one limit per member. None when a member does not, or
/// was never seen.
pub fn small_from(sizes: &[Vec<(u64, u64)>], limits: &[u64]) -> Option<u64> {
    let of_member = |(samples, &limit): (&Vec<(u64, u64)>, &u64)| {
        let after_last_big = samples.iter().rposition(|&(_, size)| size > limit);
        let first_small = after_last_big.map_or(0, |big| big + 1);
        samples.get(first_small).map(|&(at, _)| at)
    };
    let times: Option<Vec<u64>> = sizes.iter().zip(limits).map(of_member).collect();
    times?.into_iter().max()
}

/// The power with which a cost grew from one point to the next: 1 is linear, 2
/// quadratic. None where it makes no sense.
pub fn growth_exponent(from: (f64, f64), to: (f64, f64)) -> Option<f64> {
    let sensible = from.0 > 0.0 && from.1 > 0.0 && to.1 > 0.0 && to.0 > from.0;
    sensible.then(|| (to.1 / from.1).ln() / (to.0 / from.0).ln())
}

/// What a ratio is wanted to be, and whether it is; empty without a limit.
pub fn verdict(limit: Option<f64>, ratio: Option<f64>) -> String {
    match (limit, ratio) {
        (None, _) => String::new(),
        (Some(limit), None) => format!("at most {limit}"),
        (Some(limit), Some(value)) if value <= limit => format!("at most {limit}: yes"),
        (Some(limit), Some(_)) => format!("at most {limit}: NO"),
    }
}

/// Above this a growth is called worse than linear; the rest is left to noise.
pub const LINEAR: f64 = 1.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_and_median_of_few() {
        assert_eq!((least(&[]), median(&[])), (None, None));
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(least(&[4.0, 1.0, 2.0]), Some(1.0));
    }

    #[test]
    fn a_gap_is_found_in_the_middle_and_at_both_ends() {
        assert_eq!(longest_gap(&[10, 20, 70, 80], 0, 90), 50);
        assert_eq!(longest_gap(&[60, 70, 80], 0, 90), 60);
        assert_eq!(longest_gap(&[10, 20], 0, 90), 70);
        assert_eq!(longest_gap(&[], 5, 90), 85);
        // What was before and after does not count.
        assert_eq!(longest_gap(&[1, 2, 50, 200], 40, 60), 10);
    }

    #[test]
    fn all_members_are_small_when_the_last_one_stays_so() {
        let fell = |at: u64| vec![(0, 100), (at, 10), (at + 5, 11)];
        assert_eq!(small_from(&[fell(3), fell(9)], &[20, 20]), Some(9));
        let back_again = vec![(0, 100), (4, 10), (6, 90), (8, 10)];
        assert_eq!(small_from(&[fell(3), back_again], &[20, 20]), Some(8));
        let stayed_big = vec![(0, 100), (4, 90)];
        assert_eq!(small_from(&[fell(3), stayed_big], &[20, 20]), None);
        assert_eq!(small_from(&[fell(3), Vec::new()], &[20, 20]), None);
    }

    #[test]
    fn growth_is_the_power_between_two_points() {
        let near = |exponent: Option<f64>, wanted: f64| {
            assert!((exponent.unwrap() - wanted).abs() < 1e-9, "{exponent:?}");
        };
        near(growth_exponent((64.0, 1.0), (128.0, 2.0)), 1.0);
        near(growth_exponent((64.0, 1.0), (128.0, 4.0)), 2.0);
        near(growth_exponent((1.0, 3.0), (7.0, 3.0)), 0.0);
        assert_eq!(growth_exponent((64.0, 0.0), (128.0, 4.0)), None);
        assert_eq!(growth_exponent((64.0, 1.0), (64.0, 4.0)), None);
    }
}
