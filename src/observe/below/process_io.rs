//! What every process wrote, over all disks, by /proc/PID/io (proc(5)); another
//! user's takes CAP_SYS_PTRACE. The parser is pure.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use super::block_device::entries;
use crate::{model::order, observe::host::HostRoot};

/// Most processes that are looked at.
const MOST: usize = 20_000;

/// One process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrote {
    /// Bytes since it started, with those of its children that have ended and
    /// been waited for (kernel/exit.c, wait_task_zombie).
    pub bytes: u64,
    /// Its parent, 0 = not known.
    pub parent: i32,
}

/// Every process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// By pid.
    pub written: BTreeMap<i32, Wrote>,
    /// How many may not be read.
    pub denied: usize,
}

impl Processes {
    /// What each wrote until `later`, without what it only inherited from
    /// children that ended in between.
    #[must_use]
    pub fn until(&self, later: &Self) -> BTreeMap<i32, u64> {
        let mut written = order::map(later.written.iter().map(|(pid, now)| {
            // A new one began with nothing; a pid that was given anew may
            // have less than before.
            let before = self.written.get(pid).map_or(0, |before| before.bytes);
            (*pid, now.bytes.saturating_sub(before))
        }));
        for (pid, ended) in &self.written {
            if later.written.contains_key(pid) {
                continue;
            }
            if let Some(bytes) = self.heir(*pid, later).and_then(|heir| written.get_mut(&heir)) {
                *bytes = bytes.saturating_sub(ended.bytes);
            }
        }
        written.retain(|_, bytes| *bytes > 0);
        written
    }

    /// The nearest parent that is still there.
    fn heir(&self, pid: i32, later: &Self) -> Option<i32> {
        let parents = std::iter::successors(Some(pid), |pid| Some(self.written.get(pid)?.parent));
        parents.skip(1).take(MOST).find(|parent| later.written.contains_key(parent))
    }
}

/// Bytes that went to a disk, or will: those of files that were cut or removed
/// before are taken off.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let field = |name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
    };
    Some(field("write_bytes:")?.saturating_sub(field("cancelled_write_bytes:").unwrap_or(0)))
}

/// Every process that can be read.
#[must_use]
pub fn read(host: &HostRoot) -> Processes {
    let mut processes = Processes::default();
    let pids = entries(&host.path("/proc"));
    for pid in pids.iter().filter_map(|name| name.parse::<i32>().ok()).take(MOST) {
        match fs::read_to_string(host.path(format!("/proc/{pid}/io"))) {
            Ok(text) => {
                let wrote = |bytes| (pid, Wrote { bytes, parent: parent(host, pid) });
                processes.written.extend(parse(&text).map(wrote));
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => processes.denied += 1,
            Err(_) => {}
        }
    }
    processes
}

/// The parent's pid, by /proc/PID/stat, where the name may hold anything.
fn parent(host: &HostRoot, pid: i32) -> i32 {
    let stat = fs::read(host.path(format!("/proc/{pid}/stat"))).unwrap_or_default();
    let stat = String::from_utf8_lossy(&stat);
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let parent = behind_name.split_ascii_whitespace().nth(1);
    parent.and_then(|pid| pid.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_bytes_are_taken_off() {
        let text = "rchar: 1\nwchar: 9\nsyscr: 1\nsyscw: 1\nread_bytes: 0\n\
                    write_bytes: 8192\ncancelled_write_bytes: 4096\n";
        assert_eq!(parse(text), Some(4096));
        assert_eq!(parse("write_bytes: 1\ncancelled_write_bytes: 4096\n"), Some(0));
        assert_eq!(parse("wchar: 1\n"), None);
        let own = i32::try_from(std::process::id()).expect("a pid");
        let all = read(&HostRoot::default());
        assert_ne!(all.written.get(&own).expect("ourselves").parent, 0);
    }

    #[test]
    fn what_an_ended_child_wrote_before_is_not_its_parents() {
        let all = |processes: &[(i32, u64, i32)]| Processes {
            written: processes
                .iter()
                .map(|(pid, bytes, parent)| (*pid, Wrote { bytes: *bytes, parent: *parent }))
                .collect(),
            denied: 0,
        };
        // 10 waits for 11, and inherits 13 by it; 12 is new and 14 at rest.
        let first = all(&[(1, 5, 0), (10, 100, 1), (11, 5_000, 10), (13, 300, 11), (14, 9, 1)]);
        let last = all(&[(1, 5, 0), (10, 100 + 5_000 + 300 + 70, 1), (12, 30, 10), (14, 9, 1)]);
        let written: Vec<_> = first.until(&last).into_iter().collect();
        assert_eq!(written, [(10, 70), (12, 30)]);
        let circle = all(&[(1, 5, 2), (2, 5, 1)]);
        assert_eq!(circle.until(&all(&[])).len(), 0);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((write_bytes:|cancelled_write_bytes:|[0-9]+| |-|\n)){0,20}") {
            let _ = parse(&text);
        }
    }
}
