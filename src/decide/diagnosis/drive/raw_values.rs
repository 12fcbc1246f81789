//! Raw values of ATA attributes that are not plain counts.

/// Hours a drive can have been on: 23 years.
const MOST_HOURS: u64 = 200_000;

/// Power-on hours from attribute 9 of `model`. The low 24 bits are the value
/// on nearly all drives: others keep minutes or milliseconds above it. Where
/// they are no hours that can be, the units of old drives are tried.
pub(crate) fn hours(raw: u64, model: &str) -> Option<u64> {
    let low = raw & 0x00FF_FFFF;
    // Half minutes, seconds; minutes are the most common.
    let units = match model {
        model if model.starts_with("SAMSUNG HD") || model.starts_with("SAMSUNG SP") => [1, 120, 1],
        model if model.starts_with("FUJITSU") => [1, 3_600, 1],
        _ => [1, 60, 120],
    };
    let hours = |unit: u64| Some(low / unit).filter(|hours| *hours <= MOST_HOURS);
    units.into_iter().find_map(hours)
}

/// Command timeouts from attribute 188: a plain count, or three counts of 16
/// bits (all, over 5 s, over 7.5 s; Seagate).
pub(crate) fn timeouts(raw: u64) -> u64 {
    let words = [raw & 0xFFFF, raw >> 16 & 0xFFFF, raw >> 32 & 0xFFFF];
    match words {
        [_, 0, 0] => raw,
        words => words.into_iter().max().unwrap_or(raw),
    }
}
