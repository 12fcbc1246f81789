//! Which CA, client certificate and key to use for this node's etcd, and the
//! expiry of every certificate involved.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    arguments::Arguments,
    certificate::{self, ReadCertificate},
    host::HostRoot,
    path_map::PathMap,
};
use crate::{
    model::{Certificate, CertificateRole, Found, layout, order::InOrder},
    settings::Settings,
    wire::Tls,
};

/// Where the choice is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// `--cacert`, `--cert`, `--key`: they win.
    pub settings: &'a Settings,
    /// etcd's own flags.
    pub arguments: &'a Arguments,
    /// The container's environment; OpenShift's holds `ETCDCTL_CERT` and the
    /// like.
    pub env: &'a [String],
    /// From etcd's paths to the host's.
    pub map: &'a PathMap<'a>,
    /// Seconds since the epoch.
    pub now: i64,
}

/// What was chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Credentials {
    /// CA bundle, host path.
    pub ca: Option<Found<PathBuf>>,
    /// Client certificate, host path.
    pub cert: Option<Found<PathBuf>>,
    /// Its key, host path.
    pub key: Option<Found<PathBuf>>,
    /// Every certificate file that could be read.
    pub certificates: Vec<Certificate>,
    /// What could not be read, or was passed over.
    pub complaints: Vec<String>,
}

/// A certificate and its key that could be shown to etcd.
#[derive(Clone, Debug)]
struct Pair {
    cert: PathBuf,
    key: PathBuf,
    source: String,
}

/// Chooses. A pair that is readable, valid and meant for clients wins; else
/// the first readable one, so that the handshake tells what is wrong.
#[must_use]
pub fn choose(sources: &Sources) -> Credentials {
    let mut chosen = Credentials { ca: ca(sources), ..Credentials::default() };
    choose_pair(sources, &mut chosen);
    let own = |flag| sources.arguments.path(flag).map(|found| sources.map.to_host(&found.value));
    let involved = [
        (CertificateRole::Ca, chosen.ca.as_ref().map(|found| found.value.clone())),
        (CertificateRole::Client, chosen.cert.as_ref().map(|found| found.value.clone())),
        (CertificateRole::Server, own("cert-file")),
        (CertificateRole::Peer, own("peer-cert-file")),
    ];
    let peers_ca = own("peer-trusted-ca-file")
        .filter(|path| chosen.ca.as_ref().is_none_or(|ca| ca.value != *path));
    for (role, path) in involved.into_iter().chain([(CertificateRole::Ca, peers_ca)]) {
        let Some(path) = path else { continue };
        match certificate::read(&path, role) {
            Ok(read) => chosen.certificates.push(read.certificate),
            Err(error) => {
                chosen.complaints.push(format!("{role} certificate {}: {error}", path.display()));
            }
        }
    }
    out_of_date_beside(sources, &mut chosen.certificates);
    chosen
}

/// The rest of what is renewed together with them, where it is out of date:
/// the certificates beside etcd's own, and the API server's for etcd.
fn out_of_date_beside(sources: &Sources, known: &mut Vec<Certificate>) {
    let Some(directory) = directory(sources) else { return };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .collect();
    paths.extend(directory.parent().map(|pki| pki.join("apiserver-etcd-client.crt")));
    paths.order();
    for path in paths {
        if known.iter().all(|certificate| certificate.path != path)
            && let Ok(read) = certificate::read(&path, CertificateRole::Client)
            && certificate::out_of_date(&read.certificate, sources.now).is_some()
        {
            known.push(read.certificate);
        }
    }
}

fn ca(sources: &Sources) -> Option<Found<PathBuf>> {
    if let Some(path) = &sources.settings.cacert {
        return Some(Found::new(path.clone(), "--cacert"));
    }
    let by_env = environment(sources, "ETCDCTL_CACERT");
    let by_flag = sources
        .arguments
        .path("trusted-ca-file")
        .map(|found| Found::new(sources.map.to_host(&found.value), found.source));
    by_env.filter(|found| found.value.exists()).or(by_flag).or_else(|| {
        let directory = directory(sources)?;
        layout::column(|row| row.cas)
            .into_iter()
            .map(|name| directory.join(name))
            .find(|path| path.exists())
            .map(|path| Found::new(path, "beside etcd's certificate"))
    })
}

fn choose_pair(sources: &Sources, chosen: &mut Credentials) {
    if let (Some(cert), Some(key)) = (&sources.settings.cert, &sources.settings.key) {
        chosen.cert = Some(Found::new(cert.clone(), "--cert"));
        chosen.key = Some(Found::new(key.clone(), "--key"));
        return;
    }
    let mut passed_over: Vec<(Pair, String)> = Vec::new();
    let mut taken = None;
    for pair in pairs(sources) {
        match judge(&pair, sources.now) {
            Ok(()) => {
                taken = Some(pair);
                break;
            }
            Err(Some(reason)) => passed_over.push((pair, reason)),
            Err(None) => {}
        }
    }
    for (pair, reason) in &passed_over {
        let instead = taken.as_ref().map_or_else(
            || "no better one was found".to_owned(),
            |taken| format!("using {}", taken.cert.display()),
        );
        chosen
            .complaints
            .push(format!("client certificate {} {reason}; {instead}", pair.cert.display()));
    }
    let pair = taken.or_else(|| passed_over.into_iter().next().map(|(pair, _)| pair));
    if let Some(Pair { cert, key, source }) = pair {
        chosen.cert = Some(Found::new(cert, source.clone()));
        chosen.key = Some(Found::new(key, source));
    }
}

