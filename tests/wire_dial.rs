//! Every way a dial can fail, for real over loopback sockets, and told apart.

mod fake;

use std::{sync::Arc, time::Duration};

use etcd_rescue::wire::{
    Etcd, Tls, WireError, WireErrorKind as Kind, http_get,
    proto::etcdserverpb::{
        LeaseGrantRequest, LeaseGrantResponse, LeaseRevokeRequest, LeaseRevokeResponse,
        lease_server::{Lease, LeaseServer},
    },
};
use fake::{
    etcd::FakeEtcd,
    gate::Gate,
    pki::{self, Authority, BOTH, Files, Issued, ONLY_12, ONLY_13},
};
use rcgen::date_time_ymd;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, async_trait, transport::Server};

const SHORT: Duration = Duration::from_millis(600);
const LONG: Duration = Duration::from_secs(10);
const LOCAL: &[&str] = &["localhost", "127.0.0.1"];

async fn dial(endpoint: &str, tls: &Tls, timeout: Duration) -> Result<Etcd, WireError> {
    Etcd::dial(endpoint, tls, None, timeout).await
}

/// The error of a dial, its text checked.
async fn refusal(endpoint: &str, tls: &Tls, timeout: Duration, text: &str) -> Kind {
    let error = dial(endpoint, tls, timeout).await.expect_err(endpoint);
    assert!(error.to_string().starts_with(&format!("{endpoint}: ")), "{error}");
    assert!(error.text.contains(text), "wanted `{text}` in: {error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    error.kind
}

fn no_tls() -> Tls {
    Tls::load(None, None, None).unwrap()
}

/// A cluster of one behind TLS, and a client that trusts its CA.
struct Secure {
    files: Files,
    ca: Authority,
    client: Issued,
    config: Arc<ServerConfig>,
}

impl Secure {
    fn with(server: impl FnOnce(&Authority) -> Issued, versions: Versions) -> Self {
        let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
        let client = ca.issue("client", &[]);
        let config = pki::server(&server(&ca), Some(&ca), &["h2"], versions);
        Self { files, ca, client, config }
    }

    async fn start(&self) -> FakeEtcd {
        FakeEtcd::start(1, Some(Arc::clone(&self.config))).await
    }

    fn tls(&self) -> Tls {
        self.files.tls(&self.ca, Some(&self.client))
    }
}

type Versions = &'static [&'static tokio_rustls::rustls::SupportedProtocolVersion];

#[tokio::test]
async fn mutual_tls_works_by_address_and_by_name() {
    for versions in [ONLY_12, ONLY_13, BOTH] {
        let secure = Secure::with(|ca| ca.issue("master-1", LOCAL), versions);
        let etcd = secure.start().await;
        let by_name = etcd.endpoint(1).replace("127.0.0.1", "localhost");
        for endpoint in [etcd.endpoint(1), by_name] {
            let client = dial(&endpoint, &secure.tls(), LONG).await.unwrap();
            assert_eq!(client.endpoint(), endpoint);
            assert_eq!(client.status().await.unwrap().status.version_text, "3.5.16");
        }
    }
}

