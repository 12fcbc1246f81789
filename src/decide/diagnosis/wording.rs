//! Numbers as a tired person reads them: separated thousands, units, brackets
//! instead of digits that a histogram does not know.

use crate::model::{
    Bytes,
    diagnosis::{Bracket, Latencies, Spread},
};

/// "62,247".
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "0.4 ms", "12 ms", "1,400 ms".
pub(super) fn millis(ms: f64) -> String {
    if ms < 9.95 { format!("{ms:.1} ms") } else { format!("{} ms", thousands(ms.round() as u64)) }
}

/// "256-512 ms", "under 1 ms", "over 8,192 ms".
pub(super) fn bracket(bracket: &Bracket) -> String {
    let whole = |ms: f64| thousands(ms.round() as u64);
    match bracket.upto_ms {
        None => format!("over {} ms", whole(bracket.over_ms)),
        Some(upto) if bracket.over_ms < 0.5 && upto < 0.95 => format!("under {upto:.1} ms"),
        Some(upto) if bracket.over_ms < 0.5 => format!("under {} ms", whole(upto)),
        Some(upto) => format!("{}-{} ms", whole(bracket.over_ms), whole(upto)),
    }
}

/// "256-512 ms (n=23)".
pub(super) fn counted(spread: &Spread) -> String {
    format!("{} (n={})", bracket(&spread.p99), thousands(spread.n))
}

/// "p50 2.1 ms, longest 9.0 ms (n=60)".
pub(super) fn times(latencies: &Latencies) -> Option<String> {
    let (middle, longest) = (latencies.quantile(0.5)?, latencies.max()?);
    let n = thousands(latencies.millis.len() as u64);
    Some(format!("p50 {}, longest {} (n={n})", millis(middle), millis(longest)))
}

/// "38.2 MiB/s".
pub(super) fn rate(bytes_per_s: f64) -> String {
    format!("{}/s", Bytes(bytes_per_s.max(0.0) as u64))
}

/// "1 line", "2 lines", "3 timed-out commands".
pub(super) fn many(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", thousands(number))
}

/// "a", "a and b", "a, b and c".
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// "up to 512 ms", "over 8,192 ms": the bracket as an upper bound.
pub(super) fn upto(spread: &Bracket) -> String {
    match spread.upto_ms {
        Some(upto) => format!("up to {} ms", thousands(upto.round() as u64)),
        None => bracket(spread),
    }
}

/// The range that several brackets cover: "1-4 ms".
pub(super) fn range<'a>(brackets: impl Iterator<Item = &'a Bracket>) -> Option<String> {
    let join = |a: Bracket, b: Bracket| Bracket {
        over_ms: a.over_ms.min(b.over_ms),
        upto_ms: a.upto_ms.zip(b.upto_ms).map(|(a, b)| a.max(b)),
        estimate_ms: a.estimate_ms,
    };
    brackets.copied().reduce(join).as_ref().map(bracket)
}

/// As a sentence begins, but for names, which keep their small letters.
pub(super) fn as_start(text: &str) -> String {
    const NAMES: [&str; 2] = ["etcd", "metrics-server"];
    let first = text.split([' ', '\'', ':']).next().unwrap_or_default();
    let ordinary = first.chars().all(|c| c.is_ascii_lowercase()) && !NAMES.contains(&first);
    let mut chars = text.chars();
    match chars.next().filter(|_| ordinary && !is_device(text)) {
        Some(letter) => letter.to_uppercase().chain(chars).collect(),
        None => text.to_owned(),
    }
}

/// "sda (MODEL)", "vda hangs": the kernel's names of disks.
fn is_device(text: &str) -> bool {
    ["sd", "vd", "xvd", "hd", "dm-"].iter().any(|prefix| {
        let rest = text.strip_prefix(prefix).and_then(|rest| rest.split(' ').next());
        rest.is_some_and(|rest| (1..=2).contains(&rest.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!(
            [0, 999, 1_000, 62_247, 1_234_567].map(thousands),
            ["0", "999", "1,000", "62,247", "1,234,567"]
        );
        assert_eq!([0.44, 9.96, 1_400.0].map(millis), ["0.4 ms", "10 ms", "1,400 ms"]);
        assert_eq!(listed(&["a", "b", "c"].map(str::to_owned)), "a, b and c");
    }

    #[test]
    fn names_keep_their_small_letters() {
        for (text, expected) in [
            ("the disk", "The disk"),
            ("sda (Micron) hangs", "sda (Micron) hangs"),
            ("etcd's log", "etcd's log"),
            ("master-1 is slow", "master-1 is slow"),
            ("only 3", "Only 3"),
            ("", ""),
        ] {
            assert_eq!(as_start(text), expected);
        }
    }

    #[test]
    fn a_bracket_claims_no_more_than_its_bounds() {
        let of = |over_ms, upto_ms| bracket(&Bracket { over_ms, upto_ms, estimate_ms: 0.0 });
        assert_eq!(of(256.0, Some(512.0)), "256-512 ms");
        assert_eq!(of(0.0, Some(1.0)), "under 1 ms");
        assert_eq!(of(0.0, Some(0.1)), "under 0.1 ms");
        assert_eq!(of(8_192.0, None), "over 8,192 ms");
    }
}
