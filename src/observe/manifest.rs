//! The static-pod manifest of etcd: which file it is, its command line and
//! its probes. Reads; editing is not done here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use saphyr::YamlOwned;

use super::{host::HostRoot, kubelet::Kubelet, yaml};
use crate::model::{Manifest, Mount, Probe, ProbeKind, ProbeTiming, layout, order::InOrder};

/// How the name of a manifest begins that is held beside its directory.
const HELD: &str = "etcd-rescue-held-";

/// The manifest, when there is one, and what is odd about its directory.
#[must_use]
pub fn find(host: &HostRoot, kubelet: &Kubelet) -> (Option<Manifest>, Vec<String>) {
    let directories = directories(host, kubelet);
    let mut complaints = Vec::new();
    for directory in &directories {
        let pods = etcd_pods(directory, &mut complaints);
        complaints.extend(shadowing(&pods));
        // Sorted by file name; of equal pods the kubelet runs the last.
        if let Some(pod) = pods.into_iter().next_back() {
            return (Some(pod.manifest), complaints);
        }
    }
    let held = directories.iter().find_map(|directory| held(directory));
    complaints.extend(held.as_ref().map(|manifest| {
        format!(
            "etcd's manifest is out of its directory, at {}: moving its data was broken off; \
             `etcd-rescue relocate --undo` goes back",
            manifest.path.display()
        )
    }));
    (held, complaints)
}

/// Where static pods are read from: by the kubelet's settings, and where it is
/// usual.
fn directories(host: &HostRoot, kubelet: &Kubelet) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> =
        kubelet.static_pod_path.iter().map(|found| found.value.clone()).collect();
    let known = layout::column(|row| row.manifests);
    for directory in known.into_iter().map(|path| host.path(path)) {
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories
}

/// The manifest with a container of this name, and that one's command line; the
/// last one that is there.
#[must_use]
pub fn container_args(
    host: &HostRoot,
    kubelet: &Kubelet,
    name: &str,
) -> Option<(PathBuf, Vec<String>)> {
    directories(host, kubelet).iter().find_map(|directory| {
        let files = files(directory).into_iter().rev();
        let mut pods = files.filter_map(|path| {
            let documents = yaml::documents(&path).ok()?;
            let container = documents.iter().find_map(|pod| container(pod, name))?;
            let args = args(&container);
            Some((path, args))
        });
        pods.find(|(_, args)| !args.is_empty())
    })
}

/// The container of this name in a pod.
fn container(pod: &YamlOwned, name: &str) -> Option<YamlOwned> {
    let is_pod = yaml::text(pod, &["kind"]).as_deref() == Some("Pod");
    let containers = yaml::items(pod, &["spec", "containers"]);
    let named = |it: &&YamlOwned| yaml::text(it, &["name"]).as_deref() == Some(name);
    containers.iter().find(named).filter(|_| is_pod).cloned()
}

fn args(container: &YamlOwned) -> Vec<String> {
    let mut args = yaml::texts(container, &["command"]);
    args.extend(yaml::texts(container, &["args"]));
    args
}

/// A manifest that `relocate` has taken out of this directory, and has not put
/// back yet (`act::manifest::held_path`).
fn held(directory: &Path) -> Option<Manifest> {
    let parent = directory.canonicalize().ok()?.parent()?.to_owned();
    let entries = fs::read_dir(parent).ok()?.filter_map(Result::ok);
    let held = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(HELD.as_bytes()) && path.is_file()
    });
    let pods = held.filter_map(|path| {
        let documents = yaml::documents(&path).ok()?;
        documents.iter().find_map(|document| etcd_pod(document, &path))
    });
    pods.map(|pod| pod.manifest).next()
}

/// The hostPath volumes of this container in a manifest: how its paths are the
/// host's while there is no container to tell.
#[must_use]
pub fn host_paths(manifest: &Path, name: &str) -> Vec<Mount> {
    let documents = yaml::documents(manifest).unwrap_or_default();
    let found = documents.iter().find_map(|pod| Some((pod, container(pod, name)?)));
    let Some((pod, container)) = found else { return Vec::new() };
    let volumes = yaml::items(pod, &["spec", "volumes"]);
    let mounts = yaml::items(&container, &["volumeMounts"]);
    let host_path = |name: &str| {
        let volume =
            volumes.iter().find(|it| yaml::text(it, &["name"]).as_deref() == Some(name))?;
        yaml::text(volume, &["hostPath", "path"])
    };
    let mounts = mounts.iter().filter(|mount| yaml::at(mount, &["subPath"]).is_none());
    mounts
        .filter_map(|mount| {
            Some(Mount {
                container_path: yaml::text(mount, &["mountPath"])?.into(),
                host_path: host_path(&yaml::text(mount, &["name"])?)?.into(),
            })
        })
        .collect()
}

/// An etcd pod of one file.
struct EtcdPod {
    manifest: Manifest,
    /// Namespace and name.
    identity: (String, String),
}

/// What the kubelet would read: every regular file that does not begin with a
/// dot, whatever its extension, no subdirectories (kubernetes
/// pkg/kubelet/config/file.go).
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.order();
    files
}

fn etcd_pods(directory: &Path, complaints: &mut Vec<String>) -> Vec<EtcdPod> {
    let mut pods = Vec::new();
    for path in files(directory) {
        match yaml::documents(&path) {
            Ok(documents) => {
                pods.extend(documents.iter().find_map(|document| etcd_pod(document, &path)));
            }
            Err(error) => complaints.push(format!("{}: {error}", path.display())),
        }
    }
    pods
}

/// The command line of the etcd container in a pod's manifest.
pub(super) fn args_of(document: &YamlOwned) -> Option<Vec<String>> {
    etcd_pod(document, Path::new("")).map(|pod| pod.manifest.args)
}

