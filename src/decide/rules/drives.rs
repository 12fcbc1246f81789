//! Alerts on the firmware of the masters' drives by smartctl_exporter (0.12
//! and later: every attribute is four series, told apart by
//! `attribute_value_type`). Attributes go by id: names change with smartctl's
//! drive database.

use super::{Alert, Weight, series};
use crate::model::RuleWishes;

const DIAGNOSE: &str = "on {{ $labels.instance }}: etcd-rescue diagnose";

pub(super) fn alerts(wishes: &RuleWishes) -> Vec<Alert> {
    let mut alerts = of_any_drive(wishes);
    alerts.extend(of_nvme(wishes));
    alerts
}

fn drive(wishes: &RuleWishes, metric: &str, more: &str) -> String {
    let labels = [("job", wishes.smart_job.as_str()), ("instance", wishes.masters.as_str())];
    series(&format!("smartctl_device{metric}"), &labels, more)
}

/// An attribute by id; `kind` is "raw" or "value".
fn attribute(wishes: &RuleWishes, id: &str, kind: &str, more: &str) -> String {
    let asked = format!("attribute_id=~\"{id}\",attribute_value_type=\"{kind}\"{more}");
    drive(wishes, "_attribute", &asked)
}

fn alert(
    name: &'static str,
    weight: Weight,
    expr: String,
    summary: &'static str,
    description: &str,
) -> Alert {
    let description = description.to_owned();
    Alert { name, weight, expr, hold: "5m", summary, description, command: DIAGNOSE }
}

fn of_any_drive(wishes: &RuleWishes) -> Vec<Alert> {
    let raw = |id: &str| attribute(wishes, id, "raw", "");
    vec![
        alert(
            "DriveFailing",
            Weight::Critical,
            format!("{} == 0", drive(wishes, "_smart_status", "")),
            "Drive {{ $labels.device }} of {{ $labels.instance }} predicts its failure",
            "Its own SMART status says so. Replace it. That other drives pass says little.",
        ),
        alert(
            "DriveCommandTimeouts",
            Weight::Warning,
            // Only that it grows: many Seagate drives pack three counts into
            // the number.
            format!("increase({}[1d]) > 0", raw("188")),
            "Drive {{ $labels.device }} of {{ $labels.instance }} times out on commands",
            "Attribute 188 has grown within a day: commands were not answered in time, each \
             stalls every fsync. With a slow fsync beside it: replace the drive.",
        ),
        alert(
            "DriveBadSectors",
            Weight::Warning,
            // 197 of some Crucial drives jumps between 0 and 1 for no reason.
            format!(
                "increase({}[1d]) > 0\nor {} >= 10\nor {} >= 10",
                raw("5|187|198"),
                raw("197"),
                raw("198")
            ),
            "Drive {{ $labels.device }} of {{ $labels.instance }} has bad sectors",
            "Attribute {{ $labels.attribute_id }} ({{ $labels.attribute_name }}): sectors were \
             given up or cannot be read.",
        ),
        alert(
            "DriveWornOut",
            Weight::Warning,
            worn(wishes),
            "Drive {{ $labels.device }} of {{ $labels.instance }} has nearly used up its life",
            "{{ $value }} % of its rated writes are left by {{ if $labels.attribute_id }}attribute \
             {{ $labels.attribute_id }} ({{ $labels.attribute_name }}){{ else }}its device \
             statistics{{ end }}.",
        ),
    ]
}

/// Percent left, where each vendor keeps it. Micron and Crucial have it in the
/// VALUE of 202, whose raw number is what is used; Kingston and Phison have it
/// in the raw number of 231, whose VALUE may stay 100. The same ids mean
/// something else on other drives, told by their names.
fn worn(wishes: &RuleWishes) -> String {
    let left = wishes.wear_left;
    let value = |id: &str, names: &str| {
        format!("{} <= {left}", attribute(wishes, id, "value", &format!(",attribute_name{names}")))
    };
    let phison = drive(wishes, "", "model_name=~\"(?i).*(kingston|phison).*\"");
    [
        value("202", "!~\"Data_Address_Mark_Err.*|Exception_Mode.*|End_of_Life\""),
        value("231", "=~\"SSD_Life_Left.*\""),
        format!(
            "({raw} > 0 and {raw} <= {left} and on (instance, device) {phison})",
            raw = attribute(wishes, "231", "raw", ""),
        ),
        value("233", "=\"Media_Wearout_Indicator\""),
        value("177", "=\"Wear_Leveling_Count\""),
        // The standard's own number, the same on every drive that has it.
        format!(
            "100 - {} <= {left}",
            drive(wishes, "_statistics", "statistic_name=\"Percentage Used Endurance Indicator\"")
        ),
    ]
    .join("\nor ")
}

fn of_nvme(wishes: &RuleWishes) -> Vec<Alert> {
    let metric = |name: &str| drive(wishes, name, "");
    let warning = metric("_critical_warning");
    let used = metric("_percentage_used");
    vec![
        alert(
            "NvmeCriticalWarning",
            Weight::Critical,
            // Some drives set bit 2 only because their rated life is used.
            format!(
                "{warning} > 0 unless on (instance, device) ({warning} == 4 and on (instance, \
                 device) {used} >= 100)"
            ),
            "NVMe drive {{ $labels.device }} of {{ $labels.instance }} warns",
            "Critical warning {{ $value }}: the sum of 1 spare low, 2 temperature, 4 reliability, \
             8 read-only, 16 power-loss protection.",
        ),
        alert(
            "NvmeSpareLow",
            Weight::Critical,
            format!("{} < {}", metric("_available_spare"), metric("_available_spare_threshold")),
            "NVMe drive {{ $labels.device }} of {{ $labels.instance }} runs out of spare blocks",
            "{{ $value }} % are left, less than its own threshold. Replace it.",
        ),
        alert(
            "NvmeMediaErrors",
            Weight::Warning,
            format!("increase({}[1d]) > 0", metric("_media_errors")),
            "NVMe drive {{ $labels.device }} of {{ $labels.instance }} has media errors",
            "Data that could not be read or written within the last day.",
        ),
        alert(
            "NvmeWornOut",
            Weight::Warning,
            format!("{used} >= {}", 100.0 - wishes.wear_left),
            "NVMe drive {{ $labels.device }} of {{ $labels.instance }} has nearly used up its life",
            "{{ $value }} % of its rated writes are used.",
        ),
    ]
}
