//! Static pods in the runtime's words: labels, annotations, log paths, cgroup
//! and mounts exactly as a kubelet sets them. Pure translation.

use std::collections::HashMap;

use super::{
    manifests::{ContainerSpec, StaticPod},
    runtime::label,
};
use crate::wire::cri::*;

/// The sandbox of `pod`, made for the `attempt`th time.
pub fn sandbox(pod: &StaticPod, attempt: u32) -> PodSandboxConfig {
    let metadata = &pod.manifest.metadata;
    let mut labels: HashMap<_, _> = metadata.labels.clone().into_iter().collect();
    labels.extend(pod_labels(pod));
    let mut annotations: HashMap<_, _> = metadata.annotations.clone().into_iter().collect();
    for (name, value) in [("hash", pod.uid.as_str()), ("source", "file")] {
        annotations.insert(format!("kubernetes.io/config.{name}"), value.to_owned());
    }
    PodSandboxConfig {
        metadata: Some(PodSandboxMetadata {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            namespace: pod.namespace().to_owned(),
            attempt,
        }),
        log_directory: log_directory(pod),
        labels,
        annotations,
        linux: Some(LinuxPodSandboxConfig {
            cgroup_parent: format!("/kubepods/burstable/pod{}", pod.uid),
            security_context: Some(LinuxSandboxSecurityContext {
                namespace_options: Some(namespaces()),
            }),
        }),
        ..Default::default()
    }
}

/// One container of `pod`, started for the `attempt`th time.
pub fn container(pod: &StaticPod, spec: &ContainerSpec, attempt: u32) -> ContainerConfig {
    let mut labels = pod_labels(pod);
    labels.insert(label::CONTAINER_NAME.to_owned(), spec.name.clone());
    let grace = pod.manifest.spec.termination_grace_period_seconds;
    let annotations = [
        ("io.kubernetes.container.hash", pod.uid[..8].to_owned()),
        ("io.kubernetes.container.restartCount", attempt.to_string()),
        ("io.kubernetes.container.terminationMessagePath", "/dev/termination-log".to_owned()),
        ("io.kubernetes.container.terminationMessagePolicy", "File".to_owned()),
        ("io.kubernetes.pod.terminationGracePeriod", grace.to_string()),
    ];
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: spec.name.clone(), attempt }),
        image: Some(ImageSpec { image: spec.image.clone() }),
        command: spec.command.clone(),
        args: spec.args.clone(),
        envs: spec
            .env
            .iter()
            .map(|v| KeyValue { key: v.name.clone(), value: v.value.clone() })
            .collect(),
        mounts: mounts(pod, spec),
        labels,
        annotations: annotations.map(|(name, value)| (name.to_owned(), value)).into(),
        log_path: format!("{}/{attempt}.log", spec.name),
        linux: Some(LinuxContainerConfig {
            resources: Some(LinuxContainerResources { cpu_shares: 102, oom_score_adj: -997 }),
            security_context: Some(LinuxContainerSecurityContext {
                namespace_options: Some(namespaces()),
            }),
        }),
        ..Default::default()
    }
}

/// Where the logs of a pod's containers go.
pub fn log_directory(pod: &StaticPod) -> String {
    format!("/var/log/pods/{}_{}_{}", pod.namespace(), pod.name, pod.uid)
}

fn pod_labels(pod: &StaticPod) -> HashMap<String, String> {
    let labels = [
        (label::POD_NAME, pod.name.as_str()),
        (label::POD_NAMESPACE, pod.namespace()),
        (label::POD_UID, &pod.uid),
    ];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Every pod here is a hostNetwork pod.
fn namespaces() -> NamespaceOption {
    NamespaceOption {
        network: NamespaceMode::Node.into(),
        pid: NamespaceMode::Container.into(),
        ipc: NamespaceMode::Pod.into(),
    }
}

/// The first hostPath that has to be a directory (type `Directory`) and is
/// none: a kubelet does not start the pod then.
pub fn missing_directory(pod: &StaticPod) -> Option<&str> {
    let paths = pod.manifest.spec.volumes.iter().filter_map(|it| it.host_path.as_ref());
    let mut must_be = paths.filter(|it| it.kind.as_deref() == Some("Directory"));
    must_be.find(|it| !std::path::Path::new(&it.path).is_dir()).map(|it| it.path.as_str())
}

fn mounts(pod: &StaticPod, spec: &ContainerSpec) -> Vec<Mount> {
    let host_path = |name: &str| {
        let volume = pod.manifest.spec.volumes.iter().find(|volume| volume.name == name)?;
        Some(volume.host_path.as_ref()?.path.clone())
    };
    let mount = |mount: &super::manifests::VolumeMount| {
        Some(Mount {
            container_path: mount.mount_path.clone(),
            host_path: host_path(&mount.name)?,
            readonly: mount.read_only,
        })
    };
    spec.volume_mounts.iter().filter_map(mount).collect()
}
