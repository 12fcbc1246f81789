//! Alerts on the disks of the masters by node_exporter: busy, slow, stalled.
//! Disks only: what lies above them (dm, md) has no flushes of its own.

use super::{Alert, Weight, series};
use crate::model::RuleWishes;

const DIAGNOSE: &str = "on {{ $labels.instance }}: etcd-rescue diagnose";

/// Not disks, or not for long.
const NO_DISK: &str = "device!~\"(dm-|md|loop|ram|zram|sr|fd|nbd|rbd).*\"";

/// Writes a second below which a mean says nothing.
const FEW: &str = "0.2";

pub(super) fn alerts(wishes: &RuleWishes) -> Vec<Alert> {
    let labels = [("job", wishes.node_job.as_str()), ("instance", wishes.masters.as_str())];
    let disk = |metric: &str| series(&format!("node_disk_{metric}"), &labels, NO_DISK);
    let rate = |metric: &str| format!("rate({}[5m])", disk(metric));
    let util = format!("100 * {}", rate("io_time_seconds_total"));
    let w_await = format!(
        "{} / ({} > {FEW})",
        rate("write_time_seconds_total"),
        rate("writes_completed_total")
    );
    let flush = format!(
        "{} / ({} > {FEW})",
        rate("flush_requests_time_seconds_total"),
        rate("flush_requests_total")
    );
    let done = format!("{} + {}", rate("reads_completed_total"), rate("writes_completed_total"));
    let alert = |name, weight, expr, hold, summary, description: &str| Alert {
        name,
        weight,
        expr,
        hold,
        summary,
        description: description.to_owned(),
        command: DIAGNOSE,
    };
    vec![
        alert(
            "DiskBusy",
            Weight::Warning,
            format!("{util} > {} and {w_await} > 0.01", wishes.util),
            "15m",
            "Disk {{ $labels.device }} of {{ $labels.instance }} is always busy",
            "{{ $value | humanize }} % of the time something is under way, and writes wait more \
             than 10 ms. Where etcd is on it, see who else writes there.",
        ),
        alert(
            "DiskWritesSlow",
            Weight::Warning,
            format!("{w_await} > {}", wishes.fsync.page),
            "10m",
            "Writes to {{ $labels.device }} of {{ $labels.instance }} take long",
            "{{ $value | humanizeDuration }} on average, queueing included.",
        ),
        alert(
            "DiskFlushesSlow",
            Weight::Warning,
            format!("{flush} > {}", wishes.fsync.warn),
            "10m",
            "Disk {{ $labels.device }} of {{ $labels.instance }} empties its cache slowly",
            "A flush takes {{ $value | humanizeDuration }} on average. Every fsync of etcd waits \
             for one.",
        ),
        alert(
            "DiskStalled",
            Weight::Critical,
            format!("{} > 0 and {done} == 0", disk("io_now")),
            "5m",
            "Disk {{ $labels.device }} of {{ $labels.instance }} answers nothing",
            "{{ $value }} requests are under way and none was completed in 5 minutes.",
        ),
    ]
}
