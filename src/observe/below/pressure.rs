//! /proc/pressure/io (Linux Documentation/accounting/psi.rst). Pure; takes any
//! bytes.

use crate::model::diagnosis::IoPressure;

/// The two lines; `None` when one is missing or not understood.
#[must_use]
pub fn parse(text: &str) -> Option<IoPressure> {
    let averages = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
        let average = |name: &str| -> Option<f64> {
            let mut fields = line.split_ascii_whitespace();
            let value: f64 = fields.find_map(|field| field.strip_prefix(name))?.parse().ok()?;
            value.is_finite().then_some(value)
        };
        Some([average("avg10=")?, average("avg60=")?, average("avg300=")?])
    };
    Some(IoPressure { some: averages("some")?, full: averages("full")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_read() {
        let text = "some avg10=12.50 avg60=3.00 avg300=0.16 total=506537617\n\
                    full avg10=9.25 avg60=1.00 avg300=0.11 total=114709781\n";
        let read = parse(text).expect("read");
        assert_eq!((read.some, read.full), ([12.5, 3.0, 0.16], [9.25, 1.0, 0.11]));
        assert_eq!(parse("some avg10=1 avg60=1 avg300=1 total=1\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((some|full|avg10=|avg60=|avg300=|[0-9.]+|inf| |\n)){0,30}") {
            let _ = parse(&text);
        }
    }
}
