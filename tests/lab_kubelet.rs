//! The real kubelet and the real kube-apiserver (`scripts/test --kubelet`): the
//! first kills etcd for its alarm by the probes of kubeadm up to 1.24, the second
//! refuses and takes what a person creates.

mod common;

use std::{fs, process::Output, time::Duration};

use common::{alone, fill, judge, release, rescue::rescue, three, until};
use lab::{Fill, Lab, Master, Probes, Spec};

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

/// Eight failed probes, ten seconds apart, and etcd's own end.
const KILL: Duration = Duration::from_secs(240);

/// The real API server has more to do until it serves than etcd has.
const APISERVER: Duration = Duration::from_secs(180);

/// Only where they have been built: that takes minutes, so it is asked for.
fn built() -> bool {
    let missing = lab::kubernetes().err();
    if let Some(error) = &missing {
        eprintln!("SKIPPED: {error:#}");
    }
    missing.is_none()
}

fn kubelet_log(master: &Master) -> String {
    fs::read_to_string(master.log("kubelet")).expect("a log")
}

/// The kubelet of this master is the same process as before, and not stopped.
#[track_caller]
fn keeps_running(master: &Master, kubelet: Option<u32>) {
    assert!(kubelet.is_some());
    assert_eq!(master.pid_of("kubelet"), kubelet);
    assert!(!matches!(master.state_of("kubelet"), None | Some('T')), "it is stopped");
}

fn recovers_after_the_real_kill(wanted: &str) {
    if !built() {
        return;
    }
    let _turn = alone();
    let lab = Lab::up(three(wanted, 32 << 20).probes(Probes::Health).real_kubelet(true)).unwrap();
    let first = lab.master("master-1");
    let kubelets: Vec<_> = lab.masters().iter().map(|master| master.pid_of("kubelet")).collect();
    let etcd = first.pid_of("etcd");
    fill(&lab, Fill::churn(), "master-2");
    let before = judge::data(first);

    until("the kubelet kills etcd", KILL, || {
        kubelet_log(first).contains("failed liveness probe, will be restarted")
    });
    until("etcd is started again", KILL, || {
        first.pid_of("etcd").is_some_and(|pid| Some(pid) != etcd)
    });
    lab.wait_serving(KILL).unwrap();

    let answer = rescue(first, &RECOVER).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    assert_eq!(judge::alarms(&lab), "");
    judge::same_data(&before, lab.masters());
    judge::small(&before, lab.masters());
    for (master, kubelet) in lab.masters().iter().zip(kubelets) {
        keeps_running(master, kubelet);
    }
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
    judge::equal_hashes(&lab);
}

#[test]
fn etcd_3_4_killed_by_the_real_kubelet_recovers() {
    recovers_after_the_real_kill("3.4");
}

#[test]
fn etcd_3_5_killed_by_the_real_kubelet_recovers() {
    recovers_after_the_real_kill("3.5.16");
}

/// Creates a small object. The answer is asked for in protobuf, as Kubernetes' own
/// components do: built with Go 1.18 or later, the JSON encoder this release carries
/// (reflect2 before 1.0.2) crashes the API server on an object with a map, after the
/// write. Protobuf leaves the text of an error readable.
fn create(master: &Master, name: &str) -> Output {
    let pki = "/etc/kubernetes/pki";
    let object = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}},"data":{{"a":"b"}}}}"#
    );
    let mut curl = master.command("/usr/bin/curl");
    curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20"])
        .args(["--cacert", &format!("{pki}/ca.crt")])
        .args(["--cert", &format!("{pki}/apiserver-kubelet-client.crt")])
        .args(["--key", &format!("{pki}/apiserver-kubelet-client.key")])
        .args(["--header", "Accept: application/vnd.kubernetes.protobuf"])
        .args(["--header", "Content-Type: application/json", "--data", &object])
        .arg("https://127.0.0.1:6443/api/v1/namespaces/default/configmaps");
    curl.output().expect("curl runs")
}

/// Whether it is there now; the answer to an earlier try may have been lost.
fn is_created(master: &Master, name: &str) -> bool {
    let answer = create(master, name);
    answer.status.success() || String::from_utf8_lossy(&answer.stdout).contains("AlreadyExists")
}

#[test]
fn the_real_api_server_takes_creates_again() {
    if !built() {
        return;
    }
    let _turn = alone();
    let spec = Spec::new(1, &[release("3.5.16")]).quota(32 << 20);
    let lab = Lab::up(spec.real_kubelet(true).apiserver(true)).unwrap();
    let master = lab.master("master-1");
    until("the API server creates", APISERVER, || is_created(master, "before"));
    let kubelet = master.pid_of("kubelet");
    fill(&lab, Fill::churn(), "master-1");
    let refused = create(master, "refused");
    let text = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(!refused.status.success() && text.contains("database space exceeded"), "{text}");

    let answer = rescue(master, &RECOVER).ends(0).json();
    assert_eq!(answer["outcome"], "recovered");
    until("the API server creates again", APISERVER, || is_created(master, "after"));
    let text = judge::said(lab.etcdctl(&[
        "get",
        "/registry/configmaps/default/",
        "--prefix",
        "--keys-only",
    ]));
    assert!(text.contains("default/before") && text.contains("default/after"), "{text}");
    assert!(!text.contains("default/refused"), "{text}");
    assert_eq!(judge::alarms(&lab), "");
    keeps_running(master, kubelet);
}
