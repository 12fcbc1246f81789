//! An etcd on other machines, as this master's API server is told of it. Reads only
//! its flags: no other file says it.

use std::{
    net::{IpAddr, UdpSocket},
    path::{Path, PathBuf},
};

use super::{
    arguments, certificate, endpoints, host::HostRoot, kubelet::Kubelet, manifest,
    path_map::PathMap, process,
};
use crate::model::{CertificateRole, Found, Located, Mount};

/// The API server's program and container.
const API_SERVER: &str = "kube-apiserver";

/// The flags of an API server, where they were found, and how its paths are the
/// host's.
struct Told {
    args: Vec<String>,
    source: String,
    mounts: Vec<Mount>,
}

/// Puts in what the API server's flags say of an etcd elsewhere; what tells it, when
/// there is one. An etcd of this node's own is none.
pub fn read(host: &HostRoot, kubelet: &Kubelet, located: &mut Located) -> Option<String> {
    let Told { args, source, mounts } = api_server(host, kubelet)?;
    let flag = |name: &str| {
        let value = arguments::flag_of(&args, name)?;
        Some(Found::new(value, format!("flag --{name} of {source}")))
    };
    let servers = flag("etcd-servers")?;
    if servers.value.split(',').any(|url| is_here(host, url)) {
        return None;
    }
    located.endpoints = endpoints::listed(&servers);
    let map = PathMap { host, mounts: &mounts, pid: None, cwd: None };
    let file = |name: &str| {
        flag(name).map(|found| Found::new(map.to_host(Path::new(&found.value)), found.source))
    };
    (located.ca, located.cert, located.key) =
        (file("etcd-cafile"), file("etcd-certfile"), file("etcd-keyfile"));
    let involved = [(CertificateRole::Ca, &located.ca), (CertificateRole::Client, &located.cert)];
    let path = |found: &Option<Found<PathBuf>>| found.as_ref().map(|found| found.value.clone());
    for (role, path) in involved.map(|(role, found)| (role, path(found))) {
        let Some(path) = path else { continue };
        match certificate::read(&path, role) {
            Ok(read) => located.certificates.push(read.certificate),
            Err(error) => {
                let complaint = format!("{role} certificate {}: {error}", path.display());
                located.complaints.push(complaint);
            }
        }
    }
    Some(format!("the API server uses {} (flag --etcd-servers of {source})", servers.value))
}

/// Of the process of this node, else of its manifest.
fn api_server(host: &HostRoot, kubelet: &Kubelet) -> Option<Told> {
    let process = process::command_lines(host, API_SERVER).into_iter().next();
    if let Some((pid, args)) = process {
        return Some(Told { args, source: format!("{API_SERVER}, pid {pid}"), mounts: Vec::new() });
    }
    let (path, args) = manifest::container_args(host, kubelet, API_SERVER)?;
    let mounts = manifest::host_paths(&path, API_SERVER);
    Some(Told { args, source: host.inside(&path).display().to_string(), mounts })
}

/// Whether this URL leads to this node: its loopback or one of its addresses (only
/// those can be bound), or its own name.
fn is_here(host: &HostRoot, url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split([':', '/']).next(),
    };
    let name = name.unwrap_or_default();
    let own = std::fs::read_to_string(host.path("/etc/hostname")).unwrap_or_default();
    match name.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok(),
        Err(_) => name == "localhost" || name == own.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --etcd-servers=SERVERS
    - --etcd-cafile=/etc/etcd-ca/ca.crt
    - --etcd-certfile=/etc/kubernetes/pki/apiserver-etcd-client.crt
    - --etcd-keyfile=/etc/kubernetes/pki/apiserver-etcd-client.key
    volumeMounts:
    - {name: ca, mountPath: /etc/etcd-ca}
  volumes:
  - {name: ca, hostPath: {path: /srv/etcd}}
";

    fn told(servers: &str) -> (Option<String>, Located) {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        let directory = host.path("/etc/kubernetes/manifests");
        std::fs::create_dir_all(&directory).expect("made");
        std::fs::write(host.path("/etc/hostname"), "m1\n").expect("written");
        let text = MANIFEST.replace("SERVERS", servers);
        std::fs::write(directory.join("kube-apiserver.yaml"), text).expect("written");
        let mut located = Located::default();
        let found = read(&host, &Kubelet::default(), &mut located);
        (found, located)
    }

    #[test]
    fn an_etcd_on_other_machines_is_used_as_the_api_server_does() {
        let (found, located) = told("https://192.0.2.21:2379,https://192.0.2.22:2379");
        let found = found.expect("it is elsewhere");
        assert!(found.contains("https://192.0.2.21:2379,"), "{found}");
        assert!(found.contains("/etc/kubernetes/manifests/kube-apiserver.yaml)"), "{found}");
        let urls: Vec<&str> = located.endpoints.iter().map(|found| found.value.as_str()).collect();
        assert_eq!(urls, ["https://192.0.2.21:2379", "https://192.0.2.22:2379"]);
        let ca = located.ca.expect("a CA");
        assert_eq!(ca.value, Path::new("/srv/etcd/ca.crt"));
        assert!(ca.source.starts_with("flag --etcd-cafile of /etc/kubernetes/manifests/"));
        assert!(located.key.is_some_and(|key| key.value.ends_with("apiserver-etcd-client.key")));
    }

    #[test]
    fn an_etcd_of_this_node_is_not_elsewhere() {
        for servers in ["https://127.0.0.1:2379", "https://m1:2379", "http://[::1]:2379"] {
            assert_eq!(told(servers).0, None, "{servers}");
        }
        assert_eq!(told("https://192.0.2.21:2379,https://localhost:2379").0, None, "both");
    }
}
