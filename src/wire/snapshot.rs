//! The snapshot stream of one member. Hands the blobs on as they come and
//! judges nothing: length and digest are the reader's to check.

use std::time::Duration;

use prost::bytes::Bytes;
use tokio::time::timeout;
use tonic::Streaming;

use super::{
    call::{self, SNAPSHOT},
    error::WireError,
    etcd::Etcd,
    proto::etcdserverpb::{SnapshotRequest, SnapshotResponse},
};

/// One piece of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotBlob {
    /// The bytes: 32 KiB of database, and in the last message the 32 bytes of
    /// the SHA-256 of everything before (v3rpc/maintenance.go, etcd 3.4-3.6).
    pub blob: Bytes,
    /// Database bytes still to come. 0 before the digest, too: only the end
    /// of the stream is the end.
    pub remaining: u64,
}

/// An open snapshot stream. While it is open the member cannot be
/// defragmented without freezing: read it to its end or drop it.
pub struct SnapshotStream {
    etcd: Etcd,
    stream: Streaming<Bytes>,
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
        let call = self.call(&SNAPSHOT, &SnapshotRequest {}).streaming();
        let stream = self.answer("a snapshot request", Some(idle), call).await?;
        Ok(SnapshotStream { etcd: self.clone(), stream, idle })
    }
}

impl SnapshotStream {
    /// The next piece; `None` after the last one, and only when etcd said
    /// that it was the last.
    ///
    /// # Errors
    /// `Broken` when the stream was cut, `Deadline` when it fell silent, and
    /// what etcd says when its disk fails.
    pub async fn next(&mut self) -> Result<Option<SnapshotBlob>, WireError> {
        let message = timeout(self.idle, self.stream.message())
            .await
            .map_err(|_| self.etcd.too_late("the next piece of the snapshot", self.idle))?;
        match message.and_then(|message| message.map(call::read).transpose()) {
            Ok(Some(SnapshotResponse { blob, remaining_bytes, .. })) => {
                Ok(Some(SnapshotBlob { blob, remaining: remaining_bytes }))
            }
            Ok(None) => Ok(None),
            Err(status) => Err(self.etcd.failed(&status).await),
        }
    }
}
