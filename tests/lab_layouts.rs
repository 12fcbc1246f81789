//! Masters as each distribution lays them out, with a real etcd where one runs:
//! everything is found without a flag, and a real NOSPACE alarm ends as the layout
//! allows. etcdctl judges.

mod common;

#[path = "common/stage.rs"]
mod stage;
#[path = "common/wanted_layouts.rs"]
mod wanted_layouts;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use common::{
    alone, fill, judge, release,
    rescue::{PLACE, Ran, Rescue, files, rescue},
    until,
};
use lab::{Fill, Lab, Layout, Master, Spec, Tunnel};
use serde_json::{Value, json};
use stage::flat;
use wanted_layouts::{Wanted, wanted};

const LOCATE: [&str; 3] = ["locate", "-w", "json"];
const RECOVER: [&str; 4] = ["recover", "--yes", "-w", "json"];
const QUOTA: u64 = 16 << 20;

/// One master of this layout, full.
fn full(wanted: &Wanted) -> Lab {
    let spec = Spec::new(1, &[release(wanted.etcd)]).quota(QUOTA).layout(wanted.layout);
    let lab = Lab::up(spec).unwrap();
    finds_everything(lab.master("master-1"), wanted);
    fill(&lab, Fill::churn(), "master-1");
    lab
}

#[track_caller]
fn finds_everything(master: &Master, wanted: &Wanted) {
    let answer = rescue(master, &LOCATE).ends(0).json();
    is_layout(&answer, wanted.id, wanted.evidence);
    let value = |pointer: &str| answer.pointer(pointer).cloned().unwrap_or_default();
    let pod = match &answer["container"] {
        Value::Null => Value::Null,
        it => {
            json!(format!("{}/{}", it["namespace"].as_str().unwrap(), it["pod"].as_str().unwrap()))
        }
    };
    let found = json!({
        "socket": value("/runtime/socket/value"),
        "pod": pod,
        "process": value("/process/comm"),
        "name": value("/name/value"),
        "data_dir": value("/data_dir/value"),
        "cacert": value("/cacert/value"),
        "cert": value("/cert/value"),
        "key": value("/key/value"),
        "manifest": value("/manifest/path"),
        "metrics": value("/metrics_url/value"),
    });
    assert_eq!(found, wanted.found, "{}: {answer:#}", wanted.id);
    assert_eq!(answer["endpoints"][0]["value"], "https://127.0.0.1:2379", "{answer:#}");
    assert_eq!(answer["quota"]["value"], QUOTA, "{answer:#}");
    assert_eq!(answer["disk"]["data_dir"], wanted.found["data_dir"], "{answer:#}");
    let certificates = answer["certificates"].as_array().unwrap().iter();
    let roles: Vec<&str> = certificates.filter_map(|it| it["role"].as_str()).collect();
    // The peers' CA is one more where it is a file of its own.
    assert_eq!(roles[..4], ["ca", "client", "server", "peer"], "{answer:#}");
    assert!(roles[4..].iter().all(|role| *role == "ca"), "{answer:#}");
}

#[track_caller]
fn is_layout(answer: &Value, id: &str, evidence: &str) {
    assert_eq!(answer["layout"], id, "{answer:#}");
    let told = answer["layout_evidence"].as_array().expect("evidence");
    let fits = |line: &Value| line.as_str().is_some_and(|line| line.contains(evidence));
    assert!(told.iter().any(fits), "`{evidence}` is not in {told:?}");
}

/// What etcdctl sees of every member.
#[derive(Debug, PartialEq)]
struct Seen {
    alarms: BTreeSet<String>,
    members: Vec<(i64, u64)>,
}

impl Seen {
    fn of(lab: &Lab) -> Self {
        let member = |master| (judge::revision(master), judge::db_size(master));
        // In no order: etcd keeps them in a map.
        let alarms = judge::alarms(lab).lines().map(str::to_owned).collect();
        Self { alarms, members: lab.members().map(member).collect() }
    }
}

/// Fails unless the refusal is this one and etcd is as it was; what was said.
#[track_caller]
fn refused(lab: &Lab, ran: Ran, code: i32, before: &Seen, parts: &[&str]) -> String {
    let ran = ran.ends(code);
    let answer = ran.json();
    assert_eq!(answer["exit_code"], code, "{answer:#}");
    let told = flat(&ran.stderr);
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {}", ran.stderr);
    }
    assert_eq!(*before, Seen::of(lab), "something has changed");
    for master in lab.members() {
        assert_eq!(files(master, PLACE).len(), 0, "a snapshot was left");
    }
    told
}

