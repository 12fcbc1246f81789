//! Tests of `log_files`, on real files.

use super::*;

/// Bytes of a line of the large file.
const LINE: u64 = 1_031;

#[test]
fn names_of_log_files_are_told_from_others() {
    for (name, expected) in [
        ("0.log", Some(false)),
        ("12.log", Some(false)),
        ("0.log.20261123-030003", Some(false)),
        ("0.log.20261123-030003.gz", Some(true)),
        ("0.log.20261123-030003.tmp", None),
        ("0.log.old", None),
        ("a.log", None),
        ("0.txt", None),
        ("", None),
    ] {
        assert_eq!(log_file(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn the_end_of_a_large_file_is_read_and_that_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("0.log");
    let line = format!("2026-11-23T03:00:00Z stderr F {}\n", "x".repeat(1_000));
    assert_eq!(line.len() as u64, LINE);
    fs::write(&path, line.repeat((PER_FILE as usize / line.len()) + 100)).expect("written");
    let mut limits = Limits::new(Duration::from_secs(1 << 40), Duration::from_secs(60));
    let mut files = LogFiles::find(&[directory.path().to_owned()], i64::MIN);
    let mut bytes = 0;
    let read = files.read(&mut limits, |_, time, line| {
        assert!(time > 0 && line.text.len() == 1_000, "no line is cut");
        bytes += LINE;
    });
    assert_eq!(read, [path]);
    assert!(bytes < PER_FILE && bytes > PER_FILE - 2 * LINE);
    assert!(files.complaints[0].contains("the last 16 MiB"), "{:?}", files.complaints);
    assert_eq!(limits.left, IN_ALL - PER_FILE);
}

#[test]
fn a_directory_that_cannot_be_read_is_a_complaint() {
    let files = LogFiles::find(&[PathBuf::from("/nonexistent/etcd")], 0);
    assert!(files.complaints[0].contains("/nonexistent/etcd"));
    assert_eq!(files.plain, Vec::<PathBuf>::new());
}
