//! The newest data, on raft logs that differ.

use std::{fs, path::Path};

use super::*;
use crate::model::Copied;

fn write(root: &Path, wal: &str) {
    fs::create_dir_all(root.join("member/wal")).expect("made");
    fs::create_dir_all(root.join("member/snap")).expect("made");
    fs::write(root.join("member/wal/0.wal"), wal).expect("written");
    fs::write(root.join("member/snap/db"), "db").expect("written");
}

/// A move whose copy was "a", with these logs on both sides now.
async fn found(old: Option<&str>, new: Option<&str>, started: bool) -> Newest {
    let dir = tempfile::tempdir().expect("a directory");
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::create_dir_all(&from).expect("made");
    fs::create_dir_all(&to).expect("made");
    write(&to, "a");
    let wal = wal_now(&to, &Arc::default()).await.expect("read");
    match new {
        Some(new) => write(&to, new),
        None => fs::remove_dir_all(to.join("member")).expect("removed"),
    }
    if let Some(old) = old {
        write(&from, old);
    }
    let record = Relocation {
        from,
        to,
        mount_point: "/".into(),
        member: "m1".to_owned(),
        member_id: "1".to_owned(),
        made: true,
        names: Vec::new(),
        wal,
        copied: Copied::default(),
        copy_ms: 0,
        started,
        came_back: false,
        done: false,
    };
    let went_on = old.is_some_and(|old| old != "a");
    assert_eq!(old_went_on(&record).await, went_on);
    newest(&record).await.expect("read")
}

#[tokio::test]
async fn the_raft_log_tells_where_the_newest_data_are() {
    assert_eq!(found(Some("a"), Some("ab"), false).await, Newest::Old, "never started there");
    assert_eq!(found(Some("a"), Some("a"), true).await, Newest::Old, "nothing written there");
    assert_eq!(found(Some("ac"), Some("a"), true).await, Newest::Old, "written here alone");
    assert_eq!(found(Some("ab"), Some("ab"), true).await, Newest::Old, "brought back");
    assert_eq!(found(Some("a"), Some("ab"), true).await, Newest::New);
    assert_eq!(found(None, Some("ab"), true).await, Newest::New, "on the way back");
    assert_eq!(found(Some("ac"), Some("ab"), true).await, Newest::Both);
    assert_eq!(found(Some("a"), None, true).await, Newest::Gone, "never an empty directory");
}