#[track_caller]
fn recovered(lab: &Lab, before: &str, ran: Ran) -> Value {
    let answer = ran.ends(0).json();
    assert_eq!(answer["outcome"], "recovered", "{answer:#}");
    assert_eq!(judge::alarms(lab), "");
    let members: Vec<&Master> = lab.members().collect();
    judge::same_data(before, members.iter().copied());
    judge::small(before, members.iter().copied());
    for master in members {
        assert!(judge::put(master, "/judge/after"), "{} takes no write", master.name());
    }
    assert_eq!(judge::alarms(lab), "");
    answer
}

#[test]
fn one_master_of_each_layout_recovers_without_a_flag() {
    let _turn = alone();
    for wanted in wanted().iter().filter(|it| it.layout != Layout::Openshift) {
        eprintln!("{}", wanted.id);
        let lab = full(wanted);
        let first = lab.master("master-1");
        let before = judge::data(first);
        let answer = recovered(&lab, &before, rescue(first, &RECOVER));
        let held = answer["steps"][0]["id"] == "hold-kubelet";
        // Its liveness probe fails while the alarm is on.
        assert_eq!(held, wanted.layout == Layout::Rke2, "{answer:#}");
        assert_ne!(first.state_of("kubelet"), Some('T'));
        prevents(first, wanted);
        is_down(first, wanted);
    }
}

/// `prevent` writes into the manifest, or says where to write and writes nothing.
#[track_caller]
fn prevents(master: &Master, wanted: &Wanted) {
    let process = master.pid_of(master.etcd_process());
    let code = if wanted.prevent.is_some() { 4 } else { 0 };
    let ran =
        rescue(master, &["prevent", "--auto-compaction-retention", "2h", "--confirm", "master-1"])
            .ends(code);
    let restarted = master.pid_of(master.etcd_process()) != process;
    let Some(part) = wanted.prevent else {
        assert!(restarted, "{}{}", ran.text(), ran.stderr);
        let located = rescue(master, &LOCATE).ends(0).json();
        return assert_eq!(located["flags"]["auto-compaction-retention"], "2h", "{located:#}");
    };
    let told = flat(&format!("{}{}", ran.text(), ran.stderr));
    assert!(told.contains(part), "`{part}` is not in: {told}");
    assert!(!restarted, "{told}");
}

/// What is found when etcd does not run.
#[track_caller]
fn is_down(master: &Master, wanted: &Wanted) {
    let Some((code, part)) = wanted.down else { return };
    master.end_etcd_for_good().unwrap();
    let ran = rescue(master, &["locate"]).ends(code);
    let told = flat(&format!("{}{}", ran.text(), ran.stderr));
    assert!(told.contains(part), "`{part}` is not in: {told}");
    rescue(master, &RECOVER).ends(7);
}

#[test]
fn openshift_is_left_to_its_operator() {
    let _turn = alone();
    let all = wanted();
    let wanted = all.iter().find(|it| it.layout == Layout::Openshift).unwrap();
    let lab = full(wanted);
    let first = lab.master("master-1");
    let before = Seen::of(&lab);
    let parts = ["this is OpenShift", "cluster-backup.sh", "etcdctl alarm disarm"];
    refused(&lab, rescue(first, &RECOVER), 4, &before, &parts);
    // Looking is no change.
    let status = rescue(first, &["status", "-w", "json"]).ends(0).json();
    assert_eq!(status["alarms"][0]["alarm"], "NOSPACE", "{status:#}");
    let copy = "/var/lib/etcd-rescue/copy.db";
    rescue(first, &["snapshot", "save", copy]).ends(0);
    rescue(first, &["snapshot", "verify", copy]).ends(0);
    prevents(first, wanted);
    assert_eq!(before, Seen::of(&lab));
    let data = judge::data(first);
    let next = rescue(first, &RECOVER).ends(4).json()["error"]["next"].clone();
    typed(first, next.as_str().unwrap());
    assert_eq!(judge::alarms(&lab), "");
    judge::same_data(&data, [first]);
    judge::small(&data, [first]);
    assert!(judge::put(first, "/judge/after"));
}

