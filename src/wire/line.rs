//! One HTTP/2 connection that carries gRPC: never retries, never reconnects,
//! and knows why it ended.

use std::{error::Error, time::Duration};

use tokio::{
    sync::watch,
    time::{timeout, timeout_at},
};
use tonic::Status;

use super::{
    carrier::{Carrier, LineError, PING_PATIENCE, chain},
    dial::{Deadline, Target},
    error::{WireError, WireErrorKind as Kind},
    handshake::alert,
    stream::{Ending, Log, Tap},
};

/// After a failed call: how long until the connection must have ended too,
/// if it was the connection that failed.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Where members talk to each other, and clients end up by mistake.
const PEER_PORT: u16 = 2380;

/// The connection. Clones share it.
#[derive(Clone)]
pub(super) struct Line {
    target: Target,
    has_client: bool,
    carrier: Carrier,
    log: Log,
    /// Why the connection ended; `None` while it lives.
    end: watch::Receiver<Option<String>>,
}

impl Line {
    /// Speaks HTTP/2 over an open stream. The server has not answered yet
    /// when this returns.
    pub(super) async fn start(
        target: &Target,
        stream: Tap,
        has_client: bool,
        deadline: Deadline,
    ) -> Result<Self, WireError> {
        let log = stream.log();
        let silent = |_| target.error(Kind::Silent, "took the connection, but reads nothing");
        let (carrier, connection) = timeout_at(deadline.at, Carrier::start(stream))
            .await
            .map_err(silent)?
            .map_err(|error| target.error(Kind::Broken, chain(&error)))?;
        let (tell, end) = watch::channel(None);
        tokio::spawn(async move {
            let why = match connection.await {
                Ok(()) => "the server closed it".to_owned(),
                Err(error) => {
                    let why = chain(&error);
                    if why.contains("keep-alive timed out") {
                        format!("the server answered no ping for {PING_PATIENCE:?}")
                    } else {
                        why
                    }
                }
            };
            let _ = tell.send(Some(why));
        });
        Ok(Self { target: target.clone(), has_client, carrier, log, end })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the connection is over.
    pub(super) fn has_ended(&self) -> bool {
        self.end.borrow().is_some() || self.end.has_changed().is_err()
    }

    pub(super) fn carrier(&self) -> Carrier {
        self.carrier.clone()
    }

    /// The error of a call that got no gRPC answer, `None` when it got one.
    /// `greeting`: nothing had been answered on this connection before.
    pub(super) async fn failure(&self, status: &Status, greeting: bool) -> Option<WireError> {
        let cause = status.source().and_then(|source| source.downcast_ref::<LineError>());
        let said = match cause {
            Some(LineError::NotGrpc { .. }) if greeting => {
                let text = format!("something else than etcd answers there: {}", cause?);
                return Some(self.target.error(Kind::NotEtcd, text));
            }
            Some(error) => error.to_string(),
            None if is_torn(status) => status.message().to_owned(),
            None => return None,
        };
        let mut end = self.end.clone();
        let ended = timeout(AFTERMATH, end.wait_for(Option::is_some)).await;
        let why = ended.ok().and_then(Result::ok).and_then(|why| why.clone()).unwrap_or(said);
        Some(self.broken(&why, greeting))
    }

    fn broken(&self, why: &str, greeting: bool) -> WireError {
        let record = self.log.read();
        if let Some(Ending::Alert(received)) = &record.ending {
            let (kind, text) = alert(*received, self.has_client);
            return self.target.error(kind, text);
        }
        if greeting && let Some((kind, text)) = stranger(&record.opening, self.target.secure) {
            return self.target.error(kind, text);
        }
        let how = match record.ending {
            Some(Ending::Failed(error)) => error,
            Some(Ending::Closed) if why.contains("broken pipe") => {
                "the server closed it".to_owned()
            }
            _ => why.to_owned(),
        };
        if greeting && self.target.port == PEER_PORT {
            let text = "it hung up, as etcd does at its port for other members; clients use 2379";
            return self.target.error(Kind::NotEtcd, text);
        }
        if greeting && self.target.secure && record.opening.is_empty() {
            let text = format!(
                "the connection broke right after the TLS handshake, as it does when the \
                 server refuses a client certificate: {how}"
            );
            return self.target.error(Kind::Broken, text);
        }
        self.target.error(Kind::Broken, format!("the connection broke during the call: {how}"))
    }
}

/// Names a server whose first bytes are not HTTP/2's. An HTTP/2 server opens
/// with a SETTINGS frame: type 4 at offset 3 (RFC 9113 section 3.4).
fn stranger(opening: &[u8], secure: bool) -> Option<(Kind, &'static str)> {
    match opening {
        [] if secure => None,
        [] => Some((
            Kind::WantsTls,
            "the server hung up on an HTTP/2 greeting, as a TLS port does: \
             if it serves TLS, write https://",
        )),
        [0x15 | 0x16, 0x03, ..] if !secure => {
            Some((Kind::WantsTls, "the server there speaks TLS: write https://"))
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => {
            Some((Kind::NotEtcd, "an HTTP/1 server answers there, not etcd"))
        }
        [_, _, _, 4, ..] => None,
        _ => Some((Kind::NotEtcd, "the server there speaks another protocol than etcd")),
    }
}

/// Whether tonic made this status itself because the answer was cut short.
fn is_torn(status: &Status) -> bool {
    ["protocol error:", "Missing response message", "grpc-status header missing", "Unexpected EOF"]
        .iter()
        .any(|text| status.message().starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_who_answers() {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0];
        assert_eq!(stranger(&settings, true), None);
        assert_eq!(stranger(b"", true), None);
        for (opening, secure, kind) in [
            (&b""[..], false, Kind::WantsTls),
            (b"\x15\x03\x01\0\x02", false, Kind::WantsTls),
            (b"HTTP/1.1 400", true, Kind::NotEtcd),
            (b"+OK", true, Kind::NotEtcd),
        ] {
            assert_eq!(stranger(opening, secure).map(|(kind, _)| kind), Some(kind));
        }
    }
}
