//! etcdctl lines for people to type on this node when the way on is theirs to
//! choose. `say` has those that would do the same as a step.

use std::path::Path;

use crate::model::{ContainerState, Located};

/// `etcdctl WORDS` against this node's etcd: inside its container where there
/// is one, as etcdctl is in every etcd image and rarely on the host.
pub(super) fn line(node: &Located, words: &str) -> String {
    let container = node.container.as_ref().filter(|it| it.state == ContainerState::Running);
    let mut text = match container {
        Some(_) => "etcd-rescue exec -- etcdctl".to_owned(),
        None => "etcdctl".to_owned(),
    };
    if let Some(endpoint) = node.endpoints.first() {
        text.push_str(&format!(" --endpoints={}", endpoint.value));
    }
    for (flag, file) in [("cacert", &node.ca), ("cert", &node.cert), ("key", &node.key)] {
        if let Some(file) = file {
            let path = match container {
                Some(container) => inside(&file.value, &container.mounts),
                None => file.value.clone(),
            };
            text.push_str(&format!(" --{flag}={}", path.display()));
        }
    }
    format!("{text} {words}")
}

/// A host path as the container sees it, by the deepest mount that holds it.
fn inside(path: &Path, mounts: &[crate::model::Mount]) -> std::path::PathBuf {
    let mut best: Option<(usize, std::path::PathBuf)> = None;
    for mount in mounts {
        if let Ok(rest) = path.strip_prefix(&mount.host_path) {
            let depth = mount.host_path.components().count();
            if best.as_ref().is_none_or(|(other, _)| depth > *other) {
                best = Some((depth, mount.container_path.join(rest)));
            }
        }
    }
    best.map_or_else(|| path.to_owned(), |(_, found)| found)
}
