//! From the command line to the story that answers it.

use std::ffi::OsString;

use crate::model::Timestamp;

use crate::{
    cli::{Cli, Command, Global, SnapshotCommand, WriteOut},
    failure::{Exit, Failure},
    model::{Outcome, Scope},
    say::{human, json, runbook},
    settings::{Settings, called_as},
};

use super::{
    diagnose, hold, interrupt, logs,
    look::{arrive, find, look},
    offline_copy, prevent, purge,
    recover::{Wanted, recover},
    relocate,
    restart::{self, Restart},
    rules,
    session::Session,
    snapshot, undo, usage, verify,
};

/// Runs one command to its exit code; every failure is printed here, once.
pub async fn run(cli: Cli) -> u8 {
    let command = cli.command.unwrap_or(Command::Recover);
    let program = called_as(std::env::args_os().next());
    let settings = match Settings::resolve(cli.global.clone()) {
        Ok(settings) => Settings { program, ..settings },
        Err(failure) => return tell_without_settings(cli.global, &command, failure, &program),
    };
    let session = Session::new(settings, command.words());
    let ended = tokio::select! {
        // The signals first: from here on none takes its default action, and
        // one that ends a prompt counts more than the end of its input.
        biased;
        exit = interrupt::asked_to_end() => Err(interrupt::interrupted(&session, exit)),
        never = hold::keep(&session) => match never {},
        ended = story(&session, &command) => ended,
    };
    hold::release(&session);
    match ended {
        Ok(code) => code,
        Err(failure) => {
            let failure = undo::tell(&session, failure);
            let failure = Failure { next: session.as_called(&failure.next), ..failure };
            // Before a word is said: a terminal may be frozen, or gone.
            session.close_journal(outcome(&session, failure.exit), failure.exit, Some(&failure));
            session.voice.failure(&failure);
            session.tell_report(&session.record());
            document(&session, is_recovery(&command), &failure);
            failure.exit as u8
        }
    }
}

/// The one JSON document about a failure. Behind bytes of another kind, such
/// as half a log, there is none.
fn document(session: &Session, recovery: bool, failure: &Failure) {
    if session.voice.has_streamed() {
        return;
    }
    let outcome = outcome(session, failure.exit);
    let prevented = session.record().prevent.clone();
    if let Some(answer) = prevented {
        session.voice.json(&answer.ended(outcome, failure.exit, Some(failure)));
    } else if recovery {
        session.document(outcome, failure.exit, Some(failure));
    } else {
        session.voice.json(&json::FailureAnswer::new(failure, outcome));
    }
}

/// Interrupted before anything was changed is not part-way.
fn outcome(session: &Session, exit: Exit) -> Outcome {
    if let Some(outcome) = session.record().outcome {
        return outcome;
    }
    match exit {
        Exit::Hangup | Exit::Interrupted | Exit::Terminated
            if !session.record().changed_anything =>
        {
            Outcome::Failed
        }
        exit => exit.outcome(),
    }
}

/// Flags that cannot be resolved still deserve a JSON document when one was
/// asked for.
fn tell_without_settings(global: Global, command: &Command, failure: Failure, program: &str) -> u8 {
    let next = failure.next.replace("etcd-rescue ", &format!("{program} "));
    let failure = Failure { next, ..failure };
    if let Some(session) = bare_session(global) {
        session.voice.failure(&failure);
        document(&session, is_recovery(command), &failure);
    }
    failure.exit as u8
}

/// A session that can speak and knows nothing else.
fn bare_session(global: Global) -> Option<Session> {
    let plain = Global {
        write_out: global.write_out,
        color: global.color,
        timeout: "5s".to_owned(),
        wait: "10m".to_owned(),
        ..Global::default()
    };
    Settings::resolve(plain).ok().map(|settings| Session::new(settings, ""))
}

