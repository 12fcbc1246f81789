//! Reads static-pod manifests: the parts of a pod that this kubelet acts on. Like
//! the real one it takes every file whose name does not begin with a dot, of any
//! extension, and of two with one pod name the later.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use serde::Deserialize;

/// What of a node is in its pods' names and uids.
pub struct Node {
    pub name: String,
    /// In the uid, so that pods with equal manifests in two labs differ.
    pub machine_id: String,
}

/// One static pod of this node.
#[derive(Clone, Debug)]
pub struct StaticPod {
    /// Changes whenever the manifest does.
    pub uid: String,
    /// The manifest's name with the node's appended.
    pub name: String,
    /// What the manifest says.
    pub manifest: Manifest,
}

impl StaticPod {
    /// What no two pods of a node share.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name)
    }

    /// The namespace, kube-system for a control plane.
    pub fn namespace(&self) -> &str {
        self.manifest.metadata.namespace.as_deref().unwrap_or("default")
    }
}

/// A pod as YAML has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    pub metadata: Metadata,
    pub spec: PodSpec,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    pub name: String,
    pub namespace: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    pub containers: Vec<ContainerSpec>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
    #[serde(default = "thirty")]
    pub termination_grace_period_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerSpec {
    pub name: String,
    pub image: String,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub env: Vec<Variable>,
    #[serde(default)]
    pub volume_mounts: Vec<VolumeMount>,
    pub liveness_probe: Option<Probe>,
    pub startup_probe: Option<Probe>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Variable {
    pub name: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    pub name: String,
    pub mount_path: String,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    pub name: String,
    pub host_path: Option<HostPath>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct HostPath {
    pub path: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    pub http_get: Option<HttpGet>,
    #[serde(default)]
    pub initial_delay_seconds: u64,
    #[serde(default = "ten")]
    pub period_seconds: u64,
    #[serde(default = "one")]
    pub timeout_seconds: u64,
    #[serde(default = "three")]
    pub failure_threshold: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct HttpGet {
    pub host: Option<String>,
    #[serde(default)]
    pub path: String,
    pub port: u16,
    pub scheme: Option<String>,
}

fn one() -> u64 {
    1
}
fn ten() -> u64 {
    10
}
fn thirty() -> u64 {
    30
}
fn three() -> u32 {
    3
}

/// The pods of the manifests directory; what cannot be read is left out.
pub fn read(dir: &Path, node: &Node) -> Vec<StaticPod> {
    let mut files: Vec<_> =
        dir.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.is_file()
            && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    });
    files.sort();
    let mut pods: BTreeMap<String, StaticPod> = BTreeMap::new();
    for text in files.iter().filter_map(|path| std::fs::read_to_string(path).ok()) {
        if let Some(pod) = parse(&text, node) {
            pods.insert(pod.full_name(), pod);
        }
    }
    pods.into_values().collect()
}

fn parse(text: &str, node: &Node) -> Option<StaticPod> {
    let manifest: Manifest = serde_norway::from_str(text).ok()?;
    let hash = |salt: &str| {
        let mut hasher = DefaultHasher::new();
        (salt, &node.machine_id, text).hash(&mut hasher);
        hasher.finish()
    };
    // As long as the hash a real kubelet takes for it.
    let uid = format!("{:016x}{:016x}", hash("high"), hash("low"));
    Some(StaticPod { uid, name: format!("{}-{}", manifest.metadata.name, node.name), manifest })
}
