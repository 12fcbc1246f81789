//! Plain GETs: /metrics over http, /livez over https with a CA alone.

mod fake;

use std::{sync::Arc, time::Duration};

use etcd_rescue::wire::{HttpAnswer, Tls, WireErrorKind as Kind, http_get};
use fake::{
    gate::Gate,
    pki::{self, Authority, BOTH, Files, ONLY_13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Mutex,
};
use tokio_rustls::rustls::ServerConfig;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A server that answers every connection with `answer`; the requests.
async fn serve(tls: Option<Arc<ServerConfig>>, answer: &str) -> (Gate, Arc<Mutex<Vec<String>>>) {
    let (gate, mut incoming) = Gate::open(tls).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (heard_by, answer) = (Arc::clone(&heard), answer.to_owned());
    tokio::spawn(async move {
        while let Some(Ok(mut stream)) = incoming.recv().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            heard_by.lock().await.push(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (gate, heard)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn plain_metrics_and_their_limit() {
    let (gate, heard) = serve(None, &answer("200 OK", "etcd_disk_defrag_inflight 1\n")).await;
    let url = format!("http://{}/metrics?x=1", gate.address);
    let got = http_get(&url, None, TIMEOUT, 1 << 20).await.unwrap();
    assert_eq!(got, HttpAnswer { status: 200, body: "etcd_disk_defrag_inflight 1\n".into() });
    let request = heard.lock().await.remove(0);
    assert!(request.starts_with("GET /metrics?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", gate.address)), "{request}");
    let error = http_get(&url, None, TIMEOUT, 10).await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge);
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_the_connection() {
    let chunked = "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (whole, body) in [("HTTP/1.1 503 X\r\n\r\nabc", "abc"), (chunked, "abc")] {
        let (gate, _) = serve(None, whole).await;
        let got = http_get(&format!("http://{}/", gate.address), None, TIMEOUT, 100).await;
        assert_eq!(got, Ok(HttpAnswer { status: 503, body: body.into() }));
    }
}

#[tokio::test]
async fn a_ca_alone_is_enough_for_livez() {
    let (files, ca) = (Files::new(), Authority::new("kubernetes"));
    let shown = ca.issue("kube-apiserver", &["127.0.0.1"]);
    let config = pki::server(&shown, None, &["h2", "http/1.1"], BOTH);
    let (gate, _) = serve(Some(config), &answer("200 OK", "ok")).await;
    let url = format!("https://{}/livez", gate.address);
    let got = http_get(&url, Some(&files.tls(&ca, None)), TIMEOUT, 100).await;
    assert_eq!(got, Ok(HttpAnswer { status: 200, body: "ok".into() }));
    let wrong = files.tls(&Authority::new("other"), None);
    let error = http_get(&url, Some(&wrong), TIMEOUT, 100).await.unwrap_err();
    assert_eq!(error.kind, Kind::WrongCa);
    for none in [None, Some(&Tls::load(None, None, None).unwrap())] {
        assert_eq!(http_get(&url, none, TIMEOUT, 100).await.unwrap_err().kind, Kind::NoCa);
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_or_missed() {
    let (files, ca) = (Files::new(), Authority::new("etcd-ca"));
    let (shown, client) = (ca.issue("m", &["127.0.0.1"]), ca.issue("client", &[]));
    let config = pki::server(&shown, Some(&ca), &["http/1.1"], ONLY_13);
    let (gate, _) = serve(Some(config), &answer("200 OK", "ok")).await;
    let url = format!("https://{}/metrics", gate.address);
    let with = files.tls(&ca, Some(&client));
    assert_eq!(http_get(&url, Some(&with), TIMEOUT, 100).await.map(|got| got.status), Ok(200));
    let error = http_get(&url, Some(&files.tls(&ca, None)), TIMEOUT, 100).await.unwrap_err();
    assert_eq!(error.kind, Kind::ClientCertRefused, "{error}");
}

#[tokio::test]
async fn what_is_not_http() {
    let (gate, _) = serve(None, "+PONG\r\n\r\n").await;
    let url = format!("http://{}/metrics", gate.address);
    assert_eq!(http_get(&url, None, TIMEOUT, 100).await.unwrap_err().kind, Kind::NotEtcd);
    let (gate, _) = serve(None, "").await;
    let url = format!("http://{}/metrics", gate.address);
    assert_eq!(http_get(&url, None, TIMEOUT, 100).await.unwrap_err().kind, Kind::Broken);
    let (gate, _) = serve(None, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf").await;
    let url = format!("http://{}/metrics", gate.address);
    assert_eq!(http_get(&url, None, TIMEOUT, 100).await.unwrap_err().kind, Kind::Broken);
}
