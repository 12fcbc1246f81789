//! What a cgroup's path says: whether it is a pod or a service as a whole, and
//! what people call it.

use std::{collections::HashMap, path::Path};

/// Names ("namespace/pod") by pod uid.
pub type PodNames = HashMap<String, String>;

/// Whether what is below belongs to one pod or service.
#[must_use]
pub fn is_unit(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with(".service") || name.ends_with(".scope") || uid_of(name).is_some()
}

/// What people call it: its pod, or its service.
#[must_use]
pub fn who(path: &str, pods: &PodNames) -> String {
    match pod(path, pods) {
        Some(pod) => format!("pod {pod}"),
        None => path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("/").to_owned(),
    }
}

/// The pod of a cgroup's path: its name, or its uid where that is not known.
#[must_use]
pub fn pod(path: &str, pods: &PodNames) -> Option<String> {
    let uid = path.split('/').find_map(uid_of)?;
    Some(pods.get(&uid).cloned().unwrap_or(uid))
}

/// The uid in "pod1234-…" (driver cgroupfs) or
/// "kubepods-burstable-pod1234_….slice" (driver systemd); a static pod's is a
/// hash (Kubernetes pkg/kubelet/cm).
fn uid_of(part: &str) -> Option<String> {
    let name = part.strip_suffix(".slice").unwrap_or(part);
    let (before, uid) = name.rsplit_once("pod")?;
    let uid = uid.replace('_', "-");
    let known = before.is_empty() || before.starts_with("kubepods-");
    let is_uid = uid.len() >= 32 && uid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (known && is_uid).then_some(uid)
}

/// Pods by the names of their log directories, "namespace_name_uid".
#[must_use]
pub fn pods_by_logs(directories: &[String]) -> PodNames {
    let pod = |name: &String| {
        let (pod, uid) = name.rsplit_once('_')?;
        let (namespace, pod) = pod.split_once('_')?;
        Some((uid.to_owned(), format!("{namespace}/{pod}")))
    };
    directories.iter().filter_map(pod).collect()
}

/// The path in /proc/PID/cgroup that tells most: that of v2, or where it is
/// not used one that names a pod.
#[must_use]
pub fn path_of(text: &str) -> Option<&str> {
    let paths = || text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let unified = text.lines().find_map(|line| line.strip_prefix("0::"));
    let used = unified.filter(|path| *path != "/");
    used.or_else(|| paths().find(|path| path.split('/').any(|part| uid_of(part).is_some())))
        .or(unified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_called_by_their_names() {
        let pods = pods_by_logs(&[
            "kube-system_etcd-master-1_3f2b8c1d4e5f60718293a4b5c6d7e8f9".to_owned(),
            "longhorn-system_manager-x_0a1b2c3d-0000-4000-8000-0123456789ab".to_owned(),
            "lost+found".to_owned(),
        ]);
        let name = |path: &str| who(path, &pods);
        assert_eq!(
            name(
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3f2b8c1d4e5f60718293a4b5c6d7e8f9.slice"
            ),
            "pod kube-system/etcd-master-1"
        );
        assert_eq!(
            name("/kubepods/besteffort/pod0a1b2c3d-0000-4000-8000-0123456789ab/abcdef"),
            "pod longhorn-system/manager-x"
        );
        assert_eq!(
            name("/kubepods/pod1a1b2c3d-0000-4000-8000-0123456789ab"),
            "pod 1a1b2c3d-0000-4000-8000-0123456789ab"
        );
        assert_eq!(name("/system.slice/containerd.service"), "containerd.service");
        assert_eq!((name("/"), name("/podman")), ("/".to_owned(), "podman".to_owned()));
    }

    #[test]
    fn the_telling_path_of_a_process_is_taken() {
        assert_eq!(path_of("0::/system.slice/k.service\n"), Some("/system.slice/k.service"));
        let hybrid = "5:memory:/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ab/x\n0::/\n";
        assert_eq!(path_of(hybrid), Some("/kubepods/pod0a1b2c3d-0000-4000-8000-0123456789ab/x"));
        assert_eq!((path_of("0::/\n"), path_of("x")), (Some("/"), None));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "((pod|kubepods-|_|:|0::|/|[0-9a-f]{8}|é|\n)){0,20}") {
            let _ = path_of(&text);
            let _ = who(&text, &PodNames::new());
            let _ = pods_by_logs(std::slice::from_ref(&text));
        }
    }
}
