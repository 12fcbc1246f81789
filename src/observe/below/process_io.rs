//! What every process wrote, over all disks, by /proc/PID/io (proc(5)); another
//! user's takes CAP_SYS_PTRACE. The parser is pure.

use std::{collections::BTreeMap, fs, io::ErrorKind};

use super::block_device::entries;
use crate::observe::host::HostRoot;

/// Most processes that are looked at.
const MOST: usize = 20_000;

/// Bytes written by pid since each started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// By pid.
    pub written: BTreeMap<i32, u64>,
    /// How many may not be read.
    pub denied: usize,
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
            Ok(text) => processes.written.extend(parse(&text).map(|bytes| (pid, bytes))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => processes.denied += 1,
            Err(_) => {}
        }
    }
    processes
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
        assert!(read(&HostRoot::default()).written.contains_key(&own));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((write_bytes:|cancelled_write_bytes:|[0-9]+| |-|\n)){0,20}") {
            let _ = parse(&text);
        }
    }
}
