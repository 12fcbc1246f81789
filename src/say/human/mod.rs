//! Text for people: pure renderers from the model to a `String` of lines no
//! wider than asked, without a line end at the end. ASCII of our own; what is
//! not known is called "unknown", never 0.

mod columns;
mod copies;
mod diagnosis;
#[cfg(test)]
pub(crate) mod incident;
mod located;
mod manifest_edit;
mod plan;
mod purge;
mod recovery;
mod rules;
mod settings_advice;
mod status;
#[cfg(test)]
pub(crate) mod testing;
mod usage;
mod ways_back;

use std::time::Duration;

use columns::{Column, table, table_width};
pub use diagnosis::{Layout, diagnosis, next_round};
pub use located::located;
pub use manifest_edit::difference;
pub(crate) use manifest_edit::difference_lines;
pub use plan::{headline, plan, question, step};
pub use purge::{counted_keys, purged};
pub use recovery::before_after;
pub use rules::rules;
pub use settings_advice::settings_advice;
pub(crate) use status::alarms;
pub use status::{restart, status};
pub use usage::{UsagePage, usage};

use super::text::hang;

/// What is printed for a missing value.
pub(crate) const UNKNOWN: &str = "unknown";
/// Columns of the label in "label  value" listings.
const LABEL: usize = 13;

/// A time span with the two units that matter: "350 ms", "4 s",
/// "1 min 20 s", "3 h 4 min", "12 days".
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match seconds {
        0 if span.subsec_millis() > 0 => format!("{} ms", span.subsec_millis()),
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..172_800 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// "1 member", "3 members".
fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A line of a listing: label, value, and where the value comes from.
fn row(label: &str, value: &str, source: &str, width: usize) -> String {
    let body = match source {
        "" => value.to_owned(),
        source => format!("{value} [{source}]"),
    };
    hang(&format!("{label:<LABEL$}"), &body, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_units_that_matter() {
        for (millis, text) in [
            (0, "0 s"),
            (350, "350 ms"),
            (4_900, "4 s"),
            (60_000, "1 min"),
            (80_000, "1 min 20 s"),
            (11_040_000, "3 h 4 min"),
            (12 * 86_400_000, "12 days"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
