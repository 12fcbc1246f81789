//! A disk that hangs: every command comes back, says which directory does not
//! answer, goes on with the rest, and changes nothing. What waits for that disk
//! cannot be killed, so that whoever touches it himself never ends.

mod common;

use std::time::{Duration, Instant};

use common::{
    alone, judge, release,
    rescue::{Ran, rescue},
};
use lab::{Lab, Master, Spec};
use serde_json::json;

/// Nothing takes longer, whatever hangs.
const BOUND: Duration = Duration::from_secs(60);

const DATA: &str = "/var/lib/etcd";

#[test]
fn a_disk_that_hangs_hangs_no_command() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(1, &[release("3.5.16")])).unwrap();
    let first = lab.master("master-1");
    assert!(judge::put(first, "kept"));
    let data = judge::data(first);

    let hung = first.hang(DATA).unwrap();
    the_rest_is_told(first);
    nothing_is_changed(first);
    drop(hung);
    let status = in_time(first, &["status", "-w", "json"]).ends(0).json();
    assert_eq!(status["hanging"], json!([]), "{status:#}");
    assert_eq!(status["disk"]["data_dir"], DATA, "{status:#}");

    without_certificates_it_says_so(first);
    without_the_kubelets_directory_it_goes_on(first);
    assert!(judge::data(first) == data);
    lab.down().unwrap();
}

fn the_rest_is_told(first: &Master) {
    for command in ["locate", "status"] {
        let answer = in_time(first, &[command, "-w", "json"]).ends(0).json();
        assert_eq!(answer["hanging"], json!([DATA]), "{answer:#}");
        assert_eq!(answer["disk"], json!(null), "{answer:#}");
        let said = in_time(first, &[command]).ends(0).text();
        says(&said, "/var/lib/etcd does not answer");
    }
    let status = in_time(first, &["status", "-w", "json"]).ends(0).json();
    assert_eq!(status["members"][0]["reachable"], true, "{status:#}");
    let diagnosed = in_time(first, &["diagnose", "-w", "json"]);
    assert!(matches!(diagnosed.code, Some(0 | 8)), "{}\n{}", diagnosed.text(), diagnosed.stderr);
}

fn nothing_is_changed(first: &Master) {
    for command in ["recover", "compact", "defrag"] {
        let answer = in_time(first, &[command, "--yes", "-w", "json"]).ends(4).json();
        assert_eq!(answer["refusals"][0]["kind"], "disk_hangs", "{answer:#}");
        assert_eq!(answer["steps"], json!([]), "{answer:#}");
    }
    let save = ["snapshot", "save", "/var/lib/etcd/copy.db"];
    let refused = in_time(first, &save).ends(4);
    says(&refused.stderr, "its disk may hang");
    let dir = ["recover", "--yes", "--snapshot-dir", DATA];
    let refused = in_time(first, &dir).ends(4);
    says(&refused.stderr, "its disk may hang");
}

fn without_certificates_it_says_so(first: &Master) {
    let _hung = first.hang("/etc/kubernetes").unwrap();
    for command in ["locate", "status"] {
        let ran = in_time(first, &[command]).ends(7);
        says(&ran.stderr, "/etc/kubernetes");
        says(&ran.stderr, "does not answer");
    }
    // It looks at what is left.
    let diagnosed = in_time(first, &["diagnose"]);
    assert!(matches!(diagnosed.code, Some(7 | 8)), "{}\n{}", diagnosed.text(), diagnosed.stderr);
    let said = diagnosed.text() + &diagnosed.stderr;
    says(&said, "does not answer");
    says(&said, "/etc/kubernetes");
}

fn without_the_kubelets_directory_it_goes_on(first: &Master) {
    let _hung = first.hang("/var/lib/kubelet").unwrap();
    let status = in_time(first, &["status", "-w", "json"]).ends(0).json();
    assert_eq!(status["hanging"], json!(["/var/lib/kubelet"]), "{status:#}");
    assert_eq!(status["members"][0]["reachable"], true, "{status:#}");
    assert_eq!(status["disk"]["data_dir"], DATA, "{status:#}");
}

/// However the lines were broken.
#[track_caller]
fn says(text: &str, needle: &str) {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(needle), "{text}");
}

#[track_caller]
fn in_time(first: &Master, args: &[&str]) -> Ran {
    let began = Instant::now();
    let ran = rescue(first, args);
    eprintln!("{args:?}: {:?}", began.elapsed());
    assert!(began.elapsed() < BOUND, "{}\n{}", ran.text(), ran.stderr);
    ran
}
