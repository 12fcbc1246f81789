//! The generated protocol modules and the two kinds of channel to reach them:
//! mTLS to an etcd member and the runtime's unix socket. No logic of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hyper_util::rt::TokioIo;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

/// etcd's key-value records.
#[allow(missing_docs, clippy::all)]
pub mod mvccpb {
    tonic::include_proto!("mvccpb");
}

/// etcd's client API.
#[allow(missing_docs, clippy::all)]
pub mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}

/// The writing side of CRI v1.
#[allow(missing_docs, clippy::all)]
pub mod cri {
    tonic::include_proto!("runtime.v1");
}

/// A channel to one etcd endpoint with a client certificate.
pub async fn etcd(endpoint: &str, ca: &Path, cert: &Path, key: &Path) -> Result<Channel> {
    let read =
        |path: &Path| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(ca)?))
        .identity(Identity::from_pem(read(cert)?, read(key)?));
    let endpoint = Endpoint::from_shared(endpoint.to_owned())?.tls_config(tls)?;
    endpoint.connect().await.with_context(|| format!("connecting to {}", endpoint.uri()))
}

/// A channel to a container runtime; connects when first used and again after
/// the runtime was away.
pub fn runtime(socket: &Path) -> Channel {
    let socket: PathBuf = socket.to_owned();
    // The address is a formality: the connector ignores it.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(tower::service_fn(
        move |_: Uri| {
            let socket = socket.clone();
            async move {
                Ok::<_, std::io::Error>(TokioIo::new(
                    tokio::net::UnixStream::connect(socket).await?,
                ))
            }
        },
    ))
}
