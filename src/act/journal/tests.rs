//! The journal in directories of the test's own.

use std::{fs, io, os::unix::fs::PermissionsExt};

use super::*;

const STEM: &str = "20261123T074317.988Z-recover";

fn open(places: &[&Path], lines: &str) -> (Journal, JournalNews) {
    Journal::open_in(places.iter().map(|place| place.to_path_buf()).collect(), STEM, lines.into())
}

#[test]
fn every_line_and_the_report_are_private_files() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let place = dir.path().join("log");
    let (mut journal, news) = open(&[&place], "a\n");
    let path = place.join(format!("{STEM}.jsonl"));
    assert_eq!(news, JournalNews::Kept { path: path.clone(), why: Vec::new() });
    assert_eq!(journal.write("b"), None);
    assert_eq!(fs::read_to_string(&path)?, "a\nb\n");
    let (report, news) = journal.report(|journal| format!("see {}", journal.display()));
    assert_eq!((report.as_deref(), news), (Some(&*place.join(format!("{STEM}.md"))), None));
    let report = report.expect("written");
    assert_eq!(fs::read_to_string(&report)?, format!("see {}", path.display()));
    for (path, mode) in [(&place, 0o700), (&path, 0o600), (&report, 0o600)] {
        assert_eq!(path.metadata()?.permissions().mode() & 0o777, mode, "{}", path.display());
    }
    assert_eq!(fs::read_dir(&place)?.count(), 2, "no part file is left");
    Ok(())
}

#[test]
fn a_place_that_takes_nothing_is_left_with_all_that_was_written() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let (bad, first, second) =
        (dir.path().join("file/log"), dir.path().join("first"), dir.path().join("second"));
    fs::write(dir.path().join("file"), "")?;
    let (mut journal, news) = open(&[&bad, &first, &second], "a\n");
    let JournalNews::Kept { path, why } = news else { panic!("{news:?}") };
    assert_eq!(path.parent(), Some(&*first));
    assert!(why[0].starts_with(&format!("{}: ", bad.display())), "{why:?}");
    // The report cannot take its name: that place is of no use any more.
    fs::create_dir_all(first.join(format!("{STEM}.md/x")))?;
    journal.write("b");
    let (report, news) = journal.report(|journal| journal.display().to_string());
    assert!(matches!(&news, Some(JournalNews::Kept { why, .. }) if why.len() == 1), "{news:?}");
    let moved = second.join(format!("{STEM}.jsonl"));
    assert_eq!(fs::read_to_string(&moved)?, "a\nb\n");
    assert_eq!(fs::read_to_string(report.expect("written"))?, moved.display().to_string());
    Ok(())
}

#[test]
fn without_any_place_the_run_goes_on() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("file"), "")?;
    let (mut journal, news) = open(&[&dir.path().join("file/log")], "a\n");
    assert!(matches!(&news, JournalNews::Lost(why) if why.len() == 1), "{news:?}");
    assert_eq!(journal.write("b"), None, "it was said once");
    assert_eq!(journal.report(|_| String::new()), (None, None));
    Ok(())
}

#[test]
fn nothing_is_written_through_a_link_or_over_a_file() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let (place, other) = (dir.path().join("log"), dir.path().join("other"));
    fs::create_dir(&place)?;
    fs::write(dir.path().join("mine"), "mine")?;
    std::os::unix::fs::symlink("../mine", place.join(format!("{STEM}.jsonl")))?;
    let (_, news) = open(&[&place, &other], "a\n");
    assert!(matches!(&news, JournalNews::Kept { path, .. } if path.starts_with(&other)));
    assert_eq!(fs::read_to_string(dir.path().join("mine"))?, "mine");
    Ok(())
}
