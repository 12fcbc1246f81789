//! What is seen of etcd's containers while a changed manifest takes effect.
//! Pure: it is told what there is, and judges it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Expected, NotRunning};
use crate::{
    flow::restart::Restart,
    model::{Container, ContainerState, Located},
    say::human,
};

/// A kubelet reads its directory every 20 s even when it sees no change
/// (fileCheckFrequency), and then ends the old pod, which may take its 30 s of
/// grace; by then a new container is there, or this kubelet takes no notice.
const TAKEN: Duration = Duration::from_secs(80);
/// The member has to serve this long without a break.
const STEADY: Duration = Duration::from_secs(3);
/// Containers that end by themselves until the settings count as wrong: one
/// may meet a port that is not free yet.
const FAILURES: usize = 2;
/// Last lines of the failed etcd's log that are kept.
const LINES: usize = 5;

/// What was seen of the containers so far.
pub(super) struct Watch<'a> {
    expected: &'a Expected,
    /// When the waiting began.
    pub(super) began: Instant,
    /// Containers that are none of the old ones.
    seen: BTreeSet<String>,
    /// Those of them that ended with an error.
    failed: BTreeSet<String>,
    /// The most restarts a container of them had, by the kubelet's count.
    restarts: usize,
    /// The last words of the latest of them whose log could be read, and what
    /// they come to. A kubelet removes logs together with dead containers.
    words: Option<(Vec<String>, Option<String>)>,
    /// Which container serves, and since when.
    pub(super) steady: Option<(String, Instant)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(expected: &'a Expected) -> Self {
        Self {
            expected,
            began: Instant::now(),
            seen: BTreeSet::new(),
            failed: BTreeSet::new(),
            restarts: 0,
            words: None,
            steady: None,
        }
    }

    fn is_new(&self, id: &str) -> bool {
        !self.expected.not.iter().any(|old| old == id)
    }

    pub(super) fn see(&mut self, node: &Located) {
        if let Some(container) = node.container.as_ref().filter(|it| self.is_new(&it.id)) {
            self.seen.insert(container.id.clone());
            self.restarts = self.restarts.max(container.restarts as usize);
            if container.state == ContainerState::Exited && container.exit_code != 0 {
                self.failed.insert(container.id.clone());
            }
        }
        // Only an attempt of the same pod as one seen running now.
        let end = node.last_end.as_ref().filter(|end| self.is_new(&end.id));
        if let Some(end) = end.filter(|end| self.seen.contains(&end.id) && end.exit_code != 0) {
            self.failed.insert(end.id.clone());
        }
        if let Some(end) = end.filter(|end| !end.last_lines.is_empty()) {
            let first = end.last_lines.len().saturating_sub(LINES);
            let story = Restart::of_node(node).map(|restart| restart.story().text.clone());
            self.words = Some((end.last_lines[first..].to_vec(), story));
        }
    }

    /// The container that is it, when it runs.
    pub(super) fn fitting<'n>(&self, node: &'n Located) -> Option<&'n Container> {
        let container = node.container.as_ref()?;
        let mounted = |path: &PathBuf| container.mounts.iter().any(|it| it.host_path == *path);
        let fits = container.state == ContainerState::Running
            && self.is_new(&container.id)
            && same_words(&self.expected.args, &container.args)
            && self.expected.mounts.iter().all(mounted);
        fits.then_some(container)
    }

    pub(super) fn is_steady(&mut self, container: &str) -> bool {
        match &self.steady {
            Some((id, since)) if id == container => since.elapsed() >= STEADY,
            _ => {
                self.steady = Some((container.to_owned(), Instant::now()));
                false
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let elapsed = self.began.elapsed();
        elapsed >= self.expected.patience || (self.seen.is_empty() && elapsed >= TAKEN)
    }

    /// Why no more waiting helps.
    pub(super) fn given_up(&self) -> Option<String> {
        (self.failed.len() >= FAILURES || (!self.failed.is_empty() && self.restarts >= FAILURES))
            .then(|| "etcd ends as soon as it is started with this manifest".to_owned())
    }

    pub(super) fn why_no_container(&self) -> String {
        let waited = human::duration(self.began.elapsed());
        if self.seen.is_empty() {
            format!("the kubelet started no new etcd container within {waited}")
        } else if self.failed.is_empty() {
            format!("no etcd container runs with this manifest's settings after {waited}")
        } else {
            "etcd ended when it was started with this manifest, and is not back".to_owned()
        }
    }

    pub(super) fn note(&self, node: &Located) -> String {
        match &node.container {
            Some(container) if !self.is_new(&container.id) => {
                "waiting for the kubelet to stop the old etcd".to_owned()
            }
            Some(container) => {
                format!("container {} is {}", container.short_id(), container.state)
            }
            None => "waiting for the kubelet to start etcd".to_owned(),
        }
    }

    pub(super) fn failed(&self, node: &Located, why: String) -> NotRunning {
        let (log, story) = self.words.clone().unwrap_or_else(|| {
            let end = node.last_end.as_ref().filter(|end| self.is_new(&end.id));
            let restart = end.and_then(|_| Restart::of_node(node));
            (Vec::new(), restart.map(|restart| restart.story().text.clone()))
        });
        NotRunning {
            why: story.map_or_else(|| why.clone(), |story| format!("{why}: {story}")),
            log,
            seen: self.seen.iter().cloned().collect(),
        }
    }
}

/// Whether a container runs this command line. The kubelet replaces `$(NAME)`
/// by what the environment says; such a word fits any.
pub(in crate::flow) fn same_words(manifest: &[String], container: &[String]) -> bool {
    manifest.is_empty()
        || (manifest.len() == container.len()
            && manifest
                .iter()
                .zip(container)
                .all(|(wanted, word)| wanted == word || wanted.contains("$(")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_command_line_is_the_manifests_own() {
        let manifest = words("etcd --name=$(HOST) --snapshot-count=10000");
        assert!(same_words(&manifest, &words("etcd --name=m1 --snapshot-count=10000")));
        assert!(!same_words(&manifest, &words("etcd --name=m1 --snapshot-count=1000")));
        assert!(!same_words(&manifest, &words("etcd --name=m1")));
        assert!(same_words(&[], &words("etcd")));
    }

    fn container(id: &str, state: ContainerState, exit_code: i32) -> Located {
        let container = Container {
            id: id.to_owned(),
            name: "etcd".to_owned(),
            pod: "etcd-m1".to_owned(),
            namespace: "kube-system".to_owned(),
            state,
            created_at: 1,
            started_at: 1,
            finished_at: 0,
            exit_code,
            reason: String::new(),
            restarts: 0,
            image: String::new(),
            log_path: None,
            pid: None,
            args: words("etcd --name=m1"),
            env: Vec::new(),
            mounts: Vec::new(),
        };
        Located { container: Some(container), ..Located::default() }
    }

    #[test]
    fn one_failure_is_not_enough_and_the_old_container_is_none() {
        let expected = Expected { not: vec!["old".to_owned()], ..Expected::default() };
        let mut watch = Watch::new(&expected);
        let old = container("old", ContainerState::Exited, 1);
        watch.see(&old);
        assert!(watch.seen.is_empty() && watch.fitting(&old).is_none());
        for id in ["one", "one", "two"] {
            assert_eq!(watch.given_up(), None);
            watch.see(&container(id, ContainerState::Exited, 1));
        }
        assert!(watch.given_up().is_some());
        assert!(watch.fitting(&container("new", ContainerState::Running, 0)).is_some());
    }
}
