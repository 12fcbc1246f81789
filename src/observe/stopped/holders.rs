//! Who holds the locks that etcd takes on its database and raft log at its
//! start. A lock is only asked for, or taken for an instant where the kernel
//! cannot be asked.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, Flock, FlockArg, fcntl},
    libc,
};

use crate::sys::{open_files, proc_stat::Stat};

/// The holder was started a moment ago: an etcd that is about to run.
pub(super) struct Young;

/// Ticks of a second in /proc/PID/stat (proc(5): USER_HZ, 100 everywhere).
const TICKS: u64 = 100;
/// Who is younger may be the etcd that the kubelet has just started.
const YOUNG: u64 = 5;

/// Which of these files is locked, and by whom.
///
/// # Errors
/// An etcd that has only just begun.
pub(super) fn lock(files: &[&Path]) -> Result<Option<String>, Young> {
    let Some(path) = files.iter().find(|path| is_locked(path)) else { return Ok(None) };
    let pids = pids(path);
    if pids.iter().any(|pid| age_s(*pid).is_some_and(|age| age < YOUNG)) {
        return Err(Young);
    }
    Ok(Some(format!("{} is locked by {}", path.display(), who(&pids))))
}

/// Who holds the lock of the database that the etcd of this pid waits for.
pub(super) fn lock_beside(path: &Path, own: i32) -> Option<String> {
    if !is_locked(path) {
        return None;
    }
    let pids = pids(path);
    let others = !pids.is_empty() && !pids.contains(&own);
    others.then(|| format!("{} is locked by {}", path.display(), who(&pids)))
}

/// Who has this file, in words: "pid 4711 (etcdutl defrag ...)".
#[must_use]
pub fn holders(path: &Path) -> String {
    who(&pids(path))
}

fn who(pids: &[i32]) -> String {
    let one = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&line).replace('\0', " ");
        let words: String = words.trim().chars().take(100).collect();
        format!("pid {pid} ({words})")
    };
    match pids {
        [] => "a process that cannot be seen from here".to_owned(),
        pids => pids.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// flock(2) on the database; on the raft log an open-file-description lock, or
/// flock where the kernel has none (etcd client/pkg/fileutil/lock_linux.go).
fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut whole = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let asked = fcntl(&file, FcntlArg::F_OFD_GETLK(&mut whole));
    if asked.is_ok() && whole.l_type != libc::F_UNLCK as libc::c_short {
        return true;
    }
    matches!(Flock::lock(file, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
}

/// By the kernel's list of locks (proc(5), /proc/locks: kind, mode, access,
/// pid, device:inode), which does not tell the holder of every kind; then by
/// who has it open.
fn pids(path: &Path) -> Vec<i32> {
    let Ok(meta) = path.metadata() else { return Vec::new() };
    let inode = format!(":{}", meta.ino());
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let of_line = |line: &str| {
        // Who only waits for it.
        if line.contains("->") {
            return None;
        }
        let place = line.split_whitespace().position(|word| word.ends_with(&inode))?;
        line.split_whitespace().nth(place.checked_sub(1)?)?.parse().ok()
    };
    let name = path.file_name().unwrap_or_default();
    let open = open_files::holders(name, meta.dev(), meta.ino());
    let mut pids: Vec<i32> = locks.lines().filter_map(of_line).collect();
    // Another filesystem may have a file of that number.
    pids.retain(|pid| *pid > 0 && open.contains(pid));
    pids.dedup();
    if pids.is_empty() { open } else { pids }
}

fn age_s(pid: i32) -> Option<u64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let started = Stat::of(Path::new("/proc"), pid)?.start_time / TICKS;
    Some((uptime as u64).saturating_sub(started))
}
