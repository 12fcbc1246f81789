//! The tables of the main benchmark: what the runs of one outage come to, and their
//! ratios.

use crate::{
    contender::{ALL, Contender},
    numbers::{least, median, verdict},
    run::Run,
    table::{both, mib, seconds, table},
};

/// The ratios that are looked at: who, against whom, of what, at most how much.
type Ratio = (&'static str, &'static str, Of, Option<f64>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    FirstWrite,
    Total,
}

const CHURN: [Ratio; 6] = [
    ("C", "B", Of::FirstWrite, Some(1.25)),
    ("C", "A2", Of::FirstWrite, Some(0.3)),
    ("C2", "A2", Of::FirstWrite, None),
    ("C", "B", Of::Total, None),
    ("C", "A2", Of::Total, None),
    ("C2", "A2", Of::Total, Some(0.7)),
];

const LIVE: [Ratio; 4] = [
    ("C", "B", Of::FirstWrite, None),
    ("C", "A2", Of::FirstWrite, Some(1.0)),
    ("C", "A2", Of::Total, Some(1.0)),
    ("C2", "A2", Of::Total, None),
];

/// All runs of one outage, and who could not take part.
pub struct Comparison {
    pub runs: Vec<Run>,
    pub missing: Vec<(Contender, &'static str)>,
    /// Half of the data are live: other ratios matter.
    pub live_heavy: bool,
}

impl Comparison {
    /// Everything as Markdown.
    pub fn text(&self) -> String {
        let mut text = self.times() + "\n" + &self.outcomes() + "\n" + &self.ratios();
        text += &format!("\n- {}", self.unavoidable());
        for run in &self.runs {
            let failures = run.failures();
            if !failures.is_empty() {
                let (who, round, what) = (run.contender, run.round + 1, failures.join(", "));
                text += &format!("\n- {who}, round {round}, FAILED: {what}. {}", run.said);
            }
            if let Some(snapshot) = run.snapshot.as_ref().filter(|it| !it.complaint.is_empty()) {
                text += &format!("\n- {}'s snapshot: {}", run.contender, snapshot.complaint);
            }
        }
        text.trim_end().to_owned() + "\n"
    }

    /// What a stall is to be compared with.
    fn unavoidable(&self) -> String {
        let longest = |of: fn(&Run) -> f64| self.runs.iter().map(of).fold(0.0, f64::max);
        let defrag = |run: &Run| run.settled_defrag_ms.iter().copied().fold(0.0, f64::max);
        format!(
            "A defragmentation of nothing but live data took up to {} s (etcdctl, afterwards); the \
             longest stall in the 2 s before a start was {} s.",
            seconds(longest(defrag)),
            seconds(longest(|run| run.quiet_stall_ms)),
        )
    }

    fn of(&self, contender: Contender) -> Vec<&Run> {
        self.runs.iter().filter(|run| run.contender == contender.letter()).collect()
    }

    fn rows(&self, cells: impl Fn(&[&Run]) -> Vec<String>) -> Vec<Vec<String>> {
        let row = |contender: Contender| {
            let name = format!("{:<2} {}", contender.letter(), contender.name());
            if let Some((_, why)) = self.missing.iter().find(|(who, _)| *who == contender) {
                return Some(vec![name, (*why).to_owned()]);
            }
            let runs = self.of(contender);
            (!runs.is_empty()).then(|| [vec![name], cells(&runs)].concat())
        };
        ALL.into_iter().filter_map(row).collect()
    }

    fn times(&self) -> String {
        let head = [
            "seconds (min / median)",
            "first write",
            "all small",
            "total",
            "longest stall of each member (worst round)",
        ];
        table(
            &head,
            &self.rows(|runs| {
                let all = |of: fn(&Run) -> Option<f64>| {
                    let known: Vec<f64> = runs.iter().filter_map(|run| of(run)).collect();
                    match runs.len() - known.len() {
                        0 => both(&known, seconds),
                        never if never == runs.len() => "never".to_owned(),
                        never => format!("{}, {never}x never", both(&known, seconds)),
                    }
                };
                vec![
                    all(|run| run.first_write_ms),
                    all(|run| run.all_small_ms),
                    all(|run| Some(run.total_ms)),
                    stalls(runs),
                ]
            }),
        )
    }

    fn outcomes(&self) -> String {
        let head = ["outcome", "failed", "MiB left / live", "snapshot", "CPU s", "peak MiB"];
        table(
            &head,
            &self.rows(|runs| {
                let failed = runs.iter().filter(|run| !run.failures().is_empty()).count();
                let (end, live) = runs.iter().map(|run| run.worst_size()).max().unwrap_or_default();
                let flag = if runs.iter().any(|run| run.bloated()) { " BIG" } else { "" };
                let cpu: Vec<f64> = runs.iter().map(|run| run.cpu_ms).collect();
                let peak = runs.iter().map(|run| run.peak_kib).max().unwrap_or(0);
                vec![
                    if failed == 0 {
                        "no".to_owned()
                    } else {
                        format!("{failed} of {}", runs.len())
                    },
                    format!("{} / {}{flag}", mib(end as f64), mib(live as f64)),
                    snapshots(runs),
                    both(&cpu, seconds),
                    mib(peak as f64 * 1024.0),
                ]
            }),
        )
    }

