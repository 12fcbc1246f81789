//! Watching this node's API server come back once etcd takes writes again.

use std::time::{Duration, Instant};

use crate::{
    model::ContainerState,
    observe,
    say::{Progress, human, json::ControlPlaneAnswer},
};

use super::{look::Here, record::millis, session::Session};

/// A kube-apiserver that was up is ready within seconds; one in the kubelet's
/// back-off may take five minutes, which is not waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Watches until the API server is ready; true when it is, or when this node
/// has none.
pub async fn watch(session: &Session, here: &Here) -> bool {
    let began = Instant::now();
    let patience = PATIENCE.min(session.settings.wait);
    let Some(mut seen) = observe::control_plane::look(&here.node, here.access.timeout).await else {
        session.voice.detail(1, "this node has no kube-apiserver container");
        return true;
    };
    let progress = Progress::time(&session.voice, "waiting for kube-apiserver", None);
    while !seen.ready() && began.elapsed() < patience {
        progress.tick(&seen.to_string());
        tokio::time::sleep(Duration::from_millis(500)).await;
        match observe::control_plane::look(&here.node, here.access.timeout).await {
            Some(again) => seen = again,
            None => break,
        }
    }
    drop(progress);
    let ready = seen.ready();
    session.record_mut().control_plane = Some(ControlPlaneAnswer {
        container_state: seen.state.map(|state: ContainerState| state.to_string()),
        livez: seen.livez.map(|code| code == 200),
        readyz: seen.readyz.map(|code| code == 200),
        ready_after_ms: ready.then(|| millis(began)),
    });
    if ready {
        let waited = human::duration(began.elapsed());
        session.voice.ok(&format!("kube-apiserver is ready on this node (waited {waited})"));
    } else {
        session.voice.warn(&format!(
            "kube-apiserver is not ready on this node yet ({seen}). The kubelet restarts it with a \
             back-off of up to 5 minutes; look again with `{}`",
            session.settings.command_line("verify")
        ));
    }
    ready
}
