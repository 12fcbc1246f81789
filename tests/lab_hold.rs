//! Outages in which the kubelet itself kills etcd: real masters with the probes
//! of kubeadm up to 1.24, which the alarm makes fail, at ten times the speed.

mod common;

#[path = "common/stage.rs"]
mod stage;
#[path = "common/terminal.rs"]
mod terminal;

use std::{fs, thread, time::Duration};

use common::{
    alone, fill, judge, release,
    rescue::{Rescue, Signal, binary, rescue},
    until,
};
use lab::{Fill, Lab, Master, Probes, Spec};
use serde_json::Value;
use stage::flat;
use terminal::Terminal;

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

fn crash_loop(masters: usize, wanted: &str) -> Lab {
    let spec = Spec::new(masters, &[release(wanted)]).quota(32 << 20);
    let lab = Lab::up(spec.probes(Probes::Health).speed(10)).unwrap();
    fill(&lab, Fill::churn(), "master-1");
    lab
}

/// What a stopped kubelet would leave behind.
#[track_caller]
fn kubelets_run(lab: &Lab) {
    for master in lab.masters() {
        let state = master.state_of("kubelet");
        assert!(state.is_some_and(|state| state != 'T'), "{}: {state:?}", master.name());
        until("no guardian", Duration::from_secs(2), || master.pid_of("kubelet-guard").is_none());
        assert!(!master.path("/run/etcd-rescue/kubelet-hold.json").exists());
    }
}

#[track_caller]
fn held_and_recovered(answer: &Value) {
    assert_eq!(answer["outcome"], "recovered");
    let first = &answer["steps"][0];
    assert_eq!((&first["id"], &first["status"]), (&"hold-kubelet".into(), &"done".into()));
    assert_eq!(first["member"], Value::Null);
}

/// Waits until etcd was started anew, so that most of the time between two
/// kills is left.
fn await_fresh_etcd(master: &Master) {
    let old = master.pid_of("etcd");
    until("the kubelet kills etcd", Duration::from_secs(60), || master.pid_of("etcd") != old);
    until("and starts it", Duration::from_secs(60), || master.pid_of("etcd").is_some());
    master.wait_serving(Duration::from_secs(60)).unwrap();
}

#[test]
fn an_etcd_that_its_probe_kills_is_recovered_while_the_kubelet_is_held() {
    let _turn = alone();
    for wanted in ["3.4.23", "3.5.16"] {
        let lab = crash_loop(1, wanted);
        let first = lab.master("master-1");
        let before = judge::data(first);
        await_fresh_etcd(first);
        let etcd = first.pid_of("etcd");
        let answer = rescue(first, &RECOVER).ends(0).json();
        held_and_recovered(&answer);
        assert_eq!(first.pid_of("etcd"), etcd, "it was not killed meanwhile");
        kubelets_run(&lab);
        judge::same_data(&before, [first]);
        judge::stays_writable(&lab, &[first]);
    }
}

#[test]
fn a_killed_rescue_lets_the_kubelet_go_and_the_next_one_finishes() {
    let _turn = alone();
    let lab = crash_loop(1, "3.5.16");
    let first = lab.master("master-1");
    let before = judge::data(first);
    await_fresh_etcd(first);
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("Step 2 of");
    assert_eq!(first.state_of("kubelet"), Some('T'));
    let status = rescue(first, &["status", "-w", "json"]).ends(0).json();
    assert_eq!(status["kubelet"]["stopped"], true);
    assert_eq!(status["kubelet"]["held_by_runs"], true);
    run.signal(Signal::SIGKILL);
    until("the kubelet goes on", Duration::from_secs(2), || {
        first.state_of("kubelet").is_some_and(|state| state != 'T')
    });
    run.finish();
    kubelets_run(&lab);
    left_by_both(first);
    let answer = rescue(first, &RECOVER).ends(0);
    assert!(answer.stderr.contains("was still stopped by an earlier run"), "{}", answer.stderr);
    held_and_recovered(&answer.json());
    kubelets_run(&lab);
    judge::same_data(&before, [first]);
}

/// Kills a rescue and its guardian at once: the kubelet stays stopped, and
/// `status` says so without touching it.
fn left_by_both(first: &Master) {
    await_fresh_etcd(first);
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("Step 2 of");
    run.signal(Signal::SIGSTOP);
    first.signal("kubelet-guard", "KILL").unwrap();
    run.signal(Signal::SIGKILL);
    run.finish();
    for _ in 0..2 {
        let status = flat(&rescue(first, &["status"]).ends(0).text());
        let line = format!("`kill -CONT {}`", first.pid_of("kubelet").unwrap());
        assert!(status.contains("A rescue that was killed left it so"), "{status}");
        assert!(status.contains(&line), "{status}");
    }
    assert_eq!(first.state_of("kubelet"), Some('T'));
}

