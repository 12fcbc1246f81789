//! From the command line to the story that answers it.

use jiff::Timestamp;

use crate::{
    cli::{Cli, Command, SnapshotCommand},
    failure::{Exit, Failure},
    model::Scope,
    observe,
    say::{human, json},
    settings::Settings,
};

use super::{
    failures, interrupt, logs,
    look::{arrive, look},
    recover::{Wanted, recover},
    session::Session,
    snapshot, verify,
};

/// The manual, part of the binary: there is nothing to look things up with on
/// a dead master.
const RUNBOOK: &str = include_str!("../../RUNBOOK.md");

/// Runs one command to its exit code; every failure is printed here, once.
pub async fn run(cli: Cli) -> u8 {
    let command = cli.command.unwrap_or(Command::Recover);
    let settings = match Settings::resolve(cli.global.clone()) {
        Ok(settings) => settings,
        Err(failure) => return tell_without_settings(cli.global, &failure),
    };
    let session = Session::new(settings, command.words());
    let ended = tokio::select! {
        ended = story(&session, &command) => ended,
        exit = interrupt::asked_to_end() => Err(interrupt::interrupted(&session, exit)),
    };
    match ended {
        Ok(code) => code,
        Err(failure) => {
            session.voice.failure(&failure);
            if is_recovery(&command) {
                let record = session.record();
                let answer = record.answer(failure.exit.outcome(), failure.exit, Some(&failure));
                session.voice.json(&answer);
            } else if !streams_to_stdout(&command) {
                session.voice.json(&json::FailureAnswer::new(&failure));
            }
            failure.exit as u8
        }
    }
}

/// Flags that cannot be resolved still deserve a JSON document when one was
/// asked for.
fn tell_without_settings(global: crate::cli::Global, failure: &Failure) -> u8 {
    let plain = crate::cli::Global {
        write_out: global.write_out,
        color: global.color,
        timeout: "5s".to_owned(),
        wait: "10m".to_owned(),
        ..Default::default()
    };
    if let Ok(settings) = Settings::resolve(plain) {
        let session = Session::new(settings, "");
        session.voice.failure(failure);
        session.voice.json(&json::FailureAnswer::new(failure));
    }
    failure.exit as u8
}

fn is_recovery(command: &Command) -> bool {
    matches!(
        command,
        Command::Recover
            | Command::Compact { .. }
            | Command::Defrag { .. }
            | Command::Disarm
            | Command::Verify
    )
}

fn streams_to_stdout(command: &Command) -> bool {
    matches!(command, Command::Logs { .. } | Command::Exec { .. } | Command::Runbook)
        || matches!(command, Command::Snapshot(SnapshotCommand::Save { path, .. })
        if path.as_os_str() == "-")
}

async fn story(session: &Session, command: &Command) -> Result<u8, Failure> {
    let wanted = |scope| Wanted { scope, members: Vec::new(), revision: None };
    let exit = match command {
        Command::Recover => recover(session, wanted(Scope::Recover)).await,
        Command::Compact { revision } => {
            recover(session, Wanted { revision: *revision, ..wanted(Scope::Compact) }).await
        }
        Command::Defrag { member } => {
            let members = member.clone();
            recover(session, Wanted { members, ..wanted(Scope::Defragment) }).await
        }
        Command::Disarm => recover(session, wanted(Scope::Disarm)).await,
        Command::Verify => verify::verify(session).await,
        Command::Locate => locate(session).await,
        Command::Status => status(session).await,
        Command::Snapshot(SnapshotCommand::Save { path, member }) => {
            snapshot::save(session, path, member.as_deref()).await
        }
        Command::Snapshot(SnapshotCommand::Verify { path }) => snapshot::verify(session, path),
        Command::Logs { tail, follow, previous } => {
            logs::logs(session, *tail, *follow, *previous).await
        }
        Command::Exec { command } => return logs::exec(session, command).await,
        Command::Runbook => {
            // A closed pager is no failure.
            let _ = session.voice.raw(RUNBOOK.as_bytes());
            Ok(Exit::Ok)
        }
    };
    exit.map(|exit| exit as u8)
}

async fn locate(session: &Session) -> Result<Exit, Failure> {
    let node = observe::locate(&session.settings)
        .await
        .map_err(|error| failures::locate(session, &error))?;
    let now = Timestamp::now();
    session.voice.answer(&human::located(&node, now, session.voice.width()));
    session.voice.json(&json::LocatedAnswer::new(&node, now));
    Ok(Exit::Ok)
}

async fn status(session: &Session) -> Result<Exit, Failure> {
    let here = arrive(session).await?;
    let world = look(session, &here).await?;
    session.voice.answer(&human::status(&world, session.voice.width()));
    session.voice.json(&json::StatusAnswer::new(&world));
    Ok(Exit::Ok)
}
