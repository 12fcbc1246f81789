//! etcd's log and those of its clients, as a real runtime writes them while a
//! disk is slow: every line of this life and of the one before is told, once.

mod common;

use std::{fs, path::PathBuf, time::Duration};

use common::{alone, release, rescue::rescue, until};
use lab::{Lab, Master, Spec};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const PODS: &str = "/var/log/pods";

#[test]
fn a_slow_disk_is_told_by_the_logs_of_etcd_and_of_its_clients() {
    let _turn = alone();
    for etcd in ["3.4.23", "3.5"] {
        let lab = Lab::up(Spec::new(1, &[release(etcd)])).unwrap();
        let master = lab.master("master-1");
        let slow = master.slow_sync(Duration::from_millis(1_100)).unwrap();
        until("etcd complains of its disk", PATIENCE, || {
            let put = master.etcdctl(&["put", "/registry/secrets/default/a", "hunter2"]);
            let _slow_is_meant = put.map(|_| ());
            complaints(master) >= 4
        });
        drop(slow);
        let first = log_of(master);
        // The kubelet rotates and compresses; a client suffered.
        let directory = first.parent().unwrap();
        let old = fs::read_to_string(&first).unwrap();
        fs::write(directory.join("0.log.20200101-000000.gz"), "?").unwrap();
        let of = |pod: &str| directory.parent().unwrap().parent().unwrap().join(pod);
        let client = of("kube-system_metrics-server-6d_11/metrics-server");
        fs::create_dir_all(&client).unwrap();
        let time = old.lines().last().unwrap().split(' ').next().unwrap();
        let line = "apiserver was unable to write a JSON response: http: Handler timeout";
        fs::write(client.join("0.log"), format!("{time} stderr F E1123 {line}\n")).unwrap();

        let answer = rescue(master, &["diagnose", "--passive", "-w", "json"]);
        let answer: Value = answer.json();
        let log = &answer["log"];
        let sign = |kind: &str| {
            let signs = log["signs"].as_array().unwrap();
            signs.iter().find(|sign| sign["kind"] == kind).cloned().unwrap_or_default()
        };
        let fsync = sign("slow_fdatasync");
        assert_eq!(fsync["count"], complaints(master), "{etcd}: {log:#}");
        let worst = fsync["worst_ms"].as_f64().unwrap();
        assert!(worst >= 1_100.0, "{etcd}: {fsync:#}");
        assert_eq!(sign("leader_lost"), Value::Null, "{etcd}: a start is no trouble: {log:#}");
        assert!(!answer.to_string().contains("hunter2"), "{etcd}");
        let complaints = log["complaints"].to_string();
        assert!(complaints.contains("20200101-000000.gz"), "{etcd}: {complaints}");
        let symptom = &answer["symptoms"][0];
        assert_eq!(symptom["kind"], "metrics_server_timeouts", "{etcd}: {answer:#}");
        assert_eq!(symptom["count"], 1);
    }
}

/// Lines about a slow fdatasync, by a plain search.
fn complaints(master: &Master) -> usize {
    let text = fs::read_to_string(log_of(master)).unwrap_or_default();
    text.lines()
        .filter(|line| line.contains("slow fdatasync") || line.contains("sync duration of"))
        .count()
}

/// The log of the only attempt.
fn log_of(master: &Master) -> PathBuf {
    let pods = fs::read_dir(master.path(PODS)).unwrap().map(|pod| pod.unwrap().path());
    let is_etcd = |pod: &PathBuf| pod.to_string_lossy().contains("kube-system_etcd-");
    pods.filter(is_etcd).map(|pod| pod.join("etcd/0.log")).find(|log| log.is_file()).unwrap()
}
