//! The held kubelet in the stories: taken by a step of the plan, looked after
//! while everything else goes on, let run while etcd has to be started again,
//! and let go at the end of the plan, whatever the end is.
//!
//! Nobody who waits has to call anything here: `keep` runs beside the story
//! for the whole run and does what `Session::hold` needs.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use crate::{
    act::{HoldError, HoldNews, KubeletHold, NodeLock, hold_is_left_over, let_go_of_ours},
    consent::Consent,
    failure::Failure,
    model::{ContainerState, KubeletProcess, Located},
    observe::{self, host::HostRoot},
};

use super::{look::Here, session::Session};

/// How often the guardian and etcd's process are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often it is looked whether an etcd that ended is there again.
const SEARCH: Duration = Duration::from_secs(1);
/// How often everything is looked at, the runtime asked, when /proc alone does
/// not tell.
const LOCATE: Duration = Duration::from_secs(10);

/// A kubelet that this run holds.
#[derive(Debug)]
pub(super) struct Held {
    hold: KubeletHold,
    etcd: Etcd,
    /// The command line of this node's etcd; empty when it is not known. The
    /// next life of it has the same one.
    args: Vec<String>,
    /// When its process was looked for, and when everything was.
    searched: Instant,
    located: Instant,
    /// Why it is not held any more, although it should be.
    lost: Option<String>,
    /// What was told last, as the same may go wrong at every tick.
    told: String,
    /// Its systemd unit.
    unit: &'static str,
}

/// This node's etcd as it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Etcd {
    /// This process.
    Process(i32),
    /// The runtime says that it runs, and so does some etcd; whether it is
    /// that one does not show.
    Unmatched,
    /// It is between two lives.
    Down,
}

impl Etcd {
    fn of(node: &Located) -> Self {
        let there = observe::process::etcd_processes(&HostRoot::default());
        Self::among(node, !there.is_empty())
    }

    /// A runtime may call a container running whose process has ended: when no
    /// etcd is there at all, its word does not count.
    fn among(node: &Located, any_is_there: bool) -> Self {
        let process = node.process.as_ref().map(|process| process.pid);
        let container = node.container.as_ref().map(|container| container.state);
        match (process.filter(|pid| observe::process::is_etcd(*pid)), container) {
            (Some(pid), _) => Self::Process(pid),
            (None, Some(ContainerState::Running)) if node.process.is_none() && any_is_there => {
                Self::Unmatched
            }
            _ => Self::Down,
        }
    }

    fn is_down(self) -> bool {
        match self {
            Self::Process(pid) => !observe::process::is_etcd(pid),
            Self::Unmatched => false,
            Self::Down => true,
        }
    }
}

impl Held {
    fn new(hold: KubeletHold, node: &Located) -> Self {
        let process = node.process.as_ref().map(|process| &process.args);
        let args = process.or(node.container.as_ref().map(|container| &container.args));
        let now = Instant::now();
        Self {
            hold,
            etcd: Etcd::of(node),
            args: args.cloned().unwrap_or_default(),
            searched: now,
            located: now,
            lost: None,
            told: String::new(),
            unit: node.layout().kubelet.unit(),
        }
    }

    fn warn(&mut self, session: &Session, warning: String) {
        if self.told != warning {
            session.voice.warn(&warning);
            self.told = warning;
        }
    }

    /// It is tried again at every tick.
    fn lose(&mut self, session: &Session, error: &HoldError) {
        self.lost = Some(error.to_string());
        self.warn(session, format!("the kubelet is not held any more: {error}"));
    }

    /// The process of its next life, by /proc alone.
    fn search(&mut self) -> Option<Etcd> {
        self.searched = Instant::now();
        let found = observe::process::etcd_processes(&HostRoot::default());
        let mut same = found.into_iter().filter(|etcd| etcd.process.args == self.args);
        same.next().map(|etcd| Etcd::Process(etcd.process.pid))
    }
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
    let Some(kubelet) = now.or(node.kubelet.clone()) else {
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
                 `systemctl stop {}` and start it again afterwards",
                session.again(),
                node.layout().kubelet.unit()
            ),
        )
    })?;
    let pid = hold.pid();
    let mut held = Held::new(hold, &node);
    let waits = held.etcd.is_down();
    if waits && let Err(error) = held.hold.pause() {
        held.warn(session, error.to_string());
    }
    *session.hold_mut() = Some(held);
    Ok(if waits {
        format!(
            "etcd of this node is between two starts: the kubelet (pid {pid}) is stopped as soon \
             as it has started etcd, and goes on when this run ends, in whatever way"
        )
    } else {
        format!(
            "the kubelet (pid {pid}) is stopped and goes on when this run ends, in whatever way"
        )
    })
}

/// Why the plan must not go on: the kubelet that it relies on being held is
/// not held any more. One that somebody else stopped is as good as held.
pub(super) fn lost(session: &Session) -> Option<Failure> {
    let (why, unit) = {
        let held = session.hold_mut();
        let held = held.as_ref()?;
        (held.lost.clone()?, held.unit)
    };
    Some(session.stopped(
        format!("the kubelet of this node is not held any more: {why}"),
        format!(
            "`{0}`, which holds it again; or stop it yourself with `systemctl stop {unit}`, \
             start it again afterwards, and `{0} --no-hold`",
            session.again()
        ),
    ))
}

