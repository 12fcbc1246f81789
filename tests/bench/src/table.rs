//! Markdown tables that can be read in a terminal too, and how numbers are written.

/// A table with its columns padded: the first is text, the others stand right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count(), 3]).max().unwrap_or(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = widths.iter().enumerate().map(|(i, &width)| {
            let cell = cells.get(i).map_or("", String::as_str);
            if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(i, &width)| match i {
        0 => "-".repeat(width),
        _ => format!("{}:", "-".repeat(width - 1)),
    });
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut text = line(&head);
    text += &format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
    rows.iter().for_each(|row| text += &line(row));
    text
}

/// Milliseconds as seconds.
pub fn seconds(ms: f64) -> String {
    format!("{:.2}", ms / 1e3)
}

/// Bytes as MiB.
pub fn mib(bytes: f64) -> String {
    format!("{:.1}", bytes / f64::from(1 << 20))
}

/// `64 MiB`, `2 GiB`, for round sizes.
pub fn size(bytes: u64) -> String {
    match bytes {
        whole if whole >= 1 << 30 && whole % (1 << 30) == 0 => format!("{} GiB", whole >> 30),
        other => format!("{} MiB", other >> 20),
    }
}

/// `least / median`; what is missing is a dash.
pub fn both(values: &[f64], write: impl Fn(f64) -> String) -> String {
    match (crate::numbers::least(values), crate::numbers::median(values)) {
        (Some(least), Some(median)) if values.len() > 1 => {
            format!("{} / {}", write(least), write(median))
        }
        (Some(only), _) => write(only),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_padded_and_aligned() {
        let rows = [vec!["one".to_owned(), "1.00".to_owned()], vec!["three".to_owned()]];
        let wanted = "| who   |    s |\n| ----- | ---: |\n| one   | 1.00 |\n| three |      |\n";
        assert_eq!(table(&["who", "s"], &rows), wanted);
    }

    #[test]
    fn numbers_are_written_short() {
        assert_eq!(seconds(1234.0), "1.23");
        assert_eq!(mib(1_572_864.0), "1.5");
        assert_eq!((size(64 << 20), size(2 << 30)), ("64 MiB".to_owned(), "2 GiB".to_owned()));
        assert_eq!(both(&[], seconds), "-");
        assert_eq!(both(&[1000.0], seconds), "1.00");
        assert_eq!(both(&[3000.0, 1000.0, 2000.0], seconds), "1.00 / 2.00");
    }
}
