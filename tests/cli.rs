//! The command line itself: help and version, etcdctl's variables, plain http,
//! what goes to which stream, and secrets that reach none of them.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use cluster::Cluster;
use fake::etcd::{Act, FakeEtcd, Rpc};
use stage::{Rescue, Said, rescue, too_wide};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["recover"],
    &["locate"],
    &["status"],
    &["snapshot"],
    &["snapshot", "save"],
    &["snapshot", "verify"],
    &["compact"],
    &["defrag"],
    &["disarm"],
    &["verify"],
    &["logs"],
    &["exec"],
    &["diagnose"],
    &["rules"],
    &["runbook"],
];

#[test]
fn the_version_says_what_it_is_and_what_it_speaks() {
    let said = rescue(&["--version"]).run().code(0);
    let lines: Vec<&str> = said.out.lines().collect();
    let [own, etcd, cri] = lines[..] else { panic!("{}", said.out) };
    let source = own.strip_prefix(concat!("etcd-rescue ", env!("CARGO_PKG_VERSION"), " ("));
    let source = source.and_then(|rest| rest.strip_suffix(')')).expect("its source");
    // A debug build names no commit, so that it need not be built again after each.
    assert!(source == "commit unknown" || names_a_commit(source), "{own}");
    assert!(etcd.contains("etcd") && etcd.contains("v3"), "{etcd}");
    assert!(cri.contains("runtime.v1") && cri.contains("v1alpha2"), "{cri}");
    assert_eq!(said.err, "");
}

/// Whether this is like `13e3e2d2cf11, 2026-11-23`, or `13e3e2d2cf11-dirty, …`.
fn names_a_commit(source: &str) -> bool {
    let Some((commit, day)) = source.split_once(", ") else { return false };
    let commit = commit.strip_suffix("-dirty").unwrap_or(commit);
    let day: Vec<&str> = day.split('-').collect();
    commit.len() >= 12
        && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        && day.len() == 3
        && day.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn every_help_fits_80_columns() {
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let said = rescue(command).and(&[flag]).env("COLUMNS", "200").run().code(0);
            assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
            assert!(said.out.contains("Usage: etcd-rescue"), "{}", said.out);
            assert!(!said.all().contains('\u{1b}') && said.err.is_empty());
        }
    }
    let said = rescue(&["--help"]).run();
    for code in ["0 recovered", "3 needs a decision", "5 stopped part-way", "7 etcd not found"] {
        assert!(said.out.contains(code), "{code}");
    }
}

