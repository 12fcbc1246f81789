//! The alert rules, judged by Prometheus' own promtool: whether they are
//! rules, what they say of the incident, and that they are silent about a
//! healthy cluster.

mod common;

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Output},
};

use common::rescue::binary;

/// Minutes of every series: more than the longest `for` and two days of
/// `increase` are not needed, because series begin where they are looked at.
const MINUTES: usize = 180;

/// A series at one value a minute.
struct Series {
    name: String,
    values: Vec<f64>,
}

fn series(name: impl Into<String>, value: impl Fn(usize) -> f64) -> Series {
    Series { name: name.into(), values: (0..=MINUTES).map(value).collect() }
}

fn still(name: impl Into<String>, value: f64) -> Series {
    series(name, |_| value)
}

fn rising(name: impl Into<String>, by: f64) -> Series {
    series(name, |minute| minute as f64 * by)
}

/// 100 values a minute in a histogram of etcd's: so many above each bound.
fn histogram(name: &str, labels: &str, over: impl Fn(f64) -> f64) -> Vec<Series> {
    let bucket = |le: String, share: f64| {
        rising(format!("{name}_bucket{{{labels},le=\"{le}\"}}"), 100.0 - share)
    };
    let bounds = (0..14).map(|n| 0.001 * f64::from(1 << n));
    let mut all: Vec<Series> =
        bounds.map(|bound| bucket(format!("{bound}"), over(bound))).collect();
    all.push(bucket("+Inf".to_owned(), 0.0));
    all.push(rising(format!("{name}_count{{{labels}}}"), 100.0));
    all
}

const ETCD: &str = r#"job="kube-etcd",instance="10.0.0.1:2381""#;
const NODE: &str = r#"job="node-exporter",instance="10.0.0.1:9100",device="sda""#;
const SMART: &str = r#"job="smartctl",instance="10.0.0.1:9633",device="sda""#;

fn etcd(name: &str) -> String {
    format!("{name}{{{ETCD}}}")
}

fn node(name: &str) -> String {
    format!("node_disk_{name}{{{NODE}}}")
}

fn smart(name: &str) -> String {
    format!("smartctl_device_{name}{{{SMART}}}")
}

fn attribute(id: u8, name: &str, kind: &str) -> String {
    format!(
        "smartctl_device_attribute{{{SMART},attribute_id=\"{id}\",attribute_name=\"{name}\",\
         attribute_value_type=\"{kind}\",attribute_flags_short=\"-O--CK\"}}"
    )
}

/// An etcd with room whose disk and drive are fine, but for what is given.
fn etcd_at(db: impl Fn(usize) -> f64, in_use: f64) -> Vec<Series> {
    vec![
        series(etcd("etcd_mvcc_db_total_size_in_bytes"), db),
        still(etcd("etcd_mvcc_db_total_size_in_use_in_bytes"), in_use),
        still(etcd("etcd_server_quota_backend_bytes"), 2_147_483_648.0),
        still(etcd("etcd_server_has_leader"), 1.0),
        still(etcd("etcd_server_leader_changes_seen_total"), 1.0),
        still(etcd("etcd_server_heartbeat_send_failures_total"), 3.0),
        rising(etcd("etcd_server_slow_apply_total"), 0.2),
        still(etcd("etcd_server_slow_read_indexes_total"), 0.0),
    ]
}

const MIB: f64 = 1_048_576.0;

