//! Finding this node's etcd for a diagnosis. What is missing is told and no
//! reason to stop, as long as anything is left to look at.

use std::{path::PathBuf, time::Duration};

use crate::{
    failure::Failure,
    flow::{failures, no_start, session::Session},
    model::{Found, Located, layout},
    observe::{self, LocateError},
    wire::{Access, Tls},
};

use super::parts::{NotSeen, Parts};

/// Until etcd has to be found.
const FIND: Duration = Duration::from_secs(15);
/// One call to a member: the whole has to end in time.
const CALL: Duration = Duration::from_secs(5);

/// This node, and the way to the members.
pub struct Here {
    /// What was found; empty where nothing was.
    pub node: Located,
    /// How to dial; `None` when it cannot be.
    pub access: Option<Access>,
    /// No etcd was found and none was named.
    pub nobody_to_ask: bool,
}

/// Finds what can be found.
///
/// # Errors
/// When there is nothing to look at, and when a person has to choose.
pub async fn arrive(session: &Session, parts: &Parts) -> Result<Here, Failure> {
    let mut node = node(session, parts).await?;
    if let (false, None, Some(data_dir)) = (runs_here(&node), &node.stopped, &node.data_dir)
        && node.hanging.is_empty()
        && let Some(seen) = no_start::node_of(data_dir.value.clone()).await
    {
        node.stopped = seen.stopped;
        node.layout = node.layout.or(seen.layout);
    }
    let access = match tls(&node) {
        Ok(tls) => {
            let timeout = session.settings.timeout.min(CALL);
            Some(Access::new(tls, session.settings.login.clone(), timeout))
        }
        Err(error) => {
            let failure = failures::tls(session, &node, &error);
            if !on_this_node(&node) {
                return Err(failure);
            }
            parts.unseen("the members", failure.what, failure.next);
            None
        }
    };
    let nobody_to_ask = !runs_here(&node) && node.endpoints.is_empty() && node.hanging.is_empty();
    Ok(Here { node, access, nobody_to_ask })
}

/// Whether there is anything of etcd to look at but its endpoints.
pub fn on_this_node(node: &Located) -> bool {
    node.data_dir.is_some() || runs_here(node)
}

fn runs_here(node: &Located) -> bool {
    node.manifest.is_some() || node.container.is_some() || node.process.is_some()
}

async fn node(session: &Session, parts: &Parts) -> Result<Located, Failure> {
    let found = tokio::time::timeout(parts.at_most(FIND), locate(session, parts));
    match found.await {
        Ok(Ok(node)) => {
            for complaint in &node.complaints {
                parts.unseen("part of this node", complaint, "");
            }
            Ok(node)
        }
        Ok(Err(LocateError::Hangs { path, after })) => {
            let why = format!("{} does not answer within {} s", path.display(), after.as_secs());
            parts.unseen("etcd's settings", why, "");
            Ok(Located { hanging: vec![path], ..by_flags(session, true) })
        }
        Ok(Err(error)) => without_etcd(session, parts, error),
        Err(_elapsed) => {
            let why = format!("it was not found within {} s: the runtime hangs", FIND.as_secs());
            parts.unseen("the etcd container", why, "`systemctl status containerd crio`");
            Ok(by_flags(session, true))
        }
    }
}

/// As every command does; who is not root sees what there is to be seen.
async fn locate(session: &Session, parts: &Parts) -> Result<Located, LocateError> {
    match observe::locate(&session.settings).await {
        Err(LocateError::NotRoot) => {}
        found => return found,
    }
    let node = observe::locate_as_we_are(&session.settings).await?;
    let why = "the container runtime's socket and etcd's keys are for root";
    let needs = format!("root: `sudo {}`", session.again());
    parts.unseen("the etcd container and its certificates", why, needs);
    Ok(node)
}

/// No etcd here: a directory named by hand can be looked at all the same.
fn without_etcd(session: &Session, parts: &Parts, error: LocateError) -> Result<Located, Failure> {
    let nothing = matches!(
        error,
        LocateError::NoEtcd { .. }
            | LocateError::NoRuntimeAndNoProcess { .. }
            | LocateError::K3sUntold { .. }
            | LocateError::Down(_)
    );
    let error = match nothing && !nix::unistd::geteuid().is_root() {
        true => LocateError::NotRoot,
        false => error,
    };
    let failure = failures::locate(session, &error);
    if !nothing || session.settings.data_dir.is_none() {
        return Err(failure);
    }
    let first_line = failure.what.lines().next().unwrap_or_default().to_owned();
    parts.unseen("etcd and its members", first_line, "a run on a master, or --endpoints");
    Ok(by_flags(session, false))
}

/// What the command line alone says, and where etcd's data usually are.
fn by_flags(session: &Session, or_usual: bool) -> Located {
    let settings = &session.settings;
    let usual = layout::plain().data_dirs.first().filter(|_| or_usual);
    let usual = usual.map(|path| Found::new(PathBuf::from(path), "default path"));
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
