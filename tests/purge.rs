//! `purge` against the real binary and a scripted cluster: nothing is deleted
//! that was not counted, shown and named by a typed word; nothing before a
//! snapshot; and whatever goes wrong, a rerun deletes the rest.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::{io::Write, thread, time::Duration};

use cluster::Cluster;
use fake::etcd::{Act, Rpc};
use serde_json::{Value, json};
use stage::{Rescue, Said, flat, too_wide};
use tonic::Code;

/// Whom everything is read from and asked of.
const SOURCE: u64 = 2;
const QUOTA: i64 = 8 << 20;
const EVENTS: &str = "/registry/events/";
const PODS: usize = 20;

/// Three full members with so many events of 3 kB in two namespaces, and other
/// keys around them.
async fn with_events(events: usize) -> Cluster {
    let cluster = Cluster::start(3).await;
    let mut state = cluster.etcd.state();
    state.keys.clear();
    for n in 0..events {
        let namespace = if n % 3 == 0 { "web" } else { "monitoring" };
        state.keys.insert(format!("{EVENTS}{namespace}/{n:06}").into(), vec![b'x'; 3000]);
    }
    for n in 0..PODS {
        state.keys.insert(format!("/registry/pods/web/{n}").into(), vec![b'p'; 3000]);
    }
    for key in ["/registry/eventsx/a", "/registry/event", "compact_rev_key"] {
        state.keys.insert(key.into(), b"v".to_vec());
    }
    for member in &mut state.members {
        (member.quota, member.told_quota) = (QUOTA, QUOTA);
        (member.db_size, member.db_size_in_use) = (QUOTA, QUOTA);
        member.live_size = 1 << 20;
    }
    drop(state);
    cluster
}

fn purge(cluster: &Cluster, args: &[&str]) -> Rescue {
    cluster.rescue(&["purge"]).and(args).and(&cluster.snapshot_flags())
}

/// With the word, for scripts.
fn confirmed(cluster: &Cluster) -> Rescue {
    purge(cluster, &["events", "--yes", "--confirm", "events", "-w", "json"])
}

fn events_left(cluster: &Cluster) -> usize {
    let state = cluster.etcd.state();
    state.keys.keys().filter(|key| key.starts_with(EVENTS.as_bytes())).count()
}

/// Every key but events is there.
#[track_caller]
fn others_are_there(cluster: &Cluster) {
    let all = cluster.etcd.state().keys.len();
    assert_eq!(all - events_left(cluster), PODS + 3);
}

fn deletions(cluster: &Cluster) -> Vec<String> {
    let mut calls = cluster.etcd.calls();
    calls.retain(|call| call.contains("DeleteRange"));
    calls
}

