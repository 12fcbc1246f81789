//! A stand-in for kube-apiserver: as alive as the etcd behind it. It answers
//! /livez and /readyz over HTTPS, like the real one with its etcd check, and
//! nothing else; what a kubelet and a rescue see of an API server is real, what
//! kubectl would see is not there.

use std::{collections::HashMap, fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::OnceCell,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tonic::transport::Channel;

use crate::wire::{
    self,
    etcdserverpb::{RangeRequest, kv_client::KvClient},
};

/// How long etcd may take to answer before the server calls itself unwell.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until killed.
pub fn run(args: &[String]) -> Result<()> {
    let flags: HashMap<&str, &str> =
        args.iter().filter_map(|arg| arg.strip_prefix("--")?.split_once('=')).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&flags))
}

async fn serve(flags: &HashMap<&str, &str>) -> Result<()> {
    let flag =
        |name: &str| flags.get(name).copied().with_context(|| format!("--{name} is missing"));
    let tls = TlsAcceptor::from(Arc::new(server_config(
        Path::new(flag("tls-cert-file")?),
        Path::new(flag("tls-private-key-file")?),
    )?));
    let etcd = Arc::new(Etcd {
        endpoint: flag("etcd-servers")?.to_owned(),
        files: ["etcd-cafile", "etcd-certfile", "etcd-keyfile"]
            .map(|name| flag(name).unwrap_or_default().to_owned()),
        channel: OnceCell::new(),
    });
    // The real one writes while it starts, so without etcd it does not come up.
    timeout(10 * PATIENCE, etcd.await_first_answer()).await.context("etcd does not answer")?;
    let port = flag("secure-port")?.parse::<u16>()?;
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    println!("serving on port {port}");
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, etcd) = (tls.clone(), Arc::clone(&etcd));
        tokio::spawn(async move {
            // A client that does not speak TLS or goes away is its own problem.
            let _ =
                timeout(10 * PATIENCE, async { answer(tls.accept(stream).await?, &etcd).await })
                    .await;
        });
    }
}

async fn answer<S>(mut stream: S, etcd: &Etcd) -> Result<()>
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await?;
    let text = String::from_utf8_lossy(&request[..length]);
    let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let (status, body) = match path {
        "/livez" | "/readyz" | "/healthz" => match etcd.check().await {
            Ok(()) => ("200 OK", "ok".to_owned()),
            Err(error) => {
                println!("{path} check failed: etcd: {error:#}");
                let check = path.trim_start_matches('/');
                (
                    "500 Internal Server Error",
                    format!("[-]etcd failed: reason withheld\n{check} check failed\n"),
                )
            }
        },
        _ => ("403 Forbidden", "forbidden".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}

fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig> {
    let chain =
        CertificateDer::pem_slice_iter(&fs::read(certificate)?).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&fs::read(key)?)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(config)
}

struct Etcd {
    endpoint: String,
    files: [String; 3],
    /// Kept: a fresh connection per check would hide that the old one hangs.
    channel: OnceCell<Channel>,
}

impl Etcd {
    /// The etcd check of the real health endpoints: one linearizable read.
    async fn check(&self) -> Result<()> {
        timeout(PATIENCE, self.read()).await.context("no answer in time")?
    }

    async fn await_first_answer(&self) {
        while self.check().await.is_err() {
            tokio::time::sleep(PATIENCE / 10).await;
        }
    }

    async fn read(&self) -> Result<()> {
        let connect = || async {
            let [ca, cert, key] = &self.files;
            wire::etcd(&self.endpoint, Path::new(ca), Path::new(cert), Path::new(key)).await
        };
        let channel = self.channel.get_or_try_init(connect).await?.clone();
        let request =
            RangeRequest { key: b"/registry/health".to_vec(), limit: 1, ..Default::default() };
        KvClient::new(channel).range(request).await?;
        Ok(())
    }
}
