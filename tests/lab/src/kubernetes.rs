//! The real kubelet and kube-apiserver, where `scripts/setup kubelet` has built
//! them. Looks only; builds nothing.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// Programs of one Kubernetes release on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// The kubelet.
    pub kubelet: PathBuf,
    /// The API server.
    pub apiserver: PathBuf,
}

/// The release there is.
///
/// # Errors
/// A sentence that says how to get one.
pub fn kubernetes() -> Result<Kubernetes> {
    // The link is made last, when both are there.
    let dir = crate::site::workspace().join("target/kubernetes/.bookworm");
    let program = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
    program("kubelet")
        .zip(program("kube-apiserver"))
        .map(|(kubelet, apiserver)| Kubernetes { kubelet, apiserver })
        .context("no real kubelet here; run scripts/setup kubelet")
}
