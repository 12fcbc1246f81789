//! The container runtime interface over its unix socket: the reading side of
//! both its services, and ExecSync, with a deadline on every call. Speaks
//! `runtime.v1`, and `runtime.v1alpha2` (same messages and field numbers, other
//! path prefix) when the runtime knows only that. Gives the protocol's messages
//! back as they came; what they mean is for `observe` to say.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper::Uri;
use prost::{Message, bytes::Bytes};

pub use super::cri_error::CriError;
use super::{
    call::{self, Call},
    proto::cri::{
        Container, ContainerFilter, ContainerStatusRequest, ContainerStatusResponse,
        ExecSyncRequest, ExecSyncResponse, Image, ImageFsInfoRequest, ImageFsInfoResponse,
        ListContainersRequest, ListContainersResponse, ListImagesRequest, ListImagesResponse,
        VersionRequest, VersionResponse,
    },
    unix,
};

/// The authority of every call: a socket path in that place is refused by some
/// HTTP/2 servers, and the runtimes accept any valid host.
const ORIGIN: &str = "http://localhost";

/// The API versions, newest first: what people call them, and the package
/// their method paths begin with.
const APIS: [Api; 2] = [
    Api { name: "v1", package: "runtime.v1" },
    Api { name: "v1alpha2", package: "runtime.v1alpha2" },
];

#[derive(Clone, Copy, Debug)]
struct Api {
    name: &'static str,
    package: &'static str,
}

/// What the runtime says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// "containerd", "cri-o", "docker".
    pub name: String,
    /// Its version as sent.
    pub version: String,
    /// The API version in use: "v1" or "v1alpha2".
    pub api: &'static str,
}

/// How a program inside a container ended. The runtime cuts each stream at
/// 16 MiB without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub exit_code: i32,
}

/// One container runtime. Every call dials: a runtime that was restarted in the
/// meantime is simply asked again.
#[derive(Clone, Debug)]
pub struct Cri {
    socket: PathBuf,
    timeout: Duration,
    api: Api,
    version: RuntimeVersion,
}

