//! The kernel's log: reading what the ring still has, and which of its lines
//! explain why an etcd ended. Reading never waits; the parser is pure and
//! takes any bytes.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::{errno::Errno, libc, time::ClockId};

use super::{
    below::{self, BlockDevice, Ground, Tree},
    host::HostRoot,
    mounts::Mounts,
};

/// Where the kernel hands out its log, one record per read (Linux
/// Documentation/ABI/testing/dev-kmsg).
const KMSG: &str = "/dev/kmsg";

/// Longest record the kernel makes (PRINTK_MESSAGE_MAX in
/// kernel/printk/internal.h); a smaller buffer would get EINVAL.
const LONGEST: usize = 8 << 10;

/// Most that is kept; the ring is 16 MiB where it is large.
const MOST: usize = 16 << 20;

/// Most reads, those that gave nothing counted: a record takes more than 64
/// bytes of the ring, and who writes faster than we read must not keep us.
const MOST_READS: usize = MOST / 64;

/// How long before a container's end the cause may have been logged.
const BEFORE_NS: i64 = 120_000_000_000;

/// How long after it: the log is written, the container taken down.
const AFTER_NS: i64 = 15_000_000_000;

/// Most lines that are handed on.
const LINES: usize = 8;

/// One record of the kernel itself; what programs wrote there is left out, as
/// anybody may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Microseconds of CLOCK_MONOTONIC.
    pub micros: u64,
    /// The text: printable ASCII only, every other byte as `\xNN`, so that
    /// it can be shown anywhere.
    pub text: String,
}

/// The place of a record, the kernel's or not, in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number since the machine started, from 0.
    pub sequence: u64,
    /// Microseconds of CLOCK_MONOTONIC.
    pub micros: u64,
}

/// What the ring has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// The oldest record that is left; a number above 0 tells that others are
    /// not.
    pub first: Option<Mark>,
    /// The kernel's own records, oldest first.
    pub records: Vec<Record>,
}

/// What is there, oldest first. Nothing where it may not be read (no
/// CAP_SYSLOG) or is not there (a container).
#[must_use]
pub fn read(host: &HostRoot) -> Vec<Record> {
    read_ring(host).unwrap_or_default().records
}

/// The same with what is known of the rest.
///
/// # Errors
/// Why it cannot be read, and what is missing, for people.
pub fn read_ring(host: &HostRoot) -> Result<Ring, String> {
    let bytes = read_bytes(&host.path(KMSG)).map_err(|error| match error.kind() {
        // EACCES by the node's mode, EPERM by kernel.dmesg_restrict.
        ErrorKind::PermissionDenied => {
            format!("{KMSG} may not be read: root or CAP_SYSLOG is missing")
        }
        ErrorKind::NotFound => format!("{KMSG} is not there"),
        _ => format!("{KMSG}: {error}"),
    })?;
    let first = bytes.split(|byte| *byte == b'\n').find_map(mark);
    Ok(Ring { first, records: parse(&bytes) })
}

/// Opening it succeeds without CAP_SYSLOG on some kernels; the first read is
/// refused then.
fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    read_records(file)
}

fn mark(line: &[u8]) -> Option<Mark> {
    let head = line.split(|byte| *byte == b';').next()?;
    let mut fields = std::str::from_utf8(head).ok()?.split(',');
    let _priority: u32 = fields.next()?.parse().ok()?;
    Some(Mark { sequence: fields.next()?.parse().ok()?, micros: fields.next()?.parse().ok()? })
}

fn read_records(mut ring: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; LONGEST];
    for _ in 0..MOST_READS {
        if bytes.len() >= MOST {
            break;
        }
        match ring.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            // Overwritten while we read: the next read gives the oldest left.
            Err(error) if error.raw_os_error() == Some(Errno::EPIPE as i32) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
            // EAGAIN: that was all.
            Err(_) => break,
        }
    }
    Ok(bytes)
}

/// The records of `prio,seq,usec,flags[,more];text` lines; lines that begin
/// with a space tell more about the one before and are left out.
#[must_use]
pub fn parse(bytes: &[u8]) -> Vec<Record> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(|line| record(&String::from_utf8_lossy(line))).collect()
}

fn record(line: &str) -> Option<Record> {
    let (head, text) = line.split_once(';')?;
    let mut fields = head.split(',');
    let priority: u32 = fields.next()?.parse().ok()?;
    // The facility is above the three bits of the level; 0 is the kernel.
    if priority >> 3 != 0 {
        return None;
    }
    let micros = fields.nth(1)?.parse().ok()?;
    Some(Record { micros, text: shown(text) })
}

