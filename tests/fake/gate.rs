//! A listener in front of an in-process server: it ends TLS, hands the plain
//! stream on, and can cut every connection at once.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{
        AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, copy_bidirectional,
        duplex,
    },
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// Where the server gets its connections from.
pub type Incoming = mpsc::Receiver<Result<DuplexStream, io::Error>>;

/// What a GET of /metrics is answered.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The open gate. Dropping it closes the port and cuts every connection.
pub struct Gate {
    pub address: SocketAddr,
    pub cutter: Cutter,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// Cuts connections; clones cut the same ones.
#[derive(Clone)]
pub struct Cutter(watch::Sender<u64>);

impl Cutter {
    /// Cuts every connection now open, like a process that is killed.
    pub fn cut(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

impl Gate {
    /// Opens a port of 127.0.0.1.
    pub async fn open(tls: Option<Arc<ServerConfig>>) -> (Gate, Incoming) {
        Self::with_metrics(tls, None).await
    }

    /// Opens a port of 127.0.0.1 that answers a TLS client of HTTP/1.1 itself.
    pub async fn with_metrics(
        tls: Option<Arc<ServerConfig>>,
        metrics: Option<Metrics>,
    ) -> (Gate, Incoming) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (into, incoming) = mpsc::channel(16);
        let cutter = Cutter(watch::Sender::new(0));
        let accepted = Arc::new(AtomicUsize::new(0));
        let (cuts, count) = (cutter.clone(), Arc::clone(&accepted));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (tls, into, mut cut) = (tls.clone(), into.clone(), cuts.0.subscribe());
                let metrics = metrics.clone();
                tokio::spawn(async move {
                    let passed = async {
                        match tls {
                            None => pass(stream, into).await,
                            Some(tls) => {
                                let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else {
                                    return;
                                };
                                match (stream.get_ref().1.alpn_protocol(), metrics) {
                                    (Some(b"http/1.1"), Some(page)) => tell(stream, &page()).await,
                                    _ => pass(stream, into).await,
                                }
                            }
                        }
                    };
                    tokio::select! { () = passed => {}, _ = cut.changed() => {} }
                });
            }
        });
        (Gate { address, cutter, accepted, task }, incoming)
    }

    /// How many connections were taken so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
        self.cutter.cut();
    }
}

/// Answers whatever is asked with a page.
async fn tell<S>(mut outside: S, page: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        match outside.read_u8().await {
            Ok(byte) => asked.push(byte),
            Err(_) => return,
        }
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
    let _ = outside.write_all(format!("{head}{page}").as_bytes()).await;
    let _ = outside.shutdown().await;
}

async fn pass<S>(mut outside: S, into: mpsc::Sender<Result<DuplexStream, io::Error>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut inside, server) = duplex(64 << 10);
    if into.send(Ok(server)).await.is_ok() {
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    }
}
