//! A gRPC channel over a unix socket. Owns nothing else: what is spoken on it
//! and what its errors mean is the caller's.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::Service;

/// Dials one socket, whatever the URI says.
struct SocketConnector(PathBuf);

impl Service<Uri> for SocketConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let socket = self.0.clone();
        Box::pin(async move { UnixStream::connect(socket).await.map(TokioIo::new) })
    }
}

/// A channel that dials `socket` at the first call and again after a break.
///
/// The authority is "localhost": a socket path in that place is refused by
/// some HTTP/2 servers, and the runtimes accept any valid host.
///
/// # Errors
/// What the kernel said when the socket was tried once; tonic would flatten
/// that into one text.
pub(super) async fn channel(socket: &Path) -> io::Result<Channel> {
    drop(UnixStream::connect(socket).await?);
    let connector = SocketConnector(socket.to_owned());
    Ok(Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector))
}
