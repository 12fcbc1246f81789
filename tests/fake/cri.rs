//! A container runtime that answers what it was told to, in this process, on
//! a unix socket: CRI v1, or v1alpha2 alone, or no CRI at all.
#![allow(dead_code)]

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use etcd_rescue::wire::proto::cri::{
    self,
    image_service_server::{ImageService, ImageServiceServer},
    runtime_service_server::{RuntimeService, RuntimeServiceServer},
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, body::Body, codegen::http, server::NamedService};
use tower::Service;

/// Which API the runtime speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// CRI v1.
    #[default]
    V1,
    /// Only v1alpha2, as containerd up to 1.5.
    V1Alpha2,
    /// None, as a containerd with its CRI plugin switched off.
    Neither,
}

/// Whose answers these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Containerd,
    /// CRI-O 1.31.
    CriO,
    /// cri-dockerd before docker 27.
    CriDockerd,
}

/// The script.
#[derive(Clone, Debug, Default)]
pub struct FakeCri {
    pub api: Api,
    pub kind: Kind,
    pub containers: Vec<FakeContainer>,
    /// What ExecSync answers; an error has its text.
    pub exec: Option<Result<(i32, &'static str), &'static str>>,
    /// Waits this long before each answer but Version's.
    pub delay: Duration,
    /// Its images.
    pub images: Vec<cri::Image>,
    /// Where it keeps them.
    pub image_store: String,
}

/// A container of the script.
#[derive(Clone, Debug, Default)]
pub struct FakeContainer {
    pub id: String,
    pub name: String,
    pub pod: String,
    pub namespace: String,
    /// CRI's number: 1 running, 2 exited.
    pub state: i32,
    pub created_at: i64,
    pub image: String,
    /// What ListContainers calls the image.
    pub image_ref: String,
    pub restarts: Option<u32>,
    pub log_path: String,
    /// How it ended: start and end in nanoseconds, exit code, reason, message.
    pub ended: Option<(i64, i64, i32, &'static str, &'static str)>,
    /// The verbose JSON text; empty = the runtime has none.
    pub info: String,
    /// Mounts of the status itself: in the container, on the host.
    pub mounts: Vec<(String, String)>,
    /// Listed, but gone when asked for its status.
    pub gone: bool,
}

impl FakeContainer {
    /// A running etcd of the usual static pod.
    pub fn etcd(id: &str, info: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: "etcd".into(),
            pod: "etcd-master-1".into(),
            namespace: "kube-system".into(),
            state: 1,
            created_at: 1,
            image: "registry.example/etcd:3.5.16-0".into(),
            info: info.into(),
            ..Self::default()
        }
    }

    fn labels(&self) -> HashMap<String, String> {
        [
            ("io.kubernetes.container.name", &self.name),
            ("io.kubernetes.pod.name", &self.pod),
            ("io.kubernetes.pod.namespace", &self.namespace),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }

    fn listed(&self) -> cri::Container {
        cri::Container {
            id: self.id.clone(),
            state: self.state,
            created_at: self.created_at,
            image_ref: self.image_ref.clone(),
            labels: self.labels(),
            ..cri::Container::default()
        }
    }

    fn status(&self) -> cri::ContainerStatusResponse {
        let annotation =
            |count: u32| ("io.kubernetes.container.restartCount".to_owned(), count.to_string());
        let (started_at, finished_at, exit_code, reason, message) = self.ended.unwrap_or_default();
        let status = cri::ContainerStatus {
            id: self.id.clone(),
            started_at,
            finished_at,
            exit_code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            metadata: Some(cri::ContainerMetadata { name: self.name.clone(), attempt: 7 }),
            state: self.state,
            created_at: self.created_at,
            image: Some(cri::ImageSpec { image: self.image.clone(), ..Default::default() }),
            labels: self.labels(),
            annotations: self.restarts.map(annotation).into_iter().collect(),
            log_path: self.log_path.clone(),
            mounts: self.mounts.iter().map(mount).collect(),
            ..cri::ContainerStatus::default()
        };
        let info = Some(self.info.clone()).filter(|info| !info.is_empty());
        let info = info.map(|info| ("info".to_owned(), info)).into_iter().collect();
        cri::ContainerStatusResponse { status: Some(status), info }
    }
}

fn mount((container, host): &(String, String)) -> cri::Mount {
    let (container_path, host_path) = (container.clone(), host.clone());
    cri::Mount { container_path, host_path, readonly: false }
}

impl FakeCri {
    /// Serves on a new socket until the task is dropped with its runtime.
    pub fn serve(self, socket: &Path) {
        std::fs::create_dir_all(socket.parent().expect("a directory")).expect("made");
        let stream = UnixListenerStream::new(UnixListener::bind(socket).expect("bound"));
        let script = Arc::new(self);
        let mut server = tonic::transport::Server::builder();
        let runtime = || RuntimeServiceServer::from_arc(script.clone());
        let images = ImageServiceServer::from_arc(script.clone());
        let router = match script.api {
            Api::V1 => server.add_service(runtime()).add_service(images),
            Api::V1Alpha2 => server.add_service(Alpha(runtime())).add_service(AlphaImages(images)),
            Api::Neither => server.add_service(images),
        };
        tokio::spawn(router.serve_with_incoming(stream));
    }
}

/// The same service under the older package name.
#[derive(Clone)]
struct Alpha(RuntimeServiceServer<FakeCri>);

impl NamedService for Alpha {
    const NAME: &'static str = "runtime.v1alpha2.RuntimeService";
}

impl Service<http::Request<Body>> for Alpha {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = <RuntimeServiceServer<FakeCri> as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path().replace("v1alpha2", "v1");
        *request.uri_mut() = path.parse().expect("a path");
        self.0.call(request)
    }
}

