//! A rescue that begins while etcd is down: the kubelet's probe has killed it,
//! and the back-off runs. The kubelet is at ten times its speed.

mod common;

use std::time::Duration;

use common::{
    alone, fill, judge, release,
    rescue::{Rescue, rescue},
    until,
};
use lab::{Fill, Lab, Master, Probes, Spec};

const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];

const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until the kubelet has killed this master's etcd.
fn await_back_off(master: &Master) {
    until("etcd is killed", PATIENCE, || master.pid_of("etcd").is_none());
}

/// Within the time a killed rescue has to let it go.
#[track_caller]
fn the_kubelet_runs(master: &Master) {
    until("the kubelet runs", Duration::from_secs(2), || {
        let state = master.state_of("kubelet");
        state.is_some_and(|state| state != 'T') && master.pid_of("kubelet-guard").is_none()
    });
}

fn caught_between_two_starts(masters: usize, wanted: &str) {
    let _turn = alone();
    let spec = Spec::new(masters, &[release(wanted)]).quota(32 << 20);
    let lab = Lab::up(spec.probes(Probes::Health).speed(10)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-1");
    let before = judge::data(first);

    await_back_off(first);
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("Step 2 of");
    assert_eq!(first.state_of("kubelet"), Some('T'));
    run.kill();
    the_kubelet_runs(first);
    run.finish();

    await_back_off(first);
    let ran = rescue(first, &RECOVER).ends(0);
    assert!(ran.stderr.contains("Waiting for it"), "{}", ran.stderr);
    let answer = ran.json();
    assert_eq!(answer["outcome"], "recovered");
    let step = &answer["steps"][0];
    assert_eq!((&step["id"], &step["status"]), (&"hold-kubelet".into(), &"done".into()));
    the_kubelet_runs(first);
    lab.wait_serving(PATIENCE).unwrap();
    judge::same_data(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}

#[test]
fn one_master_of_3_5_is_caught_between_two_starts() {
    caught_between_two_starts(1, "3.5.16");
}

#[test]
fn three_masters_of_3_4_are_caught_between_two_starts() {
    caught_between_two_starts(3, "3.4.23");
}
