//! etcdctl lines for people to type on this node when the way on is theirs to
//! choose. `say` has those that would do the same as a step.

use std::path::{Path, PathBuf};

use crate::model::{ContainerState, Located, Mount};

/// `etcdctl WORDS` against this node's etcd: inside its container where there
/// is one, as etcdctl is in every etcd image and rarely on the host.
#[must_use]
pub fn line(node: &Located, words: &str) -> String {
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
fn inside(path: &Path, mounts: &[Mount]) -> PathBuf {
    let depth = |mount: &&Mount| mount.host_path.components().count();
    let holds = mounts.iter().filter(|mount| path.starts_with(&mount.host_path)).max_by_key(depth);
    let moved = holds.and_then(|mount| {
        Some(mount.container_path.join(path.strip_prefix(&mount.host_path).ok()?))
    });
    moved.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_tells_where_a_file_is_inside() {
        let mount = |host: &str, container: &str| Mount {
            container_path: container.into(),
            host_path: host.into(),
        };
        let mounts = [mount("/etc/kubernetes", "/k"), mount("/etc/kubernetes/pki/etcd", "/pki")];
        for (host, container) in [
            ("/etc/kubernetes/pki/etcd/ca.crt", "/pki/ca.crt"),
            ("/etc/kubernetes/admin.conf", "/k/admin.conf"),
            ("/root/ca.crt", "/root/ca.crt"),
        ] {
            assert_eq!(inside(Path::new(host), &mounts), Path::new(container));
        }
    }
}
