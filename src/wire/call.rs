//! A gRPC call with messages as bytes, and the methods' names with the types of
//! their messages. tonic's client code would else be in the binary once for each
//! method, which is most of what a call costs there.

use std::marker::PhantomData;

use http_body_util::Full;
use hyper::{
    Uri, Version,
    header::{CONTENT_TYPE, HeaderValue, TE},
    http::uri::PathAndQuery,
};
use prost::{
    Message,
    bytes::{Buf, BufMut, Bytes},
};
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{AsciiMetadataValue, MetadataMap},
};

use super::{
    carrier::{AnswerBody, Carrier},
    proto::etcdserverpb::{
        AlarmRequest, AlarmResponse, AuthenticateRequest, AuthenticateResponse, CompactionRequest,
        CompactionResponse, DefragmentRequest, DefragmentResponse, DeleteRangeRequest,
        DeleteRangeResponse, HashKvRequest, HashKvResponse, LeaseGrantRequest, LeaseGrantResponse,
        LeaseRevokeRequest, LeaseRevokeResponse, MemberListRequest, MemberListResponse,
        RangeRequest, RangeResponse, SnapshotRequest, SnapshotResponse, StatusRequest,
        StatusResponse,
    },
};

/// Largest answer of a single message; tonic's own limit of 4 MiB is below what
/// a Range of etcd or an ExecSync of a runtime may return.
const LARGEST_ANSWER: usize = 16 << 20;

/// A method of etcd: its path, and which message it answers with which.
#[derive(Debug)]
pub(super) struct Method<A, B> {
    pub(super) path: &'static str,
    messages: PhantomData<fn(A) -> B>,
}

const fn method<A, B>(path: &'static str) -> Method<A, B> {
    Method { path, messages: PhantomData }
}

pub(super) const AUTHENTICATE: Method<AuthenticateRequest, AuthenticateResponse> =
    method("/etcdserverpb.Auth/Authenticate");
pub(super) const MEMBER_LIST: Method<MemberListRequest, MemberListResponse> =
    method("/etcdserverpb.Cluster/MemberList");
pub(super) const RANGE: Method<RangeRequest, RangeResponse> = method("/etcdserverpb.KV/Range");
pub(super) const DELETE_RANGE: Method<DeleteRangeRequest, DeleteRangeResponse> =
    method("/etcdserverpb.KV/DeleteRange");
pub(super) const COMPACT: Method<CompactionRequest, CompactionResponse> =
    method("/etcdserverpb.KV/Compact");
pub(super) const LEASE_GRANT: Method<LeaseGrantRequest, LeaseGrantResponse> =
    method("/etcdserverpb.Lease/LeaseGrant");
pub(super) const LEASE_REVOKE: Method<LeaseRevokeRequest, LeaseRevokeResponse> =
    method("/etcdserverpb.Lease/LeaseRevoke");
pub(super) const STATUS: Method<StatusRequest, StatusResponse> =
    method("/etcdserverpb.Maintenance/Status");
pub(super) const DEFRAGMENT: Method<DefragmentRequest, DefragmentResponse> =
    method("/etcdserverpb.Maintenance/Defragment");
pub(super) const ALARM: Method<AlarmRequest, AlarmResponse> =
    method("/etcdserverpb.Maintenance/Alarm");
pub(super) const HASH_KV: Method<HashKvRequest, HashKvResponse> =
    method("/etcdserverpb.Maintenance/HashKV");
pub(super) const SNAPSHOT: Method<SnapshotRequest, SnapshotResponse> =
    method("/etcdserverpb.Maintenance/Snapshot");

/// One call, ready to be made.
pub(super) struct Call {
    pub(super) carrier: Carrier,
    /// Scheme and authority of the server.
    pub(super) origin: Uri,
    /// `/package.Service/Method`.
    pub(super) path: PathAndQuery,
    /// The request, encoded.
    pub(super) ask: Vec<u8>,
    /// What etcd wants to see after a login.
    pub(super) token: Option<AsciiMetadataValue>,
}

impl Call {
    /// Sends it and waits for the one answer.
    pub(super) async fn unary(self) -> Result<Bytes, Status> {
        let (mut grpc, request, path) = self.parts();
        grpc.unary(request, path, Raw).await.map(Response::into_inner)
    }

    /// Sends it and waits for the answers to begin; these are whoever asked's to
    /// take apart.
    pub(super) async fn open(self) -> Result<AnswerBody, Status> {
        let mut head = MetadataMap::new();
        if let Some(token) = self.token {
            head.insert("token", token);
        }
        let mut head = head.into_headers();
        head.insert(TE, HeaderValue::from_static("trailers"));
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let mut uri = self.origin.into_parts();
        uri.path_and_query = Some(self.path);
        let bad = |error: hyper::http::Error| Status::internal(error.to_string());
        let uri = Uri::from_parts(uri).map_err(|error| bad(error.into()))?;
        let mut request = hyper::Request::post(uri)
            .version(Version::HTTP_2)
            .body(Body::new(Full::new(framed(&self.ask))))
            .map_err(bad)?;
        *request.headers_mut() = head;
        let mut carrier = self.carrier;
        let sent = carrier.call(request).await;
        let answer = sent.map_err(|error| Status::from_error(Box::new(error)))?;
        match Status::from_header_map(answer.headers()) {
            Some(status) if status.code() != Code::Ok => Err(status),
            _ => Ok(answer.into_body()),
        }
    }

    fn parts(self) -> (Grpc<Carrier>, Request<Vec<u8>>, PathAndQuery) {
        let grpc =
            Grpc::with_origin(self.carrier, self.origin).max_decoding_message_size(LARGEST_ANSWER);
        let mut request = Request::new(self.ask);
        if let Some(token) = self.token {
            request.metadata_mut().insert("token", token);
        }
        (grpc, request, self.path)
    }
}

/// A message as gRPC sends it: not compressed, its length before it.
fn framed(message: &[u8]) -> Bytes {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// Reads an answer; `Internal`, as tonic has it, for one that is none.
pub(super) fn read<B: Message + Default>(answer: Bytes) -> Result<B, Status> {
    B::decode(answer).map_err(|error| Status::internal(error.to_string()))
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
