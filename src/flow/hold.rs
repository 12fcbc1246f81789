//! The held kubelet in the stories: taken by a step of the plan, looked after
//! while everything else goes on, let run while etcd has to be started again,
//! and let go at the end of the plan, whatever the end is.
//!
//! Nobody who waits has to call anything here: `keep` runs beside the story
//! for the whole run and does what `Session::hold` needs.

use std::{convert::Infallible, time::Duration};

use crate::{
    act::{HoldNews, KubeletHold, NodeLock, hold_is_left_over, let_go_of_ours},
    consent::Consent,
    failure::Failure,
    model::KubeletProcess,
    observe::{self, host::HostRoot},
};

use super::{look::Here, session::Session};

/// How often the guardian and etcd's process are looked at.
const TICK: Duration = Duration::from_millis(500);

/// A kubelet that this run holds.
#[derive(Debug)]
pub(super) struct Held {
    hold: KubeletHold,
    /// This node's etcd as it was seen last; none when its process was not
    /// found, and then nobody waits for its return either.
    etcd: Option<i32>,
}

/// The step: holds the kubelet as it is now, which may be another process than
/// when the plan was made. Returns the sentence for the report.
pub(super) async fn take(
    session: &Session,
    here: &Here,
    consent: &Consent,
) -> Result<String, Failure> {
    let node = here.node_now(session).await;
    let etcd = node.process.as_ref().map(|process| process.pid);
    let now = observe::kubelet_process(&HostRoot::default(), etcd);
    // Between two lives, it is held as soon as the next one begins.
    let Some(kubelet) = now.or(node.kubelet) else {
        return Ok("no kubelet runs on this node: there is nothing to hold".to_owned());
    };
    if is_foreign(&kubelet) {
        return Ok(format!(
            "the kubelet (pid {}) is stopped already, by somebody else: it is left as it is",
            kubelet.pid
        ));
    }
    let hold = KubeletHold::take(&kubelet, consent).map_err(|error| {
        session.stopped(
            error.to_string(),
            format!(
                "to go on without holding it: `{} --no-hold`; or stop it yourself with \
                 `systemctl stop kubelet` and start it again afterwards",
                session.again()
            ),
        )
    })?;
    let pid = hold.pid();
    *session.hold_mut() = Some(Held { hold, etcd });
    Ok(format!(
        "the kubelet (pid {pid}) is stopped and goes on when this run ends, in whatever way"
    ))
}

fn is_foreign(kubelet: &KubeletProcess) -> bool {
    kubelet.stopped && kubelet.held_by.is_none()
}

/// Lets the kubelet go on, when this run holds it. Called when the plan is
/// over, before the control plane is watched, and at every other end.
pub(super) fn release(session: &Session) {
    let Some(Held { hold, .. }) = session.hold_mut().take() else { return };
    let pid = hold.pid();
    match hold.release() {
        Ok(()) => session.voice.say(&format!("The kubelet (pid {pid}) goes on.")),
        Err(error) => session.voice.warn(&error.to_string()),
    }
}

/// Lets a kubelet go on that an earlier run, which was killed, left stopped.
/// One that another run holds, or that somebody else stopped, is left alone.
pub(super) fn let_go_of_left_over(session: &Session) {
    if !hold_is_left_over() {
        return;
    }
    // A run that is at work may just be replacing its guardian.
    let Ok(_lock) = NodeLock::take() else { return };
    match let_go_of_ours() {
        Ok(Some(pid)) => session.voice.say(&format!(
            "The kubelet (pid {pid}) was still stopped by an earlier run that was killed; it goes \
             on now."
        )),
        Ok(None) => {}
        Err(error) => session.voice.warn(&error.to_string()),
    }
}

/// Looks after the hold of this run, for as long as the run lasts: a killed
/// guardian is replaced, and while this node's etcd is dead the kubelet runs,
/// as nobody else would start it.
pub(super) async fn keep(session: &Session) -> Infallible {
    loop {
        tokio::time::sleep(TICK).await;
        look_after_guardian(session);
        if is_paused(session) {
            hold_when_etcd_is_back(session).await;
        } else {
            let_run_when_etcd_is_dead(session);
        }
    }
}

fn look_after_guardian(session: &Session) {
    let news = match session.hold_mut().as_mut() {
        Some(held) => held.hold.check(),
        None => return,
    };
    match news {
        Ok(news) => news.into_iter().for_each(|news| match news {
            HoldNews::HeldAgain(pid) => session.voice.say(&format!(
                "The kubelet was started or continued by somebody else: it is held again, pid \
                 {pid}."
            )),
            HoldNews::GuardianReplaced => session
                .voice
                .warn("the process that holds the kubelet was killed; another one holds it now"),
        }),
        Err(error) => {
            session.hold_mut().take();
            session.voice.warn(&format!("the kubelet is not held any more: {error}"));
        }
    }
}

fn is_paused(session: &Session) -> bool {
    session.hold_mut().as_ref().is_some_and(|held| held.hold.is_paused())
}

fn let_run_when_etcd_is_dead(session: &Session) {
    let paused = match session.hold_mut().as_mut() {
        Some(held) if held.etcd.is_some_and(|pid| !observe::process::is_etcd(pid)) => {
            held.hold.pause()
        }
        _ => return,
    };
    match paused {
        Ok(()) => session
            .voice
            .warn("etcd of this node has ended: the kubelet goes on until it has started it again"),
        Err(error) => session.voice.warn(&error.to_string()),
    }
}

async fn hold_when_etcd_is_back(session: &Session) {
    let Ok(node) = observe::locate(&session.settings).await else { return };
    let Some(etcd) = node.process.map(|process| process.pid) else { return };
    let resumed = match session.hold_mut().as_mut() {
        Some(held) => {
            held.etcd = Some(etcd);
            held.hold.resume()
        }
        None => return,
    };
    match resumed {
        Ok(()) => session.voice.say("etcd of this node is up: the kubelet is held again."),
        Err(error) => {
            session.hold_mut().take();
            session.voice.warn(&format!("the kubelet is not held any more: {error}"));
        }
    }
}
