//! Finding this node's etcd for a diagnosis. What is missing is told and no
//! reason to stop, as long as anything is left to look at.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    failure::Failure,
    flow::{failures, session::Session},
    model::{Found, Located},
    observe::{
        self, LocateError,
        aside::{self, Missed},
        host::HostRoot,
    },
    wire::{Access, Tls},
};

use super::parts::{NotSeen, Parts};

/// Until a directory that is read has to answer.
const ANSWER: Duration = Duration::from_secs(4);
/// Until etcd has to be found.
const FIND: Duration = Duration::from_secs(15);
/// One call to a member: the whole has to end in time.
const CALL: Duration = Duration::from_secs(5);
/// What is read to find etcd; the kubelet's and kubeadm's.
const ROADS: [&str; 2] = ["/etc/kubernetes/manifests", "/etc/kubernetes/pki/etcd"];
/// Where etcd's data usually are.
const USUAL: &str = "/var/lib/etcd";

/// This node, and the way to the members.
pub struct Here {
    /// What was found; empty where nothing was.
    pub node: Located,
    /// How to dial; `None` when it cannot be.
    pub access: Option<Access>,
}

/// Finds what can be found.
///
/// # Errors
/// When there is nothing to look at, and when a person has to choose.
pub async fn arrive(session: &Session, parts: &Parts) -> Result<Here, Failure> {
    let node = node(session, parts).await?;
    let access = match tls(&node) {
        Ok(tls) => {
            let timeout = session.settings.timeout.min(CALL);
            Some(Access { tls, login: session.settings.login.clone(), timeout })
        }
        Err(error) => {
            let failure = failures::tls(session, &error);
            if !on_this_node(&node) {
                return Err(failure);
            }
            parts.unseen("the members", failure.what, failure.next);
            None
        }
    };
    Ok(Here { node, access })
}

/// Whether there is anything of etcd to look at but its endpoints.
pub fn on_this_node(node: &Located) -> bool {
    node.data_dir.is_some() || node.container.is_some() || node.process.is_some()
}

async fn node(session: &Session, parts: &Parts) -> Result<Located, Failure> {
    let roads = ROADS.map(Path::new);
    let answered = tokio::time::timeout(ANSWER, aside::answers(&roads, ANSWER));
    if matches!(answered.await, Err(_) | Ok(Err(Missed::Late(_)))) {
        let (path, seconds) = (roads[0].display(), ANSWER.as_secs());
        let why = format!("{path} does not answer within {seconds} s: its disk may hang");
        parts.unseen("etcd's settings", why, "");
        return Ok(by_flags(session, true));
    }
    let host = HostRoot::default();
    let found =
        tokio::time::timeout(parts.at_most(FIND), observe::locate_on(&host, &session.settings));
    match found.await {
        Ok(Ok(node)) => {
            if !nix::unistd::geteuid().is_root() {
                let why = "the container runtime's socket and etcd's keys are for root";
                let needs = format!("root: `sudo {}`", session.again());
                parts.unseen("the etcd container and its certificates", why, needs);
            }
            Ok(node)
        }
        Ok(Err(error)) => without_etcd(session, parts, error),
        Err(_elapsed) => {
            let why = format!("it was not found within {} s: the runtime hangs", FIND.as_secs());
            parts.unseen("the etcd container", why, "`systemctl status containerd crio`");
            Ok(by_flags(session, true))
        }
    }
}

/// No etcd here: a directory named by hand can be looked at all the same.
fn without_etcd(session: &Session, parts: &Parts, error: LocateError) -> Result<Located, Failure> {
    let nothing =
        matches!(error, LocateError::NoEtcd { .. } | LocateError::NoRuntimeAndNoProcess { .. });
    let error = match nothing && !nix::unistd::geteuid().is_root() {
        true => LocateError::NotRoot,
        false => error,
    };
    let failure = failures::locate(session, &error);
    if !nothing || session.settings.data_dir.is_none() {
        return Err(failure);
    }
    let first_line = failure.what.lines().next().unwrap_or_default().to_owned();
    parts.unseen("etcd and its members", first_line, "run it on a master, or name --endpoints");
    Ok(by_flags(session, false))
}

/// What the command line alone says, and where etcd's data usually are.
fn by_flags(session: &Session, or_usual: bool) -> Located {
    let settings = &session.settings;
    let usual = or_usual.then(|| Found::new(PathBuf::from(USUAL), "default path"));
    let named = settings.data_dir.clone().map(|path| Found::new(path, "--data-dir"));
    let endpoints = settings.endpoints.iter();
    Located {
        data_dir: named.or(usual),
        endpoints: endpoints.map(|url| Found::new(url.clone(), "--endpoints")).collect(),
        ca: settings.cacert.clone().map(|path| Found::new(path, "--cacert")),
        cert: settings.cert.clone().map(|path| Found::new(path, "--cert")),
        key: settings.key.clone().map(|path| Found::new(path, "--key")),
        ..Located::default()
    }
}

fn tls(node: &Located) -> Result<Tls, crate::wire::TlsError> {
    let path = |found: &Option<Found<PathBuf>>| found.as_ref().map(|found| found.value.clone());
    Tls::load(path(&node.ca).as_deref(), path(&node.cert).as_deref(), path(&node.key).as_deref())
}

/// Why nobody answers, for the list of what was not seen.
pub fn silence(failure: Failure) -> NotSeen {
    NotSeen { why: failure.what, needs: failure.next }
}
