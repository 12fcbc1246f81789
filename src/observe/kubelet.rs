//! What the kubelet of this node was told, as far as finding etcd needs it:
//! where static pods are read from, and which runtime it uses. Running or
//! not: its flags come from /proc, else from the files it would read.

use std::path::{Path, PathBuf};

use super::{arguments::flag_of as flag_value, host::HostRoot, process, yaml};
use crate::model::Found;

/// Where kubeadm puts the kubelet's configuration, and the default of others.
const CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// Flags kubeadm adds; they are there too while the kubelet is stopped.
const KUBEADM_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// The kubelet's settings that matter here. Flags win over its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubelet {
    /// Directory of the static-pod manifests.
    pub static_pod_path: Option<Found<PathBuf>>,
    /// CRI endpoint as written ("unix:///run/containerd/containerd.sock").
    pub runtime_endpoint: Option<Found<String>>,
}

impl Kubelet {
    /// Reads what there is; a kubelet that was never here gives nothing.
    #[must_use]
    pub fn read(host: &HostRoot) -> Self {
        let mut flags = Flags::default();
        for (pid, args) in process::command_lines(host, "kubelet") {
            flags.add(&args, &format!("the kubelet, pid {pid}"));
        }
        if let Ok(text) = yaml::read(&host.path(KUBEADM_FLAGS)) {
            flags.add(&env_file_words(&text), KUBEADM_FLAGS);
        }
        let config = flags.config.as_deref().unwrap_or(Path::new(CONFIG)).to_owned();
        let documents = yaml::documents(&host.path(&config)).unwrap_or_default();
        let from_config = |key: &str| {
            let text = documents.iter().find_map(|document| yaml::text(document, &[key]))?;
            Some(Found::new(text, format!("{key} in {}", config.display())))
                .filter(|found| !found.value.is_empty())
        };
        Self {
            static_pod_path: flags
                .static_pod_path
                .or_else(|| from_config("staticPodPath"))
                .map(|found| Found::new(host.path(found.value), found.source)),
            runtime_endpoint: flags
                .runtime_endpoint
                .or_else(|| from_config("containerRuntimeEndpoint")),
        }
    }
}

#[derive(Default)]
struct Flags {
    config: Option<PathBuf>,
    static_pod_path: Option<Found<String>>,
    runtime_endpoint: Option<Found<String>>,
}

impl Flags {
    /// Adds what an earlier source did not say.
    fn add(&mut self, args: &[String], owner: &str) {
        let found = |flag: &str| {
            let value = flag_value(args, flag)?;
            Some(Found::new(value, format!("--{flag} of {owner}")))
        };
        self.config = self.config.take().or_else(|| flag_value(args, "config").map(PathBuf::from));
        self.static_pod_path = self.static_pod_path.take().or_else(|| found("pod-manifest-path"));
        self.runtime_endpoint =
            self.runtime_endpoint.take().or_else(|| found("container-runtime-endpoint"));
    }
}

/// The words behind each `NAME="…"` of an environment file.
fn env_file_words(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .flat_map(|(_, value)| value.trim_matches('"').split_whitespace())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_kubelet_is_read_from_its_files() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let dir = host.path("/var/lib/kubelet");
        std::fs::create_dir_all(&dir).expect("made");
        std::fs::write(
            dir.join("kubeadm-flags.env"),
            "KUBELET_KUBEADM_ARGS=\"--container-runtime=remote \
             --container-runtime-endpoint=unix:///run/crio/crio.sock\"\n",
        )
        .expect("written");
        std::fs::write(dir.join("config.yaml"), "staticPodPath: /etc/kubernetes/manifests\n")
            .expect("written");
        let kubelet = Kubelet::read(&host);
        assert_eq!(
            kubelet.static_pod_path,
            Some(Found::new(
                host.path("/etc/kubernetes/manifests"),
                "staticPodPath in /var/lib/kubelet/config.yaml"
            ))
        );
        let endpoint = kubelet.runtime_endpoint.map(|found| found.value);
        assert_eq!(endpoint.as_deref(), Some("unix:///run/crio/crio.sock"));
        assert_eq!(Kubelet::read(&HostRoot::new("/nonexistent")), Kubelet::default());
    }

    #[test]
    fn flags_are_read_in_both_spellings() {
        let args = ["kubelet", "--config", "/a", "--pod-manifest-path=/b", "--config=/c"]
            .map(str::to_owned);
        assert_eq!(flag_value(&args, "config").as_deref(), Some("/c"));
        assert_eq!(flag_value(&args, "pod-manifest-path").as_deref(), Some("/b"));
        assert_eq!(flag_value(&args, "pod-manifest"), None);
    }
}
