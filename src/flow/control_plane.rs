//! Watching this node's API server come back once etcd takes writes again.

use std::time::{Duration, Instant};

use crate::{
    observe::control_plane::{ApiServer, Health, Readiness, Sight, look},
    say::{Progress, human, json::ControlPlaneAnswer},
};

use super::{look::Here, record::millis, session::Session};

/// A kube-apiserver that was up is ready within seconds; one in the kubelet's
/// back-off may take five minutes, which is not waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// How the watch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The API server is ready.
    Ready,
    /// This node has none.
    Absent,
    /// It is there and not ready.
    NotReady,
    /// It could not be looked at, and why.
    Unknown(String),
}

/// Watches until the API server is ready, or it is clear that this cannot be
/// seen from here.
pub async fn watch(session: &Session, here: &Here) -> Watched {
    let began = Instant::now();
    let (seen, ended) = match look(&here.node, here.access.timeout).await {
        Sight::Absent => {
            session.voice.detail(1, "this node has no kube-apiserver container");
            return Watched::Absent;
        }
        Sight::Unknown(why) => (None, Watched::Unknown(why)),
        Sight::Seen(first) => {
            let last = until_ready(session, here, first, began).await;
            let ended = match last.readiness() {
                Readiness::Ready => Watched::Ready,
                Readiness::NotReady => Watched::NotReady,
                Readiness::Unknown(why) => Watched::Unknown(why),
            };
            (Some(last), ended)
        }
    };
    tell(session, seen.as_ref(), &ended, began);
    session.record_mut().control_plane = Some(answer(seen.as_ref(), &ended, began));
    ended
}

/// The last look: ready, beyond our sight, or out of patience. A container
/// that is being replaced, or a runtime that is silent for once, ends nothing.
async fn until_ready(
    session: &Session,
    here: &Here,
    mut seen: ApiServer,
    began: Instant,
) -> ApiServer {
    let patience = PATIENCE.min(session.settings.wait);
    let progress = Progress::time(&session.voice, "waiting for kube-apiserver", None);
    while seen.readiness() == Readiness::NotReady && began.elapsed() < patience {
        progress.tick(&seen.to_string());
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Sight::Seen(again) = look(&here.node, here.access.timeout).await {
            seen = again;
        }
    }
    seen
}

fn tell(session: &Session, seen: Option<&ApiServer>, ended: &Watched, began: Instant) {
    let voice = &session.voice;
    match ended {
        Watched::Ready => {
            let waited = human::duration(began.elapsed());
            voice.ok(&format!("kube-apiserver is ready on this node (waited {waited})"));
        }
        Watched::Absent => {}
        Watched::NotReady => {
            let seen = seen.map(ToString::to_string).unwrap_or_default();
            voice.warn(&format!(
                "kube-apiserver is not ready on this node yet ({seen}). The kubelet restarts it \
                 with a back-off of up to 5 minutes; look again with `{}`",
                session.settings.command_line("verify")
            ));
        }
        Watched::Unknown(why) => voice.warn(&format!(
            "kube-apiserver of this node could not be looked at: {why}. Look with `kubectl get \
             --raw /readyz`"
        )),
    }
}

fn answer(seen: Option<&ApiServer>, ended: &Watched, began: Instant) -> ControlPlaneAnswer {
    let said_ok = |health: &Health| match health {
        // Anonymous requests are forbidden there: that is no answer to the question.
        Health::Status(401 | 403) | Health::NoAnswer | Health::Unverified(_) => None,
        Health::Status(code) => Some(*code == 200),
    };
    ControlPlaneAnswer {
        container_state: seen.map(|seen| seen.state.to_string()),
        livez: seen.and_then(|seen| said_ok(&seen.livez)),
        readyz: seen.and_then(|seen| said_ok(&seen.readyz)),
        ready_after_ms: (*ended == Watched::Ready).then(|| millis(began)),
        unknown: match ended {
            Watched::Unknown(why) => Some(why.clone()),
            _ => None,
        },
    }
}