    fn ratios(&self) -> String {
        let wanted = if self.live_heavy { &LIVE[..] } else { &CHURN };
        let rows = wanted.iter().map(|ratio| self.ratio(ratio)).collect::<Vec<_>>();
        table(&["ratio", "of minima", "of medians", "wanted"], &rows)
    }

    fn ratio(&self, &(who, against, of, limit): &Ratio) -> Vec<String> {
        let values = |letter: &str| {
            let of_run = |run: &Run| match of {
                Of::FirstWrite => run.first_write_ms,
                Of::Total => Some(run.total_ms),
            };
            // A run that failed is no time to be compared with.
            let good = |run: &&Run| run.contender == letter && run.failures().is_empty();
            self.runs.iter().filter(good).filter_map(of_run).collect::<Vec<_>>()
        };
        let (upper, lower) = (values(who), values(against));
        let divided = |by: fn(&[f64]) -> Option<f64>| Some(by(&upper)? / by(&lower)?);
        let what = if of == Of::Total { "total" } else { "first write" };
        let shown =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        // Whoever fails now and then is not wanted to be quick in between.
        let of_who = self.runs.iter().filter(|run| run.contender == who);
        let failed = of_who.filter(|run| !run.failures().is_empty()).count();
        let wanted = verdict(limit, divided(median));
        let wanted = match (limit, failed) {
            (Some(limit), 1..) => format!("at most {limit}: NO, {failed} failed"),
            _ => wanted,
        };
        vec![
            format!("{who} / {against}, {what}"),
            shown(divided(least)),
            shown(divided(median)),
            wanted,
        ]
    }
}

/// The worst of all rounds, for each member in order.
fn stalls(runs: &[&Run]) -> String {
    let members = runs.first().map_or(0, |run| run.stall_ms.len());
    let worst = |i: usize| runs.iter().map(|run| run.stall_ms[i]).fold(0.0, f64::max);
    (0..members).map(|i| seconds(worst(i))).collect::<Vec<_>>().join(", ")
}

fn snapshots(runs: &[&Run]) -> String {
    let kind = |run: &&Run| match &run.snapshot {
        None => "none",
        Some(snapshot) if !snapshot.complaint.is_empty() => "BAD",
        Some(snapshot) if snapshot.verified => "verified, restores",
        Some(_) => "saved, restores",
    };
    let mut kinds: Vec<&str> = runs.iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::good;

    fn comparison(runs: Vec<Run>) -> Comparison {
        Comparison { runs, missing: Vec::new(), live_heavy: false }
    }

    #[test]
    fn ratios_are_those_of_minima_and_of_medians() {
        let runs = vec![
            good("C", 1000.0, 11_000.0),
            good("C", 1500.0, 11_000.0),
            good("C", 2500.0, 11_000.0),
            good("B", 1000.0, 1000.0),
            good("A2", 8000.0, 8000.0),
        ];
        let text = comparison(runs).text();
        let row =
            |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        let cells = |start: &str| {
            row(start).split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(cells("| C / B, first")[2..5], ["1.00", "1.50", "at most 1.25: NO"]);
        assert_eq!(cells("| C / A2, first")[2..5], ["0.12", "0.19", "at most 0.3: yes"]);
        assert_eq!(cells("| C2 / A2, total")[2..5], ["-", "-", "at most 0.7"]);
        assert!(row("| C  etcd-rescue").contains("1.00 / 1.50"), "{text}");
    }

    #[test]
    fn a_failing_contender_shows_and_is_in_no_ratio() {
        let mut failed = good("C", 10.0, 20.0);
        (failed.exit_ok, failed.ended) = (false, "exit 5".to_owned());
        (failed.first_write_ms, failed.said) = (None, "State  alarm on".to_owned());
        failed.final_bytes[1] = 64 << 20;
        let mut all = comparison(vec![failed, good("B", 5.0, 5.0)]);
        all.missing.push((Contender::ArticleWithSnapshot, "not found"));
        let text = all.text();
        assert!(text.contains("- C, round 1, FAILED: exit 5. State  alarm on"), "{text}");
        let row = |start: &str, nth: usize| {
            text.lines().filter(|line| line.starts_with(start)).nth(nth).unwrap().to_owned()
        };
        assert!(row("| C  etcd-rescue", 0).contains("never"), "{text}");
        assert!(row("| C  etcd-rescue", 1).contains("1 of 1"), "{text}");
        assert!(row("| C  etcd-rescue", 1).contains("64.0 / 1.0 BIG"), "{text}");
        assert!(row("| C / B, first", 0).contains("- "), "{text}");
        assert!(!row("| C / B, first", 0).contains("yes"), "{text}");
        assert!(row("| A2 etcdctl", 0).contains("not found"), "{text}");
    }
}
