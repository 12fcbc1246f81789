//! The first touch of the directories that everything else is read from: by a
//! child, as one of them may be on a disk that hangs.

use std::path::{Path, PathBuf};

use super::{aside::answers, data_disk::PATIENCE, locate_error::LocateError};
use crate::{model::layout, settings::Settings, sys::aside::Missed};

/// Certificates and manifests: nothing can be done without them.
const NEEDED: [&str; 3] =
    ["/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/etc/kubernetes/pki/etcd"];

/// What helps, and is done without, besides the certificates of every installation. A log directory of a node holds more than
/// one small file: it is only asked whether it answers.
const HELPFUL: [&str; 5] =
    ["/var/lib/kubelet", "/var/lib/rancher", "/etc/rancher", "/var/log/pods", "/var/log/journal"];

/// Those of the helpful directories that do not answer.
///
/// # Errors
/// When one that is needed does not.
pub(super) async fn silent_directories(settings: &Settings) -> Result<Vec<PathBuf>, LocateError> {
    let named = [&settings.cacert, &settings.cert, &settings.key].into_iter().flatten();
    let named = named.filter_map(|path| std::path::absolute(path).ok());
    // With certificates given by hand those of the node are not needed.
    let of_node = settings.cert.is_none() || settings.cacert.is_none();
    let of_node = NEEDED.iter().filter(|_| of_node).map(PathBuf::from);
    let needed: Vec<PathBuf> = of_node.chain(named).collect();
    let helpful = HELPFUL.into_iter().chain(layout::column(|row| row.pki));
    let helpful = helpful.filter(|path| !NEEDED.contains(path));
    let helpful: Vec<PathBuf> = helpful.map(PathBuf::from).collect();
    let all: Vec<&Path> = needed.iter().chain(&helpful).map(PathBuf::as_path).collect();
    if answer(&all).await {
        return Ok(Vec::new());
    }
    // Which of them? Each by a child of its own.
    let mut asked = tokio::task::JoinSet::new();
    for path in needed.iter().chain(&helpful).cloned() {
        asked.spawn(async move { (answer(&[&path]).await, path) });
    }
    let answered = asked.join_all().await;
    let silent: Vec<PathBuf> =
        answered.into_iter().filter(|(answers, _)| !answers).map(|(_, path)| path).collect();
    match needed.iter().find(|path| silent.contains(path)) {
        Some(path) => Err(LocateError::Hangs { path: path.clone(), after: PATIENCE }),
        None => Ok(helpful.into_iter().filter(|path| silent.contains(path)).collect()),
    }
}

async fn answer(paths: &[&Path]) -> bool {
    !matches!(answers(paths, PATIENCE).await, Err(Missed::Late(_)))
}
