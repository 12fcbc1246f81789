//! Who shares the disks of recorded trees.

use std::time::Duration;

use super::*;
use crate::observe::below::{Question, look, recorded::Recorded};

fn sharers(recorded: &Recorded) -> Vec<(SharerKind, String, Vec<String>, Option<String>)> {
    let question = Question {
        data_dir: Some("/var/lib/etcd".into()),
        window: Duration::from_millis(30),
        ..Question::default()
    };
    let below = look(&recorded.host(), &question);
    assert!(below.complaints.iter().all(|text| !text.contains("answer")), "{below:?}");
    let sharers = below.sharers.into_iter();
    sharers.map(|it| (it.kind, it.path.display().to_string(), it.disks, it.detail)).collect()
}

fn sda() -> Vec<String> {
    vec!["sda".to_owned()]
}

#[test]
fn another_partition_of_the_disk_is_shared_with() {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/partition"));
    recorded.write("/var/lib/longhorn/longhorn-disk.cfg", "{}");
    recorded.write("/var/lib/longhorn/replicas/pvc-1-abc/volume.meta", "{}");
    recorded.write("/var/lib/longhorn/replicas/pvc-2-def/volume.meta", "{}");
    recorded.write("/var/log/syslog", "line");
    fs::create_dir_all(recorded.host().path("/var/lib/rook")).expect("made, and empty");
    recorded.write("/proc/swaps", "Filename Type Size Used Priority");
    recorded.write("/proc/swaps", "/dev/sda1 partition 2097148 1024 -2");
    recorded.write("/proc/swaps", "/swap\\040file file 1048576 0 -3");
    let root = Some("ext4 /dev/sda1".to_owned());
    assert_eq!(
        sharers(&recorded),
        [
            (SharerKind::Root, "/".to_owned(), sda(), root),
            (
                SharerKind::Longhorn,
                "/var/lib/longhorn".to_owned(),
                sda(),
                Some("2 replicas".to_owned())
            ),
            (SharerKind::Logs, "/var/log".to_owned(), sda(), None),
            (
                SharerKind::Swap,
                "/dev/sda1".to_owned(),
                sda(),
                Some("1.0 MiB of 2.0 GiB in use".to_owned())
            ),
            (
                SharerKind::Swap,
                "/swap file".to_owned(),
                sda(),
                Some("0 B of 1.0 GiB in use".to_owned())
            ),
        ]
    );
}

#[test]
fn a_bound_directory_shares_the_filesystem_but_not_with_pods_mounts() {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/bind"));
    recorded.write("/var/log/syslog", "on another disk");
    let seen = sharers(&recorded);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].0, seen[0].1.as_str()), (SharerKind::Mount, "/data"));
}

#[test]
fn a_disk_of_longhorns_own_is_known_by_its_file() {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/bind"));
    recorded.write("/data/longhorn-disk.cfg", "{}");
    let seen = sharers(&recorded);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].0, seen[0].3.as_deref()), (SharerKind::Longhorn, Some("0 replicas")));
}

#[test]
fn the_root_filesystem_is_told_when_etcd_is_on_it() {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/crypt"));
    let seen = sharers(&recorded);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].0, SharerKind::Root);
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "((/dev/sda|file|partition|[0-9]+| |\\\\04|\n)){0,30}") {
        let _ = swaps(&text);
    }
}