#[tokio::test]
async fn plain_http_works() {
    let etcd = FakeEtcd::single().await;
    let client = dial(&etcd.endpoint(1), &no_tls(), LONG).await.unwrap();
    assert_eq!(client.member_list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_expired_server_certificate_is_named_with_its_day() {
    let old = |ca: &Authority| {
        ca.issue_with("master-2", LOCAL, |params| {
            params.not_before = date_time_ymd(2024, 3, 1);
            params.not_after = date_time_ymd(2025, 3, 1);
        })
    };
    let secure = Secure::with(old, BOTH);
    let etcd = secure.start().await;
    let text = "the server certificate expired on 2025-03-01 (subject CN=master-2)";
    let kind = refusal(&etcd.endpoint(1), &secure.tls(), LONG, text).await;
    assert_eq!(kind, Kind::ServerCertExpired);
}

#[tokio::test]
async fn a_server_certificate_of_the_future() {
    let new = |ca: &Authority| {
        ca.issue_with("m", LOCAL, |params| params.not_before = date_time_ymd(4000, 1, 1))
    };
    let secure = Secure::with(new, BOTH);
    let etcd = secure.start().await;
    let text =
        "the server certificate is not valid before 4000-01-01 (subject CN=m; this machine's";
    let kind = refusal(&etcd.endpoint(1), &secure.tls(), LONG, text).await;
    assert_eq!(kind, Kind::ServerCertNotYetValid);
}

#[tokio::test]
async fn another_authority_is_a_wrong_ca_also_under_the_same_name() {
    let secure = Secure::with(|ca| ca.issue("master-1", LOCAL), BOTH);
    let etcd = secure.start().await;
    for (name, text) in [
        ("other-ca", "(issued by CN=etcd-ca) was not signed by the CA in "),
        ("etcd-ca", "ca.crt, only by one of its name"),
    ] {
        let tls = secure.files.tls(&Authority::new(name), Some(&secure.client));
        assert_eq!(refusal(&etcd.endpoint(1), &tls, LONG, text).await, Kind::WrongCa);
    }
}

#[tokio::test]
async fn a_certificate_for_other_names() {
    let secure = Secure::with(|ca| ca.issue("master-1", &["master-1", "10.0.0.11"]), BOTH);
    let etcd = secure.start().await;
    let text = "is not valid for 127.0.0.1, only for master-1, 10.0.0.11";
    let kind = refusal(&etcd.endpoint(1), &secure.tls(), LONG, text).await;
    assert_eq!(kind, Kind::NameMismatch);

    let nameless = Secure::with(|ca| ca.issue("master-1", &[]), BOTH);
    let etcd = nameless.start().await;
    let kind = refusal(&etcd.endpoint(1), &nameless.tls(), LONG, "only for no name at all").await;
    assert_eq!(kind, Kind::NameMismatch);
}

#[tokio::test]
async fn a_refused_client_certificate_in_both_tls_versions() {
    for versions in [ONLY_12, ONLY_13] {
        let secure = Secure::with(|ca| ca.issue("master-1", LOCAL), versions);
        let etcd = secure.start().await;
        let stranger = Authority::new("other-ca").issue("client", &[]);
        // The alert races with our first bytes; it must win every time.
        for _ in 0..20 {
            let tls = secure.files.tls(&secure.ca, Some(&stranger));
            let text = "the server refused our client certificate (TLS alert ";
            let kind = refusal(&etcd.endpoint(1), &tls, LONG, text).await;
            assert_eq!(kind, Kind::ClientCertRefused);
            let tls = secure.files.tls(&secure.ca, None);
            let text = "the server wants a client certificate";
            let kind = refusal(&etcd.endpoint(1), &tls, LONG, text).await;
            assert_eq!(kind, Kind::ClientCertRefused);
        }
    }
}

#[tokio::test]
async fn without_a_ca_nothing_is_dialled() {
    let secure = Secure::with(|ca| ca.issue("master-1", LOCAL), BOTH);
    let (gate, _incoming) = Gate::open(None).await;
    let endpoint = format!("https://{}", gate.address);
    assert_eq!(refusal(&endpoint, &no_tls(), LONG, "no CA certificate").await, Kind::NoCa);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(gate.accepted(), 0);
    assert_eq!(refusal("10.0.0.1:2379", &secure.tls(), LONG, "URL").await, Kind::BadEndpoint);
}

/// A TCP server that reads once and then says `answer`, each time.
async fn says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 4096];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    address.to_string()
}

const HTTP_400: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nbad";

#[tokio::test]
async fn servers_that_do_not_speak_tls() {
    let secure = Secure::with(|ca| ca.issue("m", LOCAL), BOTH);
    for answer in [HTTP_400, b"", b"+OK redis\r\n"] {
        let endpoint = format!("https://{}", says(answer).await);
        assert_eq!(refusal(&endpoint, &secure.tls(), LONG, "the TLS greeting").await, Kind::NotTls);
    }
    // A plain etcd: HTTP/2 answers the greeting with frames or hangs up.
    let plain = FakeEtcd::single().await;
    let endpoint = plain.endpoint(1).replace("http:", "https:");
    assert_eq!(refusal(&endpoint, &secure.tls(), LONG, "").await, Kind::NotTls);
}

