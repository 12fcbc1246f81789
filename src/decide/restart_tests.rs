//! Ends of an etcd and what is told about them.

use super::*;
use crate::model::{
    EtcdVersion, Found, Guardian, KubeletProcess, Manifest, Probe, ProbeKind, ProbeTiming, Runtime,
};
use RestartCause as Cause;

const NOW: i64 = 1_795_402_800 * SECOND;
const TERM: &str =
    r#"{"level":"info","msg":"received signal; shutting down","signal":"terminated"}"#;
const ALARM: &str = r#"{"level":"warn","msg":"/health error","output":"{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}","status-code":503}"#;

fn probe(kind: ProbeKind, path: &str) -> Probe {
    let timing = ProbeTiming { initial_delay: 10, period: 10, timeout: 15, failure_threshold: 8 };
    Probe { kind, path: path.to_owned(), port: Some(2381), timing }
}

fn container(state: ContainerState, restarts: u32) -> Container {
    Container {
        id: "0f3c9a7be112".into(),
        name: "etcd".into(),
        pod: "etcd-master-1".into(),
        namespace: "kube-system".into(),
        state,
        created_at: NOW - 3 * SECOND,
        started_at: NOW - 2 * SECOND,
        finished_at: 0,
        exit_code: 0,
        reason: String::new(),
        restarts,
        image: "etcd:3.5.16-0".into(),
        log_path: None,
        pid: None,
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
    }
}

/// A node whose etcd ended 12 s ago after 84 s, with that code and these last
/// lines.
fn node(state: ContainerState, exit_code: i32, lines: &[&str], paths: [&str; 2]) -> Located {
    let probes = vec![probe(ProbeKind::Liveness, paths[0]), probe(ProbeKind::Startup, paths[1])];
    Located {
        container: Some(container(state, 3)),
        runtime: Some(Runtime {
            socket: Found::new("/run/containerd/containerd.sock".into(), "x"),
            name: "containerd".into(),
            version: "1.6".into(),
            api: "v1",
        }),
        manifest: Some(Manifest { path: "/m/etcd.yaml".into(), args: Vec::new(), probes }),
        kubelet: Some(KubeletProcess { pid: 24, start_time: 1, stopped: false, held_by: None }),
        version: Some(Found::new("3.5.16".into(), "x")),
        last_end: Some(LastEnd {
            id: "0f3c9a7be112".into(),
            attempt: 3,
            started_at: NOW - 96 * SECOND,
            finished_at: NOW - 12 * SECOND,
            exit_code,
            last_lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            ..LastEnd::default()
        }),
        ..Located::default()
    }
}

fn down(exit_code: i32, lines: &[&str], paths: [&str; 2]) -> Located {
    node(ContainerState::Exited, exit_code, lines, paths)
}

fn told(node: &Located, nospace: Option<bool>) -> RestartStory {
    restart_story(node, nospace, NOW).expect("a story")
}

const OLD: [&str; 2] = ["/health", "/health"];
const MIDDLE: [&str; 2] =
    ["/health?exclude=NOSPACE&serializable=true", "/health?serializable=false"];
const NEW: [&str; 2] = ["/livez", "/readyz"];
const RKE2: [&str; 2] = ["/health?serializable=true", "/health?serializable=true"];

#[test]
fn a_probe_kill_is_told_with_the_probe_that_did_it() {
    let story = told(&down(0, &[ALARM, TERM], OLD), Some(true));
    assert_eq!(
        story.text,
        "etcd on this node ended 12 s ago: the kubelet stopped it: its liveness and startup probes \
         GET /health fail while NOSPACE is on (kubeadm up to 1.24 writes that probe); exit code 0 \
         after 1 min 24 s"
    );
    assert_eq!((story.cause, story.passes), (Cause::ProbeKill, true));
    for (paths, words) in [
        (
            MIDDLE,
            "its startup probe GET /health?serializable=false fails while NOSPACE is on \
                  (kubeadm 1.25 to 1.30 writes that probe)",
        ),
        (RKE2, "GET /health?serializable=true fail while NOSPACE is on (RKE2 writes that probe)"),
    ] {
        let story = told(&down(0, &[TERM], paths), Some(true));
        assert_eq!(story.cause, Cause::ProbeKill, "{paths:?}");
        assert!(story.text.contains(words), "{}", story.text);
    }
}