#[test]
fn the_kubelet_starts_an_etcd_that_dies_meanwhile_and_is_held_again() {
    let _turn = alone();
    let lab = crash_loop(3, "3.5.16");
    let first = lab.master("master-1");
    let before = judge::data(first);
    lab.wait_serving(Duration::from_secs(60)).unwrap();
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("proving");
    assert_eq!(first.state_of("kubelet"), Some('T'));
    // Two at once: etcd dies, and so does who would start it.
    first.signal("etcd", "KILL").unwrap();
    run.await_line("has ended: the kubelet goes on until");
    run.await_line("is up: the kubelet is held again");
    first.signal("kubelet", "KILL").unwrap();
    run.await_line("it is held again, pid");
    run.finish();
    kubelets_run(&lab);
    let answer = rescue(first, &RECOVER).ends(0).json();
    assert!(["recovered", "nothing_to_do"].contains(&answer["outcome"].as_str().unwrap()));
    judge::same_data(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
    kubelets_run(&lab);
}

#[test]
fn a_person_is_told_what_holding_means_and_may_say_no() {
    let _turn = alone();
    let lab = crash_loop(1, "3.5.16");
    let first = lab.master("master-1");
    await_fresh_etcd(first);
    let mut terminal = Terminal::open(first, "TERM=xterm-256color LANG=C.UTF-8");
    let home = binary().parent().unwrap().to_owned();
    terminal.run(&format!("cd {} && ./etcd-rescue", home.display()));
    let shown = flat(&terminal.read_to("Hold this node's kubelet until it is over?"));
    let kubelet = first.pid_of("kubelet").unwrap();
    for part in [
        "running containers run on".to_owned(),
        "NotReady about 40 s after the API server is back".to_owned(),
        format!("by hand kill -STOP {kubelet}"),
        format!("kill -CONT {kubelet}"),
    ] {
        assert!(shown.contains(&part), "`{part}` is not in: {shown}");
    }
    terminal.enter("n");
    let (code, text) = terminal.end();
    assert_eq!(code, 3, "{text}");
    assert_ne!(first.state_of("kubelet"), Some('T'));

    await_fresh_etcd(first);
    terminal.run("./etcd-rescue");
    terminal.read_to("Hold this node's kubelet until it is over?");
    terminal.enter("y");
    terminal.read_to("on every member?");
    // Longer than the kubelet would have let etcd live.
    let etcd = first.pid_of("etcd");
    thread::sleep(Duration::from_secs(15));
    assert_eq!((first.state_of("kubelet"), first.pid_of("etcd")), (Some('T'), etcd));
    terminal.keys(&["C-c"]);
    let (code, text) = terminal.end();
    assert_eq!(code, 130, "{text}");
    kubelets_run(&lab);
    let text = flat(&fs::read_to_string(first.log("kubelet")).unwrap());
    assert!(text.contains("failed liveness probe") || text.contains("failed startup probe"));
}

/// Opens the guided session up to the question about the kubelet.
fn asked_about_the_kubelet(first: &Master) -> Terminal {
    let mut terminal = Terminal::open(first, "TERM=xterm-256color LANG=C.UTF-8");
    let home = binary().parent().unwrap().to_owned();
    terminal.run(&format!("cd {} && ./etcd-rescue", home.display()));
    terminal.read_to("Hold this node's kubelet until it is over?");
    terminal
}

fn sh(master: &Master, line: &str) {
    assert!(master.command("sh").args(["-c", line]).status().unwrap().success(), "{line}");
}

#[test]
fn an_etcd_between_two_lives_is_started_before_the_kubelet_is_held() {
    let _turn = alone();
    let lab = crash_loop(3, "3.5.16");
    let first = lab.master("master-1");
    lab.wait_serving(Duration::from_secs(60)).unwrap();
    let mut terminal = asked_about_the_kubelet(first);
    sh(first, "mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes/");
    until("etcd ends", Duration::from_secs(60), || first.pid_of("etcd").is_none());
    terminal.enter("y");
    terminal.read_to("is between two starts");
    thread::sleep(Duration::from_secs(2));
    assert_ne!(first.state_of("kubelet"), Some('T'), "nobody else starts etcd");
    sh(first, "mv /etc/kubernetes/etcd.yaml /etc/kubernetes/manifests/");
    terminal.read_to("is up: the kubelet is held again");
    assert_eq!(first.state_of("kubelet"), Some('T'));
    assert!(first.pid_of("etcd").is_some());
    terminal.keys(&["C-c"]);
    terminal.end();
    kubelets_run(&lab);
}
