//! Alerts on the room in etcd's database: its quota, its growth, NOSPACE, and
//! pages that only a defragmentation gives back.

use super::{Alert, Weight, of_etcd, series};
use crate::model::RuleWishes;

/// What the recovery would do, without doing it.
const PLAN: &str = "on the master {{ $labels.instance }}: etcd-rescue --dry-run";

/// 100 MiB: below this nobody minds.
const SMALL: &str = "104857600";

pub(super) fn alerts(wishes: &RuleWishes) -> Vec<Alert> {
    let size = of_etcd(wishes, "etcd_mvcc_db_total_size_in_bytes");
    let in_use = of_etcd(wishes, "etcd_mvcc_db_total_size_in_use_in_bytes");
    let quota = format!("({} > 0)", of_etcd(wishes, "etcd_server_quota_backend_bytes"));
    let filled = format!("100 * {size} / {quota}");
    let of_quota = "The file fills {{ $value | humanize }} % of its quota. At 100 % etcd raises \
                    NOSPACE and the whole cluster takes no more writes.";
    let alert = |name, weight, expr, hold, summary, description: &str, command| Alert {
        name,
        weight,
        expr,
        hold,
        summary,
        description: description.to_owned(),
        command,
    };
    vec![
        alert(
            "QuotaNear",
            Weight::Warning,
            format!("{filled} > {}", wishes.quota.warn),
            "10m",
            "etcd's database on {{ $labels.instance }} comes near its quota",
            of_quota,
            PLAN,
        ),
        alert(
            "QuotaVeryNear",
            Weight::Critical,
            format!("{filled} > {}", wishes.quota.page),
            "5m",
            "etcd's database on {{ $labels.instance }} has nearly reached its quota",
            of_quota,
            PLAN,
        ),
        alert(
            "QuotaSoonReached",
            Weight::Warning,
            format!("predict_linear({size}[6h], 24 * 3600) > {quota} and {filled} > 50"),
            "1h",
            "etcd's database on {{ $labels.instance }} will reach its quota within a day",
            "By the growth of the last 6 hours it will be {{ $value | humanize1024 }}B large then.",
            "on the master {{ $labels.instance }}: etcd-rescue status",
        ),
        Alert { hold: "1m", ..no_space(wishes, &filled) },
        alert(
            "DatabaseFragmented",
            Weight::Warning,
            format!("100 * {in_use} / ({size} > {SMALL}) < 50"),
            "1h",
            "etcd's database on {{ $labels.instance }} is mostly empty pages",
            "Only {{ $value | humanize }} % of the file is in use; the quota counts all of it. A \
             defragmentation gives the rest back.",
            "on the master {{ $labels.instance }}: etcd-rescue defrag --dry-run",
        ),
    ]
}

/// Only 3.6 has a metric for the alarm. Before, a file at its quota and
/// refused writes stand for it: etcd refuses a write that would not fit, so
/// the file stays a little smaller, and the alarm stays when it shrinks.
fn no_space(wishes: &RuleWishes, filled: &str) -> Alert {
    let job = [("job", wishes.etcd_job.as_str())];
    let alarm = series("etcd_debugging_server_alarms", &job, "alarm_type=\"NOSPACE\"");
    let refused = series(
        "grpc_server_handled_total",
        &job,
        "grpc_service=\"etcdserverpb.KV\",grpc_method=~\"Put|Txn\",grpc_code=\"ResourceExhausted\"",
    );
    Alert {
        name: "NoSpace",
        weight: Weight::Critical,
        expr: format!("{filled} >= 99\nor {alarm} > 0\nor rate({refused}[5m]) > 0"),
        hold: "1m",
        summary: "etcd on {{ $labels.instance }} has no space left and refuses writes",
        description: "NOSPACE, by the size of its file, by its alarm (3.6) or by the writes it \
                      refuses. Nothing in the cluster can be created or changed until it is \
                      compacted, defragmented and the alarm is taken off."
            .to_owned(),
        command: "on a master: etcd-rescue",
    }
}