/// crictl by containerd's own client: the lab has none.
const CRICTL: &str = "set -e
crictl() {
    verb=$1; shift
    case $verb in
        ps) ctr -a /run/crio/crio.sock -n k8s.io containers list -q \
            'labels.\"io.kubernetes.container.name\"==etcdctl' ;;
        exec) ctr -a /run/crio/crio.sock -n k8s.io tasks exec --exec-id x$(date +%s%N) \"$@\" ;;
    esac
}
";

/// Types the commands in this advice that go to the runtime, in order.
#[track_caller]
fn typed(master: &Master, advice: &str) {
    let lines: Vec<&str> = commands(advice, "crictl").collect();
    assert!(lines.len() >= 5, "{advice}");
    let script = format!("{CRICTL}{}", lines.join("\n"));
    let out = master.command("/bin/sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{script}\n{text}{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn three_masters_of_kubespray_recover_by_their_admins_certificate() {
    let _turn = alone();
    let lab =
        Lab::up(Spec::new(3, &[release("3.5.16")]).quota(QUOTA).layout(Layout::Kubespray)).unwrap();
    fill(&lab, Fill::churn(), "master-2");
    let before = judge::data(lab.master("master-1"));
    recovered(&lab, &before, rescue(lab.master("master-1"), &RECOVER));
    judge::equal_hashes(&lab);
}

#[test]
fn an_etcd_on_other_machines_is_found_by_the_api_servers_flags_or_by_hand() {
    let _turn = alone();
    let spec = Spec::new(2, &[release("3.5.16")]).quota(QUOTA).layout(Layout::External);
    let lab = Lab::up(spec.apiserver(true)).unwrap();
    let (etcd, master) = (lab.master("master-1"), lab.master("master-2"));
    fill(&lab, Fill::churn(), "master-1");
    let before = judge::data(etcd);
    let answer = rescue(master, &LOCATE).ends(0).json();
    is_layout(&answer, "external", "--etcd-servers");
    assert_eq!(answer["endpoints"][0]["value"], etcd.endpoint(), "{answer:#}");
    assert_eq!(answer["cert"]["value"], "/etc/kubernetes/pki/apiserver-etcd-client.crt");
    let endpoint = etcd.endpoint();
    let pki = "/etc/kubernetes/pki";
    let by_hand = [
        "--endpoints",
        &endpoint,
        "--cacert",
        &format!("{pki}/etcd/ca.crt"),
        "--cert",
        &format!("{pki}/apiserver-etcd-client.crt"),
        "--key",
        &format!("{pki}/apiserver-etcd-client.key"),
    ];
    let status = rescue(master, &[&["status", "-w", "json"], &by_hand[..]].concat()).ends(0);
    assert_eq!(status.json()["members"][0]["reachable"], true);
    recovered(&lab, &before, rescue(master, &[&RECOVER, &by_hand[..]].concat()));
}

#[test]
fn members_of_k0s_are_reached_through_tunnels_only() {
    let _turn = alone();
    let lab = Lab::up(Spec::new(3, &[release("3.5")]).quota(QUOTA).layout(Layout::K0s)).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-2");
    let (data, before) = (judge::data(first), Seen::of(&lab));
    let parts = ["serves 127.0.0.1 alone", "master-2", "master-3"];
    let said = refused(&lab, rescue(first, &RECOVER), 4, &before, &parts);
    // As if these lines were typed.
    let tunnels: Vec<Tunnel> = commands(&said, " -L ").map(|line| dig(&lab, first, line)).collect();
    assert_eq!(tunnels.len(), 2, "{said}");
    let command = commands(&said, "etcd-rescue recover ").next().expect("what to type next");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let answer =
        recovered(&lab, &data, rescue(first, &[&words[..], &["--yes", "-w", "json"]].concat()));
    assert_eq!(answer["members"].as_array().map(Vec::len), Some(3), "{answer:#}");
    for master in lab.masters() {
        assert!(judge::put(master, "/judge/each"), "{}", master.name());
    }
    as_far_as_it_goes_without_tunnels(&lab, &words);
}

/// What each master of k0s can do alone; only the alarm needs to see them all, by the
/// endpoints in these words.
#[track_caller]
fn as_far_as_it_goes_without_tunnels(lab: &Lab, words: &[&str]) {
    fill(lab, Fill::churn(), "master-3");
    let data = judge::data(lab.master("master-1"));
    rescue(lab.master("master-1"), &["compact", "--yes"]).ends(0);
    for master in lab.masters() {
        rescue(master, &["defrag", "--yes"]).ends(0);
    }
    judge::small(&data, lab.masters());
    rescue(lab.master("master-1"), &["disarm", "--yes"]).ends(4);
    assert!(judge::alarms(lab).contains("NOSPACE"));
    let disarm = [&["disarm"], &words[1..], &["--yes"]].concat();
    rescue(lab.master("master-1"), &disarm).ends(0);
    assert_eq!(judge::alarms(lab), "");
    judge::same_data(&data, lab.masters());
}

/// The commands in what was said that have this in them.
fn commands<'a>(said: &'a str, part: &'a str) -> impl Iterator<Item = &'a str> {
    said.split('`').skip(1).step_by(2).filter(move |command| command.contains(part))
}

/// Does what `ssh … -L PORT:127.0.0.1:PORT root@ADDRESS` would do on this master.
fn dig(lab: &Lab, from: &Master, line: &str) -> Tunnel {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "-L").expect("-L");
    let [port, host, to_port] = words[at + 1].split(':').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    assert_eq!(host, "127.0.0.1", "{line}");
    let address = words.last().unwrap().trim_start_matches("root@");
    let to = lab.masters().iter().find(|it| it.ip() == address || it.name() == address);
    let to = to.unwrap_or_else(|| panic!("no master is {address}: {line}"));
    from.tunnel(port.parse().unwrap(), to, to_port.parse().unwrap()).unwrap()
}

