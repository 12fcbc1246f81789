//! The story of etcd's last end on this node: what ended it, and when, or
//! whether, the kubelet starts it again. Pure; the clock is handed in.

use crate::model::{Container, ContainerState, LastEnd, Located, RestartCause, RestartStory};

use super::restart_cause::{Verdict, cause};

const SECOND: i64 = 1_000_000_000;

/// The first pause of the kubelet; each further one is twice as long
/// (kubernetes pkg/kubelet/kubelet.go: backOffPeriod, MaxContainerBackOff).
const FIRST_PAUSE: i64 = 10 * SECOND;
const LONGEST_PAUSE: i64 = 300 * SECOND;
/// Who ran this long starts anew (client-go util/flowcontrol/backoff.go:
/// twice the longest pause).
const FORGIVEN_AFTER: i64 = 2 * LONGEST_PAUSE;

/// A container is started within moments of being made.
const STARTS_WITHIN: i64 = 10 * SECOND;

/// What happened within this time is told without being asked.
const RECENT: i64 = 3_600 * SECOND;

/// Why etcd ended the last time, and what comes next; `None` when it never
/// ended or does not run in a container here. `nospace` is whether the alarm
/// is on, when etcd was asked; `now_ns` counts from the epoch.
#[must_use]
pub fn restart_story(node: &Located, nospace: Option<bool>, now_ns: i64) -> Option<RestartStory> {
    let Some(container) = &node.container else { return never_made(node) };
    match container.state {
        ContainerState::Created if now_ns - container.created_at > STARTS_WITHIN => {
            Some(never_begun(node, container, now_ns))
        }
        ContainerState::Created => {
            let end = node.last_end.as_ref()?;
            let story = ended(node, end, cause(node, end, nospace), now_ns);
            Some(RestartStory { next_start: Some(container.created_at), ..story })
        }
        ContainerState::Exited => {
            let end = node.last_end.as_ref()?;
            Some(ended(node, end, cause(node, end, nospace), now_ns))
        }
        ContainerState::Running | ContainerState::Unknown => {
            restarted(node, container, nospace, now_ns)
        }
    }
}

/// Whether to tell it without being asked: etcd is down, or was within the
/// last hour.
#[must_use]
pub fn is_recent(node: &Located, now_ns: i64) -> bool {
    node.container.as_ref().is_none_or(|container| {
        container.state != ContainerState::Running || now_ns - container.started_at < RECENT
    })
}

/// When the kubelet starts it again, in words; changes every second.
#[must_use]
pub fn countdown(story: &RestartStory, kubelet_log: &str, now_ns: i64) -> Option<String> {
    let left = story.next_start? - now_ns;
    Some(if left > SECOND {
        format!("the kubelet starts it again within about {}", span(left))
    } else if left > -60 * SECOND {
        "the kubelet starts it again any moment now".to_owned()
    } else {
        let late = span(-left);
        format!("the kubelet should have started it {late} ago: `{kubelet_log}` says what keeps it")
    })
}

/// The runtime has no container of it although the manifest asks for one.
fn never_made(node: &Located) -> Option<RestartStory> {
    let manifest = node.manifest.as_ref().filter(|_| node.process.is_none())?;
    node.runtime.as_ref()?;
    let mut text = format!(
        "etcd does not run on this node: the runtime has no container of it, although {} asks for \
         one. If it stays so, the image cannot be pulled or the manifest cannot be read: `{}` says \
         which",
        manifest.path.display(),
        node.layout().kubelet_log
    );
    if let Some(nobody) = nobody_starts_it(node) {
        text =
            format!("etcd does not run on this node: the runtime has no container of it. {nobody}");
    }
    Some(RestartStory {
        cause: RestartCause::NeverStarted,
        exact: None,
        text,
        passes: true,
        next_start: None,
    })
}

fn never_begun(node: &Located, container: &Container, now_ns: i64) -> RestartStory {
    let ago = ago(now_ns - container.created_at);
    let mut text = format!(
        "etcd does not run on this node: its container was made {ago} and never started. The runtime or \
         the kubelet hangs: `{}`, `journalctl -u containerd`",
        node.layout().kubelet_log
    );
    if let Some(nobody) = nobody_starts_it(node) {
        text.push_str(&format!(". {nobody}"));
    }
    RestartStory {
        cause: RestartCause::NeverStarted,
        exact: None,
        text,
        passes: true,
        next_start: None,
    }
}