/// `Err(None)`: not there or not readable, so no candidate at all.
fn judge(pair: &Pair, now: i64) -> Result<(), Option<String>> {
    if !holds_a_key(&pair.key) {
        return Err(None);
    }
    match certificate::read(&pair.cert, CertificateRole::Client) {
        Ok(ReadCertificate { certificate, client_auth }) => {
            match certificate::out_of_date(&certificate, now) {
                Some(reason) => Err(Some(reason)),
                None if !client_auth => Err(Some("is not meant for clients".to_owned())),
                // A renewal that was cut short leaves a key without its
                // certificate.
                None => match Tls::load(None, Some(&pair.cert), Some(&pair.key)) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(Some(format!("cannot be used ({error})"))),
                },
            }
        }
        Err(_) if !pair.cert.exists() => Err(None),
        Err(error) => Err(Some(format!("cannot be read ({error})"))),
    }
}

fn holds_a_key(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1 << 16).read_to_end(&mut bytes));
    let marker = b"PRIVATE KEY-----";
    read.is_ok() && bytes.windows(marker.len()).any(|window| window == marker)
}

/// The candidates, best first: what the container's own etcdctl would use, those
/// that lie beside etcd's own by the table of installations, etcd's own (kubeadm
/// gives it clientAuth), those above it, etcd's peer certificate (OpenShift gives
/// it clientAuth).
fn pairs(sources: &Sources) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let by_env = |name| environment(sources, name).map(|found| found.value);
    if let (Some(cert), Some(key)) = (by_env("ETCDCTL_CERT"), by_env("ETCDCTL_KEY")) {
        pairs.push(Pair { cert, key, source: "ETCDCTL_CERT of the container".to_owned() });
    }
    let directory = directory(sources);
    let known = |above: bool| {
        let names =
            layout::clients().into_iter().filter(move |(cert, _)| cert.starts_with("../") == above);
        let pairs = names.map(|name| beside(directory.as_deref(), name, sources.map.host));
        pairs.collect::<Vec<_>>().concat()
    };
    pairs.extend(known(false));
    pairs.extend(own_pair(sources, "cert-file", "key-file"));
    pairs.extend(known(true));
    pairs.extend(own_pair(sources, "peer-cert-file", "peer-key-file"));
    pairs
}

/// The pairs of these names in or above the directory of etcd's own certificate.
fn beside(directory: Option<&Path>, (cert, key): (&str, &str), host: &HostRoot) -> Vec<Pair> {
    let above = cert.starts_with("../");
    let directory = if above { directory.and_then(Path::parent) } else { directory };
    let Some(directory) = directory else { return Vec::new() };
    let (cert, key) = (cert.trim_start_matches("../"), key.trim_start_matches("../"));
    if let (Some((before, after)), Some((_, key_after))) =
        (cert.split_once('*'), key.split_once('*'))
    {
        return starred(directory, (before, after, key_after), host);
    }
    let source = format!("{} beside etcd's certificate", cert.trim_end_matches(".crt"));
    vec![Pair { cert: directory.join(cert), key: directory.join(key), source }]
}

/// Those named after a host, such as kubespray's `admin-<host>.pem` with
/// `admin-<host>-key.pem`, this host's first.
fn starred(directory: &Path, parts: (&str, &str, &str), host: &HostRoot) -> Vec<Pair> {
    let (before, after, key_after) = parts;
    let hostname = std::fs::read_to_string(host.path("/etc/hostname")).unwrap_or_default();
    let own = format!("{before}{}", hostname.trim());
    let key_stem = key_after.strip_suffix(after).unwrap_or(key_after);
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(after).map(str::to_owned))
        .filter(|name| name.starts_with(before) && !name.ends_with(key_stem))
        .collect();
    names.order_by_key(|name| (*name != own, name.clone()));
    names
        .into_iter()
        .map(|name| Pair {
            cert: directory.join(format!("{name}{after}")),
            key: directory.join(format!("{name}{key_after}")),
            source: format!("{name}{after} beside etcd's certificate"),
        })
        .collect()
}

fn own_pair(sources: &Sources, cert: &str, key: &str) -> Option<Pair> {
    let cert = sources.arguments.path(cert)?;
    let key = sources.arguments.path(key)?;
    Some(Pair {
        cert: sources.map.to_host(&cert.value),
        key: sources.map.to_host(&key.value),
        source: cert.source,
    })
}

/// The host directory of etcd's own certificates.
fn directory(sources: &Sources) -> Option<PathBuf> {
    let path = sources
        .arguments
        .path("cert-file")
        .or_else(|| sources.arguments.path("trusted-ca-file"))?;
    sources.map.to_host(&path.value).parent().map(Path::to_owned)
}

fn environment(sources: &Sources, name: &str) -> Option<Found<PathBuf>> {
    let value = sources
        .env
        .iter()
        .filter_map(|entry| entry.split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())?
        .1;
    let path = sources.map.to_host(Path::new(value));
    Some(Found::new(path, format!("{name} of the container")))
}