#[test]
fn probe_kills_need_a_probe_that_fails_and_an_end_on_request() {
    for (exit_code, lines, paths, nospace, cause) in [
        // The alarm was on then, whatever it is now.
        (0, &[ALARM, TERM][..], OLD, Some(false), Cause::ProbeKill),
        (0, &[TERM], OLD, None, Cause::ProbeKill),
        (0, &[], OLD, Some(true), Cause::ProbeKill),
        (143, &[], OLD, Some(true), Cause::ProbeKill),
        (0, &[TERM], OLD, Some(false), Cause::Stopped),
        (0, &[TERM], NEW, Some(true), Cause::Stopped),
        (137, &[], OLD, Some(true), Cause::Stopped),
        (1, &[], OLD, Some(true), Cause::Unknown),
        (0, &[], NEW, Some(true), Cause::Unknown),
    ] {
        let story = told(&down(exit_code, lines, paths), nospace);
        assert_eq!(
            story.cause, cause,
            "{exit_code} {lines:?} {paths:?} {nospace:?}: {}",
            story.text
        );
    }
    let unseen = told(&down(0, &[TERM], OLD), None);
    assert!(unseen.text.contains("whether it is on cannot be seen from here"), "{}", unseen.text);
}

#[test]
fn probes_fail_for_other_reasons_too() {
    let no_leader = r#"{"level":"warn","msg":"serving /health false; no leader"}"#;
    let story = told(&down(0, &[no_leader, TERM], OLD), Some(false));
    assert_eq!(story.cause, Cause::ProbeKill);
    assert!(story.text.contains("had no leader"), "{}", story.text);
    let mut old_release = down(0, &[TERM], NEW);
    let v3_4 = EtcdVersion::new(3, 4, 23).to_string();
    old_release.version = Some(Found::new(v3_4, "x"));
    let story = told(&old_release, Some(false));
    assert_eq!(story.cause, Cause::ProbeKill);
    assert!(story.text.contains("GET /livez does not exist in etcd 3.4.23"), "{}", story.text);
}

#[test]
fn the_kernel_and_the_runtime_are_heard_first() {
    let mut node = down(137, &[], OLD);
    let end = node.last_end.as_mut().expect("one");
    end.reason = "OOMKilled".into();
    assert_eq!(told(&node, None).cause, Cause::OutOfMemory);
    let end = node.last_end.as_mut().expect("one");
    end.reason = "Error".into();
    end.kernel_lines =
        vec!["Memory cgroup out of memory: Killed process 4711 (etcd) total-vm:1kB".into()];
    let story = told(&node, None);
    assert_eq!((story.cause, story.passes), (Cause::OutOfMemory, true));
    assert!(story.text.contains("its log says \"Memory cgroup out of memory"), "{}", story.text);
    let end = node.last_end.as_mut().expect("one");
    end.kernel_lines = vec!["EXT4-fs (sda1): Remounting filesystem read-only".into()];
    let story = told(&node, None);
    assert_eq!((story.cause, story.passes), (Cause::DamagedData, false));
}

#[test]
fn what_it_complained_of_does_not_count_when_it_was_asked_to_end() {
    let panic = "panic: runtime error: index out of range";
    assert_eq!(told(&down(2, &[panic], NEW), None).cause, Cause::Panic);
    assert_eq!(told(&down(0, &[panic, TERM], NEW), None).cause, Cause::Stopped);
    let locked = "db file is flocked by another process, or taking too long";
    assert_eq!(told(&down(0, &[locked, TERM], NEW), None).cause, Cause::DataLocked);
    let begun = r#"{"level":"info","msg":"starting defragment"}"#;
    let story = told(&down(137, &[begun, TERM], NEW), None);
    assert_eq!((story.cause, story.passes), (Cause::FailedDefragmentation, true));
    assert!(story.text.contains("the data are whole"), "{}", story.text);
}

#[test]
fn a_container_that_cannot_be_started_is_told_in_the_runtimes_words() {
    let mut node = down(128, &[], NEW);
    let end = node.last_end.as_mut().expect("one");
    end.started_at = 0;
    end.reason = "StartError".into();
    end.message = "failed to create containerd task: failed to create shim task: OCI runtime \
                   create failed: runc create failed: unable to start container process: exec: \
                   \"etcdx\": executable file not found in $PATH: unknown"
        .into();
    let story = told(&node, None);
    assert_eq!((story.cause, story.passes), (Cause::NeverStarted, false));
    assert_eq!(
        story.text,
        "etcd on this node is down: the runtime could not start its container: \"unable to start \
         container process: exec: \"etcdx\": executable file not found in $PATH\""
    );
}

