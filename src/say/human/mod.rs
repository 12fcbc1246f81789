//! Text for people: pure renderers from the model to a `String` of lines no
//! wider than asked, without a line end at the end. ASCII of our own; what is
//! not known is called "unknown", never 0.

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

use std::time::Duration;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

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
/// Columns between two columns of a table.
const GAP: usize = 2;
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

/// A column of a table.
#[derive(Clone, Debug)]
struct Column {
    title: &'static str,
    /// Numbers stand on the right; text columns may be wrapped.
    number: bool,
    cells: Vec<String>,
}

impl Column {
    fn text(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, number: false, cells }
    }

    fn number(title: &'static str, cells: Vec<String>) -> Self {
        Self { title, number: true, cells }
    }

    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.chars().count());
        widths.max().unwrap_or(0).max(self.title.len())
    }
}

/// Columns that a table of these needs to have nothing wrapped.
fn table_width(columns: &[Column]) -> usize {
    let widths: usize = columns.iter().map(Column::width).sum();
    widths + GAP * columns.len().saturating_sub(1)
}

/// A borderless table; when it is too wide, the first column is wrapped.
fn table(columns: &[Column], width: usize) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(columns.iter().map(|column| column.title));
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for row in 0..rows {
        table.add_row(columns.iter().map(|column| column.cells.get(row).map_or("", |c| c)));
    }
    let last = columns.len().saturating_sub(1);
    for (index, column) in columns.iter().enumerate() {
        let Some(settings) = table.column_mut(index) else { continue };
        settings.set_padding((0, if index == last { 0 } else { GAP as u16 }));
        if column.number {
            settings.set_cell_alignment(CellAlignment::Right);
        }
        if index > 0 {
            settings.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
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

    #[test]
    fn a_table_that_is_too_wide_wraps_its_first_column() {
        let name = "ip-10-0-1-23.region-1.compute.internal".to_owned();
        let columns =
            [Column::text("NAME", vec![name]), Column::number("DB SIZE", vec!["62.1 MiB".into()])];
        assert_eq!(table_width(&columns), 48);
        let text = table(&columns, 30);
        assert!(text.lines().all(|line| line.len() <= 30), "{text}");
        assert!(text.contains("62.1 MiB"));
    }
}
