//! Which files of a journal directory are ours, and keeping them few. What has
//! another name is never touched.

use std::{fs, path::Path};

use crate::model::order;

/// How many runs keep their journal and report.
const KEPT: usize = 50;
/// Extension of a report that is not whole yet.
pub(super) const PART: &str = ".md.part";

/// Removes the journals and reports of all but the newest runs, and reports
/// that killed runs left half-written. What cannot be removed stays: old
/// journals are no reason to stop.
pub(super) fn remove_old(directory: &Path) {
    let names: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    for name in superfluous(&names) {
        let _ = fs::remove_file(directory.join(name));
    }
}

/// The names of ours that go.
fn superfluous(names: &[String]) -> Vec<&String> {
    // The stamp comes first: in the order of names the newest is the last.
    let runs = order::set(names.iter().filter_map(|name| run_of(name)));
    let kept = order::set(runs.into_iter().rev().take(KEPT));
    let goes = |name: &&String| {
        run_of(name).is_some_and(|run| !kept.contains(run) || name.ends_with(PART))
    };
    names.iter().filter(goes).collect()
}

/// The run a file belongs to: `20261123T074317.988Z-recover` of
/// `20261123T074317.988Z-recover.jsonl`; `None` when it is not ours.
fn run_of(name: &str) -> Option<&str> {
    let run = [".jsonl", ".md", PART].iter().find_map(|end| name.strip_suffix(end))?;
    let (stamp, command) = run.split_once('-')?;
    let shape = "00000000T000000.000Z";
    let fits = |(c, like): (char, char)| {
        if like == '0' { c.is_ascii_digit() } else { c == like }
    };
    let stamped = stamp.len() == shape.len() && stamp.chars().zip(shape.chars()).all(fits);
    let named = !command.is_empty() && command.chars().all(|c| c.is_ascii_lowercase());
    (stamped && named).then_some(run)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_newest_runs_are_kept_and_only_ours_go() {
        let name = |n: usize, end: &str| format!("20261123T0000{n:02}.000Z-recover{end}");
        let mut names: Vec<String> = (0..60).map(|n| name(n, ".jsonl")).collect();
        names.extend([name(3, ".md"), name(59, ".md"), name(58, PART)]);
        let others =
            ["notes.md", "20261123-recover.jsonl", "20261123T000001.000Z-.md", "a.jsonl", ".md"];
        names.extend(others.map(str::to_owned));
        let mut gone: Vec<&str> = superfluous(&names).into_iter().map(String::as_str).collect();
        gone.sort_unstable();
        let mut expected: Vec<String> = (0..10).map(|n| name(n, ".jsonl")).collect();
        expected.extend([name(3, ".md"), name(58, PART)]);
        expected.sort_unstable();
        assert_eq!(gone, expected);
    }

    proptest! {
        #[test]
        fn any_name_is_ours_or_not(name in ".*") {
            if let Some(run) = run_of(&name) {
                prop_assert!(name.starts_with(run));
            }
        }

        #[test]
        fn names_of_ours_are_known(n in 0u32..100_000_000, command in "[a-z]{1,9}") {
            let run = format!("{n:08}T000000.000Z-{command}");
            let name = format!("{run}.jsonl");
            prop_assert_eq!(run_of(&name), Some(run.as_str()));
        }
    }
}
