//! Takes the details out of a gRPC status before tonic reads it: nobody needs
//! them here, and tonic 0.14 panics when they are not base64 (`tonic::Status::
//! from_header_map`), which any server could make them.

use http_body_util::{BodyExt, combinators::MapFrame};
use hyper::{
    HeaderMap, Response,
    body::{Body, Frame},
};

/// gRPC over HTTP/2, `Status-Details`.
const DETAILS: &str = "grpc-status-details-bin";

/// A body whose trailers have no details.
pub(super) type Plain<B> = MapFrame<B, fn(Frame<<B as Body>::Data>) -> Frame<<B as Body>::Data>>;

/// The answer without details, in its head or in its trailers.
pub(super) fn without<B: Body>(mut answer: Response<B>) -> Response<Plain<B>> {
    remove(answer.headers_mut());
    answer.map(|body| body.map_frame(strip::<B::Data> as fn(Frame<B::Data>) -> Frame<B::Data>))
}

fn strip<D>(mut frame: Frame<D>) -> Frame<D> {
    if let Some(trailers) = frame.trailers_mut() {
        remove(trailers);
    }
    frame
}

/// Takes them out of a head or of trailers.
pub fn remove(headers: &mut HeaderMap) {
    headers.remove(DETAILS);
}