#[test]
fn the_runbook_is_inside() {
    let said = rescue(&["runbook"]).run().code(0);
    let file = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/RUNBOOK.md")).unwrap();
    assert_eq!(said.out, file);
    assert_eq!(said.err, "");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let script = format!("{} runbook | head -n 1", common::rescue::binary().display());
    let out = Command::new("bash").args(["-o", "pipefail", "-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), 1);
}

/// The run with etcdctl's variables in place of the flags.
fn by_variables(cluster: &Cluster, args: &[&str]) -> Rescue {
    let path = |path: &Path| path.display().to_string();
    rescue(args)
        .env("ETCDCTL_ENDPOINTS", cluster.etcd.endpoint(1))
        .env("ETCDCTL_CACERT", path(&cluster.cacert))
        .env("ETCDCTL_CERT", path(&cluster.cert))
        .env("ETCDCTL_KEY", path(&cluster.key))
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_etcdctl_are_honoured_and_flags_win() {
    let cluster = Cluster::start(1).await;
    let said = by_variables(&cluster, &["status", "-w", "json"]).run().code(0);
    let answer = said.json();
    assert_eq!(answer["members"][0]["name"], "master-1");
    assert_eq!(answer["members"][0]["endpoint"], cluster.etcd.endpoint(1));
    let elsewhere = ["status", "--endpoints", "https://127.0.0.1:1"];
    let said = by_variables(&cluster, &elsewhere).run().code(7);
    assert!(said.told().contains("https://127.0.0.1:1: connection refused"), "{}", said.err);
    // Set to nothing is not set.
    let mut unset = cluster.rescue(&["status"]);
    for name in ["ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY", "ETCDCTL_ENDPOINTS"] {
        unset = unset.env(name, "");
    }
    unset.env("ETCDCTL_USER", "").env("CONTAINER_RUNTIME_ENDPOINT", "").run().code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_endpoints_without_a_scheme() {
    let plain = FakeEtcd::single().await;
    let said = rescue(&["status", "--endpoints", &plain.endpoint(1)]).run().code(0);
    assert!(said.out.contains("master-1") && said.out.contains("NOSPACE"), "{}", said.out);
    let cluster = Cluster::start(1).await;
    let bare = cluster.etcd.endpoint(1).replace("https://", "");
    rescue(&["status"]).and(&cluster.flags(&bare)).run().code(0);
}

/// Every command that talks to etcd.
const TALKING: &[&[&str]] = &[
    &["status"],
    &["locate"],
    &["recover", "--dry-run"],
    &["recover"],
    &["snapshot", "save", "/nowhere/x.db"],
    &["compact", "--yes", "--revision", "77777"],
    &["disarm", "--yes"],
    &["verify"],
];

fn every_dress(rescue: &Rescue) -> Vec<Said> {
    [&["-v", "-v"][..], &["-vv", "-w", "json"]].map(|flags| rescue.clone().and(flags).run()).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_keys_reach_no_output() {
    let cluster = Cluster::start(1).await;
    let password = "pa55-w0rd";
    let key = fs::read_to_string(&cluster.key).unwrap();
    let secrets: Vec<&str> =
        key.lines().filter(|line| !line.starts_with("-----")).chain([password]).collect();
    let hidden = |said: &Said| {
        for secret in &secrets {
            assert!(!said.all().contains(secret), "{secret} in {said:?}");
        }
    };
    for right in [password, "another-0ne"] {
        cluster.etcd.state().login = Some(("root".to_owned(), right.to_owned()));
        for args in TALKING {
            let flags = cluster.rescue(args).and(&cluster.snapshot_flags());
            let flag = flags.clone().and(&["--user", &format!("root:{password}")]);
            every_dress(&flag).iter().for_each(hidden);
            let by_env = flags.env("ETCDCTL_USER", "root").env("ETCDCTL_PASSWORD", password);
            every_dress(&by_env).iter().for_each(hidden);
        }
    }
    let by_env = rescue(&["--help"]).env("ETCDCTL_PASSWORD", password);
    hidden(&by_env.env("ETCDCTL_USER", format!("root:{password}")).run());
    // A key where something else is expected, and a damaged one.
    let damaged = cluster.files.write("damaged.key", &key.replacen('M', "!", 1));
    for (cacert, cert, key) in [
        (&cluster.key, &cluster.cert, &cluster.key),
        (&cluster.cacert, &cluster.key, &cluster.key),
        (&cluster.cacert, &cluster.cert, &damaged),
    ] {
        let words = [("--cacert", cacert), ("--cert", cert), ("--key", key)];
        let flags: Vec<String> = words
            .iter()
            .flat_map(|(flag, path)| [(*flag).to_owned(), path.display().to_string()])
            .collect();
        let status = rescue(&["status", "--endpoints", &cluster.etcd.endpoint(1)]).and(&flags);
        every_dress(&status).iter().for_each(hidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_to_stdout_and_talk_to_stderr() {
    let cluster = Cluster::start(3).await;
    let said = cluster.rescue(&["status"]).run().code(0);
    assert!(said.out.contains("master-3") && said.err.is_empty(), "{said:?}");
    too_wide(&said.out);
    let planned = cluster.rescue(&["recover", "--dry-run"]).and(&cluster.snapshot_flags());
    let human = planned.run().code(0);
    assert!(human.out.contains("Plan ") && human.told().contains("Nothing was changed. To do it"));
    too_wide(&human.all());
    let said = planned.and(&["-w", "json"]).run().code(0);
    let document = said.json();
    assert_eq!(document["outcome"], "planned");
    assert_eq!(document["exit_code"], 0);
    assert_eq!(document["plan"].as_array().unwrap().len(), 8);
    assert_eq!(cluster.changes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_cluster_is_left_alone() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().alarms.clear();
    for member in &mut cluster.etcd.state().members {
        member.db_size = 2 << 20;
    }
    let said = cluster.unattended("recover").run().code(0);
    assert_eq!(said.json()["outcome"], "nothing_to_do");
    assert_eq!(said.json()["exit_code"], 0);
    assert_eq!(cluster.changes(), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_private_and_verified() {
    let cluster = Cluster::start(3).await;
    let path = cluster.snapshots.join("new.db");
    let text = path.display().to_string();
    let said = cluster.rescue(&["snapshot", "save", &text, "-w", "json"]).run().code(0);
    assert_eq!(said.json()["path"], text);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(said.json()["bytes"], metadata.len());
    assert_eq!(cluster.files_left(), ["new.db"]);
    let said = rescue(&["snapshot", "verify", &text, "-w", "json"]).run().code(0);
    assert_eq!(said.json()["valid"], true);
    let mut bytes = fs::read(&path).unwrap();
    bytes[70_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = rescue(&["snapshot", "verify", &text]).run().code(4);
    assert!(said.told().contains("SHA-256 does not match its content"), "{}", said.err);
    assert!(said.told().contains("`etcd-rescue snapshot save PATH`"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_can_go_to_a_pipe_and_says_when_it_did_not_get_there() {
    let cluster = Cluster::start(3).await;
    let path = cluster.files.path("piped.db");
    let save = cluster.rescue(&["snapshot", "save", "-"]);
    let said = save.clone().stdout_to(&path).run().code(0);
    assert!(said.told().contains("checksum right"), "{}", said.err);
    let text = path.display().to_string();
    rescue(&["snapshot", "verify", &text]).run().code(0);
    let said = save.clone().stdout_to(Path::new("/dev/full")).run();
    assert!(matches!(said.code, Some(1..)), "{said:?}");
    assert!(said.told().contains("No space left on device"), "{}", said.err);
    // A stream that breaks is no snapshot, and the code says so.
    cluster.etcd.script(2, Rpc::Snapshot, Act::EndAfter(2));
    let said = save.stdout_to(&path).run().code(4);
    assert!(said.told().contains("does not end with a checksum"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_etcd_says_cannot_move_the_cursor() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().member(2).name = "\u{1b}[2J\u{7}evil\r\n`reboot`".to_owned();
    cluster.etcd.state().member(3).errors.push("\u{1b}]0;title\u{7}burning".to_owned());
    for args in [&["status"][..], &["recover", "--dry-run"], &["defrag", "--member", "x"]] {
        let said = cluster.rescue(args).and(&cluster.snapshot_flags()).run();
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!said.all().contains(control), "{:?}", said.all());
    }
    let said = cluster.unattended("recover").and(&["--dry-run"]).run().code(0);
    let document = said.json();
    let mut paths = document["plan"].as_array().unwrap().iter().flat_map(|it| it["path"].as_str());
    let path = paths.next().unwrap();
    let name = path.rsplit('/').next().unwrap();
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{path}");
}
