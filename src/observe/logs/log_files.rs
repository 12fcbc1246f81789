//! The log files of a container: the current one, those the kubelet rotated
//! away, those of earlier attempts and of the same pod's earlier uids; and how
//! they are read from their ends, bounded in bytes and time.

use std::{
    fs,
    ops::ControlFlow,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::{LogFile, LogLine};
use crate::model::order::InOrder;

/// Where the kubelet puts the logs of pods.
pub const PODS: &str = "/var/log/pods";

/// Most that is read of one file: the kubelet rotates at 10 MiB by default.
const PER_FILE: u64 = 16 << 20;

/// Most that is read of all files of one look.
const IN_ALL: u64 = 64 << 20;

/// Lines between two looks at the clock.
const STRIDE: u64 = 256;

/// How far a look goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines before this are left out, nanoseconds since the epoch.
    pub since: i64,
    /// Nothing more is read after this.
    pub deadline: Instant,
    /// Bytes that may still be read.
    left: u64,
}

impl Limits {
    /// Reads back so far, for at most so long.
    #[must_use]
    pub fn new(back: Duration, within: Duration) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let since = now.saturating_sub(back).as_nanos();
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        Self { since, deadline: Instant::now() + within, left: IN_ALL }
    }
}

/// What is there of a container's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFiles {
    /// Files with lines of the time that is looked at, the newest first.
    pub plain: Vec<PathBuf>,
    /// Those the kubelet has compressed.
    pub compressed: Vec<PathBuf>,
    /// What could not be looked at, in sentences.
    pub complaints: Vec<String>,
}

impl LogFiles {
    /// The files in these directories of one container.
    #[must_use]
    pub fn find(directories: &[PathBuf], since: i64) -> Self {
        let mut found = Self::default();
        let mut plain = Vec::new();
        for directory in directories {
            let entries = match fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) => {
                    let sentence = format!("{} cannot be read: {error}", directory.display());
                    found.complaints.push(sentence);
                    continue;
                }
            };
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let Some(is_compressed) = log_file(&path) else { continue };
                // The last thing written decides; a link's target has it.
                let Ok(meta) = fs::metadata(&path) else { continue };
                let written = meta.mtime().saturating_mul(1_000_000_000) + meta.mtime_nsec();
                if written < since || meta.len() == 0 {
                    continue;
                }
                if is_compressed {
                    found.compressed.push(path);
                } else {
                    plain.push((written, path));
                }
            }
        }
        plain.order_by(|one, other| other.cmp(one));
        found.plain = plain.into_iter().map(|(_, path)| path).collect();
        // Until it is complete both are there.
        found.compressed.retain(|path| !found.plain.contains(&path.with_extension("")));
        found.compressed.order();
        found
    }

    /// Reads the newest files first, each from its first line in bounds to its
    /// end. `each` gets the lines with their file and their time in
    /// nanoseconds, 0 = the line has none. Gives the files back, the oldest
    /// first.
    pub fn read(
        &mut self,
        limits: &mut Limits,
        mut each: impl FnMut(&Path, i64, &LogLine),
    ) -> Vec<PathBuf> {
        let mut read = Vec::new();
        let mut seen = Vec::new();
        for path in &self.plain {
            if limits.left == 0 || Instant::now() >= limits.deadline {
                let older = format!("{} and older files were left out: too much", path.display());
                self.complaints.push(older);
                break;
            }
            match read_file(path, limits, &mut seen, &mut each) {
                Ok(Some(complaint)) => self.complaints.push(complaint),
                Ok(None) => {}
                Err(sentence) => {
                    self.complaints.push(sentence);
                    continue;
                }
            }
            read.push(path.clone());
        }
        for path in &self.compressed {
            let path = path.display();
            self.complaints.push(format!("{path} is compressed and was not read: `zcat {path}`"));
        }
        read.reverse();
        read
    }
}

