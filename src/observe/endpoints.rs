//! From the URLs etcd listens on to the URLs to dial. Pure.

use super::arguments::Arguments;
use crate::model::{Found, order::InOrder};

/// A URL with a scheme that etcd serves over TCP.
struct Url<'a> {
    scheme: &'a str,
    /// As written, IPv6 in brackets.
    host: &'a str,
    /// With its colon; may be empty.
    port: &'a str,
}

impl<'a> Url<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let authority = rest.split('/').next().unwrap_or(rest);
        let colon = authority.rfind(':').filter(|at| authority.rfind(']').is_none_or(|b| b < *at));
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        Some(Self { scheme, host, port })
    }

    /// What to dial for it: "any address" is reached by loopback.
    fn dialable(&self) -> Vec<String> {
        let hosts: &[&str] = match self.host {
            "" | "0.0.0.0" => &["127.0.0.1"],
            "[::]" => &["127.0.0.1", "[::1]"],
            host => &[host],
        };
        hosts.iter().map(|host| format!("{}://{host}{}", self.scheme, self.port)).collect()
    }
}

/// Loopback first, as it needs no network; then TLS before plain text.
fn rank(url: &str) -> (u8, bool) {
    let Some(url) = Url::parse(url) else { return (u8::MAX, true) };
    let distance = match url.host {
        host if host.starts_with("127.") => 0,
        "localhost" | "[::1]" => 1,
        _ => 2,
    };
    (distance, url.scheme != "https")
}

fn dialable(urls: Vec<Found<String>>) -> Vec<Found<String>> {
    let mut all: Vec<Found<String>> = Vec::new();
    for found in urls {
        for url in Url::parse(&found.value).map(|url| url.dialable()).unwrap_or_default() {
            if all.iter().all(|known| known.value != url) {
                all.push(Found::new(url, found.source.clone()));
            }
        }
    }
    all.order_by_key(|found| rank(&found.value));
    all
}

/// Each URL of a list with commas.
#[must_use]
pub fn listed(urls: &Found<String>) -> Vec<Found<String>> {
    let urls =
        urls.value.split(',').map(|url| Found::new(url.trim().to_owned(), urls.source.clone()));
    dialable(urls.collect())
}

/// The client URLs of this node's etcd, best first: those it listens on, else
/// those it advertises. Unix sockets are left out.
#[must_use]
pub fn clients(arguments: &Arguments) -> Vec<Found<String>> {
    let listening = dialable(arguments.listen_client_urls());
    if listening.is_empty() {
        return dialable(arguments.urls("advertise-client-urls"));
    }
    listening
}

/// Where the other members' clients probably go: the hosts of
/// `--initial-cluster` (`NAME=PEER-URL,…`), with scheme and port of `own`. What
/// stands there dates from the member's first start: a guess, to be checked
/// against the member list it leads to.
#[must_use]
pub fn siblings(arguments: &Arguments, own: &[Found<String>]) -> Vec<Found<String>> {
    let name = arguments.get("name").map(|found| found.value.as_str());
    let Some(own) = own.iter().find_map(|found| Url::parse(&found.value)) else {
        return Vec::new();
    };
    let mut found: Vec<Found<String>> = Vec::new();
    for entry in arguments.urls("initial-cluster") {
        let Some((member, url)) = entry.value.split_once('=') else { continue };
        let Some(peer) = Url::parse(url).filter(|_| Some(member) != name) else { continue };
        let guess = format!("{}://{}{}", own.scheme, peer.host, own.port);
        if found.iter().all(|known| known.value != guess) {
            found.push(Found::new(guess, format!("{member} in {}", entry.source)));
        }
    }
    found
}

/// The base URL of /metrics: its own listener; else the HTTP-only client
/// listener (etcd 3.6 serves HTTP nowhere else then); else `client`.
#[must_use]
pub fn metrics(arguments: &Arguments, client: Option<&Found<String>>) -> Option<Found<String>> {
    ["listen-metrics-urls", "listen-client-http-urls"]
        .into_iter()
        .find_map(|flag| dialable(arguments.urls(flag)).into_iter().next())
        .or_else(|| client.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(args: &[&str]) -> Arguments {
        let args: Vec<String> =
            std::iter::once("etcd").chain(args.iter().copied()).map(str::to_owned).collect();
        Arguments::read(&args, &[], "pid 7")
    }

    fn values(found: &[Found<String>]) -> Vec<&str> {
        found.iter().map(|found| found.value.as_str()).collect()
    }

    #[test]
    fn loopback_is_dialled_first() {
        let kubeadm =
            arguments(&["--listen-client-urls=https://10.0.0.11:2379,https://127.0.0.1:2379"]);
        let urls = clients(&kubeadm);
        assert_eq!(values(&urls), ["https://127.0.0.1:2379", "https://10.0.0.11:2379"]);
        let mixed = arguments(&["--listen-client-urls=http://127.0.0.1:2379,https://127.0.0.1:1"]);
        assert_eq!(clients(&mixed)[0].value, "https://127.0.0.1:1");
    }

    #[test]
    fn siblings_are_guessed_from_the_initial_cluster() {
        let peers = "--initial-cluster=m1=https://10.0.0.11:2380,m2=https://10.0.0.12:2380,\
                     m3=https://[fd00::13]:2380,m3=https://[fd00::13]:2380,junk";
        let kubeadm =
            arguments(&["--name=m1", peers, "--listen-client-urls=https://127.0.0.1:2379"]);
        let found = siblings(&kubeadm, &clients(&kubeadm));
        assert_eq!(values(&found), ["https://10.0.0.12:2379", "https://[fd00::13]:2379"]);
        assert_eq!(found[0].source, "m2 in flag --initial-cluster of pid 7");
        assert!(siblings(&arguments(&["--name=m1"]), &clients(&kubeadm)).is_empty());
    }

    #[test]
    fn any_address_is_reached_by_loopback() {
        let openshift =
            arguments(&["--listen-client-urls=https://0.0.0.0:2379,unixs://etcd.sock:0"]);
        assert_eq!(values(&clients(&openshift)), ["https://127.0.0.1:2379"]);
        let both = arguments(&["--listen-client-urls=https://[::]:2379"]);
        assert_eq!(values(&clients(&both)), ["https://127.0.0.1:2379", "https://[::1]:2379"]);
        assert_eq!(values(&clients(&arguments(&[]))), ["http://localhost:2379"]);
    }

    #[test]
    fn advertised_urls_are_the_fallback() {
        let odd = arguments(&[
            "--listen-client-urls=unix://x",
            "--advertise-client-urls=https://m1.example:2379/",
        ]);
        assert_eq!(values(&clients(&odd)), ["https://m1.example:2379"]);
    }

    #[test]
    fn metrics_have_their_own_listener_or_the_clients() {
        let client = Found::new("https://127.0.0.1:2379".to_owned(), "x");
        let url = |args: &[&str]| metrics(&arguments(args), Some(&client)).map(|found| found.value);
        let own = url(&["--listen-metrics-urls=http://0.0.0.0:2381"]);
        assert_eq!(own.as_deref(), Some("http://127.0.0.1:2381"));
        let http = url(&["--listen-client-http-urls=https://127.0.0.1:2382"]);
        assert_eq!(http.as_deref(), Some("https://127.0.0.1:2382"));
        assert_eq!(url(&[]).as_deref(), Some("https://127.0.0.1:2379"));
    }
}
