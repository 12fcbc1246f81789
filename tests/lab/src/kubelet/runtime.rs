//! The runtime as the kubelet uses it: a thin layer over CRI that knows the
//! labels. Holds no state.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::Result;
use tonic::transport::Channel;

use crate::wire::{
    self,
    cri::{runtime_service_client::RuntimeServiceClient, *},
};

/// The labels a kubelet marks its pods and containers with.
pub mod label {
    pub const CONTAINER_NAME: &str = "io.kubernetes.container.name";
    pub const POD_NAME: &str = "io.kubernetes.pod.name";
    pub const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
    pub const POD_UID: &str = "io.kubernetes.pod.uid";
}

/// A connection to the node's container runtime.
pub struct Runtime {
    client: RuntimeServiceClient<Channel>,
}

impl Runtime {
    pub fn new(socket: &Path) -> Self {
        Self { client: RuntimeServiceClient::new(wire::runtime(socket)) }
    }

    fn client(&self) -> RuntimeServiceClient<Channel> {
        self.client.clone()
    }

    /// The sandboxes of one pod, or all.
    pub async fn sandboxes(&self, uid: Option<&str>) -> Result<Vec<PodSandbox>> {
        let filter = PodSandboxFilter { label_selector: selector(uid), ..Default::default() };
        let request = ListPodSandboxRequest { filter: Some(filter) };
        Ok(self.client().list_pod_sandbox(request).await?.into_inner().items)
    }

    /// The containers of one pod, oldest first.
    pub async fn containers(&self, uid: &str) -> Result<Vec<Container>> {
        let filter = ContainerFilter { label_selector: selector(Some(uid)), ..Default::default() };
        let request = ListContainersRequest { filter: Some(filter) };
        let mut all = self.client().list_containers(request).await?.into_inner().containers;
        all.sort_by_key(|container| container.created_at);
        Ok(all)
    }

    pub async fn container_status(&self, id: &str) -> Result<ContainerStatus> {
        let request = ContainerStatusRequest { container_id: id.to_owned(), verbose: false };
        Ok(self.client().container_status(request).await?.into_inner().status.unwrap_or_default())
    }

    pub async fn run_sandbox(&self, config: PodSandboxConfig) -> Result<String> {
        let request = RunPodSandboxRequest { config: Some(config) };
        Ok(self.client().run_pod_sandbox(request).await?.into_inner().pod_sandbox_id)
    }

    /// Creates and starts a container in a sandbox.
    pub async fn run_container(
        &self,
        sandbox: &str,
        config: ContainerConfig,
        pod: PodSandboxConfig,
    ) -> Result<String> {
        let request = CreateContainerRequest {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(pod),
        };
        let id = self.client().create_container(request).await?.into_inner().container_id;
        self.client().start_container(StartContainerRequest { container_id: id.clone() }).await?;
        Ok(id)
    }

    /// SIGTERM, and SIGKILL when `grace` has passed.
    pub async fn stop_container(&self, id: &str, grace: Duration) -> Result<()> {
        let timeout = i64::try_from(grace.as_secs().max(1))?;
        self.client()
            .stop_container(StopContainerRequest { container_id: id.to_owned(), timeout })
            .await?;
        Ok(())
    }

    pub async fn remove_container(&self, id: &str) -> Result<()> {
        self.client()
            .remove_container(RemoveContainerRequest { container_id: id.to_owned() })
            .await?;
        Ok(())
    }

    pub async fn remove_sandbox(&self, id: &str) -> Result<()> {
        let pod_sandbox_id = id.to_owned();
        self.client()
            .stop_pod_sandbox(StopPodSandboxRequest { pod_sandbox_id: pod_sandbox_id.clone() })
            .await?;
        self.client().remove_pod_sandbox(RemovePodSandboxRequest { pod_sandbox_id }).await?;
        Ok(())
    }

    /// Stops and removes all there is of a pod.
    pub async fn end_pod(&self, uid: &str, grace: Duration) -> Result<()> {
        for container in self.containers(uid).await? {
            if container.state() == ContainerState::ContainerRunning {
                self.stop_container(&container.id, grace).await?;
            }
            self.remove_container(&container.id).await?;
        }
        for sandbox in self.sandboxes(Some(uid)).await? {
            self.remove_sandbox(&sandbox.id).await?;
        }
        Ok(())
    }
}

fn selector(uid: Option<&str>) -> HashMap<String, String> {
    uid.map(|uid| (label::POD_UID.to_owned(), uid.to_owned())).into_iter().collect()
}
