//! Times as Go programs print them ("1m2.5s", "138.8µs"). Pure; any text is
//! taken.

/// The units of Go's `time.Duration.String` and their milliseconds, longer
/// names before those they begin with.
const UNITS: [(&str, f64); 8] = [
    ("ms", 1.0),
    ("ns", 1e-6),
    ("us", 1e-3),
    // The micro sign, and the Greek letter that `ParseDuration` takes as well.
    ("\u{b5}s", 1e-3),
    ("\u{3bc}s", 1e-3),
    ("h", 3_600_000.0),
    ("m", 60_000.0),
    ("s", 1_000.0),
];

/// Milliseconds; `None` when it is no such time, or a negative one.
#[must_use]
pub fn millis(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let (name, factor) = UNITS.iter().find(|(name, _)| unit.starts_with(name))?;
        sum += number * factor;
        parts += 1;
        rest = unit.strip_prefix(name)?;
    }
    (parts > 0 && f64::is_finite(sum)).then_some(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_go_are_read() {
        for (text, expected) in [
            ("1m2.5s", 62_500.0),
            ("138.8\u{b5}s", 0.1388),
            ("9.5s", 9_500.0),
            ("100ms", 100.0),
            ("1h0m0s", 3_600_000.0),
            ("0s", 0.0),
            ("250ns", 0.000_25),
        ] {
            let read = millis(text).expect(text);
            assert!((read - expected).abs() < 1e-9, "{text}: {read}");
        }
        for odd in ["", "s", "1", "-1s", "1x", "1..2s", "1s2", "a1s"] {
            assert_eq!(millis(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9.hmsnu\u{b5} -]{0,20}", any in ".{0,20}") {
            let _ = (millis(&text), millis(&any));
        }
    }
}