fn etcd_pod(document: &YamlOwned, path: &Path) -> Option<EtcdPod> {
    let container = container(document, "etcd")?;
    let field = |key| yaml::text(document, &["metadata", key]);
    let (args, probes) = (args(&container), probes(&container));
    Some(EtcdPod {
        manifest: Manifest { path: path.to_owned(), args, probes },
        identity: (
            field("namespace").unwrap_or_else(|| "default".to_owned()),
            field("name").unwrap_or_default(),
        ),
    })
}

/// `etcd.yaml.bak` beside `etcd.yaml` is not a backup: it is what runs.
fn shadowing(pods: &[EtcdPod]) -> Option<String> {
    let last = pods.last()?;
    let hidden: Vec<String> = pods
        .iter()
        .filter(|pod| pod.identity == last.identity && pod.manifest.path != last.manifest.path)
        .map(|pod| pod.manifest.path.display().to_string())
        .collect();
    (!hidden.is_empty()).then(|| {
        format!(
            "the kubelet reads every file of that directory: {} defines the same pod as {} and \
             wins; keep backups elsewhere",
            last.manifest.path.display(),
            hidden.join(", ")
        )
    })
}

/// The HTTP probes of a container; other kinds of probe do not ask etcd's
/// health endpoints and are left out.
fn probes(container: &YamlOwned) -> Vec<Probe> {
    [
        (ProbeKind::Liveness, "livenessProbe"),
        (ProbeKind::Startup, "startupProbe"),
        (ProbeKind::Readiness, "readinessProbe"),
    ]
    .into_iter()
    .filter_map(|(kind, key)| {
        let probe = yaml::at(container, &[key])?;
        let get = yaml::at(probe, &["httpGet"])?;
        Some(Probe {
            kind,
            path: yaml::text(get, &["path"])
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "/".to_owned()),
            port: port(container, get),
            timing: timing(probe),
        })
    })
    .collect()
}

fn port(container: &YamlOwned, get: &YamlOwned) -> Option<u16> {
    let written = yaml::text(get, &["port"])?;
    written.parse().ok().or_else(|| {
        let named = yaml::items(container, &["ports"])
            .iter()
            .find(|port| yaml::text(port, &["name"]).as_ref() == Some(&written))?;
        u16::try_from(yaml::number(named, &["containerPort"])?).ok()
    })
}

/// The numbers, with Kubernetes' defaults; 0 means unset where it would make
/// no sense (k8s core/v1 defaults).
fn timing(probe: &YamlOwned) -> ProbeTiming {
    let number = |key, default| {
        yaml::number(probe, &[key])
            .and_then(|value| u32::try_from(value).ok())
            .filter(|value| *value > 0)
            .unwrap_or(default)
    };
    ProbeTiming {
        initial_delay: number("initialDelaySeconds", 0),
        period: number("periodSeconds", 10),
        timeout: number("timeoutSeconds", 1),
        failure_threshold: number("failureThreshold", 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBEADM: &str = "\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://10.0.0.11:2379
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --data-dir=/var/lib/etcd
    - --quota-backend-bytes=67108864
    image: etcd:3.5.16-0
    livenessProbe:
      failureThreshold: 8
      httpGet:
        host: 127.0.0.1
        path: /health?exclude=NOSPACE&serializable=true
        port: 2381
        scheme: HTTP
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 15
    name: etcd
    ports:
    - {containerPort: 2381, name: probe-port}
    readinessProbe:
      httpGet: {path: /readyz, port: probe-port}
    startupProbe:
      exec: {command: [\"true\"]}
";

    fn directory() -> (tempfile::TempDir, HostRoot, PathBuf) {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let manifests = host.path("/etc/kubernetes/manifests");
        fs::create_dir_all(manifests.join("sub.yaml")).expect("made");
        fs::write(manifests.join(".hidden.yaml"), KUBEADM).expect("written");
        fs::write(manifests.join("etcd.yaml"), KUBEADM).expect("written");
        (root, host, manifests)
    }

    #[test]
    fn reads_a_kubeadm_manifest() {
        let (_root, host, manifests) = directory();
        fs::write(manifests.join("a.txt"), "kind: Pod\nspec: {containers: [{name: web}]}\n")
            .expect("written");
        let (manifest, complaints) = find(&host, &Kubelet::default());
        assert_eq!(complaints, Vec::<String>::new());
        let Some(manifest) = manifest else { panic!("none") };
        assert_eq!(manifest.path, manifests.join("etcd.yaml"));
        assert_eq!(manifest.args.len(), 3);
        let [liveness, readiness] = &manifest.probes[..] else { panic!("{manifest:?}") };
        assert_eq!(liveness.path, "/health?exclude=NOSPACE&serializable=true");
        assert_eq!((liveness.port, liveness.timing.failure_threshold), (Some(2381), 8));
        assert_eq!((readiness.kind, readiness.port), (ProbeKind::Readiness, Some(2381)));
        let defaults =
            ProbeTiming { initial_delay: 0, period: 10, timeout: 1, failure_threshold: 3 };
        assert_eq!(readiness.timing, defaults);
    }

    #[test]
    fn a_backup_in_the_directory_is_what_runs() {
        let (_root, host, manifests) = directory();
        fs::write(manifests.join("etcd.yaml.bak"), KUBEADM).expect("written");
        fs::write(manifests.join("junk"), "a: [").expect("written");
        let (manifest, complaints) = find(&host, &Kubelet::default());
        assert_eq!(manifest.map(|m| m.path), Some(manifests.join("etcd.yaml.bak")));
        assert!(complaints.iter().any(|text| text.contains("etcd.yaml.bak defines the same pod")));
        assert!(complaints.iter().any(|text| text.contains("junk: not YAML")));
    }
}
