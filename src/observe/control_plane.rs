//! The API server of this node: its container, and what its health endpoints
//! answer. What cannot be looked at is told as such, and never as trouble.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{
    model::{ContainerState, Located, layout},
    wire::{Tls, WireErrorKind as Kind, cri::Cri, http_get},
};

use super::container;

/// kube-apiserver's `--secure-port` when the flag is not given.
const DEFAULT_PORT: u16 = 6443;

/// The most of a health page that is read.
const PAGE_LIMIT: usize = 64 << 10;

/// What one look showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The runtime has no kube-apiserver container on this node.
    Absent,
    /// It could not be looked at, and why.
    Unknown(String),
    /// Its container is there.
    Seen(ApiServer),
}

/// What a health endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// This HTTP status.
    Status(u16),
    /// Nothing.
    NoAnswer,
    /// Somebody is there, but it cannot be verified who; why not.
    Unverified(String),
}

/// The API server's container and its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its newest container, by the runtime.
    pub state: ContainerState,
    /// /livez.
    pub livez: Health,
    /// /readyz.
    pub readyz: Health,
}

/// Whether the API server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not, or not yet.
    NotReady,
    /// That cannot be told from here, and why.
    Unknown(String),
}

impl ApiServer {
    /// Ready means: it runs and /readyz says so. 401 and 403 come from a server
    /// that is up but forbids anonymous requests, which cannot be looked behind
    /// from here.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        match (self.state, &self.readyz) {
            (ContainerState::Running, Health::Status(200 | 401 | 403)) => Readiness::Ready,
            (ContainerState::Running, Health::Unverified(why)) => Readiness::Unknown(why.clone()),
            _ => Readiness::NotReady,
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "{code}"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Unverified(_) => f.write_str("not verified"),
        }
    }
}

impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, livez, readyz } = self;
        write!(f, "container {state}, /livez {livez}, /readyz {readyz}")
    }
}

/// Looks once.
pub async fn look(node: &Located, timeout: Duration) -> Sight {
    let Some(runtime) = &node.runtime else {
        return Sight::Unknown("no container runtime of this node answers".to_owned());
    };
    let found = async {
        let cri = Cri::connect(&runtime.socket.value, timeout).await?;
        container::find_container(&cri, "kube-apiserver").await
    };
    let found = match found.await {
        Ok(Some(found)) => found,
        Ok(None) => return Sight::Absent,
        Err(error) => return Sight::Unknown(format!("the container runtime says: {error}")),
    };
    if found.state != ContainerState::Running {
        let (livez, readyz) = (Health::NoAnswer, Health::NoAnswer);
        return Sight::Seen(ApiServer { state: found.state, livez, readyz });
    }
    let cas: Vec<PathBuf> = authorities(&found.args).filter(|path| path.is_file()).collect();
    let url = base_url(&found.args);
    Sight::Seen(ApiServer {
        state: found.state,
        livez: health(&format!("{url}/livez"), &cas, timeout).await,
        readyz: health(&format!("{url}/readyz"), &cas, timeout).await,
    })
}

/// kubeadm's certificate names the advertised address, not the loopback one,
/// which the server also listens on.
fn base_url(args: &[String]) -> String {
    let port = flag(args, "--secure-port").and_then(|text| text.parse().ok());
    let host = flag(args, "--advertise-address").unwrap_or_else(|| "127.0.0.1".to_owned());
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("https://{host}:{}", port.unwrap_or(DEFAULT_PORT))
}

fn flag(args: &[String], name: &str) -> Option<String> {
    args.iter().find_map(|arg| Some(arg.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// What may have signed the serving certificate: kubeadm uses one CA for
/// clients and servers, so the one named by `--client-ca-file` goes first.
fn authorities(args: &[String]) -> impl Iterator<Item = PathBuf> {
    let named = flag(args, "--client-ca-file").map(PathBuf::from);
    named.into_iter().chain(layout::column(|row| row.server_cas).into_iter().map(PathBuf::from))
}

/// Asks, trusting one CA after the other until one fits.
async fn health(url: &str, cas: &[PathBuf], timeout: Duration) -> Health {
    let mut unverified = "no CA of the API server was found".to_owned();
    for ca in cas {
        let tls = match Tls::load(Some(ca), None, None) {
            Ok(tls) => tls,
            Err(error) => {
                unverified = error.to_string();
                continue;
            }
        };
        match http_get(url, Some(&tls), timeout, PAGE_LIMIT).await {
            Ok(answer) => return Health::Status(answer.status),
            Err(error) if error.kind == Kind::WrongCa => unverified = error.to_string(),
            Err(error) if is_unverifiable(error.kind) => {
                return Health::Unverified(error.to_string());
            }
            Err(_) => return Health::NoAnswer,
        }
    }
    Health::Unverified(unverified)
}

/// A server answers, but its certificate does not say that it is the right one.
fn is_unverifiable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::NameMismatch
            | Kind::ServerCertUnusable
            | Kind::ServerCertExpired
            | Kind::ServerCertNotYetValid
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_verified_is_not_called_down() {
        let seen = |state, readyz| ApiServer { state, livez: Health::NoAnswer, readyz };
        let running = ContainerState::Running;
        for code in [200, 401, 403] {
            assert_eq!(seen(running, Health::Status(code)).readiness(), Readiness::Ready);
        }
        assert_eq!(seen(running, Health::Status(500)).readiness(), Readiness::NotReady);
        assert_eq!(seen(running, Health::NoAnswer).readiness(), Readiness::NotReady);
        let unverified = Health::Unverified("wrong CA".to_owned());
        let unknown = Readiness::Unknown("wrong CA".to_owned());
        assert_eq!(seen(running, unverified.clone()).readiness(), unknown);
        assert_eq!(seen(ContainerState::Exited, unverified).readiness(), Readiness::NotReady);
    }

    #[tokio::test]
    async fn without_a_runtime_nothing_is_known() {
        let sight = look(&Located::default(), Duration::from_secs(1)).await;
        assert!(matches!(sight, Sight::Unknown(_)), "{sight:?}");
    }

    #[tokio::test]
    async fn without_a_ca_nothing_is_verified() {
        let health = health("https://127.0.0.1:1/readyz", &[], Duration::from_secs(1)).await;
        assert!(matches!(health, Health::Unverified(_)), "{health:?}");
    }

    #[test]
    fn it_is_asked_at_the_address_of_its_certificate() {
        let args = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(base_url(&[]), "https://127.0.0.1:6443");
        let flags = args(&["--advertise-address=fd00::1", "--secure-port=8443"]);
        assert_eq!(base_url(&flags), "https://[fd00::1]:8443");
        let named = args(&["kube-apiserver", "--client-ca-file=/ca.crt"]);
        let cas: Vec<PathBuf> = authorities(&named).collect();
        assert_eq!(cas.first(), Some(&PathBuf::from("/ca.crt")));
        assert!(cas.contains(&"/etc/kubernetes/pki/ca.crt".into()), "{cas:?}");
    }
}
