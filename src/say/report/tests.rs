//! Whole reports.

use super::*;
use crate::{
    failure::Exit,
    model::{StepReport, StepStatus},
    say::{
        human::testing::{plan, world},
        json::SnapshotAnswer,
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(crate::say::human::testing::NOW + second).expect("in range")
}

fn facts<'a>(
    answer: &'a RecoveryAnswer,
    world: &'a (World, World),
    timeline: &'a [Happening],
) -> Report<'a> {
    Report {
        answer,
        failure: None,
        before: Some(&world.0),
        after: Some(&world.1),
        host: "master-1",
        command: "etcd-rescue recover",
        unattended: true,
        began: at(0),
        timeline,
        hashes: &[],
        left: None,
        journal: Path::new("/var/log/etcd-rescue/x.jsonl"),
    }
}

fn answer(outcome: Outcome, exit: Exit, before: &World) -> RecoveryAnswer {
    let mut answer = RecoveryAnswer::new(outcome, exit).plan(&plan(), before);
    let path = "/backup/x.db".to_owned();
    answer.snapshot =
        Some(SnapshotAnswer { path, bytes: 67_213_754, sha256: "ab12".into(), from_file: false });
    answer.elapsed_ms = 14_200;
    answer.steps.push(StepReport {
        id: "compact".into(),
        member: None,
        status: StepStatus::Done,
        elapsed_ms: 12,
        detail: "compacted".into(),
    });
    answer
}

#[test]
fn a_recovery() {
    let mut world = (world(), world());
    for member in &mut world.1.members {
        let Ok(status) = &mut member.status else { continue };
        status.db_size = status.db_size_in_use;
        status.alarms.clear();
    }
    world.1.members[2].status = Err("timed out".into());
    let mut answer = answer(Outcome::Recovered, Exit::Ok, &world.0);
    answer.writable_after_ms = Some(3_100);
    answer.prevention = Some("set it\n  --auto-compaction-mode=periodic".into());
    let timeline = [Happening {
        at: at(2),
        step: "defrag:master-2".into(),
        member: Some(world.0.members[1].id),
        took_ms: Some(420),
        result: "62.1 MiB -> 3.2 MiB in 420 ms".into(),
    }];
    let hashes = [("master-1".to_owned(), 0xabcd), ("master-2".to_owned(), 0xabcd)];
    let text = report(&Report { hashes: &hashes, ..facts(&answer, &world, &timeline) });
    let (text, end) = text.rsplit_once("\n\n").expect("a last line");
    assert!(end.starts_with("Written by etcd-rescue "), "{end}");
    let expected = include_str!("recovered.md");
    if std::env::var_os("UPDATE_SCENARIOS").is_some() {
        std::fs::write("src/say/report/recovered.md", text).expect("writable");
    } else {
        assert_eq!(text, expected);
    }
}

#[test]
fn a_run_that_was_stopped_says_the_state_and_what_next() {
    let world = (world(), world());
    let answer = answer(Outcome::Partial, Exit::Hangup, &world.0);
    let failure = Failure::new(
        Exit::Hangup,
        "the terminal went away (SIGHUP)",
        "Done so far: snapshot.",
        "look with `etcd-rescue status`\n\nthen `etcd-rescue recover`",
    );
    let text = report(&Report { failure: Some(&failure), ..facts(&answer, &world, &[]) });
    for part in [
        "# etcd-rescue on master-1: stopped part-way\n",
        "\nthe terminal went away (SIGHUP).\n\nState at the end: Done so far: snapshot.\n",
        "\n## What is left to do\n\nlook with `etcd-rescue status`\n\nthen `etcd-rescue recover`\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("## Proof") && !text.contains("## Timeline"), "{text}");
}

#[test]
fn names_of_the_cluster_are_no_markup() {
    let mut world = (world(), world());
    for world in [&mut world.0, &mut world.1] {
        world.members[0].name = "a|b`c\n# D\u{1b}[31m<e>".to_owned();
    }
    let answer = answer(Outcome::Recovered, Exit::Ok, &world.0);
    let text = report(&facts(&answer, &world, &[]));
    let row = text.lines().find(|line| line.starts_with("| a\\|b")).expect("a row");
    assert!(row.starts_with("| a\\|b\\`c # D\\[31m\\<e> | 3.5.16 "), "{row}");
    assert!(!text.contains("\n# D") && !text.contains('\u{1b}'), "{text}");
}
