//! Numbers and times as the tables of a diagnosis show them: as few digits as
//! are known, "-" for what is not.

use crate::model::Timestamp;

use crate::model::diagnosis::Bracket;

/// A cell without a value.
pub(super) const NONE: &str = "-";

/// "62,247".
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds without their unit: "0.42", "8.1", "312".
pub(super) fn ms(millis: f64) -> String {
    match millis {
        small if small < 0.995 => format!("{small:.2}"),
        some if some < 9.95 => format!("{some:.1}"),
        many => thousands(many.round() as u64),
    }
}

/// The bucket of a quantile in milliseconds without their unit: "256-512",
/// "<1", ">8,192".
pub(super) fn bracket(bracket: &Bracket) -> String {
    let bound = |ms: f64| {
        if ms < 0.95 { format!("{ms}") } else { thousands(ms.round() as u64) }
    };
    match bracket.upto_ms {
        None => format!(">{}", bound(bracket.over_ms)),
        Some(upto) if bracket.over_ms <= 0.0 => format!("<{}", bound(upto)),
        Some(upto) => format!("{}-{}", bound(bracket.over_ms), bound(upto)),
    }
}

/// A cell for a value that may be missing.
pub(super) fn or_none<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), text)
}

/// "2026-11-23 02:58 UTC" of nanoseconds since the epoch.
pub(super) fn minute(nanos: i64) -> String {
    Timestamp::from_nanosecond(nanos).strftime("%Y-%m-%d %H:%M UTC")
}

/// "11-23 02:58:07" of nanoseconds since the epoch: the day of the year and the
/// time, for lines that stand together.
pub(super) fn second(nanos: i64) -> String {
    Timestamp::from_nanosecond(nanos).strftime("%m-%d %H:%M:%S")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_claim_nothing() {
        assert_eq!([0, 999, 62_247, 1_000_000].map(thousands), ["0", "999", "62,247", "1,000,000"]);
        assert_eq!(
            [0.42, 8.14, 9.96, 311.9, 4_000.0].map(ms),
            ["0.42", "8.1", "10", "312", "4,000"]
        );
        let of = |over_ms, upto_ms| bracket(&Bracket { over_ms, upto_ms, estimate_ms: 0.0 });
        assert_eq!(of(256.0, Some(512.0)), "256-512");
        assert_eq!(of(0.0, Some(1.0)), "<1");
        assert_eq!(of(0.1, Some(0.2)), "0.1-0.2");
        assert_eq!(of(8_192.0, None), ">8,192");
        assert_eq!(or_none(None::<u64>, thousands), "-");
    }

    #[test]
    fn times_are_in_utc() {
        let at = crate::say::human::testing::NOW * 1_000_000_000;
        assert_eq!(minute(at), "2026-11-23 03:00 UTC");
        assert_eq!(second(at), "11-23 03:00:00");
        assert_eq!(minute(i64::MIN), "1677-09-21 00:12 UTC");
    }
}
