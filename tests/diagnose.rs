//! `diagnose` as it is typed: flags out of bounds, a machine without etcd, what
//! a script gets, and how it ends.

mod common;

#[path = "common/stage.rs"]
mod stage;

use serde_json::Value;
use stage::{rescue, too_wide};

#[test]
fn flags_out_of_bounds_and_contradictions_are_usage_errors_with_a_way_out() {
    for (args, told) in [
        (&["--window", "31s"][..], "--window takes 1s to 30s"),
        (&["--since", "1s"], "--since takes 1m to 30d"),
        (&["--watch", "2d"], "--watch takes 1s to 1h"),
        (&["--window", "soon"], "cannot read `soon` as a time"),
        (&["--dry-run", "--probe"], "--dry-run and --probe do not go together"),
        (&["--passive", "--self-test", "short"], "do not go together"),
    ] {
        let said = rescue(&["diagnose", "-w", "json"]).and(args).run().code(2);
        assert!(said.told().contains(told), "{}", said.err);
        let document = said.json();
        assert_eq!(document["exit_code"], 2);
        assert!(document["error"]["next"].as_str().is_some_and(|next| next.contains("diagnose")));
    }
}

#[test]
fn without_etcd_there_is_nothing_to_look_at_but_a_directory_that_is_named() {
    rescue(&["diagnose"]).run().code(7);
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_str().expect("a name").to_owned();
    for args in [&[][..], &["--endpoints", "http://127.0.0.1:1"]] {
        let said = rescue(&["diagnose", "--window", "1s", "-w", "json", "--data-dir", &path])
            .and(args)
            .run();
        let document = said.json();
        assert_eq!(document["disk"]["places"][0]["path"], path.as_str(), "{}", said.all());
        assert_eq!(document["members"], Value::Array(Vec::new()));
        let unseen = document["unseen"].as_array().expect("a list");
        let silent = unseen.iter().any(|it| it["what"].as_str().unwrap().contains("members"));
        assert!(silent, "{}", said.out);
        assert!(document["elapsed_ms"].as_u64().is_some_and(|took| took < 60_000));
    }
}

#[test]
fn the_page_fits_and_ends_with_what_stays_unknown() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_str().expect("a name").to_owned();
    let said = rescue(&["diagnose", "--window", "1s", "--data-dir", &path]).run();
    assert!(said.out.contains("What stays unknown"), "{}", said.out);
    too_wide(&said.out);
    assert!(said.out.is_ascii() && !said.out.contains('\u{1b}'), "{}", said.out);
}

#[test]
fn a_watch_ends_with_its_reader() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_str().expect("a name").to_owned();
    let args = ["diagnose", "--window", "1s", "--watch", "1s", "-w", "json", "--data-dir", &path];
    let said = rescue(&args).pipe_into("head -n 1").run().code(0);
    assert_eq!(said.out.lines().count(), 1, "{}", said.all());
}
