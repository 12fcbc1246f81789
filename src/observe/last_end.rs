//! How this node's etcd ended the last time: the newest ended container of
//! its pod, the last lines of that one's log, and what the kernel logged about
//! it. Reads; why it ended is decided elsewhere.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::model::Timestamp;

use super::{
    container::{NAME, NAMESPACE, POD},
    container_status,
    host::HostRoot,
    kernel_log::{self, Wanted},
    logs::{LogFile, LogLine},
};
use crate::{
    model::{Container, ContainerState, LastEnd, order::InOrder},
    wire::cri::{Cri, CriError},
};

/// How many of the last lines are read: a crash writes out every goroutine,
/// some three hundred lines, and what matters comes before them.
const LINES: usize = 400;

/// Longest piece of a line that is kept, in characters: a fatal line brings
/// its stack trace along.
const WIDTH: usize = 8_000;

/// The end of the attempt before `current`, or of `current` itself when it
/// has ended; `None` when no attempt has. `device` is that of the filesystem
/// of its data.
///
/// # Errors
/// When the runtime does not answer.
pub(super) async fn read(
    host: &HostRoot,
    cri: &Cri,
    current: &Container,
    device: Option<u64>,
) -> Result<Option<LastEnd>, CriError> {
    let Some(mut end) = newest_ended(cri, current).await? else { return Ok(None) };
    end.log_path = end.log_path.and_then(|path| log_of(host, &path, end.attempt));
    if let Some(path) = &end.log_path {
        end.last_lines = last_lines(path, end.started_at);
    }
    end.kernel_lines = kernel_lines(host, &end, device);
    Ok(Some(end))
}

/// Of the same pod by name, not by uid: an edited static pod keeps its name.
async fn newest_ended(cri: &Cri, current: &Container) -> Result<Option<LastEnd>, CriError> {
    if current.state == ContainerState::Exited {
        return ended(cri, &current.id).await;
    }
    let labels = [
        (NAME, current.name.as_str()),
        (POD, current.pod.as_str()),
        (NAMESPACE, current.namespace.as_str()),
    ];
    let mut attempts = cri.list_containers(&labels).await?;
    attempts.retain(|attempt| {
        attempt.id != current.id && container_status::state(attempt.state) == ContainerState::Exited
    });
    attempts.order_by_key(|attempt| std::cmp::Reverse(attempt.created_at));
    for attempt in attempts {
        if let Some(end) = ended(cri, &attempt.id).await? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// `None` when the kubelet has removed it meanwhile.
async fn ended(cri: &Cri, id: &str) -> Result<Option<LastEnd>, CriError> {
    let answer = match cri.container_status(id, false).await {
        Ok(answer) => answer,
        Err(CriError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let message = answer.status.as_ref().map(|status| status.message.clone());
    Ok(container_status::container(answer).map(|container| LastEnd {
        id: container.id,
        attempt: container.restarts,
        // A runtime that could not start it may say the year 1.
        started_at: container.started_at.max(0),
        finished_at: container.finished_at.max(0),
        exit_code: container.exit_code,
        reason: container.reason,
        message: message.unwrap_or_default(),
        log_path: container.log_path,
        last_lines: Vec::new(),
        kernel_lines: Vec::new(),
    }))
}

/// The log file; where the runtime names one that is not there, the one the
/// kubelet would have named.
fn log_of(host: &HostRoot, path: &Path, attempt: u32) -> Option<PathBuf> {
    let named = host.path(path);
    let usual = named.parent().map(|directory| directory.join(format!("{attempt}.log")));
    [Some(named), usual].into_iter().flatten().find(|path| path.is_file())
}

/// What was written since `started_at`: a pod that is taken away and put back
/// may number its attempts anew and go on in the same file. Empty when the
/// file cannot be read (it may be gone by now) or when nothing was started.
fn last_lines(path: &Path, started_at: i64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut each = |line: LogLine| {
        if is_since(&line, started_at) {
            lines.push(line.text.chars().take(WIDTH).collect());
        }
        ControlFlow::Continue(())
    };
    if started_at > 0
        && let Ok(mut log) = LogFile::open_tail(path, LINES)
        && log.read(&mut each).is_ok()
    {
        log.finish(&mut each);
    }
    lines
}

/// Lines without a time count as new.
fn is_since(line: &LogLine, started_at: i64) -> bool {
    line.time.parse::<Timestamp>().map_or(true, |time| time.as_nanosecond() >= started_at)
}

fn kernel_lines(host: &HostRoot, end: &LastEnd, device: Option<u64>) -> Vec<String> {
    if end.finished_at == 0 {
        return Vec::new();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let boot = kernel_log::boot(i64::try_from(now).unwrap_or(i64::MAX));
    let wanted = Wanted {
        id: end.id.clone(),
        finished_at: end.finished_at,
        disks: device.map_or_else(Vec::new, |device| kernel_log::disks(host, device)),
    };
    kernel_log::about(&kernel_log::read(host), &wanted, boot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_that_attempt_count() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("0.log");
        let long = "x".repeat(3 * WIDTH);
        let log = format!(
            "2026-11-23T03:00:00.5Z stderr F old\n2026-11-23T03:00:01.5Z stderr F new\n\
             no time\n2026-11-23T03:00:02Z stderr F {long}\n"
        );
        std::fs::write(&path, log).expect("written");
        let since: Timestamp = "2026-11-23T03:00:01Z".parse().expect("a time");
        let started_at = since.as_nanosecond();
        let lines = last_lines(&path, started_at);
        assert_eq!(lines[..2], ["new", "no time"]);
        assert_eq!(lines[2].len(), WIDTH);
        assert_eq!(last_lines(&path, 0), Vec::<String>::new());
        assert_eq!(last_lines(&directory.path().join("1.log"), 1), Vec::<String>::new());
    }

    #[test]
    fn the_usual_log_is_taken_when_the_named_one_is_gone() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let named = Path::new("/var/log/pods/p/etcd/9.log");
        std::fs::create_dir_all(host.path("/var/log/pods/p/etcd")).expect("made");
        assert_eq!(log_of(&host, named, 3), None);
        let usual = host.path("/var/log/pods/p/etcd/3.log");
        std::fs::write(&usual, "").expect("written");
        assert_eq!(log_of(&host, named, 3), Some(usual));
        std::fs::write(host.path(named), "").expect("written");
        assert_eq!(log_of(&host, named, 3), Some(host.path(named)));
    }
}
