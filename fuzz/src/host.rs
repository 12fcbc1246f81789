//! What a node's kernel and runtime write: logs, /proc.

use std::{io::Cursor, path::Path};

use etcd_rescue::{
    act::holder,
    observe::{
        below::{diskstats, io_stat},
        disk, kernel_events,
        kernel_log::{self, Wanted},
        logs::{
            self,
            log_line::{Entry, Joiner},
            log_story::read_bytes,
        },
        mounts::Mounts,
    },
    sys::hold_record::HoldRecord,
};

/// A container's log: no byte of a text gets lost or is made up.
pub fn log_lines(bytes: &[u8]) {
    let mut joiner = Joiner::default();
    let mut lines = 0_usize;
    let mut length = 0;
    let mut count = |line: logs::LogLine| {
        lines += 1;
        length += line.text.len();
    };
    let entries = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut given = 0_usize;
    for entry in entries {
        given += 1;
        joiner.push(Entry::parse(entry)).into_iter().for_each(&mut count);
    }
    joiner.rest().for_each(&mut count);
    assert!(lines <= given, "{lines} lines out of {given}");
    // A byte that is no UTF-8 becomes a sign of three bytes.
    assert!(length <= bytes.len() * 3, "{length} bytes out of {}", bytes.len());
}

/// etcd's log: every sign stands in its timeline once and has a line.
pub fn log_story(bytes: &[u8]) {
    let story = read_bytes(bytes);
    assert!(story.from <= story.to && story.piece >= 0);
    for sign in &story.signs {
        assert!(sign.count > 0 && sign.count <= story.lines);
        assert_eq!(sign.timeline.iter().sum::<u64>(), sign.count);
        assert!((story.from..=story.to).contains(&sign.first_at) && sign.first_at <= sign.last_at);
        assert!(!sign.example.contains(char::is_control));
    }
}

/// Finding the last lines of a log: a place where a line begins.
pub fn log_tail(bytes: &[u8]) {
    let Some((wanted, content)) = bytes.split_first() else { return };
    let start = logs::tail_start(&mut Cursor::new(content), usize::from(*wanted));
    let start = start.expect("memory is always read");
    let start = usize::try_from(start).expect("the place is inside");
    if *wanted == 0 {
        assert_eq!(start, content.len());
    } else {
        let before = content.get(..start).expect("the place is inside");
        assert!(before.is_empty() || before.ends_with(b"\n"), "not at the beginning of a line");
    }
}

/// /proc/self/mountinfo: each mount once, and a path's mount holds it.
pub fn mounts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mounts = Mounts::parse(&text);
    assert!(mounts.iter().count() <= text.lines().count());
    for path in ["/", "/var/lib/etcd", "relative"].map(Path::new) {
        for device in [0, u64::MAX] {
            let mount = mounts.holding(path, device);
            assert!(mount.is_none_or(|mount| path.starts_with(&mount.path)));
        }
        let mount = mounts.holding_path(path);
        assert!(mount.is_none_or(|mount| path.starts_with(&mount.path)));
    }
}

/// /proc/diskstats, before and after: shares are shares, and what is stalled
/// has completed nothing.
pub fn diskstats(bytes: &[u8]) {
    let (before, after) = super::halves(bytes);
    let parse = |bytes| diskstats::parse(&String::from_utf8_lossy(bytes));
    let (before, after) = (parse(before), parse(after));
    for (name, first) in &before {
        let Some(last) = after.get(name) else { continue };
        for seconds in [0.0, 0.5, 5.0] {
            let Some(window) = diskstats::window(name, first, last, seconds) else { continue };
            assert!((0.0..=100.0).contains(&window.util_percent), "{window:?}");
            let means = [window.w_await_ms, window.r_await_ms, window.flush_await_ms];
            assert!(means.iter().flatten().all(|mean| *mean >= 0.0), "{window:?}");
            assert!(!window.stalled || means == [None; 3], "{window:?}");
        }
    }
}

/// A cgroup's io.stat: at most one count a line.
pub fn io_stat(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let written = io_stat::parse(&text);
    assert!(written.len() <= text.lines().count());
    assert!(written.keys().all(|device| device.contains(':')));
}

/// The trouble in the kernel's log: bounded, in the order of the lines, and
/// printable.
pub fn kernel_events(bytes: &[u8]) {
    let records = kernel_log::parse(bytes);
    let names = kernel_events::Names::default();
    let events = kernel_events::events(&records, &names, 0);
    assert!(events.len() <= records.len().min(200));
    assert!(events.iter().all(|event| event.text.bytes().all(|b| (b' '..=b'~').contains(&b))));
}

/// /proc/meminfo.
pub fn meminfo(bytes: &[u8]) {
    let _ = disk::memory_in(&String::from_utf8_lossy(bytes));
}

/// The kernel's log: no record out of nothing, and few lines about one end.
pub fn kernel_log(bytes: &[u8]) {
    let records = kernel_log::parse(bytes);
    assert!(records.len() <= bytes.split(|byte| *byte == b'\n').count());
    let wanted = Wanted { id: "abc".into(), finished_at: 1 << 60, disks: vec!["sda".into()] };
    for boot in [0, 1 << 60, i64::MIN, i64::MAX] {
        assert!(kernel_log::about(&records, &wanted, boot).len() <= 8);
    }
}

/// What other runs of ours left in /run: the lock's words, the record of a held
/// kubelet. The journal is never read back.
pub fn own_files(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let holder = holder(&text);
    assert!(holder.command.is_none_or(|command| !command.contains('\n')));
    if let Ok(record) = serde_json::from_str::<HoldRecord>(&text) {
        let written = serde_json::to_string(&record).expect("as it was read");
        assert_eq!(serde_json::from_str::<HoldRecord>(&written).ok(), Some(record));
    }
}
