//! Shares in percent, as they are told.

/// How many percent `part` is of `all`, rounded down; 0 of nothing.
pub(super) fn percent(part: u64, all: u64) -> u8 {
    let percent = u128::from(part) * 100 / u128::from(all.max(1));
    u8::try_from(percent.min(100)).unwrap_or(100)
}

/// A number with its thousands told apart, as an eye counts them: "1.2 M",
/// "34 k", "870".
pub(super) fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{} k", number / 1000),
        _ => format!("{}.{} M", number / 1_000_000, number % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, percent};

    #[test]
    fn numbers_as_they_are_told() {
        assert_eq!((percent(1, 3), percent(0, 0), percent(5, 0), percent(7, 7)), (33, 0, 100, 100));
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        let told = [(999, "999"), (9_999, "9999"), (34_567, "34 k"), (1_250_000, "1.2 M")];
        for (number, text) in told {
            assert_eq!(count(number), text);
        }
    }
}
