//! How a cost grows: series of points, each with the power with which it grew from
//! the one before, so that what is worse than linear stands out.

use serde::Serialize;

use crate::{
    numbers::{LINEAR, growth_exponent},
    table::table,
};

/// One measured quantity along a series.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// What grows: `MiB of history`.
    pub along: String,
    /// What is measured, with its unit.
    pub costs: Vec<&'static str>,
    pub points: Vec<Point>,
    /// What was left out, and why.
    pub skipped: Vec<String>,
}

/// The costs at one point; none where something failed.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub at: f64,
    pub costs: Vec<Option<f64>>,
}

impl Series {
    pub fn new(along: &str, costs: &[&'static str]) -> Self {
        let costs = costs.to_vec();
        Self { along: along.to_owned(), costs, points: Vec::new(), skipped: Vec::new() }
    }

    pub fn add(&mut self, at: f64, costs: Vec<Option<f64>>) {
        self.points.push(Point { at, costs });
    }

    /// A table: behind each cost, in brackets, its power of growth since the point
    /// above.
    pub fn text(&self) -> String {
        let mut head = vec![self.along.as_str()];
        head.extend(&self.costs);
        let row = |i: usize| {
            let point = &self.points[i];
            let costs = point.costs.iter().enumerate().map(|(cost, value)| {
                let shown = value.map_or_else(|| "failed".to_owned(), |v| format!("{v:.2}"));
                shown + &self.power(i, cost)
            });
            [format!("{}", point.at)].into_iter().chain(costs).collect::<Vec<_>>()
        };
        let mut text = table(&head, &(0..self.points.len()).map(row).collect::<Vec<_>>());
        for why in &self.skipped {
            text += &format!("\n- left out: {why}");
        }
        text.trim_end().to_owned() + "\n"
    }

    fn power(&self, i: usize, cost: usize) -> String {
        let of = |point: &Point| Some((point.at, point.costs[cost]?));
        let before = i.checked_sub(1).and_then(|i| of(&self.points[i]));
        let power = before.and_then(|from| growth_exponent(from, of(&self.points[i])?));
        match power {
            None => String::new(),
            Some(power) if power > LINEAR => format!(" ({power:.2} WORSE)"),
            Some(power) => format!(" ({power:.2})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_than_linear_is_marked() {
        let mut series = Series::new("MiB", &["s", "CPU s"]);
        series.add(64.0, vec![Some(1.0), Some(1.0)]);
        series.add(128.0, vec![Some(2.0), Some(4.0)]);
        series.add(256.0, vec![None, Some(8.0)]);
        series.skipped.push("512: no room".to_owned());
        let text = series.text();
        let cells = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start)).unwrap();
            line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cells("| 64")[2..4], ["1.00", "1.00"]);
        assert_eq!(cells("| 128")[2..4], ["2.00 (1.00)", "4.00 (2.00 WORSE)"]);
        assert_eq!(cells("| 256")[2..4], ["failed", "8.00 (1.00)"]);
        assert!(text.ends_with("- left out: 512: no room\n"), "{text}");
    }
}
