//! The flags of `rules`: what the alert rules are made with.

use clap::{Args, value_parser};

/// What the alert rules say.
#[derive(Clone, Debug, Args)]
pub struct Rules {
    /// Prefix of the rules' names
    #[arg(long, value_name = "WORD", default_value = "EtcdRescue")]
    pub prefix: String,
    /// Job label of etcd's own metrics (regular expression)
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    pub etcd_job: String,
    /// Job label of node_exporter's metrics
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    pub node_job: String,
    /// Job label of smartctl_exporter's metrics
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    pub smart_job: String,
    /// Instance label of the masters in both; others are left alone
    #[arg(long, value_name = "REGEX", default_value = ".*")]
    pub masters: String,
    /// Warn when the p99 of WAL fsyncs is above this
    #[arg(long, value_name = "TIME", default_value = "25ms")]
    pub fsync_warn: String,
    /// Page when the p99 of WAL fsyncs is above this
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    pub fsync_page: String,
    /// Warn when the p99 of backend commits is above this
    #[arg(long, value_name = "TIME", default_value = "50ms")]
    pub commit_warn: String,
    /// Page when the p99 of backend commits is above this
    #[arg(long, value_name = "TIME", default_value = "250ms")]
    pub commit_page: String,
    /// Warn when the database fills this share of its quota
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = value_parser!(u8).range(1..=100))]
    pub quota_warn: u8,
    /// Page when the database fills this share of its quota
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = value_parser!(u8).range(1..=100))]
    pub quota_page: u8,
    /// Warn when a disk is busy for this share of the time, and slow
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = value_parser!(u8).range(1..=100))]
    pub util: u8,
    /// Warn when a drive has this much of its rated life left
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = value_parser!(u8).range(0..=99))]
    pub wear_left: u8,
    /// Label that tells how bad an alert is
    #[arg(long, value_name = "WORD", default_value = "severity")]
    pub severity_label: String,
    /// Its value for what can wait until morning
    #[arg(long, value_name = "TEXT", default_value = "warning")]
    pub warning: String,
    /// Its value for what wakes somebody
    #[arg(long, value_name = "TEXT", default_value = "critical")]
    pub critical: String,
    /// Your own page about these alerts, as annotation runbook_url
    #[arg(long, value_name = "URL")]
    pub runbook_url: Option<String>,
}

impl Rules {
    /// The subcommand with the flags that are not left as they are, as one
    /// would type it again.
    #[must_use]
    pub fn words(&self) -> String {
        let flags = [
            ("--prefix", self.prefix.clone(), "EtcdRescue"),
            ("--etcd-job", self.etcd_job.clone(), ".*"),
            ("--node-job", self.node_job.clone(), ".*"),
            ("--smart-job", self.smart_job.clone(), ".*"),
            ("--masters", self.masters.clone(), ".*"),
            ("--fsync-warn", self.fsync_warn.clone(), "25ms"),
            ("--fsync-page", self.fsync_page.clone(), "100ms"),
            ("--commit-warn", self.commit_warn.clone(), "50ms"),
            ("--commit-page", self.commit_page.clone(), "250ms"),
            ("--quota-warn", self.quota_warn.to_string(), "90"),
            ("--quota-page", self.quota_page.to_string(), "95"),
            ("--util", self.util.to_string(), "80"),
            ("--wear-left", self.wear_left.to_string(), "10"),
            ("--severity-label", self.severity_label.clone(), "severity"),
            ("--warning", self.warning.clone(), "warning"),
            ("--critical", self.critical.clone(), "critical"),
        ];
        let url = self.runbook_url.iter().map(|url| ("--runbook-url", url.clone(), ""));
        let mut words = "rules".to_owned();
        for (flag, value, default) in flags.into_iter().chain(url) {
            if value != default {
                words.push_str(&format!(" {flag} '{}'", value.replace('\'', "'\\''")));
            }
        }
        words
    }
}
