//! Prometheus alert rules as data, and what somebody wants of them.

use serde::Serialize;

/// What the rules are made with.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleWishes {
    /// What every alert's name begins with.
    pub prefix: String,
    /// `job` of etcd's own metrics, a regular expression.
    pub etcd_job: String,
    /// `job` of node_exporter.
    pub node_job: String,
    /// `job` of smartctl_exporter.
    pub smart_job: String,
    /// `instance` of the masters in both.
    pub masters: String,
    /// p99 of the WAL's fsync that warns and pages, seconds.
    pub fsync: Thresholds,
    /// p99 of the backend's commit, seconds.
    pub commit: Thresholds,
    /// Share of the quota that the database file fills, percent.
    pub quota: Thresholds,
    /// Share of its time that a disk may be busy, percent.
    pub util: f64,
    /// Life left in a drive that warns, percent.
    pub wear_left: f64,
    /// Name of the label that tells how bad it is.
    pub severity_label: String,
    /// Its value for what can wait until morning.
    pub warning: String,
    /// Its value for what wakes somebody.
    pub critical: String,
    /// A page about these alerts, for an annotation of its own.
    pub runbook_url: Option<String>,
}

/// From where on to warn, and from where on to page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Warn above this.
    pub warn: f64,
    /// Page above this.
    pub page: f64,
}

/// A `groups:` entry of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleGroup {
    /// Its name.
    pub name: String,
    /// Its alerts.
    pub rules: Vec<Rule>,
}

/// One alert (prometheus model/rulefmt).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub alert: String,
    /// PromQL.
    pub expr: String,
    /// How long the expression has to hold ("10m").
    #[serde(rename = "for")]
    pub hold: String,
    /// Its labels, in order.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<(String, String)>,
    /// Its annotations, in order.
    #[serde(serialize_with = "as_map")]
    pub annotations: Vec<(String, String)>,
}

fn as_map<S: serde::Serializer>(pairs: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