fn is_foreign(kubelet: &KubeletProcess) -> bool {
    kubelet.stopped && kubelet.held_by.is_none()
}

/// Lets the kubelet go on, when this run holds it. Called when the plan is
/// over, before the control plane is watched, and at every other end.
pub(super) fn release(session: &Session) {
    let Some(Held { hold, lost, .. }) = session.hold_mut().take() else { return };
    let pid = hold.pid();
    match hold.release() {
        Ok(()) if lost.is_some() => {}
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

/// Looks after the hold of this run, for as long as the run lasts: a guardian
/// that is no more is replaced, and while this node's etcd is dead the kubelet
/// runs, as nobody else would start it.
pub(super) async fn keep(session: &Session) -> Infallible {
    loop {
        tokio::time::sleep(TICK).await;
        look_after_guardian(session);
        look_for_etcd(session).await;
        let_run_or_hold(session);
    }
}

fn look_after_guardian(session: &Session) {
    let Some(mut held) = session.hold_mut().take() else { return };
    match held.hold.check() {
        Ok(news) => {
            held.lost = None;
            for news in news {
                tell(session, news);
            }
        }
        // As good as held, by somebody who will let it go.
        Err(error @ HoldError::Foreign(_)) => {
            session.voice.warn(&format!("{error}: it is left as it is"));
            return;
        }
        Err(error) => held.lose(session, &error),
    }
    *session.hold_mut() = Some(held);
}

fn tell(session: &Session, news: HoldNews) {
    match news {
        HoldNews::HeldAgain(pid) => session.voice.say(&format!(
            "The kubelet was started or continued by somebody else, or ran while this run stood \
             still: it is held again, pid {pid}."
        )),
        HoldNews::GuardianReplaced => session
            .voice
            .warn("the process that holds the kubelet was killed or stopped; another one holds it"),
    }
}

/// Looks for an etcd whose process is not known, or ended: by /proc, and only
/// when that does not tell for a while, by everything there is.
async fn look_for_etcd(session: &Session) {
    let locate = match session.hold_mut().as_mut() {
        Some(held) if held.etcd == Etcd::Unmatched => held.located.elapsed() >= LOCATE,
        Some(held) if held.etcd.is_down() && held.searched.elapsed() >= SEARCH => {
            held.etcd = held.search().unwrap_or(Etcd::Down);
            held.etcd == Etcd::Down && held.located.elapsed() >= LOCATE
        }
        _ => return,
    };
    if !locate {
        return;
    }
    let node = observe::locate(&session.settings).await;
    if let Some(held) = session.hold_mut().as_mut() {
        held.located = Instant::now();
        if let Ok(node) = node {
            held.etcd = Etcd::of(&node);
        }
    }
}

fn let_run_or_hold(session: &Session) {
    let Some(mut held) = session.hold_mut().take() else { return };
    match (held.hold.is_paused(), held.etcd.is_down()) {
        (false, true) => match held.hold.pause() {
            Ok(()) => session.voice.warn(
                "etcd of this node has ended: the kubelet goes on until it has started it again",
            ),
            Err(error) => held.warn(session, error.to_string()),
        },
        (true, false) => match held.hold.resume() {
            Ok(()) => session.voice.say("etcd of this node is up: the kubelet is held again."),
            // The guardian holds it when they let it go.
            Err(error @ HoldError::Foreign(_)) => {
                session.voice.warn(&format!("{error}: it is left as it is"));
            }
            Err(error) => held.lose(session, &error),
        },
        _ => {}
    }
    *session.hold_mut() = Some(held);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Container, Process};

    fn node(pid: Option<i32>, state: Option<ContainerState>) -> Located {
        let process = |pid| Process {
            pid,
            args: vec!["etcd".to_owned()],
            env: Vec::new(),
            comm: "etcd".to_owned(),
        };
        let container = |state| Container {
            id: "0f3c".to_owned(),
            name: "etcd".to_owned(),
            pod: "etcd-master-1".to_owned(),
            namespace: "kube-system".to_owned(),
            state,
            created_at: 0,
            started_at: 0,
            finished_at: 0,
            exit_code: 0,
            reason: String::new(),
            restarts: 0,
            image: String::new(),
            log_path: None,
            pid: None,
            args: Vec::new(),
            env: Vec::new(),
            mounts: Vec::new(),
        };
        Located { process: pid.map(process), container: state.map(container), ..Located::default() }
    }

    #[test]
    fn an_etcd_that_is_not_seen_running_is_down() {
        let exited = Some(ContainerState::Exited);
        for node in [node(None, None), node(None, exited), node(Some(i32::MAX), None)] {
            assert!(Etcd::among(&node, true).is_down(), "{node:?}");
        }
        let hidden = node(None, Some(ContainerState::Running));
        assert_eq!(Etcd::among(&hidden, true), Etcd::Unmatched);
        assert!(Etcd::among(&hidden, false).is_down(), "the runtime does not know yet");
        assert!(!Etcd::Unmatched.is_down(), "the runtime says so");
        let dead = node(Some(i32::MAX), Some(ContainerState::Running));
        assert!(Etcd::among(&dead, true).is_down(), "it has ended since");
    }
}
