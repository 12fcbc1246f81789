//! A container as the runtime tells it, from CRI's status and the JSON text of
//! its verbose form, whose shape differs between runtimes.

use std::path::PathBuf;

use serde_json::Value;

use super::container::{NAME, NAMESPACE, POD};
use crate::{
    model::{Container, ContainerState, Mount},
    wire::proto::cri,
};

/// The kubelet's count of restarts; CRI's own attempt number starts anew when
/// the pod is made anew (kubernetes pkg/kubelet/kuberuntime/labels.go).
const RESTARTS: &str = "io.kubernetes.container.restartCount";

/// The container in our words; `None` when the answer holds no status.
#[must_use]
pub fn container(answer: cri::ContainerStatusResponse) -> Option<Container> {
    let status = answer.status?;
    let info = answer
        .info
        .get("info")
        .and_then(|text| serde_json::from_slice(text.as_bytes()).ok())
        .unwrap_or(Value::Null);
    let label = |name: &str| status.labels.get(name).cloned().unwrap_or_default();
    let metadata = status.metadata.clone().unwrap_or_default();
    let restarts = status
        .annotations
        .get(RESTARTS)
        .and_then(|count| count.parse().ok())
        .unwrap_or(metadata.attempt);
    Some(Container {
        name: Some(label(NAME)).filter(|name| !name.is_empty()).unwrap_or(metadata.name),
        pod: label(POD),
        namespace: label(NAMESPACE),
        state: state(status.state),
        created_at: status.created_at,
        started_at: status.started_at,
        finished_at: status.finished_at,
        exit_code: status.exit_code,
        restarts,
        log_path: Some(&status.log_path).filter(|path| !path.is_empty()).map(PathBuf::from),
        pid: pid(&info),
        args: args(&info),
        env: env(&info),
        mounts: mounts(&info, &status.mounts),
        image: status.image.map(|spec| spec.image).unwrap_or_default(),
        reason: status.reason,
        id: status.id,
    })
}

/// CRI's number of a state.
pub(super) fn state(number: i32) -> ContainerState {
    match cri::ContainerState::try_from(number) {
        Ok(cri::ContainerState::ContainerCreated) => ContainerState::Created,
        Ok(cri::ContainerState::ContainerRunning) => ContainerState::Running,
        Ok(cri::ContainerState::ContainerExited) => ContainerState::Exited,
        Ok(cri::ContainerState::ContainerUnknown) | Err(_) => ContainerState::Unknown,
    }
}

/// The host pid; runtimes write 0 once the process has ended.
fn pid(info: &Value) -> Option<i32> {
    info.get("pid")?.as_i64().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0)
}

/// The OCI spec has what really runs; containerd also has the kubelet's
/// request under `config`, CRI-O has not.
fn args(info: &Value) -> Vec<String> {
    let args = texts(info.pointer("/runtimeSpec/process/args"));
    if !args.is_empty() {
        return args;
    }
    let mut args = texts(info.pointer("/config/command"));
    args.extend(texts(info.pointer("/config/args")));
    args
}

/// Only the OCI spec's: the values of the kubelet's request are text or, since
/// cri-api made them bytes, base64, and nothing tells which.
fn env(info: &Value) -> Vec<String> {
    texts(info.pointer("/runtimeSpec/process/env"))
}

/// Bind mounts only: other kinds have a name like "proc" as their source.
fn mounts(info: &Value, listed: &[cri::Mount]) -> Vec<Mount> {
    let mount = |mount: &Value| {
        let source = mount.get("source")?.as_str().filter(|source| source.starts_with('/'))?;
        let destination = mount.get("destination")?.as_str()?;
        Some(Mount { container_path: destination.into(), host_path: source.into() })
    };
    let spec = list(info.pointer("/runtimeSpec/mounts"));
    let mounts: Vec<Mount> = spec.iter().filter_map(mount).collect();
    if !mounts.is_empty() {
        return mounts;
    }
    listed
        .iter()
        .filter(|mount| !mount.host_path.is_empty())
        .map(|mount| Mount {
            container_path: PathBuf::from(&mount.container_path),
            host_path: PathBuf::from(&mount.host_path),
        })
        .collect()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    list(value).iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(info: &str) -> cri::ContainerStatusResponse {
        let mount = cri::Mount {
            container_path: "/listed".into(),
            host_path: "/host/listed".into(),
            readonly: false,
        };
        let status = cri::ContainerStatus {
            id: "abc".into(),
            metadata: Some(cri::ContainerMetadata { name: "etcd".into(), attempt: 4 }),
            state: 2,
            mounts: vec![mount],
            ..cri::ContainerStatus::default()
        };
        let info = [("info".to_owned(), info.to_owned())].into();
        cri::ContainerStatusResponse { status: Some(status), info }
    }

    #[test]
    fn containerds_and_crios_shapes_are_read() {
        let spec = r#""runtimeSpec":{"process":{"args":["etcd","--name=m1"],"env":["A=b"]},
            "mounts":[{"destination":"/proc","source":"proc"},
                      {"destination":"/var/lib/etcd","source":"/data"}]}"#;
        for info in [
            format!(r#"{{"pid":41,"config":{{"command":["x"]}},{spec}}}"#),
            format!(r#"{{"pid":41,"privileged":false,{spec}}}"#),
        ] {
            let Some(read) = container(answer(&info)) else { panic!("none") };
            assert_eq!((read.pid, read.args.len(), read.env.len()), (Some(41), 2, 1));
            let mount = Mount { container_path: "/var/lib/etcd".into(), host_path: "/data".into() };
            assert_eq!(read.mounts, [mount]);
            assert_eq!((read.restarts, read.state), (4, ContainerState::Exited));
        }
    }

    #[test]
    fn without_a_spec_the_request_and_the_status_count() {
        let info = r#"{"pid":0,"runtimeSpec":null,"config":{"command":["etcd"],
            "args":["--name=m1"],"envs":[{"key":"ETCDCTL_CERT","value":"L2NydA=="}]}}"#;
        let Some(read) = container(answer(info)) else { panic!("none") };
        assert_eq!((read.pid, read.args.len()), (None, 2));
        assert_eq!(read.env, [""; 0], "a path in base64 is none");
        assert_eq!(read.mounts[0].host_path, PathBuf::from("/host/listed"));
        let Some(junk) = container(answer("{not json")) else { panic!("none") };
        assert_eq!((junk.args.len(), junk.mounts.len()), (0, 1));
    }
}
