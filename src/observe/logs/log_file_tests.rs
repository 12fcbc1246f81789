//! Tests of `logs`, on real files.

use std::{fs::OpenOptions, io::Write};

use super::*;

fn line(number: usize) -> String {
    format!("2026-11-23T03:45:44.{number:09}Z stderr F line {number}\n")
}

fn texts(mut log: LogFile) -> Vec<String> {
    let mut texts = Vec::new();
    let mut each = |line: LogLine| {
        texts.push(line.text);
        ControlFlow::Continue(())
    };
    assert!(log.read(&mut each).expect("readable").is_continue());
    log.finish(&mut each);
    texts
}

fn written(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("3.log");
    fs::write(&path, content).expect("written");
    (dir, path)
}

#[test]
fn the_last_lines_of_a_long_file() {
    let content: String = (0..20_000).map(line).collect();
    let (_dir, path) = written(content.as_bytes());
    for count in [0, 1, 2, 10, 5_000, 20_000, 30_000] {
        let tail = texts(LogFile::open_tail(&path, count).expect("opened"));
        assert_eq!(tail.len(), count.min(20_000));
        assert!(count == 0 || tail.last().is_some_and(|text| text == "line 19999"));
    }
    assert_eq!(texts(LogFile::open(&path).expect("opened")).len(), 20_000);
}

#[test]
fn a_line_in_pieces_counts_once() {
    let content = format!(
        "{}2026-11-23T03:45:45Z stderr P be\n2026-11-23T03:45:45Z stderr P gu\n\
         2026-11-23T03:45:45Z stderr F n\n{}",
        line(1),
        line(2)
    );
    let (_dir, path) = written(content.as_bytes());
    let tail = texts(LogFile::open_tail(&path, 2).expect("opened"));
    assert_eq!(tail, ["begun", "line 2"]);
}

#[test]
fn junk_is_read_without_end_or_form() {
    let junk: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8 | 0x80).collect();
    let (_dir, path) = written(&junk);
    let lines = texts(LogFile::open(&path).expect("opened"));
    assert_eq!(lines.len(), 3, "cut at 1 MiB");
    assert_eq!(texts(LogFile::open_tail(&path, 1).expect("opened")).len(), 3);
    let (_dir, path) = written(b"");
    assert_eq!(texts(LogFile::open_tail(&path, 5).expect("opened")), Vec::<String>::new());
    assert!(LogFile::open(&path.with_extension("none")).is_err());
}

#[test]
fn the_container_before_is_the_highest_older_attempt() {
    let (dir, path) = written(b"");
    assert_eq!(previous(&path), None);
    for name in ["0.log", "1.log", "10.log", "2.log.20261123-034544.gz", "x.log"] {
        fs::write(dir.path().join(name), "").expect("written");
    }
    assert_eq!(previous(&path), Some(dir.path().join("1.log")));
    assert_eq!(previous(&dir.path().join("10.log")), Some(path));
    assert_eq!(previous(&dir.path().join("x.log")), None);
}

#[tokio::test]
async fn growth_rotation_and_truncation_are_followed() {
    let (dir, path) = written(line(1).as_bytes());
    let log = LogFile::open(&path).expect("opened");
    let script = async {
        let append = |text: &str| {
            let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
            file.write_all(text.as_bytes()).expect("written");
        };
        let pause = || tokio::time::sleep(POLL * 2);
        pause().await;
        let second = line(2);
        let (head, tail) = second.split_at(40);
        append(head);
        pause().await;
        append(tail);
        pause().await;
        fs::rename(&path, dir.path().join("3.log.20261123-034544")).expect("renamed");
        pause().await;
        fs::write(&path, line(3) + &line(4)).expect("written");
        pause().await;
        fs::write(&path, line(5)).expect("truncated");
    };
    let mut seen = Vec::new();
    let follow = log.follow(|line| {
        seen.push(line.text);
        if seen.len() == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let both = async { tokio::join!(follow, script).0 };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("in time").expect("readable");
    assert_eq!(seen, ["line 1", "line 2", "line 3", "line 4", "line 5"]);
}
