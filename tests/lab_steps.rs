//! The single commands, walked by hand through one outage as the runbook does,
//! each with the gates of the full run.

mod common;

use std::fs;

use common::{
    alone, fill, judge,
    rescue::{Ran, rescue},
    snapshot, three,
};
use lab::{Fill, Lab, Master};
use serde_json::Value;

#[test]
fn the_single_commands_recover_step_by_step() {
    let _turn = alone();
    let lab = Lab::up(three("3.5.16", 32 << 20)).unwrap();
    let first = lab.master("master-1");
    let sizes = || lab.masters().iter().map(judge::db_size).collect::<Vec<_>>();
    shows_what_runs_here(&lab);
    fill(&lab, Fill::churn(), "master-3");
    let before = judge::data(first);
    let revision = judge::revision(first);

    status_shows_every_member(&lab);
    snapshots_are_saved_and_checked(first);
    assert_eq!(json(first, &["verify"], 6)["outcome"], "unverified");
    disarming_is_refused(&lab);

    let future = (revision + 100).to_string();
    json(first, &["compact", "--yes", "--revision", &future], 4);
    json(first, &["compact"], 3);
    assert!(!judge::is_compacted(first, revision - 1));
    done(first, &["compact", "--yes"], &["snapshot", "compact"]);
    assert!(judge::is_compacted(first, revision - 1));
    done(first, &["compact", "--yes", "--no-snapshot"], &["compact"]);
    disarming_is_refused(&lab);

    let full = sizes();
    json(first, &["defrag", "--yes", "--member", "nobody"], 2);
    assert_eq!(sizes(), full);
    done(first, &["defrag", "--yes", "--member", "master-2"], &["snapshot", "defrag:master-2"]);
    judge::small(&before, [lab.master("master-2")]);
    assert_eq!((sizes()[0], sizes()[2]), (full[0], full[2]));
    disarming_is_refused(&lab);
    let rest = ["--member", "master-1", "--member", "master-3"];
    let both = ["defrag:master-1", "defrag:master-3"];
    done(first, &[&["defrag", "--yes", "--no-snapshot"], &rest[..]].concat(), &both);
    judge::small(&before, lab.masters());

    assert!(judge::alarms(&lab).contains("NOSPACE"));
    done(first, &["disarm", "--yes"], &["disarm"]);
    assert_eq!(judge::alarms(&lab), "");
    assert_eq!(json(first, &["disarm", "--yes"], 0)["outcome"], "nothing_to_do");
    assert_eq!(json(first, &["verify"], 0)["outcome"], "recovered");
    judge::same_data(&before, lab.masters());
    judge::stays_writable(&lab, &lab.masters().iter().collect::<Vec<_>>());
}

fn json(master: &Master, args: &[&str], code: i32) -> Value {
    rescue(master, &[args, &["-w", "json"]].concat()).ends(code).json()
}

/// Fails unless the command succeeds with exactly these steps.
fn done(master: &Master, args: &[&str], steps: &[&str]) {
    let answer = json(master, args, 0);
    // A single step proves nothing about writes, so it is not "recovered".
    assert_eq!(answer["outcome"], "done");
    let ended = answer["steps"].as_array().expect("steps").iter();
    let ids: Vec<_> = ended.filter(|step| step["status"] == "done").map(|s| &s["id"]).collect();
    assert_eq!(ids, steps, "{answer:#}");
}

fn disarming_is_refused(lab: &Lab) {
    let answer = json(lab.master("master-1"), &["disarm", "--yes"], 4);
    assert_eq!(answer["refusals"][0]["kind"], "still_over_quota");
    assert!(judge::alarms(lab).contains("NOSPACE"));
}