/// `\xNN` stands for a byte the kernel would not print, and for `\` itself:
/// only what can be printed is put back, as a log that steers a terminal would
/// do so through us. Bytes that are no printable ASCII become what the kernel
/// would have made of them.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let code = tail.strip_prefix(b"x").and_then(|code| code.get(..2));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        let (byte, behind) = match code {
            Some(code) if *byte == b'\\' => (code, tail.get(3..).unwrap_or_default()),
            _ => (*byte, tail),
        };
        match byte {
            b' '..=b'~' => shown.push(char::from(byte)),
            _ => shown.push_str(&format!("\\x{byte:02x}")),
        }
        rest = behind;
    }
    shown
}

/// What a container's end is looked up by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The container's id.
    pub id: String,
    /// When it ended, nanoseconds since the epoch.
    pub finished_at: i64,
    /// The kernel's names of the disk below its data ("sda1", "sda").
    pub disks: Vec<String>,
}

/// The lines that may explain that end, newest last: the kernel killed an
/// etcd for memory, or the disk or filesystem of its data failed. `boot` is
/// the wall clock's nanoseconds at CLOCK_MONOTONIC's zero.
#[must_use]
pub fn about(records: &[Record], wanted: &Wanted, boot: i64) -> Vec<String> {
    let near = |record: &&Record| {
        let nanos = i64::try_from(record.micros.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let since = boot.saturating_add(nanos).saturating_sub(wanted.finished_at);
        (-BEFORE_NS..=AFTER_NS).contains(&since)
    };
    let near: Vec<&str> = records.iter().filter(near).map(|record| record.text.as_str()).collect();
    let foreign: Vec<&str> =
        near.iter().filter_map(|text| foreign_victim(text, &wanted.id)).collect();
    let mut lines: Vec<String> = near
        .iter()
        .filter(|text| is_etcd_killed(text, &foreign) || is_disk_trouble(text, &wanted.disks))
        .map(|text| (*text).to_owned())
        .collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    lines
}

/// The pid of an etcd that was killed in another container: the line that
/// names the cgroup comes before the one that tells of the kill
/// (mm/oom_kill.c, dump_oom_summary).
fn foreign_victim<'a>(text: &'a str, id: &str) -> Option<&'a str> {
    let fields = text.strip_prefix("oom-kill:")?;
    let field =
        |name: &str| fields.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let in_container = field("task_memcg")?
        .split(['/', '-', '.', ':'])
        .any(|part| part.len() == 64 && part != id && part.bytes().all(|b| b.is_ascii_hexdigit()));
    field("pid").filter(|_| in_container)
}

/// "Out of memory: Killed process 4711 (etcd) …" and "Memory cgroup out of
/// memory: Killed process …".
fn is_etcd_killed(text: &str, foreign: &[&str]) -> bool {
    let Some((before, after)) = text.split_once("Killed process ") else { return false };
    let Some((pid, name)) = after.split_once(' ') else { return false };
    let for_memory = before.to_lowercase().contains("out of memory");
    for_memory && name.starts_with("(etcd)") && !foreign.contains(&pid)
}

/// Errors of these disks, or of the filesystem on them.
fn is_disk_trouble(text: &str, disks: &[String]) -> bool {
    const SIGNS: [&str; 9] = [
        "i/o error",
        "medium error",
        "target error",
        "ext4-fs error",
        "read-only",
        "aborting journal",
        "shutting down",
        "metadata corruption",
        "timeout",
    ];
    let lower = text.to_lowercase();
    let named = |disk: &String| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == disk)
    };
    SIGNS.iter().any(|sign| lower.contains(sign)) && disks.iter().any(named)
}

/// The kernel's names of the device of a filesystem (its number in the mount
/// table) and of all below it, down to the disks; empty for filesystems
/// without one.
#[must_use]
pub fn disks(host: &HostRoot, device: u64) -> Vec<String> {
    let mounts = Mounts::read_in(host);
    let ground = Ground { host, mounts: &mounts };
    let mut tree = Tree::default();
    let mount = mounts.iter().find(|mount| mount.device == device);
    let devices = mount.and_then(|mount| below::devices(ground, mount).ok());
    let by_number = || BlockDevice::by_number(host, device).into_iter().collect();
    for device in devices.unwrap_or_else(by_number) {
        tree.add(ground, device);
    }
    tree.names().into_iter().map(str::to_owned).collect()
}

/// The wall clock's nanoseconds at CLOCK_MONOTONIC's zero, which is what the
/// kernel stamps its records with; `now` is the wall clock's now. A machine
/// that slept meanwhile is off by as much.
#[must_use]
pub fn boot(now: i64) -> i64 {
    let Ok(monotonic) = ClockId::CLOCK_MONOTONIC.now() else { return 0 };
    let nanos = monotonic.tv_sec().saturating_mul(1_000_000_000);
    now.saturating_sub(nanos).saturating_sub(monotonic.tv_nsec())
}

#[cfg(test)]
#[path = "kernel_log_tests.rs"]
mod tests;