#[test]
fn containers_that_are_not_there_or_hang_are_told() {
    let mut node = down(0, &[], NEW);
    node.last_end = None;
    node.container = None;
    let story = told(&node, None);
    assert_eq!((story.cause, story.next_start), (Cause::NeverStarted, None));
    assert!(story.text.contains("/m/etcd.yaml asks for one"), "{}", story.text);
    let mut hanging = container(ContainerState::Created, 0);
    hanging.created_at = NOW - 90 * SECOND;
    node.container = Some(hanging);
    let story = told(&node, None);
    assert!(story.text.contains("made 1 min 30 s ago and never started"), "{}", story.text);
}

#[test]
fn an_etcd_that_never_ended_has_no_story() {
    let mut node = node(ContainerState::Running, 0, &[], NEW);
    node.last_end = None;
    node.container = Some(container(ContainerState::Running, 0));
    assert_eq!(restart_story(&node, Some(true), NOW), None);
    node.container = None;
    node.manifest = None;
    assert_eq!(restart_story(&node, None, NOW), None, "no container, none asked for");
}

#[test]
fn an_etcd_that_runs_again_has_one_without_a_countdown() {
    let node = node(ContainerState::Running, 0, &[ALARM, TERM], OLD);
    let story = told(&node, Some(true));
    let begin = "etcd on this node was restarted 2 s ago (the 3rd time): the kubelet stopped it";
    assert!(story.text.starts_with(begin), "{}", story.text);
    assert_eq!((story.next_start, countdown(&story, "journalctl -u kubelet", NOW)), (None, None));
    let mut lost = node;
    lost.last_end = None;
    let story = told(&lost, Some(true));
    assert_eq!(story.cause, Cause::Unknown);
    assert!(is_recent(&lost, NOW) && !is_recent(&lost, NOW + 2 * RECENT));
    lost.container = Some(container(ContainerState::Exited, 0));
    assert!(is_recent(&lost, NOW + 2 * RECENT), "it is down");
}

#[test]
fn the_pause_doubles_up_to_five_minutes() {
    let mut node = down(1, &[], NEW);
    for (attempt, lived, pause) in [
        (0, 84, 0),
        (1, 84, 10),
        (2, 84, 20),
        (3, 84, 40),
        (5, 84, 160),
        (6, 84, 300),
        (4_000_000_000, 84, 300),
        (6, 700, 0),
    ] {
        let end = node.last_end.as_mut().expect("one");
        end.attempt = attempt;
        end.started_at = end.finished_at - lived * SECOND;
        let next = told(&node, None).next_start.map(|next| (next - NOW) / SECOND);
        assert_eq!(next, Some(pause - 12), "attempt {attempt} after {lived} s");
    }
}

#[test]
fn the_countdown_runs() {
    let story = told(&down(1, &[], NEW), None);
    for (later, words) in [
        (0, "the kubelet starts it again within about 28 s"),
        (27, "the kubelet starts it again any moment now"),
        (60, "the kubelet starts it again any moment now"),
        (128, "the kubelet should have started it 1 min 40 s ago: `journalctl -u kubelet` says"),
    ] {
        let told =
            countdown(&story, "journalctl -u kubelet", NOW + later * SECOND).expect("a countdown");
        assert!(told.starts_with(words), "{later}: {told}");
    }
}

#[test]
fn nobody_starts_it_without_a_kubelet_or_a_manifest() {
    let held = |runs| KubeletProcess {
        pid: 24,
        start_time: 1,
        stopped: true,
        held_by: Some(Guardian { pid: 9, runs }),
    };
    for (kubelet, words) in [
        (None, "no kubelet runs on this node; `systemctl start kubelet`"),
        (Some(held(false)), "the kubelet (pid 24) is stopped; `kill -CONT 24`"),
        (Some(held(true)), "a recovery under way holds the kubelet (pid 24)"),
    ] {
        let mut node = down(1, &[], NEW);
        node.kubelet = kubelet;
        let story = told(&node, None);
        assert!(story.text.contains(words), "{}", story.text);
        assert_eq!(story.next_start, None);
    }
    let mut node = down(1, &[], NEW);
    node.manifest = None;
    node.kubelet = None;
    let story = told(&node, None);
    assert!(story.text.contains("put it back"), "{}", story.text);
    assert_eq!(countdown(&story, "journalctl -u kubelet", NOW), None);
}

#[test]
fn times_are_short() {
    for (nanos, text) in [
        (-5, "0 ms"),
        (40_000_000, "40 ms"),
        (12 * SECOND, "12 s"),
        (120 * SECOND, "2 min"),
        (200 * SECOND, "3 min 20 s"),
        (1_201 * SECOND, "20 min"),
        (7_300 * SECOND, "2 h"),
        (12 * 86_400 * SECOND, "12 days"),
    ] {
        assert_eq!(span(nanos), text);
    }
    assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal).join(" "), "1st 2nd 3rd 4th 11th 22nd 113th");
}