/// `locate`, `logs`, `exec` and `runbook`.
fn shows_what_runs_here(lab: &Lab) {
    let first = lab.master("master-1");
    let found = json(first, &["locate"], 0);
    assert_eq!(found["name"]["value"], "master-1");
    assert_eq!(found["container"]["state"], "running");
    assert_eq!(found["version"]["value"], first.release().version.as_str());
    assert_eq!(found["data_dir"]["value"], "/var/lib/etcd");
    assert_eq!(found["quota"]["value"], 32 << 20);
    let pid = found["process"]["pid"].as_u64().or(found["container"]["pid"].as_u64());
    assert_eq!(pid, first.pid_of("etcd").map(u64::from));

    let run = |args: &[&str], code| rescue(first, args).ends(code);
    let log = run(&["logs", "--tail", "5"], 0).text();
    assert_eq!(log.lines().count(), 5, "{log}");
    assert!(log.lines().all(|line| line.contains("\"caller\"")), "{log}");

    let version = run(&["exec", "--", "etcdctl", "version"], 0).text();
    assert!(version.contains(&first.release().version), "{version}");
    let refused = run(&["exec", "--", "etcdctl", "no-such-command"], etcdctl_code(first));
    assert!(refused.stderr.contains("unknown command"), "{}", refused.stderr);
    run(&["exec", "--", "/bin/no-such-program"], 7);

    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/RUNBOOK.md");
    assert!(run(&["runbook"], 0).text() == fs::read_to_string(runbook).unwrap());
}

/// What etcdctl itself ends with when it does not know a command.
fn etcdctl_code(master: &Master) -> i32 {
    let out = master.etcdctl(&["no-such-command"]).expect("etcdctl runs");
    out.status.code().filter(|code| *code != 0).expect("a failure")
}

fn status_shows_every_member(lab: &Lab) {
    let first = lab.master("master-1");
    let answer = json(first, &["status"], 0);
    assert_eq!(answer["revision"], judge::revision(first));
    assert_eq!(answer["alarms"][0]["alarm"], "NOSPACE");
    let judged = judge::status(first);
    let cluster = judged["header"]["cluster_id"].as_u64().map(|id| format!("{id:x}"));
    assert_eq!(answer["cluster_id"].as_str(), cluster.as_deref());
    let members = answer["members"].as_array().expect("members");
    assert_eq!(members.len(), 3);
    for (member, master) in members.iter().zip(lab.masters()) {
        let judged = judge::status(master);
        let id = judged["header"]["member_id"].as_u64().map(|id| format!("{id:x}"));
        assert_eq!(member["id"].as_str(), id.as_deref());
        assert_eq!(member["name"], master.name());
        assert_eq!(member["endpoint"], master.endpoint());
        assert_eq!(member["version"], judged["version"]);
        assert_eq!(member["db_size"], judged["dbSize"]);
        assert_eq!(member["quota"], 32 << 20);
        assert_eq!(member["leader"], master.name() == "master-3");
        assert_eq!((&member["reachable"], &member["learner"]), (&true.into(), &false.into()));
        assert_eq!(member["error"], Value::Null);
        for key in ["db_size_in_use", "raft_index", "raft_applied_index"] {
            assert!(member[key].is_u64(), "{key} in {member}");
        }
        assert!(member["alarms"].is_array());
    }
}

/// `snapshot save PATH`, `snapshot save -` and `snapshot verify`.
fn snapshots_are_saved_and_checked(master: &Master) {
    let content = snapshot::content_now(master);
    let saved = json(master, &["snapshot", "save", "/var/lib/own.db"], 0);
    let file = master.path("/var/lib/own.db");
    assert_eq!(saved["sha256"], snapshot::sha256(&file));
    assert_eq!(snapshot::content(master, &file), content);
    json(master, &["snapshot", "save", "/var/lib/own.db"], 4);

    let good = json(master, &["snapshot", "verify", "/var/lib/own.db"], 0);
    assert_eq!((&good["valid"], &good["sha256"]), (&true.into(), &saved["sha256"]));
    let bytes = fs::read(&file).unwrap();
    let damaged = |bytes: &[u8]| {
        fs::write(master.path("/var/lib/damaged.db"), bytes).unwrap();
        let verify = rescue(master, &["snapshot", "verify", "/var/lib/damaged.db", "-w", "json"]);
        assert!(verify.code.is_some_and(|code| code != 0), "{}", verify.text());
        assert!(verify.json()["error"]["what"].is_string());
    };
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    damaged(&flipped);
    damaged(&bytes[..bytes.len() / 2]);
    damaged(&bytes[..bytes.len() - 32]);
    damaged(b"");

    let piped: Ran = rescue(master, &["snapshot", "save", "-"]).ends(0);
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::write(copy.path(), &piped.stdout).unwrap();
    assert_eq!(snapshot::content(master, copy.path()), content);
    assert!(piped.stderr.contains(&snapshot::sha256(copy.path())), "{}", piped.stderr);
}