impl Cri {
    /// Connects and asks for the version; `timeout` is the deadline of each
    /// call from then on.
    ///
    /// # Errors
    /// Any `CriError`; `Unimplemented` when the server speaks no CRI.
    pub async fn connect(socket: &Path, timeout: Duration) -> Result<Self, CriError> {
        let mut last = CriError::Unimplemented { method: "Version" };
        for api in APIS {
            let ask = VersionRequest { version: api.name.to_owned() };
            match unary(socket, api, "RuntimeService", "Version", ask, timeout).await {
                Ok(VersionResponse { runtime_name: name, runtime_version: version, .. }) => {
                    let version = RuntimeVersion { name, version, api: api.name };
                    let socket = socket.to_owned();
                    return Ok(Self { socket, timeout, api, version });
                }
                Err(error @ CriError::Unimplemented { .. }) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// What the runtime said when it was connected.
    #[must_use]
    pub fn version(&self) -> &RuntimeVersion {
        &self.version
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Containers in any state that carry all of `labels`; none given = all.
    ///
    /// # Errors
    /// Any `CriError`.
    pub async fn list_containers(
        &self,
        labels: &[(&str, &str)],
    ) -> Result<Vec<Container>, CriError> {
        let label_selector: HashMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let filter = ContainerFilter { label_selector, ..ContainerFilter::default() };
        let answer: ListContainersResponse = self
            .runtime("ListContainers", ListContainersRequest { filter: Some(filter) }, self.timeout)
            .await?;
        Ok(answer.containers)
    }

    /// State of one container; `verbose` adds the JSON text under `info`.
    ///
    /// # Errors
    /// `NotFound` for an unknown id; any other `CriError`.
    pub async fn container_status(
        &self,
        id: &str,
        verbose: bool,
    ) -> Result<ContainerStatusResponse, CriError> {
        let ask = ContainerStatusRequest { container_id: id.to_owned(), verbose };
        self.runtime("ContainerStatus", ask, self.timeout).await
    }

    /// Runs a program inside a running container and waits for it, at most
    /// `timeout` (rounded up to seconds; zero = no limit) and the deadline of
    /// a call on top.
    ///
    /// # Errors
    /// A program that is not in the image is `Rpc` ("OCI runtime exec
    /// failed"), not an exit code; a stopped container is `Rpc` too.
    pub async fn exec_sync(
        &self,
        id: &str,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecOutput, CriError> {
        let seconds = timeout.as_millis().div_ceil(1000);
        let ask = ExecSyncRequest {
            container_id: id.to_owned(),
            cmd: command.to_vec(),
            timeout: i64::try_from(seconds).unwrap_or(i64::MAX),
        };
        let deadline =
            if timeout.is_zero() { Duration::MAX } else { timeout.saturating_add(self.timeout) };
        let answer: ExecSyncResponse = self.runtime("ExecSync", ask, deadline).await?;
        let ExecSyncResponse { stdout, stderr, exit_code } = answer;
        Ok(ExecOutput { stdout, stderr, exit_code })
    }

    /// Every image.
    ///
    /// # Errors
    /// Any `CriError`.
    pub async fn list_images(&self) -> Result<Vec<Image>, CriError> {
        let ask = ListImagesRequest { filter: None };
        let answer: ListImagesResponse = self.images("ListImages", ask).await?;
        Ok(answer.images)
    }

    /// The filesystems images are kept on, as directories of this host.
    ///
    /// # Errors
    /// Any `CriError`.
    pub async fn image_stores(&self) -> Result<Vec<PathBuf>, CriError> {
        let answer: ImageFsInfoResponse = self.images("ImageFsInfo", ImageFsInfoRequest {}).await?;
        let ids = answer.image_filesystems.into_iter().filter_map(|usage| usage.fs_id);
        Ok(ids.map(|id| PathBuf::from(id.mountpoint)).collect())
    }

    async fn images<A, B>(&self, method: &'static str, ask: A) -> Result<B, CriError>
    where
        A: Message + 'static,
        B: Message + Default + 'static,
    {
        unary(&self.socket, self.api, "ImageService", method, ask, self.timeout).await
    }

    async fn runtime<A, B>(
        &self,
        method: &'static str,
        ask: A,
        deadline: Duration,
    ) -> Result<B, CriError>
    where
        A: Message + 'static,
        B: Message + Default + 'static,
    {
        unary(&self.socket, self.api, "RuntimeService", method, ask, deadline).await
    }
}

/// One unary call under `/<package>.<service>/<method>`.
async fn unary<A, B>(
    socket: &Path,
    api: Api,
    service: &str,
    method: &'static str,
    ask: A,
    deadline: Duration,
) -> Result<B, CriError>
where
    A: Message,
    B: Message + Default,
{
    let path = format!("/{}.{service}/{method}", api.package);
    let answer = exchange(socket, &path, method, ask.encode_to_vec(), deadline).await?;
    call::read(answer).map_err(|status| CriError::answer(method, &status, deadline))
}

/// A call in bytes. A deadline of `Duration::MAX` is none. The deadline is kept
/// here and not sent along: giving up resets the stream, which cancels the call
/// in the runtime, and tonic would answer a deadline of its own with a text.
async fn exchange(
    socket: &Path,
    path: &str,
    method: &'static str,
    ask: Vec<u8>,
    deadline: Duration,
) -> Result<Bytes, CriError> {
    let path = path.parse().map_err(|_| CriError::Unimplemented { method })?;
    let call = async {
        let dialled = unix::dial(socket).await;
        let carrier = dialled.map_err(|error| CriError::connect(socket, &error))?;
        let origin = Uri::from_static(ORIGIN);
        let answer = Call { carrier, origin, path, ask, token: None }.unary().await;
        answer.map_err(|status| CriError::answer(method, &status, deadline))
    };
    if deadline == Duration::MAX {
        return call.await;
    }
    let answer = tokio::time::timeout(deadline, call).await;
    answer.unwrap_or(Err(CriError::TimedOut { method, after: deadline }))
}
