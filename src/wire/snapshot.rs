//! The snapshot stream of one member. Hands the database's bytes on as they
//! come and judges nothing: length and digest are the reader's to check.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use prost::bytes::Bytes;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::{
    blobs::Blobs, call::SNAPSHOT, carrier::AnswerBody, error::WireError, etcd::Etcd,
    proto::etcdserverpb::SnapshotRequest,
};

/// An open snapshot stream. While it is open the member cannot be
/// defragmented without freezing: read it to its end or drop it.
pub struct SnapshotStream {
    etcd: Etcd,
    body: AnswerBody,
    blobs: Blobs,
    /// What has come and was not handed on.
    frame: Bytes,
    idle: Duration,
}

impl std::fmt::Debug for SnapshotStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotStream").field("etcd", &self.etcd).finish_non_exhaustive()
    }
}

impl Etcd {
    /// Starts streaming the member's database. `idle` is how long the stream
    /// may stay silent, also before its first message.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn snapshot(&self, idle: Duration) -> Result<SnapshotStream, WireError> {
        let call = self.call(&SNAPSHOT, &SnapshotRequest {}).open();
        let body = self.answer("a snapshot request", Some(idle), call).await?;
        let (blobs, frame) = (Blobs::default(), Bytes::new());
        Ok(SnapshotStream { etcd: self.clone(), body, blobs, frame, idle })
    }
}

impl SnapshotStream {
    /// The next piece, up to 16 KiB: the database, and behind it the 32 bytes
    /// of its SHA-256 (v3rpc/maintenance.go, etcd 3.4-3.6). `None` after the
    /// last one, and only when etcd said that it was the last.
    ///
    /// # Errors
    /// `Broken` when the stream was cut, `Deadline` when it fell silent, and
    /// what etcd says when its disk fails.
    pub async fn next(&mut self) -> Result<Option<Bytes>, WireError> {
        match timeout(self.idle, self.piece()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(status)) => Err(self.etcd.failed(&status).await),
            Err(_) => Err(self.etcd.too_late("the next piece of the snapshot", self.idle)),
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(piece) = self.blobs.next(&mut self.frame)? {
                return Ok(Some(piece));
            }
            match self.body.frame().await {
                None => return self.ended(None),
                Some(Err(error)) => return Err(Status::from_error(Box::new(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.frame = data,
                    Err(frame) => return self.ended(frame.trailers_ref()),
                },
            }
        }
    }

    /// Only trailers that say so end a stream well.
    fn ended(&self, trailers: Option<&HeaderMap>) -> Result<Option<Bytes>, Status> {
        match trailers.and_then(Status::from_header_map) {
            Some(status) if status.code() == Code::Ok => self.blobs.end().map(|()| None),
            Some(status) => Err(status),
            None => Err(self.blobs.end().err().unwrap_or_else(|| {
                Status::unknown("protocol error: the stream ended without its trailer")
            })),
        }
    }
}
