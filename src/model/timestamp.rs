//! A moment: read and written as RFC 3339, always in UTC.
//!
//! Owns the calendar. Knows neither time zones nor leap seconds.

use std::{
    fmt::{self, Write},
    str::FromStr,
    time::{Duration, SystemTime},
};

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The first second of the year 0 and the last one of the year 9999: what
/// RFC 3339 can write.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// A point in time, to the nanosecond, of the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Since the epoch.
    second: i64,
    /// Since that second; under a billion.
    nano: u32,
}

impl Timestamp {
    /// By this machine's clock.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or(Duration::ZERO);
        let second = i64::try_from(since.as_secs()).unwrap_or(LAST).min(LAST);
        Self { second, nano: since.subsec_nanos() }
    }

    /// `second` after the epoch; `None` outside the years 0 to 9999.
    #[must_use]
    pub fn from_second(second: i64) -> Option<Self> {
        (FIRST..=LAST).contains(&second).then_some(Self { second, nano: 0 })
    }

    /// `nano` nanoseconds after the epoch.
    #[must_use]
    pub fn from_nanosecond(nano: i64) -> Self {
        // A remainder of a billion is under it, and not negative.
        let rest = u32::try_from(nano.rem_euclid(NANOS)).unwrap_or_default();
        Self { second: nano.div_euclid(NANOS), nano: rest }
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub fn as_second(self) -> i64 {
        self.second
    }

    /// Nanoseconds since the epoch; the nearest there is for years before 1678
    /// and after 2261.
    #[must_use]
    pub fn as_nanosecond(self) -> i64 {
        self.second.saturating_mul(NANOS).saturating_add(self.nano.into())
    }

    /// Written as `form` says: `%Y`, `%m`, `%d`, `%H`, `%M`, `%S` as with
    /// strftime(3), and `%f` for milliseconds. Anything else stands for itself.
    #[must_use]
    pub fn strftime(self, form: &str) -> String {
        let (year, month, day) = civil(self.second.div_euclid(DAY));
        let second = self.second.rem_euclid(DAY);
        let mut text = String::new();
        let mut form = form.chars();
        while let Some(next) = form.next() {
            let what = if next == '%' { form.next() } else { None };
            let (number, width) = match what {
                Some('Y') => (year, 4),
                Some('m') => (month, 2),
                Some('d') => (day, 2),
                Some('H') => (second / 3_600, 2),
                Some('M') => (second / 60 % 60, 2),
                Some('S') => (second % 60, 2),
                Some('f') => (i64::from(self.nano / 1_000_000), 3),
                other => {
                    text.push(other.unwrap_or(next));
                    continue;
                }
            };
            // A String takes all.
            let _ = write!(text, "{number:0width$}");
        }
        text
    }
}