/// The images of the same.
#[derive(Clone)]
struct AlphaImages(ImageServiceServer<FakeCri>);

impl NamedService for AlphaImages {
    const NAME: &'static str = "runtime.v1alpha2.ImageService";
}

impl Service<http::Request<Body>> for AlphaImages {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = <ImageServiceServer<FakeCri> as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path().replace("v1alpha2", "v1");
        *request.uri_mut() = path.parse().expect("a path");
        self.0.call(request)
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RuntimeService for FakeCri {
    async fn version(&self, _: Request<cri::VersionRequest>) -> Answer<cri::VersionResponse> {
        let (name, version) = match self.kind {
            Kind::Containerd => ("containerd", "1.7.24"),
            Kind::CriO => ("cri-o", "1.31.4"),
            Kind::CriDockerd => ("docker", "26.1.5"),
        };
        Ok(Response::new(cri::VersionResponse {
            version: "0.1.0".into(),
            runtime_name: name.into(),
            runtime_version: version.into(),
            runtime_api_version: "v1".into(),
        }))
    }

    async fn status(&self, _: Request<cri::StatusRequest>) -> Answer<cri::StatusResponse> {
        Ok(Response::new(Default::default()))
    }

    async fn list_pod_sandbox(
        &self,
        _: Request<cri::ListPodSandboxRequest>,
    ) -> Answer<cri::ListPodSandboxResponse> {
        let items = vec![cri::PodSandbox { id: "sandbox".into(), ..Default::default() }];
        Ok(Response::new(cri::ListPodSandboxResponse { items }))
    }

    async fn pod_sandbox_status(
        &self,
        _: Request<cri::PodSandboxStatusRequest>,
    ) -> Answer<cri::PodSandboxStatusResponse> {
        Ok(Response::new(Default::default()))
    }

    async fn list_containers(
        &self,
        request: Request<cri::ListContainersRequest>,
    ) -> Answer<cri::ListContainersResponse> {
        tokio::time::sleep(self.delay).await;
        let wanted = request.into_inner().filter.unwrap_or_default().label_selector;
        let fits = |container: &&FakeContainer| {
            let labels = container.labels();
            wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let containers = self.containers.iter().filter(fits).map(FakeContainer::listed).collect();
        Ok(Response::new(cri::ListContainersResponse { containers }))
    }

    async fn container_status(
        &self,
        request: Request<cri::ContainerStatusRequest>,
    ) -> Answer<cri::ContainerStatusResponse> {
        let id = request.into_inner().container_id;
        self.containers
            .iter()
            .find(|container| container.id == id && !container.gone)
            .map(|container| Response::new(container.status()))
            .ok_or_else(|| match self.kind {
                // Docker's words, which cri-dockerd gives no code.
                Kind::CriDockerd => {
                    Status::unknown(format!("Error response from daemon: No such container: {id}"))
                }
                Kind::Containerd | Kind::CriO => {
                    Status::not_found(format!("container \"{id}\" not found"))
                }
            })
    }

    async fn exec_sync(
        &self,
        request: Request<cri::ExecSyncRequest>,
    ) -> Answer<cri::ExecSyncResponse> {
        tokio::time::sleep(self.delay).await;
        match self.exec.unwrap_or(Ok((0, ""))) {
            Ok((exit_code, stdout)) => Ok(Response::new(cri::ExecSyncResponse {
                stdout: format!("{stdout}{}", request.into_inner().cmd.join(" ")).into_bytes(),
                stderr: Vec::new(),
                exit_code,
            })),
            Err(text) => Err(Status::unknown(text)),
        }
    }
}

#[tonic::async_trait]
impl ImageService for FakeCri {
    async fn list_images(
        &self,
        _: Request<cri::ListImagesRequest>,
    ) -> Answer<cri::ListImagesResponse> {
        tokio::time::sleep(self.delay).await;
        Ok(Response::new(cri::ListImagesResponse { images: self.images.clone() }))
    }

    async fn image_fs_info(
        &self,
        _: Request<cri::ImageFsInfoRequest>,
    ) -> Answer<cri::ImageFsInfoResponse> {
        let usage = cri::FilesystemUsage {
            fs_id: Some(cri::FilesystemIdentifier { mountpoint: self.image_store.clone() }),
            used_bytes: Some(cri::UInt64Value { value: 4096 }),
            ..Default::default()
        };
        Ok(Response::new(cri::ImageFsInfoResponse { image_filesystems: vec![usage] }))
    }
}
