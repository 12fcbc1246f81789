//! What is on a node where no etcd was found: an installation without one, one whose
//! etcd does not run, or what an etcd left behind.

use std::path::{Path, PathBuf};

use super::{
    aside, data_disk,
    host::HostRoot,
    k3s::{self, Store},
    layout,
    locate_error::LocateError,
    process::EtcdProcess,
    runtime::Runtimes,
};
use crate::{
    model::layout::{self as layouts, Detected},
    sys::aside::Missed,
};

/// Why there is no etcd to look at in a k3s server; `None` for one that has it.
pub(super) fn without_etcd(host: &HostRoot, etcd: &EtcdProcess) -> Option<LocateError> {
    match k3s::store(host, Some(etcd).filter(|etcd| etcd.is_k3s()).map(|etcd| &etcd.process)?) {
        Store::Etcd(_) => None,
        Store::Sql(by) => {
            Some(LocateError::NotEtcd(Detected { layout: layouts::sqlite(), evidence: vec![by] }))
        }
        Store::Unknown => Some(LocateError::K3sUntold { pid: etcd.process.pid }),
    }
}

/// Why there is nothing to go on: what is here instead, and what an etcd left.
pub(super) async fn nothing(host: &HostRoot, runtimes: &Runtimes) -> LocateError {
    let mut traces: Vec<PathBuf> = layouts::column(|row| row.data_dirs)
        .into_iter()
        .map(|path| host.path(path).join("member"))
        .chain(layouts::column(|row| row.pki).into_iter().map(|path| host.path(path)))
        .collect();
    let paths: Vec<&Path> = traces.iter().map(PathBuf::as_path).collect();
    match aside::answers(&paths, data_disk::PATIENCE).await {
        Err(Missed::Late(_)) => traces.clear(),
        _ => {
            traces.retain(|path| path.exists());
            match layout::of_node(host) {
                Some(detected) if detected.layout.may == layouts::May::Nothing => {
                    return LocateError::NotEtcd(detected);
                }
                Some(detected) if !starts_by_manifest(detected.layout) => {
                    return LocateError::Down(detected);
                }
                _ => {}
            }
        }
    }
    if runtimes.connected.is_empty() {
        let tried = runtimes
            .failed
            .iter()
            .map(|(socket, error)| (socket.value.clone(), error.clone()))
            .collect();
        return LocateError::NoRuntimeAndNoProcess { tried };
    }
    let asked = runtimes.connected.iter().map(|it| it.runtime.socket.value.clone()).collect();
    LocateError::NoEtcd { asked, traces }
}

/// Whether etcd is a static pod that anybody can put back.
fn starts_by_manifest(row: &layouts::Layout) -> bool {
    row.keeps == layouts::Keeps::Manifest
}