/// RFC 3339 in UTC, with as many digits of the second as it takes.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.strftime("%Y-%m-%dT%H:%M:%S"))?;
        if self.nano > 0 {
            f.write_str(format!(".{:09}", self.nano).trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// A text that is no RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTimestamp;

/// RFC 3339, and as Go's loggers write it: the offset may lack its colon.
impl FromStr for Timestamp {
    type Err = NoTimestamp;

    fn from_str(text: &str) -> Result<Self, NoTimestamp> {
        read(text.as_bytes()).ok_or(NoTimestamp)
    }
}

fn read(mut text: &[u8]) -> Option<Timestamp> {
    let year = number(&mut text, 4, 9_999)?;
    skip(&mut text, b"-")?;
    let month = number(&mut text, 2, 12).filter(|month| *month > 0)?;
    skip(&mut text, b"-")?;
    let day = number(&mut text, 2, days_of(year, month)).filter(|day| *day > 0)?;
    skip(&mut text, b"Tt ")?;
    let hour = number(&mut text, 2, 23)?;
    skip(&mut text, b":")?;
    let minute = number(&mut text, 2, 59)?;
    skip(&mut text, b":")?;
    // A leap second is the one before it.
    let second = number(&mut text, 2, 60)?.min(59);
    let nano = match skip(&mut text, b".,") {
        Some(_) => fraction(&mut text)?,
        None => 0,
    };
    let offset = offset(&mut text)?;
    let local = days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second;
    let known = Timestamp::from_second(local - offset).filter(|_| text.is_empty())?;
    Some(Timestamp { nano, ..known })
}

/// Seconds east of UTC: `Z`, `+01:00` or `+0100`.
fn offset(text: &mut &[u8]) -> Option<i64> {
    let sign = match skip(text, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let hours = number(text, 2, 23)?;
    skip(text, b":");
    let minutes = number(text, 2, 59)?;
    Some(sign * (hours * 3_600 + minutes * 60))
}

/// Nanoseconds of one to nine digits.
fn fraction(text: &mut &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let value = number(text, Some(digits).filter(|digits| (1..=9).contains(digits))?, NANOS)?;
    u32::try_from(value * 10_i64.pow(u32::try_from(9 - digits).ok()?)).ok()
}

/// A number of exactly `digits` digits that is at most `most`.
fn number(text: &mut &[u8], digits: usize, most: i64) -> Option<i64> {
    let (head, rest) = text.split_at_checked(digits)?;
    *text = rest;
    let all = head.iter().all(u8::is_ascii_digit);
    let value = head.iter().fold(0, |value, digit| value * 10 + i64::from(digit & 15));
    (all && value <= most).then_some(value)
}

/// Takes one byte if it is one of `wanted`.
fn skip(text: &mut &[u8], wanted: &[u8]) -> Option<u8> {
    let (first, rest) = text.split_first().filter(|(first, _)| wanted.contains(first))?;
    *text = rest;
    Some(*first)
}

fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// Days from the epoch to a day of the Gregorian calendar. Years are counted from
/// March, so that a leap day is a year's last; 400 of them have 146,097 days.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + of_year - 719_468
}

/// Year, month and day of a day since the epoch, the other way round.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(text: &str) -> Option<i64> {
        text.parse::<Timestamp>().ok().map(Timestamp::as_second)
    }

    #[test]
    fn reads_what_loggers_write() {
        for text in [
            "2026-11-23T12:39:52.368Z",
            "2026-11-23t12:39:52.368z",
            "2026-11-23 13:39:52,368+01:00",
            "2026-11-23T13:39:52.368000000+0100",
            "2026-11-23T07:09:52.368-05:30",
        ] {
            let time: Result<Timestamp, _> = text.parse();
            assert_eq!(time.map(Timestamp::as_nanosecond), Ok(1_795_437_592_368_000_000), "{text}");
        }
        assert_eq!(second("2016-12-31T23:59:60Z"), second("2016-12-31T23:59:59Z"));
        assert_eq!(second("2024-02-29T00:00:00Z"), Some(1_709_164_800));
    }

    #[test]
    fn nothing_else_is_a_time() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T12:39:52",
            "2026-11-23T12:39:52.Z",
            "2026-11-23T12:39:52.0123456789Z",
            "2026-11-23T12:39:52Z ",
            "2026-11-23T12:39:61Z",
            "2026-11-23T24:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "0000-01-01T00:00:00+01:00",
            "+026-11-23T12:39:52Z",
            "2026/11/23T12:39:52Z",
            "2026-11-23T12:39:52+1",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NoTimestamp), "{text}");
        }
    }

    #[test]
    fn writes_as_asked() {
        let time = Timestamp::from_nanosecond(1_795_437_592_068_000_001);
        assert_eq!(time.strftime("%Y%m%dT%H%M%S.%fZ"), "20261123T123952.068Z");
        assert_eq!(time.strftime("%m-%d %H:%M:%S UTC%"), "11-23 12:39:52 UTC%");
        assert_eq!(time.to_string(), "2026-11-23T12:39:52.068000001Z");
        assert_eq!(Timestamp::from_nanosecond(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        let of = |second| Timestamp::from_second(second).map(|time| time.to_string());
        assert_eq!(of(FIRST).as_deref(), Some("0000-01-01T00:00:00Z"));
        assert_eq!(of(LAST).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!([of(FIRST - 1), of(LAST + 1)], [None, None]);
        assert_eq!(Timestamp::from_second(LAST).map(Timestamp::as_nanosecond), Some(i64::MAX));
    }

    proptest! {
        #[test]
        fn any_time_comes_back(nano in any::<i64>(), second in FIRST..=LAST) {
            let time = Timestamp::from_nanosecond(nano);
            prop_assert_eq!(time.as_nanosecond(), nano);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            let time = Timestamp::from_second(second);
            prop_assert_eq!(time.and_then(|time| time.to_string().parse().ok()), time);
        }

        #[test]
        fn days_follow_each_other(day in FIRST / DAY..LAST / DAY) {
            let ((year, month, of_month), next) = (civil(day), civil(day + 1));
            prop_assert_eq!(days(year, month, of_month), day);
            let within = next == (year, month, of_month + 1);
            let over = next.2 == 1 && of_month == days_of(year, month);
            prop_assert!(within || over);
        }

        #[test]
        fn rubbish_never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
