//! Finding the container runtime of this node: which sockets there could be,
//! in which order, and which of them answer.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{host::HostRoot, kubelet::Kubelet, yaml};
use crate::{
    model::{Found, Runtime, layout, order::InOrder},
    wire::cri::{Cri, CriError},
};

/// Where crictl keeps its settings.
const CRICTL: &str = "/etc/crictl.yaml";

/// Sockets of the runtimes as they are installed; several can be there. Those of
/// the plainest installations first.
pub(super) fn well_known() -> Vec<&'static str> {
    let mut all = layout::column(|row| row.sockets);
    all.order_by_key(|path| !path.starts_with("/run/containerd/"));
    all
}

/// A runtime that answered.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The connection.
    pub cri: Cri,
    /// What it is and where it was found.
    pub runtime: Runtime,
}

/// Every runtime that answered, best first, and the sockets that did not.
#[derive(Clone, Debug, Default)]
pub struct Runtimes {
    /// Those that answered.
    pub connected: Vec<Connected>,
    /// Sockets that were tried, with the reason in one line.
    pub failed: Vec<(Found<PathBuf>, CriError)>,
}

/// Connects to what was asked for, or to everything found.
///
/// # Errors
/// Only when `asked` (a flag) is given: its text is no socket path, or the
/// runtime there cannot be used.
pub async fn connect(
    host: &HostRoot,
    kubelet: &Kubelet,
    asked: Option<&str>,
    timeout: Duration,
) -> Result<Runtimes, BadEndpoint> {
    let mut runtimes = Runtimes::default();
    if let Some(text) = asked {
        let bad = |error| BadEndpoint { endpoint: text.to_owned(), error };
        let path = socket_path(text).ok_or_else(|| bad(None))?;
        let socket = Found::new(path, "--runtime-endpoint or CONTAINER_RUNTIME_ENDPOINT");
        let connected = dial(socket, timeout).await.map_err(|(_, error)| bad(Some(error)))?;
        runtimes.connected.push(connected);
        return Ok(runtimes);
    }
    for socket in candidates(host, kubelet) {
        match dial(socket, timeout).await {
            Ok(connected) => runtimes.connected.push(connected),
            Err(failed) => runtimes.failed.push(failed),
        }
    }
    Ok(runtimes)
}

/// A runtime endpoint given by hand that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEndpoint {
    /// As it was typed.
    pub endpoint: String,
    /// Why; `None` when the text is no unix socket.
    pub error: Option<CriError>,
}

async fn dial(
    socket: Found<PathBuf>,
    timeout: Duration,
) -> Result<Connected, (Found<PathBuf>, CriError)> {
    match Cri::connect(&socket.value, timeout).await {
        Ok(cri) => {
            let version = cri.version().clone();
            let runtime =
                Runtime { socket, name: version.name, version: version.version, api: version.api };
            Ok(Connected { cri, runtime })
        }
        Err(error) => Err((socket, error)),
    }
}

/// Sockets named by a file or a flag, whether they exist or not, and the
/// well-known ones that exist; each once, whatever symlinks lead to it.
fn candidates(host: &HostRoot, kubelet: &Kubelet) -> Vec<Found<PathBuf>> {
    let named = crictl(host).into_iter().chain(kubelet.runtime_endpoint.clone());
    let named = named
        .filter_map(|found| Some(Found::new(host.path(socket_path(&found.value)?), found.source)));
    let known = well_known()
        .into_iter()
        .map(|path| host.path(path))
        .filter(|path| fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket()));
    let mut seen = Vec::new();
    named
        .chain(known.map(|path| Found::new(path, "well-known socket")))
        .filter(|found| {
            let real = real_path(&found.value);
            let new = !seen.contains(&real);
            seen.push(real);
            new
        })
        .collect()
}

fn crictl(host: &HostRoot) -> Option<Found<String>> {
    let documents = yaml::documents(&host.path(CRICTL)).ok()?;
    let endpoint =
        documents.iter().find_map(|document| yaml::text(document, &["runtime-endpoint"]))?;
    (!endpoint.is_empty()).then(|| Found::new(endpoint, format!("runtime-endpoint in {CRICTL}")))
}

/// `/var/run` is a symlink to `/run` on most nodes.
fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The path of `unix:///run/x.sock`, `unix:/run/x.sock` or `/run/x.sock`;
/// `None` for other schemes and relative paths.
fn socket_path(endpoint: &str) -> Option<PathBuf> {
    let rest = endpoint.trim();
    let path = rest.strip_prefix("unix://").or_else(|| rest.strip_prefix("unix:")).unwrap_or(rest);
    path.starts_with('/').then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    #[test]
    fn endpoints_are_read_as_crictl_does() {
        for (text, path) in [
            ("unix:///run/a.sock", Some("/run/a.sock")),
            ("unix:/run/a.sock", Some("/run/a.sock")),
            (" /run/a.sock", Some("/run/a.sock")),
            ("tcp://1.2.3.4:5", None),
            ("a.sock", None),
            ("", None),
        ] {
            assert_eq!(socket_path(text), path.map(PathBuf::from), "{text}");
        }
    }

    #[test]
    fn each_socket_is_a_candidate_once_and_named_ones_come_first() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        fs::create_dir_all(host.path("/run/containerd")).expect("made");
        fs::create_dir_all(host.path("/run/crio")).expect("made");
        fs::create_dir_all(host.path("/etc")).expect("made");
        fs::create_dir_all(host.path("/var")).expect("made");
        symlink(host.path("/run"), host.path("/var/run")).expect("linked");
        let _one = UnixListener::bind(host.path("/run/containerd/containerd.sock"));
        let _two = UnixListener::bind(host.path("/run/crio/crio.sock"));
        fs::write(host.path("/etc/crictl.yaml"), "runtime-endpoint: unix:///run/crio/crio.sock\n")
            .expect("written");
        let kubelet = Kubelet {
            static_pod_path: None,
            runtime_endpoint: Some(Found::new("/run/none.sock".to_owned(), "kubelet")),
        };
        let found = candidates(&host, &kubelet);
        let sources: Vec<&str> = found.iter().map(|found| found.source.as_str()).collect();
        let crictl = "runtime-endpoint in /etc/crictl.yaml";
        assert_eq!(sources, [crictl, "kubelet", "well-known socket"]);
        assert!(found[2].value.ends_with("run/containerd/containerd.sock"));
    }
}