#[tokio::test]
async fn servers_that_are_not_etcd() {
    let secure = Secure::with(|ca| ca.issue("m", LOCAL), BOTH);
    let endpoint = format!("http://{}", says(HTTP_400).await);
    let kind = refusal(&endpoint, &no_tls(), LONG, "an HTTP/1 server answers there").await;
    assert_eq!(kind, Kind::NotEtcd);
    let endpoint = format!("http://{}", says(b"\x15\x03\x01\0\x02\x02\x50").await);
    assert_eq!(refusal(&endpoint, &no_tls(), LONG, "write https://").await, Kind::WantsTls);
    let endpoint = format!("http://{}", says(b"").await);
    assert_eq!(refusal(&endpoint, &no_tls(), LONG, "as a TLS port does").await, Kind::WantsTls);
    // Plain http to a TLS etcd.
    let etcd = secure.start().await;
    let endpoint = etcd.endpoint(1).replace("https:", "http:");
    assert_eq!(refusal(&endpoint, &no_tls(), LONG, "https://").await, Kind::WantsTls);
}

/// TLS in front of a server that answers HTTP/1.1 to anything.
async fn http1_behind_tls(secure: &Secure, alpn: &[&str]) -> (Gate, String) {
    let shown = secure.ca.issue("m", LOCAL);
    let (gate, mut incoming) = Gate::open(Some(pki::server(&shown, None, alpn, BOTH))).await;
    tokio::spawn(async move {
        while let Some(Ok(mut stream)) = incoming.recv().await {
            let mut heard = [0; 4096];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(HTTP_400).await;
        }
    });
    let endpoint = format!("https://{}", gate.address);
    (gate, endpoint)
}

#[tokio::test]
async fn an_http1_server_behind_tls_is_not_etcd() {
    let secure = Secure::with(|ca| ca.issue("m", LOCAL), BOTH);
    let (_gate, endpoint) = http1_behind_tls(&secure, &[]).await;
    let kind = refusal(&endpoint, &secure.tls(), LONG, "an HTTP/1 server answers there").await;
    assert_eq!(kind, Kind::NotEtcd);
    let (_gate, endpoint) = http1_behind_tls(&secure, &["http/1.1"]).await;
    let kind = refusal(&endpoint, &secure.tls(), LONG, "does not offer HTTP/2").await;
    assert_eq!(kind, Kind::NotEtcd);
}

struct Other;

#[async_trait]
impl Lease for Other {
    async fn lease_grant(
        &self,
        _: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        Err(Status::internal("never asked"))
    }

    async fn lease_revoke(
        &self,
        _: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        Err(Status::internal("never asked"))
    }
}

#[tokio::test]
async fn another_grpc_server_is_not_etcd() {
    let (gate, incoming) = Gate::open(None).await;
    let router = Server::builder().add_service(LeaseServer::new(Other));
    tokio::spawn(router.serve_with_incoming(ReceiverStream::new(incoming)));
    let endpoint = format!("http://{}", gate.address);
    let kind = refusal(&endpoint, &no_tls(), LONG, "a gRPC server answers there, but not").await;
    assert_eq!(kind, Kind::NotEtcd);
}

#[tokio::test]
async fn a_port_nobody_listens_on() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{gone}");
    assert_eq!(refusal(&endpoint, &no_tls(), LONG, "connection refused").await, Kind::Refused);
    let by_name = format!("http://localhost:{}", gone.port());
    assert_eq!(refusal(&by_name, &no_tls(), LONG, "connection refused").await, Kind::Refused);
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing() {
    let secure = Secure::with(|ca| ca.issue("m", LOCAL), BOTH);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = format!("https://{address}");
    let text = "said nothing in the TLS handshake for 600ms";
    assert_eq!(refusal(&endpoint, &secure.tls(), SHORT, text).await, Kind::Silent);
    let endpoint = format!("http://{address}");
    assert_eq!(refusal(&endpoint, &no_tls(), SHORT, "did not answer").await, Kind::Silent);
    let url = format!("http://{address}/metrics");
    let error = http_get(&url, None, SHORT, 1000).await.unwrap_err();
    assert_eq!(error.kind, Kind::Silent);
}

/// With its queue full, Linux drops further SYNs: a blackhole on loopback.
#[tokio::test]
async fn a_host_that_does_not_answer_at_all() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(SHORT / 3, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    let endpoint = format!("http://{address}");
    assert_eq!(refusal(&endpoint, &no_tls(), SHORT, "no answer to the TCP").await, Kind::TimedOut);
}

#[tokio::test]
async fn a_name_nobody_knows() {
    let endpoint = "http://no-such-master.invalid:2379";
    let kind = refusal(endpoint, &no_tls(), Duration::from_secs(3), "no-such-master.invalid").await;
    assert_eq!(kind, Kind::NotResolved);
}
