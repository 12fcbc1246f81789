//! The API server of this node: its container, and what its health endpoints
//! answer.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    model::{ContainerState, Located},
    wire::{Tls, cri::Cri, http_get},
};

use super::container;

/// Where kubeadm keeps the CA of the API server's certificate; k3s and RKE2
/// have their own (etcd.md, layouts).
const API_SERVER_CAS: [&str; 3] = [
    "/etc/kubernetes/pki/ca.crt",
    "/var/lib/rancher/rke2/server/tls/server-ca.crt",
    "/var/lib/rancher/k3s/server/tls/server-ca.crt",
];

/// kube-apiserver's `--secure-port` when the flag is not given.
const DEFAULT_PORT: u16 = 6443;

/// One look at the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its newest container, by the runtime.
    pub state: Option<ContainerState>,
    /// HTTP status of /livez; `None` = no answer.
    pub livez: Option<u16>,
    /// HTTP status of /readyz; `None` = no answer.
    pub readyz: Option<u16>,
}

impl ApiServer {
    /// Ready means: it runs and /readyz says so. 401 and 403 come from a server
    /// that is up but forbids anonymous requests, which cannot be looked behind
    /// from here.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.state == Some(ContainerState::Running) && matches!(self.readyz, Some(200 | 401 | 403))
    }
}

impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = |code: Option<u16>| code.map_or("no answer".to_owned(), |code| code.to_string());
        match self.state {
            Some(state) => write!(f, "container {state}")?,
            None => write!(f, "no container")?,
        }
        write!(f, ", /livez {}, /readyz {}", code(self.livez), code(self.readyz))
    }
}

/// Looks once; `None` when this node has no kube-apiserver container.
pub async fn look(node: &Located, timeout: Duration) -> Option<ApiServer> {
    let socket = &node.runtime.as_ref()?.socket.value;
    let cri = Cri::connect(socket, timeout).await.ok()?;
    let found = container::find_container(&cri, "kube-apiserver").await.ok()??;
    let port = flag(&found.args, "--secure-port")
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_PORT);
    let tls = api_server_ca(&found.args).and_then(|ca| Tls::load(Some(&ca), None, None).ok());
    // kubeadm's certificate names the advertised address, not the loopback
    // one, which the server also listens on.
    let host = flag(&found.args, "--advertise-address").unwrap_or_else(|| "127.0.0.1".to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let probe = async |path: &str| {
        let url = format!("https://{host}:{port}{path}");
        http_get(&url, tls.as_ref(), timeout, 64 << 10).await.ok().map(|answer| answer.status)
    };
    let running = found.state == ContainerState::Running;
    Some(ApiServer {
        state: Some(found.state),
        livez: if running { probe("/livez").await } else { None },
        readyz: if running { probe("/readyz").await } else { None },
    })
}

fn flag(args: &[String], name: &str) -> Option<String> {
    args.iter().find_map(|arg| Some(arg.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// The API server's serving certificate is signed by the cluster CA, which
/// `--client-ca-file` names too (kubeadm uses one CA for both).
fn api_server_ca(args: &[String]) -> Option<PathBuf> {
    let named = flag(args, "--client-ca-file").map(PathBuf::from);
    named.into_iter().chain(API_SERVER_CAS.map(PathBuf::from)).find(|path| path.is_file())
}
