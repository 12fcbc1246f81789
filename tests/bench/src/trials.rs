//! Command lines measured by turns, so that what else the machine does meets all of
//! them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    measured::{Measured, Ran},
    numbers::{least, median, verdict},
    table::{both, mib, table},
};

/// Command lines by name, and what each took in every round.
#[derive(Default)]
pub struct Trials {
    names: Vec<String>,
    took: BTreeMap<String, Vec<Measured>>,
    failed: BTreeMap<String, String>,
}

impl Trials {
    /// Runs each of `names` by `once`, so many times, in turns. One that fails is
    /// noted as failing and not tried again.
    pub fn run(names: &[&str], rounds: usize, once: impl Fn(&str) -> Result<Ran>) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut trials = Self { names: names.clone(), ..Self::default() };
        for round in 0..rounds {
            for turn in 0..names.len() {
                let name = &names[(round + turn) % names.len()];
                if trials.failed.contains_key(name) {
                    continue;
                }
                let ran = once(name).with_context(|| name.clone())?;
                if ran.measured.code == Some(0) {
                    trials.took.entry(name.clone()).or_default().push(ran.measured);
                } else {
                    let last = ran.stderr.lines().last().unwrap_or_default();
                    let why = format!("FAILED: {} {last}", ran.measured.ended());
                    trials.failed.insert(name.clone(), why);
                }
            }
        }
        Ok(trials)
    }

    /// Wall times of one in milliseconds; none when it failed.
    pub fn walls(&self, name: &str) -> Vec<f64> {
        self.good(name).iter().map(Measured::wall_ms).collect()
    }

    /// The same of its CPU time.
    pub fn cpus(&self, name: &str) -> Vec<f64> {
        self.good(name).iter().map(|one| one.cpu_ms).collect()
    }

    /// The most memory one took in any round; none when it failed.
    pub fn peak_kib(&self, name: &str) -> Option<u64> {
        self.good(name).iter().map(|one| one.peak_kib).max()
    }

    fn good(&self, name: &str) -> &[Measured] {
        let failed = self.failed.contains_key(name);
        self.took.get(name).filter(|_| !failed).map_or(&[], Vec::as_slice)
    }

    /// A row each: wall and CPU in milliseconds, peak memory and, when each handles
    /// so many bytes, MiB a second at the median.
    pub fn text(&self, bytes: Option<u64>) -> String {
        let mut head = vec!["min / median", "wall ms", "CPU ms", "peak MiB"];
        if bytes.is_some() {
            head.push("MiB/s");
        }
        let row = |name: &String| {
            if let Some(why) = self.failed.get(name) {
                return vec![name.clone(), why.clone()];
            }
            let (walls, cpus) = (self.walls(name), self.cpus(name));
            let peak = self.peak_kib(name).unwrap_or(0);
            let tenths = |ms: f64| format!("{ms:.1}");
            let mut cells = vec![name.clone(), both(&walls, tenths), both(&cpus, tenths)];
            cells.push(mib(peak as f64 * 1024.0));
            if let (Some(bytes), Some(ms)) = (bytes, median(&walls)) {
                cells.push(format!("{:.0}", bytes as f64 / f64::from(1 << 20) / ms * 1e3));
            }
            cells
        };
        table(&head, &self.names.iter().map(row).collect::<Vec<_>>())
    }

    /// How the times of one stand to those of another: minima and medians, and
    /// whether the median is within a limit.
    pub fn ratio(&self, who: &str, against: &str, limit: Option<f64>) -> String {
        let (upper, lower) = (self.walls(who), self.walls(against));
        let divided = |by: fn(&[f64]) -> Option<f64>| Some(by(&upper)? / by(&lower)?);
        let of = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
        };
        let (minima, medians) = (of(divided(least)), of(divided(median)));
        let wanted = verdict(limit, divided(median));
        let wanted = if wanted.is_empty() { wanted } else { format!("; wanted: {wanted}") };
        format!("- {who} / {against}, wall: {minima} of minima, {medians} of medians{wanted}.\n")
    }

    pub fn json(&self) -> Value {
        json!({ "runs": self.took, "failed": self.failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(ms: u64, code: i32) -> Ran {
        let measured = Measured {
            started_ns: 0,
            ended_ns: ms * 1_000_000,
            cpu_ms: 1.5,
            peak_kib: 2048,
            code: Some(code),
            signal: None,
        };
        Ran { measured, stdout: String::new(), stderr: "no such flag\n".to_owned() }
    }

    #[test]
    fn all_have_their_turns_and_a_failing_one_shows() {
        let once =
            |name: &str| Ok(ended(if name == "fast" { 10 } else { 40 }, i32::from(name == "bad")));
        let trials = Trials::run(&["fast", "slow", "bad"], 3, once).unwrap();
        assert_eq!(trials.walls("fast"), [10.0; 3]);
        assert_eq!(trials.walls("bad"), Vec::<f64>::new());
        let text = trials.text(Some(20 << 20));
        assert!(text.contains("FAILED: exit 1 no such flag"), "{text}");
        assert!(
            text.lines().any(|line| line.contains("fast") && line.ends_with("2000 |")),
            "{text}"
        );
        assert_eq!(
            trials.ratio("fast", "slow", None),
            "- fast / slow, wall: 0.25 of minima, 0.25 of medians.\n"
        );
        assert!(trials.ratio("fast", "bad", Some(0.5)).contains("- of minima"));
        let within = trials.ratio("fast", "slow", Some(0.3));
        assert!(within.ends_with("; wanted: at most 0.3: yes.\n"), "{within}");
    }
}