fn ended(node: &Located, end: &LastEnd, verdict: Verdict, now_ns: i64) -> RestartStory {
    let Verdict { cause, exact, why, passes } = verdict;
    let what = match end.finished_at {
        _ if cause == RestartCause::NeverStarted => "is down".to_owned(),
        0 => "ended".to_owned(),
        finished => format!("ended {}", ago(now_ns - finished)),
    };
    let mut text = format!("etcd on this node {what}: {why}{}", exit(end));
    let nobody = nobody_starts_it(node);
    if let Some(nobody) = &nobody {
        text.push_str(&format!(". {nobody}"));
    }
    let next_start = (nobody.is_none() && end.finished_at > 0)
        .then(|| end.finished_at.saturating_add(longest_pause(end)));
    RestartStory { cause, exact, text, passes, next_start }
}

fn restarted(
    node: &Located,
    container: &Container,
    nospace: Option<bool>,
    now_ns: i64,
) -> Option<RestartStory> {
    let ago = ago(now_ns - container.started_at.max(container.created_at));
    let times = match container.restarts {
        0 | 1 => String::new(),
        times => format!(" (the {} time)", ordinal(times)),
    };
    let Some(end) = &node.last_end else {
        return (container.restarts > 0).then(|| RestartStory {
            cause: RestartCause::Unknown,
            exact: None,
            text: format!(
                "etcd on this node was restarted {ago}{times}; the container before this one is gone, so \
                 why is not known"
            ),
            passes: true,
            next_start: None,
        });
    };
    let Verdict { cause, exact, why, passes } = cause(node, end, nospace);
    let text = format!("etcd on this node was restarted {ago}{times}: {why}{}", exit(end));
    Some(RestartStory { cause, exact, text, passes, next_start: None })
}

/// "; exit code 0 after 1 min 24 s".
fn exit(end: &LastEnd) -> String {
    if end.started_at == 0 {
        return String::new();
    }
    let lived = end.finished_at.saturating_sub(end.started_at);
    match end.finished_at {
        0 => format!("; exit code {}", end.exit_code),
        _ => format!("; exit code {} after {}", end.exit_code, span(lived)),
    }
}

/// The longest the kubelet waits after this end. At once the first time, then
/// 10 s, doubling; it may be less, as the kubelet forgets its count when it
/// is restarted itself, and after ten good minutes.
fn longest_pause(end: &LastEnd) -> i64 {
    let lived = end.finished_at.saturating_sub(end.started_at);
    let ran_well = end.started_at > 0 && lived > FORGIVEN_AFTER;
    match end.attempt {
        0 => 0,
        _ if ran_well => 0,
        attempt => (FIRST_PAUSE << (attempt - 1).min(5)).min(LONGEST_PAUSE),
    }
}

/// Why nothing would start it, and what to do about it. A missing process
/// means something only where a kubelet is expected.
fn nobody_starts_it(node: &Located) -> Option<String> {
    if node.manifest.is_none() {
        return Some(
            "Nothing starts it again: its manifest is not in the kubelet's directory; put it back \
             (kubeadm: /etc/kubernetes/manifests/etcd.yaml)"
                .to_owned(),
        );
    }
    match &node.kubelet {
        None => Some(
            "Nothing starts it again: no kubelet runs on this node; `systemctl start kubelet`"
                .to_owned(),
        ),
        Some(kubelet) if kubelet.stopped => {
            let pid = kubelet.pid;
            let held = kubelet.held_by.is_some_and(|guardian| guardian.runs);
            Some(if held {
                format!("Nothing starts it now: a recovery under way holds the kubelet (pid {pid})")
            } else {
                format!(
                    "Nothing starts it again: the kubelet (pid {pid}) is stopped; `kill -CONT \
                     {pid}` lets it go on"
                )
            })
        }
        Some(_) => None,
    }
}

/// "3 min ago".
pub(super) fn ago(nanos: i64) -> String {
    if nanos < SECOND { "just now".to_owned() } else { format!("{} ago", span(nanos)) }
}

/// "40 ms", "12 s", "3 min 20 s", "5 h", "12 days".
pub(super) fn span(nanos: i64) -> String {
    let seconds = nanos.max(0) / SECOND;
    match (seconds, seconds % 60) {
        (0, _) => format!("{} ms", nanos.max(0) / 1_000_000),
        (0..60, _) => format!("{seconds} s"),
        (60..600, rest @ 1..) => format!("{} min {rest} s", seconds / 60),
        (60..3_600, _) => format!("{} min", seconds / 60),
        (3_600..172_800, _) => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
#[path = "restart_tests.rs"]
mod tests;
