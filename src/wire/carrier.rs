//! One HTTP/2 connection as tonic wants it: gRPC requests go in, and only what
//! is an answer of gRPC comes out, without its status details. Everything that
//! speaks gRPC goes through it, to etcd or to the container runtime.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, combinators::MapErr};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http2::{Builder, Connection, SendRequest},
    header::CONTENT_TYPE,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tonic::{body::Body, client::GrpcService};

use super::{details, stream::Tap};

/// Bytes the server may send ahead on one stream and on the connection. A
/// snapshot fills them when the disk it goes to is slow, so they bound memory.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// HTTP/2 pings while a call is open; etcd answers more than one per 5 s, or
/// any on an idle connection, with GOAWAY (--grpc-keepalive-min-time).
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long a ping may stay without an answer.
pub(super) const PING_PATIENCE: Duration = Duration::from_secs(30);

/// Why there was no gRPC answer. Travels inside `tonic::Status` as its source.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The stream or the connection broke.
    #[error("{0}")]
    Gone(String),
    /// An HTTP answer, but none of gRPC.
    #[error("HTTP status {status}, content type {content_type}")]
    NotGrpc {
        /// HTTP status code.
        status: u16,
        /// Content type, "none" when absent.
        content_type: String,
    },
}

/// The sending end. Clones share the connection.
#[derive(Clone)]
pub(super) struct Carrier(SendRequest<Body>);

/// The connection itself: it must be polled for anything to move.
pub(super) type Wheels = Connection<TokioIo<Tap>, Body, TokioExecutor>;

impl Carrier {
    /// Greets over an open stream. The server has not answered yet when this
    /// returns.
    pub(super) async fn start(stream: Tap) -> hyper::Result<(Self, Wheels)> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_PATIENCE)
            .keep_alive_while_idle(false);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        Ok((Self(sender), connection))
    }
}

/// What an answer brings: its messages, cut anywhere, and its trailers.
pub(super) type AnswerBody = details::Plain<MapErr<Incoming, fn(hyper::Error) -> LineError>>;

impl GrpcService<Body> for Carrier {
    type ResponseBody = AnswerBody;
    type Error = LineError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, LineError>> + Send>>;

    /// Always: a dead connection is told by the call, where its cause is kept.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LineError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = self.0.send_request(request);
        Box::pin(async move {
            let answer = sent.await.map_err(gone)?;
            let content_type = answer.headers().get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("none");
            if answer.status() != 200 || !content_type.starts_with("application/grpc") {
                let content_type = content_type.to_owned();
                let status = answer.status().as_u16();
                return Err(LineError::NotGrpc { status, content_type });
            }
            let answer = answer.map(|body| body.map_err(gone as fn(hyper::Error) -> LineError));
            Ok(details::without(answer))
        })
    }
}

fn gone(error: hyper::Error) -> LineError {
    LineError::Gone(chain(&error))
}

/// An error with its causes on one line, each said once, without the address
/// of the page that rustls puts behind a connection that broke.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text =
        error.to_string().split(": https://docs.rs/").next().unwrap_or_default().to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        let said = said.split(": https://docs.rs/").next().unwrap_or_default();
        if !text.contains(said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
