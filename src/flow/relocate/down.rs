//! Waiting until this node's etcd is really gone: no container runs, and
//! nobody holds the locks of its data.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    act::copy_tree::{CopyError, SourceLock},
    flow::{look::Here, session::Session},
    model::{ContainerState, Located},
    observe::{host::HostRoot, process},
    say::Progress,
};

use super::begun::Begun;

/// A kubelet looks at its directory every 20 s even when it sees no change
/// (fileCheckFrequency), and gives etcd 30 s to end; twice that.
const PATIENCE: Duration = Duration::from_secs(100);
/// Between two looks.
const PACE: Duration = Duration::from_millis(500);
/// Looks in a row that have to find it gone.
const LOOKS: u32 = 2;

/// Waits for it.
///
/// # Errors
/// Who is still there, in a sentence.
pub(super) async fn wait_until_down(
    session: &Session,
    here: &Here,
    begun: &Begun,
) -> Result<(), String> {
    let progress =
        Progress::time(&session.voice, "waiting for the kubelet to stop etcd", Some(PATIENCE));
    let (began, mut gone) = (Instant::now(), 0);
    loop {
        let node = here.node_now(session).await;
        match still_there(&node, begun).await {
            None if gone + 1 >= LOOKS => return Ok(()),
            None => gone += 1,
            Some(who) if began.elapsed() >= PATIENCE => return Err(who),
            Some(who) => {
                gone = 0;
                progress.tick(&who);
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Who is still at work, if anybody.
async fn still_there(node: &Located, begun: &Begun) -> Option<String> {
    if let Some(container) = &node.container
        && container.state == ContainerState::Running
    {
        return Some(format!("its container {} still runs", container.short_id()));
    }
    let mut directories = vec![begun.record.from.clone()];
    if begun.record.started && begun.record.to.exists() {
        directories.push(begun.record.to.clone());
    }
    let uses = |words: &[String]| {
        let inside = words.iter().any(|word| word.contains("data-dir"));
        inside && directories.iter().any(|dir| names(words, dir))
    };
    let processes = process::etcd_processes(&HostRoot::default());
    if let Some(etcd) = processes.iter().find(|etcd| uses(&etcd.process.args)) {
        return Some(format!("its process {} still runs", etcd.process.pid));
    }
    let locked = tokio::task::spawn_blocking(move || locked(&directories)).await;
    locked.ok().flatten()
}

fn names(words: &[String], directory: &Path) -> bool {
    let directory = directory.to_string_lossy();
    words.iter().any(|word| *word == directory || word.ends_with(&format!("={directory}")))
}

/// What cannot be opened is the copy's to tell.
fn locked(directories: &[PathBuf]) -> Option<String> {
    directories.iter().find_map(|directory| match SourceLock::take(directory) {
        Err(error @ CopyError::Locked { .. }) => Some(error.to_string()),
        _ => None,
    })
}
