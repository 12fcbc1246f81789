//! Opens one TCP or TLS connection within a deadline and says in typed words
//! why that failed. Every channel to etcd and every plain GET starts here.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::Uri;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::BufReader,
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::{
    error::{WireError, WireErrorKind as Kind},
    handshake::{Attempt, explain},
    stream::Tap,
    tls::Tls,
};

/// A dead peer is noticed after about `IDLE` + 9 x `PROBE` also when nothing
/// is sent (Linux tcp(7): nine probes).
const IDLE: Duration = Duration::from_secs(30);
const PROBE: Duration = Duration::from_secs(10);

/// `http(s)://host:port`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As the caller wrote it; every error names it.
    pub(super) text: String,
    pub(super) secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// The URL itself.
    pub(super) uri: Uri,
}

impl Target {
    /// `default_port` 0 means the scheme's.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, WireError> {
        let bad = |why: &str| {
            WireError::new(Kind::BadEndpoint, text, format!("cannot be read as a URL: {why}"))
        };
        let uri: Uri = text.trim().parse().map_err(|_| bad("it is malformed"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad("it must begin with https:// or http://")),
        };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(bad("it must name a host and nothing before it"));
        }
        let scheme_port = if secure { 443 } else { 80 };
        let port = match (uri.port_u16(), default_port) {
            (Some(port), _) => port,
            (None, 0) => scheme_port,
            (None, port) => port,
        };
        Ok(Self { text: text.to_owned(), secure, host, port, uri })
    }

    pub(super) fn error(&self, kind: Kind, text: impl Into<String>) -> WireError {
        WireError::new(kind, self.text.as_str(), text)
    }
}

/// Until when something must be done, and how long that was from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) span: Duration,
}

impl Deadline {
    pub(super) fn after(span: Duration) -> Self {
        Self { at: Instant::now() + span, span }
    }
}

/// Bytes taken from a socket at once.
const READ_AHEAD: usize = 64 << 10;

/// Connects; for `https` also shakes hands, offering `alpn`.
pub(super) async fn open(
    target: &Target,
    tls: Option<&Tls>,
    alpn: &[u8],
    deadline: Deadline,
) -> Result<Tap, WireError> {
    if !target.secure {
        return Ok(Tap::new(connect(target, deadline).await?));
    }
    let no_ca =
        || target.error(Kind::NoCa, "no CA certificate to verify the server with: pass --cacert");
    let tls = tls.ok_or_else(no_ca)?;
    let (config, witness) = tls
        .config(alpn)
        .ok_or_else(no_ca)?
        .map_err(|error| target.error(Kind::TlsRefused, format!("cannot set up TLS: {error}")))?;
    let name = ServerName::try_from(target.host.clone()).map_err(|_| {
        target.error(Kind::BadEndpoint, "its host is neither a name nor an address")
    })?;
    // TLS asks for a few KB at a time; the system is asked for all there is.
    let tcp = BufReader::with_capacity(READ_AHEAD, connect(target, deadline).await?);
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    match timeout_at(deadline.at, shaking).await {
        Ok(Ok(stream)) => Ok(Tap::new(stream)),
        Ok(Err(error)) => {
            let (kind, text) = explain(
                &error,
                &Attempt {
                    host: &target.host,
                    ca: tls.ca_path(),
                    has_client: tls.has_client(),
                    witness: &witness,
                },
            );
            Err(target.error(kind, text))
        }
        Err(_) => Err(target.error(
            Kind::Silent,
            format!(
                "took the connection, but said nothing in the TLS handshake for {:?}",
                deadline.span
            ),
        )),
    }
}

async fn connect(target: &Target, deadline: Deadline) -> Result<TcpStream, WireError> {
    let addresses = resolve(target, deadline).await?;
    let mut worst: Option<WireError> = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.at.saturating_duration_since(Instant::now()) / left;
        let error = match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                prepare(&stream);
                return Ok(stream);
            }
            Ok(Err(error)) => refused(target, &error),
            Err(_) => {
                let text = format!("no answer to the TCP connect within {:?}", deadline.span);
                target.error(Kind::TimedOut, text)
            }
        };
        // Of several addresses the most telling answer counts: somebody
        // refused > nobody answered > no way there.
        if worst.as_ref().is_none_or(|worst| telling(error.kind) > telling(worst.kind)) {
            worst = Some(error);
        }
    }
    Err(worst.unwrap_or_else(|| target.error(Kind::NotResolved, "the name has no address")))
}

async fn resolve(target: &Target, deadline: Deadline) -> Result<Vec<SocketAddr>, WireError> {
    if let Ok(ip) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, target.port)]);
    }
    let name = &target.host;
    match timeout_at(deadline.at, lookup_host((name.as_str(), target.port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => {
            let text = format!("the host name {name} does not resolve: {error}");
            Err(target.error(Kind::NotResolved, text))
        }
        Err(_) => {
            let text = format!("the host name {name} did not resolve within {:?}", deadline.span);
            Err(target.error(Kind::NotResolved, text))
        }
    }
}

fn telling(kind: Kind) -> u8 {
    match kind {
        Kind::Refused => 3,
        Kind::TimedOut => 2,
        Kind::HostUnreachable => 1,
        _ => 0,
    }
}

fn refused(target: &Target, error: &io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            target.error(Kind::Refused, "connection refused: nobody listens on that port")
        }
        io::ErrorKind::TimedOut => target.error(Kind::TimedOut, "no answer to the TCP connect"),
        io::ErrorKind::HostUnreachable => {
            target.error(Kind::HostUnreachable, "the host cannot be reached")
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            target.error(Kind::HostUnreachable, "there is no route to that network")
        }
        _ => target.error(Kind::HostUnreachable, format!("cannot connect: {error}")),
    }
}

/// Latency and liveness settings; a kernel that refuses them does no harm.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(IDLE).with_interval(PROBE);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_endpoints_apart() {
        let parse = |text| Target::parse(text, 2379).map(|t| (t.secure, t.host, t.port));
        assert_eq!(parse("https://10.0.0.1:2380"), Ok((true, "10.0.0.1".into(), 2380)));
        assert_eq!(parse("http://[::1]"), Ok((false, "::1".into(), 2379)));
        assert_eq!(parse("https://m1.example/x?y"), Ok((true, "m1.example".into(), 2379)));
        for bad in ["", "10.0.0.1:2379", "unix://x", "https://", "https://u@h:1", "ftp://h", "a b"]
        {
            assert_eq!(parse(bad).map_err(|e| e.kind), Err(Kind::BadEndpoint), "{bad}");
        }
    }

    #[test]
    fn plain_gets_use_the_port_of_the_scheme() {
        assert_eq!(Target::parse("https://h/livez", 0).map(|t| t.port), Ok(443));
        assert_eq!(Target::parse("http://h/metrics", 0).map(|t| t.port), Ok(80));
    }
}