/// Nothing was even tried.
#[track_caller]
fn untouched(cluster: &Cluster, events: usize) {
    assert_eq!(cluster.changes(), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
    assert_eq!(events_left(cluster), events);
    others_are_there(cluster);
}

#[track_caller]
fn error(document: &Value, part: &str) -> String {
    flat(document["error"][part].as_str().unwrap_or_else(|| panic!("{document:#}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_after_a_snapshot_and_nothing_else() {
    let cluster = with_events(2_300).await;
    let said = confirmed(&cluster).run().code(0);
    let answer = said.json();
    assert_eq!(answer["outcome"], "done", "{answer:#}");
    assert_eq!(answer["prefixes"], json!([EVENTS]));
    let bytes: usize =
        (0..2_300).map(|n| 3000 + EVENTS.len() + if n % 3 == 0 { 3 } else { 10 } + 1 + 6).sum();
    let amount = json!({"keys": 2_300, "bytes": bytes});
    assert_eq!((&answer["counted"], &answer["deleted"]), (&amount, &amount));
    assert_eq!(answer["left"], 0);
    assert_eq!(answer["groups"][0]["name"], "monitoring");
    let predicted = &answer["predicted"];
    let size = |key: &str| predicted[key].as_u64().unwrap();
    assert!(size("file_size_before") > 9 << 20 && size("file_size_after") < 1 << 20, "{predicted}");
    assert_eq!((&predicted["quota"], &predicted["enough"]), (&json!(QUOTA), &json!(true)));
    assert!(answer["next"].as_str().unwrap().contains(" recover --endpoints"), "{answer:#}");
    assert!(answer["snapshot"]["path"].as_str().unwrap().ends_with(".db"));
    assert_eq!(events_left(&cluster), 0);
    others_are_there(&cluster);
    // The snapshot is whole before the first deletion, which go in pages.
    let changes = cluster.changes();
    assert_eq!(changes[0], "master-2 Snapshot()");
    assert_eq!(changes.len() - 1, deletions(&cluster).len(), "{changes:?}");
    assert_eq!(deletions(&cluster).len(), 5, "500 keys each: {changes:?}");
    assert_eq!(cluster.files_left().len(), 1);
    assert!(!said.all().contains("xxxx"), "values are nobody's business");

    let again = confirmed(&cluster).run().code(0).json();
    assert_eq!(
        (&again["outcome"], &again["counted"]["keys"]),
        (&json!("nothing_to_do"), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_namespaces_asked_for() {
    let cluster = with_events(30).await;
    let of_web = ["events", "--namespace", "web", "--confirm", "events", "-w", "json"];
    let answer = purge(&cluster, &of_web).run().code(0).json();
    assert_eq!(answer["prefixes"], json!(["/registry/events/web/"]));
    assert_eq!(answer["deleted"]["keys"], 10);
    assert_eq!(events_left(&cluster), 20);
    let bad = ["events", "--namespace", "we/b", "--confirm", "events"];
    assert!(purge(&cluster, &bad).run().code(4).told().contains("no namespace is called so"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_word_nothing_is_deleted() {
    let cluster = with_events(40).await;
    for (args, what) in [
        (&["events"][..], "does not stand for it"),
        (&["events", "--yes"], "does not stand for it"),
        (&["events", "--yes", "--confirm", "event"], "does not say `events`"),
        (&["events", "--yes", "--confirm", "yes"], "does not say `events`"),
        (&["events", "--yes", "--confirm", ""], "does not say `events`"),
        (&["prefix", "/registry/eventsx/", "--confirm", "events"], "does not say"),
    ] {
        let said = purge(&cluster, args).and(&["-w", "json"]).run().code(3);
        let document = said.json();
        assert_eq!(document["outcome"], "needs_decision", "{document:#}");
        assert!(error(&document, "what").contains(what), "{document:#}");
        assert!(document["counted"]["keys"].as_u64().unwrap() > 0, "shown all the same");
        assert_eq!(document["deleted"], Value::Null);
        let word = if args[0] == "events" { "events" } else { "/registry/eventsx/" };
        let next = error(&document, "next");
        assert!(next.contains(&format!(" --confirm {word} --endpoints ")), "{next}");
        assert!(next.contains("--snapshot-dir"), "{next}");
    }
    let human = purge(&cluster, &["events"]).run().code(3);
    too_wide(&human.all());
    assert!(flat(&human.out).contains("To be deleted: 40 keys"), "{}", human.all());
    let dry = purge(&cluster, &["events", "--dry-run", "-w", "json"]).run().code(0).json();
    assert_eq!((&dry["outcome"], &dry["counted"]["keys"]), (&json!("planned"), &json!(40)));
    // Said before anything is deleted, not after.
    let half = ["events", "--confirm", "events", "--recover"];
    assert!(purge(&cluster, &half).run().code(3).told().contains("--yes"));
    untouched(&cluster, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_cannot_lose_is_refused_by_name() {
    let cluster = with_events(5).await;
    for (prefix, what) in [
        ("", "every key there is"),
        ("/", "every key there is"),
        ("/registry", "everything that Kubernetes has"),
        ("/registry/", "everything that Kubernetes has"),
        ("/registry/e", "no slash at its end"),
        ("/registry/events", "no slash at its end"),
        ("/registry/pods/", "running containers"),
        ("/registry/pods/web/", "running containers"),
        ("/registry/leases/", "never deleted here"),
        ("/bootstrap/", "never deleted here"),
        ("compact_rev_key", "agree on compactions"),
    ] {
        let args = ["prefix", prefix, "--yes", "--confirm", prefix, "-w", "json"];
        let document = purge(&cluster, &args).run().code(4).json();
        assert_eq!(document["outcome"], "refused", "{document:#}");
        assert!(error(&document, "what").contains(what), "{prefix}: {document:#}");
        assert!(error(&document, "next").contains("etcd-rescue "), "{prefix}: {document:#}");
    }
    // Somebody's own prefix holds what looks like Kubernetes' keys.
    cluster.etcd.state().keys.insert("/mine/secrets/a/b".into(), b"s".to_vec());
    let args = ["prefix", "/mine/", "--confirm", "/mine/", "-w", "json"];
    let document = purge(&cluster, &args).run().code(4).json();
    assert!(error(&document, "what").contains("/mine/secrets/a/b"), "{document:#}");
    cluster.etcd.state().keys.remove(&b"/mine/secrets/a/b"[..]);
    let none = ["purge", "events", "--confirm", "events", "--no-snapshot"];
    let none = cluster.rescue(&none).run().code(4);
    assert!(none.told().contains("--no-snapshot does not go with `purge`"), "{}", none.err);
    untouched(&cluster, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_takes_only_what_was_counted() {
    let cluster = with_events(10).await;
    let reports = "/registry/wgpolicyk8s.io/policyreports/";
    {
        let mut state = cluster.etcd.state();
        for n in 0..600 {
            state.keys.insert(format!("{reports}web/{n:03}").into(), vec![b'r'; 500]);
        }
    }
    // Written after the count, in the middle of the first range.
    for key in ["web/100x", "web/100y", "web/499z"] {
        let key = format!("{reports}{key}").into_bytes();
        cluster.etcd.state().created.insert(key.clone(), 5_000);
        cluster.etcd.state().keys.insert(key, b"new".to_vec());
    }
    let args = ["prefix", reports, "--confirm", reports, "-w", "json"];
    let answer = purge(&cluster, &args).run().code(0).json();
    // The scripted etcd tells no history: they were counted, and yet spared.
    assert_eq!((&answer["deleted"]["keys"], &answer["left"]), (&json!(600), &json!(3)));
    assert_eq!(events_left(&cluster), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_prefixes_of_api_servers_are_found() {
    let cluster = Cluster::start(1).await;
    {
        let mut state = cluster.etcd.state();
        for key in [
            "/kubernetes.io/events/a/1",
            "/mine/events/a/1",
            "/mine/events/a/2",
            "/mine/namespaces/kube-system",
            "/theirs/events/a/1",
        ] {
            state.keys.insert(key.into(), b"v".to_vec());
        }
    }
    let answer = confirmed(&cluster).run().code(0).json();
    assert_eq!(answer["prefixes"], json!(["/kubernetes.io/events/", "/mine/events/"]));
    assert_eq!(answer["deleted"]["keys"], 3);
    assert!(cluster.etcd.state().keys.contains_key(&b"/theirs/events/a/1"[..]), "no Kubernetes'");
}

/// Each of these passes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_etcd_and_a_lost_answer_are_waited_for() {
    let busy = Act::fail(Code::ResourceExhausted, "etcdserver: too many requests");
    let change = Act::fail(Code::Unavailable, "etcdserver: leader changed");
    for acts in [
        vec![busy.clone(), busy],
        vec![change, Act::fail(Code::Unavailable, "etcdserver: no leader")],
        vec![Act::Cut],
        vec![Act::DoThenCut],
    ] {
        let cluster = with_events(1_200).await;
        for act in acts.clone() {
            cluster.etcd.script(SOURCE, Rpc::DeleteRange, act);
        }
        let said = confirmed(&cluster).run().code(0);
        let answer = said.json();
        assert_eq!(answer["deleted"]["keys"], 1_200, "{acts:?}: {answer:#}");
        assert_eq!(answer["deleted"]["bytes"], answer["counted"]["bytes"]);
        assert!(said.told().contains("once more"), "{acts:?}: {}", said.err);
        assert_eq!(events_left(&cluster), 0);
        others_are_there(&cluster);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pass_stops_it_and_a_rerun_deletes_the_rest() {
    let cluster = with_events(1_200).await;
    cluster.etcd.script(SOURCE, Rpc::DeleteRange, Act::Delay(Duration::ZERO));
    cluster.etcd.always(
        SOURCE,
        Rpc::DeleteRange,
        Act::fail(Code::PermissionDenied, "etcdserver: permission denied"),
    );
    let said = confirmed(&cluster).run().code(5);
    let document = said.json();
    assert_eq!(document["outcome"], "partial", "{document:#}");
    assert_eq!(
        (&document["counted"]["keys"], &document["deleted"]["keys"]),
        (&json!(1200), &json!(500))
    );
    let state = error(&document, "state");
    assert!(state.contains("500 of 1200 keys were deleted so far"), "{state}");
    assert!(state.contains("The snapshot is safe at"), "{state}");
    assert!(error(&document, "next").contains(" purge events"), "{document:#}");
    assert_eq!(events_left(&cluster), 700);
    others_are_there(&cluster);
    cluster.etcd.always(SOURCE, Rpc::DeleteRange, Act::Delay(Duration::ZERO));
    let answer = confirmed(&cluster).run().code(0).json();
    assert_eq!(answer["deleted"]["keys"], 700);
    assert_eq!(events_left(&cluster), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn corruption_in_the_middle_stops_everything() {
    let cluster = with_events(1_200).await;
    cluster.etcd.then(SOURCE, Rpc::DeleteRange, |state| state.alarms.push((3, 2)));
    let document = confirmed(&cluster).run().code(5).json();
    assert!(error(&document, "what").contains("corrupt"), "{document:#}");
    assert_eq!(deletions(&cluster).len(), 2);
    // And before the first one: nothing at all.
    let next = confirmed(&cluster).run().code(4).json();
    assert_eq!(next["refusals"][0]["kind"], "corrupt", "{next:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_fails_lets_nothing_be_deleted() {
    let cluster = with_events(40).await;
    cluster.etcd.script(SOURCE, Rpc::Snapshot, Act::Spoil);
    let document = confirmed(&cluster).run().code(4).json();
    assert!(error(&document, "what").contains("checksum does not match"), "{document:#}");
    assert_eq!(deletions(&cluster), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gates_are_those_of_a_change() {
    let cluster = with_events(40).await;
    cluster.etcd.state().members[2].raft_applied_index = 1;
    let document = confirmed(&cluster).run().code(4).json();
    assert_eq!(document["refusals"][0]["kind"], "lagging", "{document:#}");
    untouched(&cluster, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_goes_on_with_the_same_snapshot() {
    let cluster = with_events(2_500).await;
    let refused = cluster.unattended("recover").run().code(4).json();
    assert_eq!(refused["refusals"][0]["kind"], "live_data_over_quota", "{refused:#}");
    let events = &refused["live_data"]["events"];
    assert_eq!((&events["keys"], &events["prefixes"]), (&json!(2_500), &json!([EVENTS])));
    let next = error(&refused, "next");
    let ways = ["`etcd-rescue usage`", "2500 of them take", "would be enough", "purge events`"];
    let at = ways.map(|way| next.find(way).unwrap_or_else(|| panic!("no {way} in {next}")));
    assert!(at.is_sorted(), "{next}");

    let answer = confirmed(&cluster).and(&["--recover"]).run().code(0).json();
    assert_eq!(answer["outcome"], "recovered", "{answer:#}");
    assert_eq!(answer["deleted"]["keys"], 2_500);
    assert_eq!(answer["recovery"]["outcome"], "recovered");
    assert_eq!(answer["recovery"]["snapshot"], answer["snapshot"]);
    assert_eq!(cluster.files_left().len(), 1, "one snapshot is enough");
    assert_eq!(cluster.etcd.state().alarms, []);
    others_are_there(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_recovery_tells_to_recover() {
    let cluster = with_events(2_500).await;
    cluster.etcd.always(
        SOURCE,
        Rpc::Compact,
        Act::fail(Code::PermissionDenied, "etcdserver: permission denied"),
    );
    let document = confirmed(&cluster).and(&["--recover"]).run().code(5).json();
    assert_eq!(
        (&document["outcome"], &document["deleted"]["keys"]),
        (&json!("partial"), &json!(2_500))
    );
    assert!(error(&document, "next").contains("`etcd-rescue recover --endpoints"), "{document:#}");
}

/// Types each of these lines once the text before it was printed.
fn typed(run: &Rescue, answers: &[(&str, &str)]) -> (Said, String) {
    let (running, terminal) = run.clone().env("TERM", "dumb").spawn_in_terminal();
    let mut reader = terminal.try_clone().unwrap();
    let mut writer = terminal;
    let answers: Vec<(String, String)> =
        answers.iter().map(|(wait, line)| ((*wait).to_owned(), (*line).to_owned())).collect();
    let typist = thread::spawn(move || {
        let (mut all, mut seen, mut left) = (String::new(), 0, answers.into_iter().peekable());
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
            all.push_str(&String::from_utf8_lossy(&buffer[..count]));
            while let Some((wait, line)) = left.peek() {
                let Some(at) = all[seen..].find(wait.as_str()) else { break };
                seen += at + wait.len();
                // What is typed before the question is thrown away.
                thread::sleep(Duration::from_millis(200));
                writeln!(writer, "{line}").unwrap();
                left.next();
            }
        }
        all
    });
    let said = running.finish();
    (said, typist.join().unwrap())
}

const TYPE: &str = "Type events to go on, or press Enter to stop:";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_types_the_word_and_goes_on() {
    let cluster = with_events(2_500).await;
    let run = purge(&cluster, &["events"]);
    let (said, shown) = typed(&run, &[(TYPE, "")]);
    assert_eq!(said.code, Some(3), "{shown}");
    untouched(&cluster, 2_500);
    let (said, shown) = typed(&run, &[(TYPE, "yes"), (TYPE, "events"), ("disarm? [y/N]", "n")]);
    assert_eq!(said.code, Some(0), "{shown}");
    let shown = flat(&shown);
    assert!(
        shown.contains("Deleted 2500 keys") && shown.contains("None is left there now"),
        "{shown}"
    );
    assert!(shown.contains(" recover --endpoints"), "{shown}");
    assert_eq!(events_left(&cluster), 0);
    assert_eq!(cluster.etcd.state().alarms, [(1, 1)], "asked once, and the answer was no");
}

#[tokio::test(flavor = "multi_thread")]
async fn recover_offers_it_in_a_terminal() {
    let cluster = with_events(2_500).await;
    let recover = cluster.rescue(&["recover"]).and(&cluster.snapshot_flags());
    let (said, shown) = typed(&recover, &[(TYPE, "")]);
    assert_eq!(said.code, Some(4), "{shown}");
    assert!(flat(&shown).contains("1. See what fills it"), "{shown}");
    untouched(&cluster, 2_500);
    let yes = [
        (TYPE, "events"),
        ("[y/N/?]", "y"),
        ("[y/N/a/?]", "a"),
        ("[y/N/?]", "y"),
        ("[y/N/?]", "y"),
    ];
    let (said, shown) = typed(&recover, &yes);
    assert_eq!(said.code, Some(0), "{shown}");
    assert!(flat(&shown).contains("Recovered in"), "{shown}");
    assert_eq!(events_left(&cluster), 0);
    assert_eq!(cluster.etcd.state().alarms, []);
    assert_eq!(cluster.files_left().len(), 1);
    others_are_there(&cluster);
}