#[test]
fn a_k3s_process_is_never_stopped() {
    let _turn = alone();
    let spec = Spec::new(1, &[release("3.5")]).quota(64 << 20).layout(Layout::K3s);
    let lab = Lab::up(spec).unwrap();
    let first = lab.master("master-1");
    fill(&lab, Fill::churn(), "master-1");
    let data = judge::data(first);
    looks_like_a_slow_disk(first);
    let process = first.pid_of("k3s-server");
    let mut run = Rescue::start(first, &RECOVER);
    run.await_line("it is not held");
    let over = AtomicBool::new(false);
    let watched = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut states = String::new();
            while !over.load(Ordering::Relaxed) {
                states.extend(first.state_of("k3s-server"));
                thread::sleep(Duration::from_millis(5));
            }
            states
        });
        let ran = run.finish();
        over.store(true, Ordering::Relaxed);
        recovered(&lab, &data, ran);
        watch.join().unwrap()
    });
    assert!(!watched.is_empty() && !watched.contains('T'), "{watched}");
    assert_eq!(first.pid_of("k3s-server"), process);
}

/// More than one in a hundred syncs since its start took so long that five of them
/// take longer than any probe waits.
fn looks_like_a_slow_disk(master: &Master) {
    master.kill_etcd().unwrap();
    until("k3s starts again", Duration::from_secs(60), || master.pid_of("k3s-server").is_some());
    master.wait_serving(Duration::from_secs(60)).unwrap();
    // Refused, but written to the log of raft before.
    for _ in 0..100 {
        assert!(!judge::put(master, "refused"));
    }
    let slow = master.slow_sync(Duration::from_millis(8_500)).unwrap();
    for _ in 0..2 {
        let args = ["put", "refused", "value", "--command-timeout=30s"];
        assert!(!master.etcdctl(&args).unwrap().status.success());
    }
    drop(slow);
}

#[test]
fn what_is_no_etcd_is_recognised() {
    let _turn = alone();
    for (layout, id, parts) in [
        (
            Layout::Microk8s,
            "microk8s",
            ["/var/snap/microk8s/current is there", "dqlite", "microk8s inspect"],
        ),
        (Layout::K3sSqlite, "k3s-sqlite", ["server/db/state.db", "sqlite", "journalctl -u k3s"]),
        (
            Layout::Talos,
            "talos",
            ["os-release says ID=talos", "this is Talos", "talosctl -n NODE etcd defrag"],
        ),
    ] {
        let lab = Lab::up(Spec::new(1, &[release("3.5")]).layout(layout)).unwrap();
        for (command, code) in [(&LOCATE[..], 7), (&RECOVER, 4)] {
            let ran = rescue(lab.master("master-1"), command).ends(code);
            assert_eq!(ran.json()["exit_code"], code);
            is_layout(&ran.json(), id, parts[0]);
            let told = flat(&ran.stderr);
            for part in parts {
                assert!(told.contains(part), "`{part}` is not in: {}", ran.stderr);
            }
        }
    }
}