fn healthy() -> Vec<Series> {
    let mut all = etcd_at(|minute| (300.0 + minute as f64 * 0.01) * MIB, 250.0 * MIB);
    for name in ["wal_fsync", "backend_commit"] {
        let name = format!("etcd_disk_{name}_duration_seconds");
        all.extend(histogram(&name, ETCD, |bound| if bound < 0.008 { 0.4 } else { 0.0 }));
    }
    all.extend([
        rising(node("io_time_seconds_total"), 6.0),
        rising(node("write_time_seconds_total"), 0.9),
        rising(node("writes_completed_total"), 900.0),
        rising(node("reads_completed_total"), 10.0),
        rising(node("flush_requests_time_seconds_total"), 0.3),
        rising(node("flush_requests_total"), 200.0),
        still(node("io_now"), 1.0),
        still(smart("smart_status"), 1.0),
        // A healthy Micron has had some; a Seagate packs three counts.
        still(attribute(188, "Command_Timeout", "raw"), 29.0),
        still(attribute(188, "Command_Timeout", "value"), 100.0),
        still(attribute(202, "Percent_Lifetime_Remain", "value"), 99.0),
        still(attribute(202, "Percent_Lifetime_Remain", "raw"), 1.0),
        still(attribute(202, "Percent_Lifetime_Remain", "thresh"), 1.0),
        still(attribute(5, "Reallocated_Sector_Ct", "raw"), 0.0),
        // The firmware of a Crucial MX500.
        series(attribute(197, "Current_Pending_Sector", "raw"), |minute| (minute % 2) as f64),
        still(attribute(231, "Temperature_Celsius", "raw"), 5.0),
        still(attribute(233, "NAND_GB_Written_TLC", "value"), 1.0),
        still(smart("percentage_used"), 40.0),
        still(smart("available_spare"), 0.0),
        still(smart("available_spare_threshold"), 0.0),
        still(smart("critical_warning"), 0.0),
        still(smart("media_errors"), 3.0),
    ]);
    all
}

/// The seven-year-old drive: fsyncs of 300 to 500 ms in some of a hundred, a
/// disk that is always busy, timeouts that have grown to 85, 9 % life left.
fn incident() -> Vec<Series> {
    let mut all = etcd_at(|_| 300.0 * MIB, 250.0 * MIB);
    all.extend(histogram("etcd_disk_wal_fsync_duration_seconds", ETCD, |bound| match bound {
        bound if bound < 0.25 => 5.0,
        bound if bound < 0.5 => 4.0,
        _ => 0.0,
    }));
    all.extend([
        rising(node("io_time_seconds_total"), 57.0),
        rising(node("write_time_seconds_total"), 190.0),
        rising(node("writes_completed_total"), 900.0),
        rising(node("reads_completed_total"), 10.0),
        rising(node("flush_requests_time_seconds_total"), 40.0),
        rising(node("flush_requests_total"), 200.0),
        still(node("io_now"), 12.0),
        still(smart("smart_status"), 1.0),
        series(
            attribute(188, "Command_Timeout", "raw"),
            |minute| if minute < 60 { 80.0 } else { 85.0 },
        ),
        still(attribute(188, "Command_Timeout", "value"), 100.0),
        still(attribute(202, "Percent_Lifetime_Remain", "value"), 9.0),
        still(attribute(202, "Percent_Lifetime_Remain", "raw"), 91.0),
        still(smart("power_on_seconds"), 224_089_200.0),
    ]);
    all
}

fn promtool(directory: &Path, args: &[&str]) -> Output {
    // Where scripts/setup puts it, else wherever this machine has it.
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/promtool/promtool");
    let program = if ours.is_file() { ours } else { "promtool".into() };
    let output = Command::new(program).current_dir(directory).args(args).output();
    output.expect("promtool is not here: `scripts/setup lab` takes it from Debian's prometheus")
}

