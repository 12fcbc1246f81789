//! Prometheus alert rules for both incidents, no room and a slow disk, out of
//! what is wanted of them. Pure; how they look in a file is said elsewhere.
//! Metric names and thresholds: etcd's and the exporters' own, and the
//! published etcd mixin, which is silent until an fsync takes 500 ms.

mod database;
mod disks;
mod drives;
mod etcd;
#[cfg(test)]
mod tests;

use crate::model::{Rule, RuleGroup, RuleWishes};

/// Every rule, in groups.
#[must_use]
pub fn rule_groups(wishes: &RuleWishes) -> Vec<RuleGroup> {
    let name = |name: &str| format!("etcd-rescue-{name}");
    let group = |part: &str, alerts: Vec<Alert>| RuleGroup {
        name: name(part),
        rules: alerts.into_iter().map(|alert| alert.rule(wishes)).collect(),
    };
    vec![
        group("etcd", etcd::alerts(wishes)),
        group("database", database::alerts(wishes)),
        group("disks", disks::alerts(wishes)),
        group("drives", drives::alerts(wishes)),
    ]
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Warning,
    Critical,
}

/// An alert before prefix and labels.
#[derive(Clone, Debug)]
struct Alert {
    name: &'static str,
    weight: Weight,
    expr: String,
    hold: &'static str,
    /// One line; may hold `{{ $labels.x }}`.
    summary: &'static str,
    /// What it means, and what to think of.
    description: String,
    /// The command that tells more.
    command: &'static str,
}

impl Alert {
    fn rule(self, wishes: &RuleWishes) -> Rule {
        let severity = match self.weight {
            Weight::Warning => &wishes.warning,
            Weight::Critical => &wishes.critical,
        };
        let text = |name: &str, value: String| (name.to_owned(), value);
        let mut annotations = vec![
            text("summary", self.summary.to_owned()),
            text("description", self.description),
            text("runbook", self.command.to_owned()),
        ];
        annotations.extend(wishes.runbook_url.iter().map(|url| text("runbook_url", url.clone())));
        Rule {
            alert: format!("{}{}", wishes.prefix, self.name),
            expr: self.expr,
            hold: self.hold.to_owned(),
            labels: vec![(wishes.severity_label.clone(), severity.clone())],
            annotations,
        }
    }
}

/// A metric with what is asked of its labels; a regular expression that takes
/// everything is left out.
fn series(metric: &str, labels: &[(&str, &str)], more: &str) -> String {
    let asked = labels.iter().filter(|(_, regex)| *regex != ".*");
    let mut asked: Vec<String> =
        asked.map(|(label, regex)| format!("{label}=~{}", quoted(regex))).collect();
    asked.extend(Some(more.to_owned()).filter(|more| !more.is_empty()));
    if asked.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", asked.join(",")) }
}

/// etcd's own metric.
fn of_etcd(wishes: &RuleWishes, metric: &str) -> String {
    series(metric, &[("job", &wishes.etcd_job)], "")
}

/// A string of PromQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
