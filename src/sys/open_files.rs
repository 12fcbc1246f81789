//! Who has a file open, by /proc.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    time::{Duration, SystemTime},
};

use crate::model::layout;

/// How long a defragmentation's new file must not have changed to count as
/// left over. While it is written it changes all the time, and its writer has
/// it open and locked (flock(2)), so that a disk which hangs for longer
/// deceives nobody; nobody has it open only between its last write and its
/// renaming, which follow each other at once (etcd backend.go, defrag). Ten
/// seconds are for those two system calls on a very slow disk.
const AT_REST: Duration = Duration::from_secs(10);

/// Whether a file that was changed then is at rest; false when the clock was
/// turned back behind it.
#[must_use]
pub fn is_at_rest(modified: SystemTime, now: SystemTime) -> bool {
    now.duration_since(modified).is_ok_and(|age| age >= AT_REST)
}

/// The names of processes that write databases: etcd, etcdctl and etcdutl (offline
/// defragmentation), and those that have an etcd inside begin like these.
fn writers() -> Vec<&'static str> {
    layout::column(|row| row.comms)
}

/// Whether a process other than this one has the file of this name and
/// identity open; `None` when the open files of an etcd may not be looked at.
/// Other processes that root may not look at (in a container, say) can only be
/// readers, and do not count.
///
/// The kernel tells an open file as a link `/proc/PID/fd/N` to its path as
/// that process sees it (proc(5)): another mount namespace may have another
/// directory in front, but the same name. Only links with that name are
/// followed, as following one to a dead network share hangs.
#[must_use]
pub fn held_by_others(name: &OsStr, device: u64, inode: u64) -> Option<bool> {
    let own = fs::read_link("/proc/self").ok()?;
    let mut all_seen = true;
    for process in fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        let pid = process.file_name();
        if !pid.as_bytes().iter().all(u8::is_ascii_digit) || own.as_os_str() == pid {
            continue;
        }
        match holds(&process.path().join("fd"), name, (device, inode)) {
            Ok(true) => return Some(true),
            Ok(false) => {}
            Err(error) => all_seen &= has_ended(&error) || !is_writer(&process.path()),
        }
    }
    all_seen.then_some(false)
}

/// Whether this process has the file of this name and identity open; false
/// when that cannot be seen.
#[must_use]
pub fn held_by(pid: i32, name: &OsStr, device: u64, inode: u64) -> bool {
    let descriptors = Path::new("/proc").join(pid.to_string()).join("fd");
    holds(&descriptors, name, (device, inode)).unwrap_or(false)
}

/// Every process but this one that has the file of this name and identity
/// open, as far as that can be seen.
#[must_use]
pub fn holders(name: &OsStr, device: u64, inode: u64) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own && held_by(*pid, name, device, inode))
        .collect()
}

/// By its name; everybody may read that. One that ended meanwhile has none.
fn is_writer(process: &Path) -> bool {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    writers().iter().any(|writer| name.starts_with(writer))
}

/// Processes come and go while we look.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(nix::errno::Errno::ESRCH as i32)
}

fn holds(descriptors: &Path, name: &OsStr, identity: (u64, u64)) -> io::Result<bool> {
    for descriptor in fs::read_dir(descriptors)? {
        let path = descriptor?.path();
        let target = match fs::read_link(&path) {
            Ok(target) => target,
            Err(error) if has_ended(&error) => continue,
            Err(error) => return Err(error),
        };
        if target.file_name() == Some(name)
            && fs::metadata(&path).is_ok_and(|meta| (meta.dev(), meta.ino()) == identity)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_file_another_process_holds_is_known() -> io::Result<()> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(());
        }
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("db.tmp.1234567");
        fs::write(&path, "half")?;
        let meta = fs::metadata(&path)?;
        let name = path.file_name().expect("a name");
        let held = || held_by_others(name, meta.dev(), meta.ino());
        let _own = fs::File::open(&path)?;
        assert_eq!(held(), Some(false), "our own handle does not count");
        let mut holder = Command::new("sh")
            .args(["-c", "exec 9<\"$0\"; echo open; read line"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = [0; 5];
        io::Read::read_exact(holder.stdout.as_mut().expect("piped"), &mut said)?;
        assert_eq!(held(), Some(true));
        assert_eq!(held_by_others(OsStr::new("db.tmp.7"), meta.dev(), meta.ino()), Some(false));
        drop(holder.stdin.take());
        holder.wait()?;
        assert_eq!(held(), Some(false));
        Ok(())
    }
}