fn rules(args: &[&str]) -> Vec<u8> {
    let output = Command::new(binary()).arg("rules").args(args).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[track_caller]
fn passes(output: &Output) {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}

/// Which alerts fire after so many minutes: exactly these.
#[track_caller]
fn fires(series: &[Series], minute: usize, expected: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("rules.yml"), rules(&[])).expect("written");
    let mut test = format!(
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  \
         promql_expr_test:\n  - expr: count by (alertname) (ALERTS{{alertstate=\"firing\"}})\n    \
         eval_time: {minute}m\n    exp_samples:\n"
    );
    for name in expected {
        let _ = writeln!(test, "    - {{labels: '{{alertname=\"EtcdRescue{name}\"}}', value: 1}}");
    }
    test.push_str("  input_series:\n");
    for Series { name, values } in series {
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        let _ = writeln!(test, "  - series: '{name}'\n    values: '{}'", values.join(" "));
    }
    fs::write(directory.path().join("test.yml"), test).expect("written");
    passes(&promtool(directory.path(), &["test", "rules", "test.yml"]));
}

#[test]
fn promtool_takes_the_rules_with_any_flags() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rules.yml");
    let odd: &[&str] = &[
        "--prefix",
        "Ours",
        "--etcd-job",
        r#"kube-(etcd|x)\.y""#,
        "--node-job",
        "node",
        "--masters",
        "m-[0-9]+:.*",
        "--severity-label",
        "level",
        "--critical",
        "page: now # 'really'",
        "--fsync-warn",
        "30ms",
        "--fsync-page",
        "1m",
        "--wear-left",
        "0",
        "--quota-warn",
        "95",
        "--runbook-url",
        "https://example.com/#etcd: x",
    ];
    for args in [&[], odd, &["-w", "json"], &["--smart-job", "a|b", "--util", "1"]] {
        fs::write(&file, rules(args)).expect("written");
        passes(&promtool(directory.path(), &["check", "rules", "rules.yml"]));
    }
}

#[test]
fn the_incident_fires_what_it_should() {
    // The timeouts grow after an hour.
    let all = [
        "DiskBusy",
        "DiskFlushesSlow",
        "DiskWritesSlow",
        "DriveCommandTimeouts",
        "DriveWornOut",
        "FsyncSlow",
        "FsyncVerySlow",
    ];
    fires(&incident(), 120, &all);
    let before: Vec<&str> =
        all.into_iter().filter(|name| *name != "DriveCommandTimeouts").collect();
    fires(&incident(), 50, &before);
    fires(&incident(), 4, &[]);
}

#[test]
fn a_healthy_cluster_fires_nothing() {
    for minute in [20, 100, MINUTES] {
        fires(&healthy(), minute, &[]);
    }
}

#[test]
fn a_database_that_fills_up_is_told_before_and_when_it_is_full() {
    let growing = |minute: usize| (1_100.0 + minute as f64 * 5.0).min(2_047.0) * MIB;
    let fsync = || histogram("etcd_disk_wal_fsync_duration_seconds", ETCD, |_| 0.0);
    let mut database = etcd_at(growing, 250.0 * MIB);
    database.extend(fsync());
    fires(&database, 100, &["DatabaseFragmented", "QuotaSoonReached"]);
    fires(&database, 168, &["DatabaseFragmented", "QuotaNear", "QuotaSoonReached"]);
    let mut full = etcd_at(|_| 2_147.0e6, 2_000.0 * MIB);
    full.extend(fsync());
    fires(&full, 60, &["NoSpace", "QuotaNear", "QuotaVeryNear"]);
    // Compacted and defragmented, and the alarm is still there: by 3.6's
    // metric, and by refused writes before.
    let alarm =
        format!("etcd_debugging_server_alarms{{{ETCD},server_id=\"ab\",alarm_type=\"NOSPACE\"}}");
    let refused = format!(
        "grpc_server_handled_total{{{ETCD},grpc_service=\"etcdserverpb.KV\",grpc_method=\"Txn\",\
         grpc_code=\"ResourceExhausted\",grpc_type=\"unary\"}}"
    );
    for sign in [still(alarm, 1.0), rising(refused, 9.0)] {
        let mut small = etcd_at(|_| 50.0 * MIB, 40.0 * MIB);
        small.extend(fsync());
        small.push(sign);
        fires(&small, 60, &["NoSpace"]);
    }
}

#[test]
fn drives_are_judged_by_what_their_vendor_means() {
    let fsync = || histogram("etcd_disk_wal_fsync_duration_seconds", ETCD, |_| 0.0);
    let told = |drive: Vec<Series>, expected: &[&str]| {
        let series: Vec<Series> = fsync().into_iter().chain(drive).collect();
        fires(&series, 90, expected);
    };
    let model =
        |name: &str| still(format!("smartctl_device{{{SMART},model_name=\"{name}\"}}"), 1.0);
    // Kingston: the raw number is what is left.
    let kingston = |raw: f64| {
        vec![
            model("KINGSTON SKC400S371T"),
            still(attribute(231, "SSD_Life_Left", "value"), 100.0),
            still(attribute(231, "SSD_Life_Left", "raw"), raw),
        ]
    };
    told(kingston(74.0), &[]);
    told(kingston(8.0), &["DriveWornOut"]);
    // A raw number of another vendor's means nothing.
    told(
        vec![
            model("ST3000NM0033"),
            still(attribute(231, "Temperature_Celsius", "raw"), 8.0),
            still(attribute(188, "Command_Timeout", "raw"), 51_540_393_996.0),
        ],
        &[],
    );
    // The standard's number, where no vendor's is known.
    let used = |percent: f64| {
        let name = "Percentage Used Endurance Indicator";
        let labels = format!("{SMART},statistic_table=\"Solid State Device Statistics\"");
        let name = format!("smartctl_device_statistics{{{labels},statistic_name=\"{name}\"}}");
        vec![still(name, percent)]
    };
    told(used(60.0), &[]);
    told(used(91.0), &["DriveWornOut"]);
    told(
        vec![still(smart("critical_warning"), 4.0), still(smart("percentage_used"), 100.0)],
        &["NvmeWornOut"],
    );
    told(
        vec![
            still(smart("critical_warning"), 1.0),
            still(smart("percentage_used"), 100.0 - 11.0),
            still(smart("available_spare"), 4.0),
            still(smart("available_spare_threshold"), 10.0),
            series(smart("media_errors"), |minute| (minute / 40) as f64),
            still(smart("smart_status"), 0.0),
        ],
        &["DriveFailing", "NvmeCriticalWarning", "NvmeMediaErrors", "NvmeSpareLow"],
    );
}

#[test]
fn a_cluster_in_trouble_and_one_nobody_watches_are_told() {
    let mut all = etcd_at(|_| 300.0 * MIB, 250.0 * MIB);
    all.retain(|series| !series.name.contains("leader") && !series.name.contains("slow_"));
    all.retain(|series| !series.name.contains("heartbeat"));
    all.extend([
        still(etcd("etcd_server_has_leader"), 0.0),
        rising(etcd("etcd_server_leader_changes_seen_total"), 0.5),
        rising(etcd("etcd_server_heartbeat_send_failures_total"), 2.0),
        rising(etcd("etcd_server_slow_apply_total"), 8.0),
        rising(etcd("etcd_server_slow_read_indexes_total"), 2.0),
        still(node("io_now"), 4.0),
        still(node("reads_completed_total"), 500.0),
        still(node("writes_completed_total"), 500.0),
    ]);
    let expected = [
        "AppliesSlow",
        "DiskStalled",
        "EtcdNotScraped",
        "HeartbeatsLate",
        "LeaderChanges",
        "NoLeader",
        "ReadsSlow",
    ];
    fires(&all, 60, &expected);
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for args in [
        &["--fsync-warn", "1s"][..],
        &["--fsync-page", "soon"],
        &["--etcd-job", "("],
        &["--prefix", "a-b"],
        &["--severity-label", ""],
        &["--critical", "two\nlines"],
        &["--quota-page", "101"],
        &["--quota-warn", "96"],
    ] {
        let output = Command::new(binary()).arg("rules").args(args).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}