/// What clap made of a command line that is none: an error, the help or the
/// version. A script that asked for JSON gets its document all the same.
pub fn not_understood(error: &clap::Error, args: impl IntoIterator<Item = OsString>) -> u8 {
    // A closed pipe is the reader's choice.
    let _ = error.print();
    let mut args = args.into_iter();
    let program = called_as(args.next());
    let words: Vec<String> = args.map(|word| word.to_string_lossy().into_owned()).collect();
    if error.use_stderr() && asks_for_json(&words) {
        let text = error.to_string();
        let what = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::new(
            Exit::Usage,
            what.split_whitespace().collect::<Vec<_>>().join(" "),
            "Nothing was contacted or changed.",
            format!("`{program} --help`"),
        );
        let global = Global { write_out: WriteOut::Json, ..Global::default() };
        if let Some(session) = bare_session(global) {
            document(&session, !words.iter().any(|word| ANSWERING.contains(&&**word)), &failure);
        }
    }
    u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8)
}

fn asks_for_json(words: &[String]) -> bool {
    let own = words.split(|word| word == "--").next().unwrap_or_default();
    own.iter().any(|word| matches!(word.as_str(), "-wjson" | "-w=json" | "--write-out=json"))
        || own
            .windows(2)
            .any(|pair| matches!(pair[0].as_str(), "-w" | "--write-out") && pair[1] == "json")
}

/// Commands whose answer is not the one of `recover`.
const ANSWERING: [&str; 12] = [
    "locate", "status", "snapshot", "diagnose", "usage", "purge", "prevent", "relocate", "rules",
    "logs", "exec", "runbook",
];

fn is_recovery(command: &Command) -> bool {
    matches!(
        command,
        Command::Recover
            | Command::Compact { .. }
            | Command::Defrag { .. }
            | Command::Disarm
            | Command::Verify
            | Command::Purge(_)
    )
}

async fn story(session: &Session, command: &Command) -> Result<u8, Failure> {
    if session.settings.dry_run && matches!(command, Command::Exec { .. } | Command::Verify) {
        return Err(Failure::new(
            Exit::Usage,
            format!("--dry-run does not go with `{}`: it would do nothing else", session.command),
            "Nothing was contacted or changed.",
            format!("leave --dry-run out, or look with `{} status`", session.settings.program),
        ));
    }
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
        Command::Snapshot(SnapshotCommand::Save { offline: Some(to), wal_dir, .. }) => {
            offline_copy::save(session, to, wal_dir.as_deref()).await
        }
        Command::Snapshot(SnapshotCommand::Save { path, member, .. }) => {
            let path = path.clone().unwrap_or_default();
            snapshot::save(session, &path, member.as_deref()).await
        }
        Command::Snapshot(SnapshotCommand::Verify { path }) => {
            snapshot::verify(session, path).await
        }
        Command::Logs { tail, follow, previous } => {
            logs::logs(session, *tail, *follow, *previous).await
        }
        Command::Diagnose(wanted) => diagnose::diagnose(session, wanted).await,
        Command::Usage(wanted) => usage::usage(session, wanted).await,
        Command::Purge(wanted) => purge::purge(session, wanted).await,
        Command::Prevent(wanted) => prevent::prevent(session, wanted).await,
        Command::Relocate(wanted) => relocate::relocate(session, wanted).await,
        Command::Rules(wanted) => rules::rules(session, wanted),
        Command::Exec { command } => return logs::exec(session, command).await,
        Command::Runbook => {
            // A closed pager is no failure.
            let _ = session.voice.raw(&runbook::text());
            Ok(Exit::Ok)
        }
    };
    exit.map(|exit| exit as u8)
}

async fn locate(session: &Session) -> Result<Exit, Failure> {
    let node = find(session).await?;
    let now = Timestamp::now();
    let restart = Restart::of_node(&node);
    let sentence = restart.as_ref().map(Restart::sentence);
    let width = session.voice.width();
    session.voice.answer(&human::located(&node, sentence.as_deref(), now, width));
    let answer = restart.map(|restart| restart.answer(&node));
    session.voice.json(&json::LocatedAnswer::new(&node, now).with_restart(answer));
    Ok(Exit::Ok)
}

async fn status(session: &Session) -> Result<Exit, Failure> {
    let here = arrive(session).await?;
    let world = look(session, &here).await?;
    session.voice.answer(&restart::status(session, &world));
    let answer = Restart::of_world(&world).map(|restart| restart.answer(&world.node));
    session.voice.json(&json::StatusAnswer::new(&world).with_restart(answer));
    Ok(Exit::Ok)
}
