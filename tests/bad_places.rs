//! Bad input of every kind, continued: member names, places for snapshots,
//! revisions, nobody to ask, and command lines that are none.

mod common;
mod fake;

#[path = "common/cluster.rs"]
mod cluster;
#[path = "common/stage.rs"]
mod stage;

use std::{fs, os::unix::fs::symlink};

use cluster::Cluster;
use fake::etcd::{Act, Rpc};
use stage::{Refusal, Rescue, flat, refuses, rescue};

/// A gate that is closed, and nothing was done.
#[track_caller]
fn refused(cluster: &Cluster, rescue: &Rescue, what: &[&str], next: &[&str]) {
    refuses(rescue, &Refusal { code: 4, outcome: "refused", what, next });
    assert_eq!(cluster.changes(), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
}

/// A command line that is none.
#[track_caller]
fn usage(rescue: &Rescue, what: &[&str], next: &[&str]) {
    refuses(rescue, &Refusal { code: 2, outcome: "failed", what, next });
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_member_has() {
    let cluster = Cluster::start(3).await;
    for args in [
        &["defrag", "--yes", "--member", "master-9"][..],
        &["recover", "--yes", "--allow-missing", "master-9"],
        &["snapshot", "save", "/tmp/never.db", "--member", "master-9"],
    ] {
        let next = ["the members are master-1, master-2, master-3", "`etcd-rescue status --endp"];
        usage(&cluster.rescue(args), &["no member is called `master-9`"], &next);
    }
    assert_eq!(cluster.changes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_that_a_flag_opens_name_the_whole_command() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.always(3, Rpc::MemberList, Act::Cut);
    cluster.etcd.state().member(1).version = "3.5.1".to_owned();
    let recover = cluster.rescue(&["recover", "--yes"]).and(&cluster.snapshot_flags());
    let flags = ["--allow-missing", "master-3", "--accept-version-risk"];
    refused(
        &cluster,
        &recover,
        &["member master-3 does not answer", "member master-1 runs etcd 3.5.1"],
        &["in full: `etcd-rescue recover --endpoints", &format!(" {}`", flags.join(" "))],
    );
    let planned = recover.and(&flags).and(&["--dry-run"]).run().code(0);
    assert!(flat(&planned.out).contains("master-3 does not answer and stays as it is"));
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_take_no_snapshot() {
    let cluster = Cluster::start(3).await;
    let file = cluster.files.write("file", "");
    let recover = |dir: &str| cluster.rescue(&["recover", "--yes", "--snapshot-dir", dir]);
    refused(
        &cluster,
        &recover("/nowhere/deep"),
        &["--snapshot-dir /nowhere/deep: it does not exist"],
        &["`mkdir -p -m 0700 /nowhere/deep`", "--snapshot-dir DIR`"],
    );
    refused(
        &cluster,
        &recover(file.to_str().unwrap()),
        &["it is not a directory"],
        &["--snapshot-dir DIR`"],
    );
    refused(
        &cluster,
        &recover("/mnt").setup("mount -t tmpfs -o ro none /mnt"),
        &["--snapshot-dir /mnt: it cannot be written to: Read-only file system"],
        &["name another directory: `etcd-rescue recover", "--snapshot-dir DIR`"],
    );
    refused(
        &cluster,
        &recover("/mnt")
            .and(&["--snapshot", "full-first"])
            .setup("mount -t tmpfs -o size=1m,mode=700 none /mnt"),
        &["no room for a snapshot of 64.0 MiB: /mnt has 1.0 MiB free"],
        &[
            "in full: `etcd-rescue recover",
            "--snapshot-dir DIR`",
            "`ssh MASTER etcd-rescue snapshot save - > FILE`",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_take_no_snapshot() {
    let cluster = Cluster::start(3).await;
    let there = cluster.files.write("there.db", "precious");
    let (link, dangling) = (cluster.files.path("link.db"), cluster.files.path("dangling.db"));
    symlink(&there, &link).unwrap();
    symlink("/nowhere", &dangling).unwrap();
    let read_only = "mount -t tmpfs -o ro none /mnt";
    let full = "mount -t tmpfs -o size=1m none /mnt";
    for (path, setup, what) in [
        ("/nowhere/x.db", "true", "the directory /nowhere does not exist"),
        ("/mnt/x.db", read_only, "it cannot be written to: Read-only file system"),
        ("/mnt/x.db", full, "/mnt has 1.0 MiB free, the snapshot needs 64.0 MiB"),
        (there.to_str().unwrap(), "true", "it is already there, and nothing is overwritten"),
        (link.to_str().unwrap(), "true", "it is a symbolic link, which is never followed"),
        (dangling.to_str().unwrap(), "true", "it is a symbolic link, which is never followed"),
        ("/mnt", "true", "it is already there"),
        ("/mnt/", "true", "it does not name a file"),
        ("/mnt/new/", "true", "it does not name a file"),
        ("/", "true", "it does not name a file"),
    ] {
        let save = cluster.rescue(&["snapshot", "save", path]).setup(setup);
        let what = [&format!("cannot save to {path}: "), what];
        refused(&cluster, &save, &what, &["`etcd-rescue snapshot save PATH --endpoints"]);
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_meanwhile() {
    let cluster = Cluster::start(3).await;
    for member in &mut cluster.etcd.state().members {
        member.database = vec![0; 4 << 20];
        member.db_size = 1 << 20;
    }
    let full_first = ["recover", "--yes", "--snapshot-dir", "/mnt", "--snapshot", "full-first"];
    for args in [&["snapshot", "save", "/mnt/new.db"][..], &full_first] {
        let full = cluster.rescue(args).setup("mount -t tmpfs -o size=3m,mode=700 none /mnt");
        let (said, _) = refuses(
            &full.in_the_end("ls -lA /mnt >&2"),
            &Refusal {
                code: 4,
                outcome: "refused",
                what: &["cannot write /mnt/", "No space left on device"],
                next: &["name another place: `etcd-rescue "],
            },
        );
        assert!(said.told().ends_with("total 0"), "{}", said.err);
        assert!(said.told().contains("No half-written file was left"), "{}", said.err);
    }
    assert!(cluster.changes().iter().all(|call| call.ends_with(" Snapshot()")));
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_that_cannot_be_compacted() {
    let cluster = Cluster::start(3).await;
    for (revision, what) in [
        ("1001", "revision 1001 is in the future: the cluster is at revision 1000"),
        ("9223372036854775807", "is in the future: the cluster is at revision 1000"),
        ("0", "revision 0 does not exist: revisions begin at 1"),
        ("-5", "revision -5 does not exist: revisions begin at 1"),
    ] {
        let compact = cluster.rescue(&["compact", "--yes", "--revision", revision]);
        let next = ["`etcd-rescue compact` without --revision compacts at the current one, 1000"];
        refused(&cluster, &compact.and(&cluster.snapshot_flags()), &[what], &next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_is_compacted_already_is_a_success() {
    let cluster = Cluster::start(3).await;
    cluster.etcd.state().compacted = 900;
    let compact = cluster.unattended("compact").and(&["--revision", "800"]);
    let said = compact.run().code(0);
    let document = said.json();
    assert!(said.told().contains("revision 800 was already compacted"), "{}", said.err);
    assert_eq!(document["steps"][1]["detail"], "revision 800 was already compacted");
    assert_eq!(cluster.etcd.state().compacted, 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_to_ask_gets_the_plan_and_the_two_ways_on() {
    let cluster = Cluster::start(3).await;
    let flags = cluster.snapshot_flags();
    for (command, step) in [("recover", "8. verify"), ("compact", "2. compact history up to")] {
        let (said, document) = refuses(
            &cluster.rescue(&[command]).and(&flags),
            &Refusal {
                code: 3,
                outcome: "needs_decision",
                what: &["there is a plan, but nobody to ask", "--yes was not given"],
                next: &["`ssh -t MASTER`", &format!("`etcd-rescue {command} --end"), "--yes`"],
            },
        );
        assert!(said.out.contains("Plan ") && said.out.contains(step), "{}", said.out);
        assert!(document["plan"].as_array().unwrap().len() > 1, "{document:#}");
        let steps = document["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["status"] == "planned"), "{document:#}");
    }
    assert_eq!(cluster.changes(), [""; 0]);
    assert_eq!(cluster.files_left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_lines_that_are_none() {
    let words: [(&[&str], &str); 7] = [
        (&["--wait", "0"], "--wait: cannot read `0` as a time"),
        (&["--timeout", "5x"], "--timeout: cannot read `5x` as a time"),
        (&["--wait", ""], "--wait: cannot read `` as a time"),
        (&["--timeout", "0s"], "--timeout: cannot read `0s` as a time"),
        (&["--cert", "/x"], "--cert and --key go together"),
        (&["--key", "/x"], "--cert and --key go together"),
        (&["--endpoints", "ftp://10.0.0.1"], "cannot read `ftp://10.0.0.1` as a client URL"),
    ];
    for (args, what) in words {
        usage(&rescue(args), &[what], &["`etcd-rescue --"]);
    }
    usage(&rescue::<&str>(&[]).env("ETCDCTL_CERT", "/x"), &["ETCDCTL_CERT"], &["give both"]);
    for bad in [&["--timeout", "0"][..], &["recover", "--frobnicate"]] {
        let document = rescue(bad).and(&["-wjson"]).run().code(2).json();
        for key in ["plan_id", "revision", "snapshot", "members", "steps", "elapsed_ms"] {
            assert!(document.get(key).is_some(), "{key} is not in {document}");
        }
    }
    let document = rescue(&["status", "--timeout", "0", "-wjson"]).run().code(2).json();
    assert!(document.get("steps").is_none(), "{document}");
}

/// No log and no output of a program came: a script that asked for JSON gets
/// why.
#[test]
fn commands_that_stream_tell_scripts_why_nothing_comes() {
    for args in [&["logs"][..], &["snapshot", "save", "-"], &["exec", "-w", "json", "--", "ls"]] {
        let json: &[&str] = if args[0] == "exec" { &[] } else { &["-w", "json"] };
        let document = rescue(args).and(json).run().code(7).json();
        assert_eq!(document["exit_code"], 7, "{document}");
    }
}

#[test]
fn words_that_clap_does_not_know() {
    let words: [(&[&str], &str); 9] = [
        (&["recovr"], "unrecognized subcommand 'recovr'"),
        (&["--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["snapshot", "save"], "required arguments were not provided: <PATH>"),
        (&["snapshot", "load", "x"], "unrecognized subcommand 'load'"),
        (&["exec"], "required arguments were not provided: <CMD>"),
        (&["exec", "ls"], "unexpected argument 'ls'"),
        (&["compact", "--revision", "many"], "invalid value 'many' for '--revision <N>'"),
        (&["logs", "--tail", "-1"], "unexpected argument '-1'"),
        (&["--no-snapshot", "--snapshot-dir", "/x"], "cannot be used with"),
    ];
    for (args, what) in words {
        let human = rescue(args).run().code(2);
        assert!(human.told().contains(what), "{}", human.err);
        assert!(human.err.contains("--help") && human.out.is_empty(), "{human:?}");
        for asked in [&["-w", "json"][..], &["-wjson"], &["--write-out=json"]] {
            // Before anything that ends the flags.
            let said = rescue(asked).and(args).run().code(2);
            let document = said.json();
            assert_eq!(document["outcome"], "failed");
            assert_eq!(document["exit_code"], 2);
            assert!(document["error"]["what"].as_str().unwrap().contains(what), "{document}");
            assert_eq!(document["error"]["next"], "`etcd-rescue --help`");
        }
    }
    let wrong = rescue(&["-w", "yaml"]).run().code(2);
    assert!(wrong.told().contains("possible values: human, json"), "{}", wrong.err);
}