/// One file; what was left out of it. The kubelet renames a file while we look:
/// none is read twice.
fn read_file(
    path: &Path,
    limits: &mut Limits,
    seen: &mut Vec<(u64, u64)>,
    each: &mut impl FnMut(&Path, i64, &LogLine),
) -> Result<Option<String>, String> {
    let most = PER_FILE.min(limits.left);
    let (mut log, length) =
        LogFile::open_end(path, most).map_err(|error| format!("{error}: {}", error.source))?;
    if let Some(identity) = log.identity() {
        if seen.contains(&identity) {
            return Ok(None);
        }
        seen.push(identity);
    }
    let whole = length <= most;
    limits.left = limits.left.saturating_sub(length.min(most));
    let (mut lines, mut late) = (0_u64, false);
    let mut take = |line: LogLine| {
        lines += 1;
        if lines.is_multiple_of(STRIDE) && Instant::now() >= limits.deadline {
            late = true;
            return ControlFlow::Break(());
        }
        let time = super::etcd_log_line::nanoseconds(&line.time).unwrap_or(0);
        if time == 0 || time >= limits.since {
            each(path, time, &line);
        }
        ControlFlow::Continue(())
    };
    let done = log.read(&mut take).map_err(|error| format!("{error}: {}", error.source))?;
    if done.is_continue() {
        log.finish(&mut take);
    }
    let path = path.display();
    Ok(if late {
        Some(format!("{path} was read in part: time was up"))
    } else {
        (!whole).then(|| format!("of {path} the last {} MiB were read", most >> 20))
    })
}

/// Whether this is a file of a container's log, and whether a compressed one:
/// `<attempt>.log`, `<attempt>.log.<time>`, `<attempt>.log.<time>.gz`
/// (kubernetes pkg/kubelet/logs/container_log_manager.go).
fn log_file(path: &Path) -> Option<bool> {
    let name = path.file_name()?.to_str()?;
    let (attempt, rest) = name.split_once(".log")?;
    attempt.parse::<u64>().ok()?;
    if rest.is_empty() {
        return Some(false);
    }
    let (time, compressed) = match rest.strip_prefix('.')?.strip_suffix(".gz") {
        Some(time) => (time, true),
        None => (rest.strip_prefix('.')?, false),
    };
    time.starts_with(|c: char| c.is_ascii_digit())
        .then_some(compressed)
        .filter(|_| !time.ends_with(".tmp"))
}

/// The directory of this log file's container, and those of the same pod's
/// earlier uids: a static pod gets a new one whenever its manifest changes.
#[must_use]
pub fn directories(log: &Path) -> Vec<PathBuf> {
    let own = log.parent().unwrap_or(log);
    let mut found = vec![own.to_owned()];
    let siblings = || {
        let (container, pod) = (own.file_name()?, own.parent()?);
        let (prefix, _) = pod.file_name()?.to_str()?.rsplit_once('_')?;
        Some(of_pods(pod.parent()?, |name| name == prefix, |name| Path::new(name) == container))
    };
    found.extend(siblings().unwrap_or_default().into_iter().filter(|path| path != own));
    found
}

/// Directories of containers below the pods' directory: `wanted` is asked
/// with "namespace_pod", `container` with the container's name.
#[must_use]
pub fn of_pods(
    pods: &Path,
    wanted: impl Fn(&str) -> bool,
    container: impl Fn(&str) -> bool,
) -> Vec<PathBuf> {
    let names = |directory: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
    let fits = |pod: &PathBuf| {
        name(pod).is_some_and(|name| name.rsplit_once('_').is_some_and(|(pod, _)| wanted(pod)))
    };
    let mut found: Vec<PathBuf> = names(pods)
        .into_iter()
        .filter(fits)
        .flat_map(|pod| names(&pod))
        .filter(|path| name(path).is_some_and(|name| container(&name)))
        .collect();
    found.order();
    found
}

#[cfg(test)]
#[path = "log_files_tests.rs"]
mod tests;
