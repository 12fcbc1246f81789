//! One plain HTTP/1.1 GET per connection, for etcd's /metrics and the API
//! server's /livez and /readyz. Follows no redirect, keeps nothing.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, CONNECTION, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout_at;

use super::{
    carrier::chain,
    dial::{Deadline, Target, open},
    error::{WireError, WireErrorKind as Kind},
    handshake::alert,
    stream::{Ending, Log},
    tls::Tls,
};

/// What a server answered to a GET, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// HTTP status code.
    pub status: u16,
    /// The whole body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

/// Fetches a URL within `timeout`. `https` needs a `tls` with a CA; a client
/// certificate is shown when the server asks and `tls` has one.
///
/// # Errors
/// Every way a channel can fail; `TooLarge` above `max_bytes` of body.
pub async fn get(
    url: &str,
    tls: Option<&Tls>,
    timeout: Duration,
    max_bytes: usize,
) -> Result<HttpAnswer, WireError> {
    let target = Target::parse(url, 0)?;
    let deadline = Deadline::after(timeout);
    let stream = open(&target, tls, b"http/1.1", deadline).await?;
    let log = stream.log();
    let exchange = exchange(&target, TokioIo::new(stream), max_bytes);
    match timeout_at(deadline.at, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Trouble::Own(error))) => Err(error),
        Ok(Err(Trouble::Http(error))) => {
            Err(explain(&target, &error, &log, tls.is_some_and(Tls::has_client)))
        }
        Err(_) => {
            let text =
                format!("took the connection, but did not answer within {:?}", deadline.span);
            Err(target.error(Kind::Silent, text))
        }
    }
}

enum Trouble {
    Own(WireError),
    Http(hyper::Error),
}

async fn exchange<S>(
    target: &Target,
    stream: TokioIo<S>,
    max_bytes: usize,
) -> Result<HttpAnswer, Trouble>
where
    TokioIo<S>: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let malformed = |error: hyper::http::Error| {
        Trouble::Own(target.error(Kind::BadEndpoint, format!("cannot be asked for: {error}")))
    };
    let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = target.uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(HOST, host)
        .header(ACCEPT, "text/plain, */*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(malformed)?;
    let (mut sender, connection) = http1::handshake(stream).await.map_err(Trouble::Http)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(Trouble::Http)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), max_bytes).collect().await;
        let body = body.map_err(|error| cut(target, error, max_bytes))?.to_bytes();
        Ok(HttpAnswer { status, body: String::from_utf8_lossy(&body).into_owned() })
    };
    // The connection only moves while it is polled; its own end is told by
    // the answer, too.
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        _ = connection => answer.await,
    }
}

fn cut(
    target: &Target,
    error: Box<dyn std::error::Error + Send + Sync>,
    max_bytes: usize,
) -> Trouble {
    if error.is::<LengthLimitError>() {
        let text = format!("the answer is larger than {max_bytes} bytes");
        return Trouble::Own(target.error(Kind::TooLarge, text));
    }
    match error.downcast::<hyper::Error>() {
        Ok(error) => Trouble::Http(*error),
        Err(error) => Trouble::Own(target.error(Kind::Broken, error.to_string())),
    }
}

fn explain(target: &Target, error: &hyper::Error, log: &Log, has_client: bool) -> WireError {
    let record = log.read();
    if let Some(Ending::Alert(received)) = record.ending {
        let (kind, text) = alert(received, has_client);
        return target.error(kind, text);
    }
    match record.opening.as_slice() {
        [0x15 | 0x16, 0x03, ..] if !target.secure => {
            target.error(Kind::WantsTls, "the server there speaks TLS: write https://")
        }
        _ if error.is_parse() => {
            target.error(Kind::NotEtcd, "the server there does not speak HTTP/1.1")
        }
        _ => target.error(Kind::Broken, format!("the connection broke: {}", chain(error))),
    }
}
