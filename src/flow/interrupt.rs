//! SIGINT, SIGTERM and SIGHUP: end cleanly, say what state the cluster is in.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    failure::{Exit, Failure},
    model::StepStatus,
    observe::process::hangup_is_ignored,
};

use super::session::Session;

/// Waits for a signal that asks us to end; returns its exit code.
///
/// Never returns when the handlers cannot be installed: the default action
/// then ends the process, which is what the signal asked for.
pub async fn asked_to_end() -> Exit {
    let install = |kind| -> Option<Signal> { signal(kind).ok() };
    // Asked before any handler of ours takes its place.
    let hup = if hangup_is_ignored() { None } else { install(SignalKind::hangup()) };
    let (Some(mut int), Some(mut term)) =
        (install(SignalKind::interrupt()), install(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let hung_up = async {
        match hup {
            Some(mut hup) => hup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = int.recv() => Exit::Interrupted,
        _ = term.recv() => Exit::Terminated,
        _ = hung_up => Exit::Hangup,
    }
}

/// What to say after a signal.
#[must_use]
pub fn interrupted(session: &Session, exit: Exit) -> Failure {
    let signal = match exit {
        Exit::Hangup => "the terminal went away (SIGHUP)",
        Exit::Terminated => "asked to end (SIGTERM)",
        _ => "interrupted (Ctrl-C)",
    };
    let state = session.record().state();
    session.journal("signal", serde_json::json!({"signal": signal, "state": state}));
    session.record_mut().end_step(StepStatus::Interrupted, signal);
    let next = if session.record().changed_anything {
        format!(
            "look with `{}`, then go on with `{}`: it sees what is left to do",
            session.settings.command_line("status"),
            session.again()
        )
    } else {
        format!("`{}`", session.again())
    };
    Failure::new(exit, signal, state, next)
}
