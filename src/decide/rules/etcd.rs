//! Alerts on etcd's own view of its disk and its leader. Quantiles are taken
//! per series, so that no label of the cluster or the node is lost.

use super::{Alert, Weight, of_etcd};
use crate::model::RuleWishes;

/// What every one of these says to type.
const DIAGNOSE: &str = "on the master {{ $labels.instance }}: etcd-rescue diagnose";

pub(super) fn alerts(wishes: &RuleWishes) -> Vec<Alert> {
    let mut alerts = slow_disk(wishes);
    alerts.extend(slow_cluster(wishes));
    alerts.push(Alert {
        name: "EtcdNotScraped",
        weight: Weight::Warning,
        expr: format!("absent({})", of_etcd(wishes, "etcd_disk_wal_fsync_duration_seconds_count")),
        hold: "15m",
        summary: "No metrics of etcd are scraped: none of these alerts can fire",
        description: "kubeadm serves them on http://127.0.0.1:2381/metrics of each master \
                      (--listen-metrics-urls of the static pod). See also whether the job label of \
                      these rules is the one of this Prometheus."
            .to_owned(),
        command: "etcd-rescue rules --etcd-job REGEX",
    });
    alerts
}

fn p99(wishes: &RuleWishes, histogram: &str) -> String {
    let buckets = of_etcd(wishes, &format!("{histogram}_bucket"));
    format!("histogram_quantile(0.99, rate({buckets}[5m]))")
}

fn slow_disk(wishes: &RuleWishes) -> Vec<Alert> {
    let fsync = p99(wishes, "etcd_disk_wal_fsync_duration_seconds");
    let commit = p99(wishes, "etcd_disk_backend_commit_duration_seconds");
    let of_fsync = "99 of 100 fsyncs of etcd's write-ahead log should take less than 10 ms; this \
                    member's take {{ $value | humanizeDuration }}. Every write of the API server \
                    waits for them. A dying or a shared disk is the usual reason, and `etcdctl \
                    endpoint health` does not show it.";
    let of_commit = "99 of 100 commits to etcd's database should take less than 25 ms; this \
                     member's take {{ $value | humanizeDuration }}.";
    let alert = |name, weight, p99: &str, over: f64, hold, summary, description: &str| Alert {
        name,
        weight,
        expr: format!("{p99} > {over}"),
        hold,
        summary,
        description: description.to_owned(),
        command: DIAGNOSE,
    };
    vec![
        alert(
            "FsyncSlow",
            Weight::Warning,
            &fsync,
            wishes.fsync.warn,
            "10m",
            "etcd on {{ $labels.instance }} waits long for its disk",
            of_fsync,
        ),
        alert(
            "FsyncVerySlow",
            Weight::Critical,
            &fsync,
            wishes.fsync.page,
            "5m",
            "etcd on {{ $labels.instance }} waits very long for its disk",
            of_fsync,
        ),
        alert(
            "CommitSlow",
            Weight::Warning,
            &commit,
            wishes.commit.warn,
            "10m",
            "etcd on {{ $labels.instance }} commits slowly",
            of_commit,
        ),
        alert(
            "CommitVerySlow",
            Weight::Critical,
            &commit,
            wishes.commit.page,
            "5m",
            "etcd on {{ $labels.instance }} commits very slowly",
            of_commit,
        ),
    ]
}

fn slow_cluster(wishes: &RuleWishes) -> Vec<Alert> {
    let more_than = |counter: &str, span: &str, over: u32| {
        format!("increase({}[{span}]) > {over}", of_etcd(wishes, counter))
    };
    let warning = |name, expr, summary, description: &str| Alert {
        name,
        weight: Weight::Warning,
        expr,
        hold: "5m",
        summary,
        description: description.to_owned(),
        command: DIAGNOSE,
    };
    vec![
        Alert {
            weight: Weight::Critical,
            hold: "1m",
            ..warning(
                "NoLeader",
                format!("{} == 0", of_etcd(wishes, "etcd_server_has_leader")),
                "etcd on {{ $labels.instance }} has no leader",
                "It takes no write, and the API server of that master fails.",
            )
        },
        warning(
            "LeaderChanges",
            more_than("etcd_server_leader_changes_seen_total", "15m", 2),
            "etcd on {{ $labels.instance }} changes its leader again and again",
            "{{ $value | humanize }} changes in 15 minutes. A leader that stalls on its disk, or \
             a network that loses its heartbeats.",
        ),
        warning(
            "HeartbeatsLate",
            more_than("etcd_server_heartbeat_send_failures_total", "10m", 5),
            "The etcd leader on {{ $labels.instance }} sends heartbeats too late",
            "{{ $value | humanize }} in 10 minutes. It is overloaded, most often by its disk.",
        ),
        warning(
            "AppliesSlow",
            more_than("etcd_server_slow_apply_total", "10m", 30),
            "etcd on {{ $labels.instance }} applies requests slowly",
            "{{ $value | humanize }} requests in 10 minutes took more than 100 ms to apply: a slow \
             disk, a starved CPU, or very large reads.",
        ),
        warning(
            "ReadsSlow",
            more_than("etcd_server_slow_read_indexes_total", "10m", 5),
            "etcd on {{ $labels.instance }} waits for the others before it can read",
            "{{ $value | humanize }} reads in 10 minutes waited long for a majority: the leader or \
             the network is slow.",
        ),
    ]
}
